//! Statements, each once, in the order they were found; and their form as expanded JSON-LD.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::literal::Literal;
use crate::structured::Allowance;

const RDF_TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
const RDF_NIL: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#nil";
const RDFA_COPY: &str = "http://www.w3.org/ns/rdfa#copy";
const RDFA_PATTERN: &str = "http://www.w3.org/ns/rdfa#Pattern";
/// Statements of one page.
const STATEMENTS_MAX: usize = 20_000;
/// What a statement costs beside its texts.
const STATEMENT_COST: usize = 32;

/// What a statement is about, or says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Term {
    Iri(Rc<str>),
    /// Something without a name.
    Blank(usize),
    /// Something that only this page has a name for.
    NamedBlank(Rc<str>),
    Literal(Rc<Literal>),
    List(Rc<Vec<Term>>),
}

impl Term {
    pub(super) fn iri(text: &str) -> Self {
        Self::Iri(text.into())
    }

    pub(super) fn named_blank(name: &str) -> Self {
        Self::NamedBlank(name.into())
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Self::Blank(_) | Self::NamedBlank(_))
    }

    fn cost(&self) -> usize {
        match self {
            Self::Iri(iri) => iri.len(),
            Self::Blank(_) => 0,
            Self::NamedBlank(name) => name.len(),
            Self::Literal(literal) => literal.text.len(),
            Self::List(items) => items.iter().map(|item| STATEMENT_COST + item.cost()).sum(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Statement {
    subject: Term,
    property: Rc<str>,
    object: Term,
}

/// The statements of a page.
#[derive(Debug)]
pub(super) struct Graph {
    statements: Vec<Statement>,
    known: HashSet<Statement>,
    allowance: Allowance,
    blanks: usize,
}

impl Graph {
    pub(super) fn new(allowance: Allowance) -> Self {
        Self { statements: Vec::new(), known: HashSet::new(), allowance, blanks: 0 }
    }

    pub(super) fn new_blank(&mut self) -> Term {
        self.blanks += 1;
        Term::Blank(self.blanks)
    }

    pub(super) fn allowance(&mut self) -> &mut Allowance {
        &mut self.allowance
    }

    pub(super) fn add(&mut self, subject: &Term, property: &Rc<str>, object: &Term) {
        let cost = STATEMENT_COST + subject.cost() + property.len() + object.cost();
        if self.statements.len() >= STATEMENTS_MAX || !self.allowance.take(cost) {
            return;
        }
        let statement =
            Statement { subject: subject.clone(), property: Rc::clone(property), object: object.clone() };
        if self.known.insert(statement.clone()) {
            self.statements.push(statement);
        }
    }

    pub(super) fn add_type(&mut self, subject: &Term, of: &Term) {
        self.add(subject, &RDF_TYPE.into(), of);
    }

    /// What is said of a pattern is said of all that copy it (HTML+RDFa 1.1, section 3.5).
    pub(super) fn copy_patterns(&mut self) {
        let is_pattern = |statement: &Statement| {
            &*statement.property == RDF_TYPE && statement.object == Term::iri(RDFA_PATTERN)
        };
        let patterns: HashSet<Term> = self
            .statements
            .iter()
            .filter(|statement| is_pattern(statement))
            .map(|statement| statement.subject.clone())
            .collect();
        if patterns.is_empty() {
            return;
        }
        let (copies, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.statements)
            .into_iter()
            .partition(|found| &*found.property == RDFA_COPY && patterns.contains(&found.object));
        let copied: HashSet<&Term> = copies.iter().map(|copy| &copy.object).collect();
        let (of_patterns, rest): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|found| copied.contains(&found.subject));
        self.statements = rest;
        self.known = self.statements.iter().cloned().collect();
        for copy in &copies {
            for found in of_patterns.iter().filter(|found| found.subject == copy.object) {
                if !is_pattern(found) {
                    self.add(&copy.subject, &found.property, &found.object);
                }
            }
        }
    }

    /// One node for each subject. What has no name stands after the node that speaks of it, and is left out if none does
    /// and it is spoken of only in a circle.
    pub(super) fn into_nodes(self) -> Vec<Value> {
        let mut by_subject: HashMap<&Term, Vec<&Statement>> = HashMap::new();
        let mut subjects: Vec<&Term> = Vec::new();
        let mut spoken_of: HashSet<&Term> = HashSet::new();
        for statement in &self.statements {
            let said = by_subject.entry(&statement.subject).or_default();
            if said.is_empty() {
                subjects.push(&statement.subject);
            }
            said.push(statement);
            match &statement.object {
                Term::List(items) => spoken_of.extend(items.iter().filter(|item| item.is_blank())),
                object if object.is_blank() => drop(spoken_of.insert(object)),
                _ => {}
            }
        }
        let mut nodes = Nodes { names: HashMap::new(), waiting: Vec::new() };
        let mut told: HashSet<&Term> = HashSet::new();
        let mut out = Vec::new();
        for subject in subjects {
            if subject.is_blank() && spoken_of.contains(subject) {
                continue;
            }
            nodes.waiting.push(subject);
            while let Some(subject) = nodes.waiting.pop() {
                if told.insert(subject) {
                    let said = by_subject.get(subject).map(Vec::as_slice).unwrap_or_default();
                    out.push(nodes.node(subject, said));
                }
            }
        }
        out
    }
}

struct Nodes<'g> {
    names: HashMap<&'g Term, usize>,
    /// Blank subjects that were spoken of.
    waiting: Vec<&'g Term>,
}

impl<'g> Nodes<'g> {
    fn node(&mut self, subject: &'g Term, said: &[&'g Statement]) -> Value {
        let mut node = Map::new();
        node.insert("@id".to_owned(), self.id(subject).into());
        let waiting_from = self.waiting.len();
        for statement in said {
            let (key, value) = match (&*statement.property, &statement.object) {
                (RDF_TYPE, Term::Iri(name)) => ("@type", Value::from(&**name)),
                (RDF_TYPE, object) => ("@type", self.value(object)),
                (property, object) => (property, self.value(object)),
            };
            if let Value::Array(values) =
                node.entry(key.to_owned()).or_insert_with(|| Value::Array(Vec::new()))
            {
                values.push(value);
            }
        }
        self.waiting[waiting_from..].reverse();
        Value::Object(node)
    }

    fn value(&mut self, object: &'g Term) -> Value {
        match object {
            Term::Iri(name) if &**name == RDF_NIL => json!({"@list": []}),
            Term::Iri(_) => json!({"@id": self.id(object)}),
            Term::Blank(_) | Term::NamedBlank(_) => {
                self.waiting.push(object);
                json!({"@id": self.id(object)})
            }
            Term::Literal(literal) => literal.to_json(),
            Term::List(items) => {
                json!({"@list": items.iter().map(|item| self.value(item)).collect::<Vec<_>>()})
            }
        }
    }

    fn id(&mut self, term: &'g Term) -> String {
        if let Term::Iri(name) = term {
            return name.to_string();
        }
        let next = self.names.len();
        format!("_:b{}", self.names.entry(term).or_insert(next))
    }
}
