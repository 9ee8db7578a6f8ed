//! From a schema to what is looked for in pages: a [`Shape`], and beside it the rules that the found values are brought
//! under afterwards.
//!
//! Of several types the first that is not null is looked for, of alternatives the first that may be anything else than
//! null; words that a value must be one of are gathered over all of them. What recurs is looked for a few levels deep.

use pagewire_types::fields::Faults;
use serde_json::Value;

use super::format::Format;
use super::node::{Kind, Node, NodeId};
use crate::sketch::shape::{DEPTH_MAX, FIELDS_MAX};
use crate::sketch::{Field, FieldType, Shape};

/// Levels of a schema within itself that are looked for, if that does not make too many fields; else fewer.
const LEVELS_MAX: usize = 3;

/// What holds for a value that was found.
#[derive(Debug, Default)]
pub(super) struct Rule {
    pub(super) format: Option<Format>,
    pub(super) fields: Vec<FieldRule>,
    pub(super) items: Option<Box<Rule>>,
}

/// What holds for a property.
#[derive(Debug)]
pub(super) struct FieldRule {
    pub(super) name: String,
    /// Where it is not found, it is left out rather than null: it need not be there, and may not be null.
    pub(super) is_left_out: bool,
    pub(super) rule: Rule,
}

/// All that schemas beside one another say of a value.
#[derive(Default)]
struct View<'n> {
    kind: Option<Kind>,
    may_be_null: bool,
    words: Option<Vec<String>>,
    format: Option<Format>,
    names: Vec<(&'n str, NodeId)>,
    required: Vec<&'n str>,
    first_item: Option<NodeId>,
    hint: Option<&'n str>,
}

/// What a node came to.
struct Lowered<'n> {
    from: FieldType,
    rule: Rule,
    hint: &'n str,
    may_be_null: bool,
}

/// What is looked for, or why a schema cannot be brought down to that.
pub(super) fn lower(nodes: &[Node], faults: &mut Faults) -> Option<(Shape, Rule)> {
    for levels in (1..=LEVELS_MAX).rev() {
        let mut lowering = Lowering { nodes, faults: &mut *faults, levels, path: Vec::new(), fields: 0 };
        let lowered = lowering.root();
        if lowering.fields <= FIELDS_MAX {
            return lowered;
        }
    }
    faults.add(&nodes[0].pointer, format!("must have at most {FIELDS_MAX} fields in all"));
    None
}

struct Lowering<'n, 'f> {
    nodes: &'n [Node],
    faults: &'f mut Faults,
    levels: usize,
    /// The nodes that the one being read stands in, each as what it refers to.
    path: Vec<NodeId>,
    fields: usize,
}

impl<'n> Lowering<'n, '_> {
    /// The fields of the root, which must be an object.
    fn root(&mut self) -> Option<(Shape, Rule)> {
        let view = self.view(0);
        if view.kind != Some(Kind::Object) || view.names.is_empty() {
            self.faults.add(
                &self.nodes[0].pointer,
                "must describe an object by its `properties`: what is extracted is one",
            );
            return None;
        }
        self.path.push(self.target(0));
        self.object(&view)
    }

    fn target(&self, mut at: NodeId) -> NodeId {
        while let Some(next) = self.nodes[at].reference {
            at = next;
        }
        at
    }

    fn field_type(&mut self, at: NodeId) -> Option<Lowered<'n>> {
        let view = self.view(at);
        let mut rule = Rule { format: view.format, ..Rule::default() };
        let from = match (view.kind?, &view.words) {
            (Kind::Text, Some(words)) => FieldType::Enum(words.clone()),
            (Kind::Text, None) => FieldType::Text,
            (Kind::Integer, _) => FieldType::Integer,
            (Kind::Number, _) => FieldType::Number,
            (Kind::Boolean, _) => FieldType::Boolean,
            (Kind::Null, _) => return None,
            (Kind::Array, _) => {
                let of = match view.first_item {
                    Some(item) => {
                        let item = self.inside(item)?;
                        rule.items = Some(Box::new(item.rule));
                        item.from
                    }
                    None => FieldType::Text,
                };
                FieldType::Array(Box::new(of))
            }
            (Kind::Object, _) if view.names.is_empty() => FieldType::Record,
            (Kind::Object, _) => {
                let (shape, of_fields) = self.object(&view)?;
                rule.fields = of_fields.fields;
                FieldType::Object(shape)
            }
        };
        Some(Lowered { from, rule, hint: view.hint.unwrap_or_default(), may_be_null: view.may_be_null })
    }

    /// A node within another, unless that is so often within itself.
    fn inside(&mut self, at: NodeId) -> Option<Lowered<'n>> {
        let target = self.target(at);
        let levels_of = |node: NodeId| self.path.iter().filter(|known| **known == node).count();
        if levels_of(target) >= self.levels {
            return None;
        }
        if self.path.len() >= DEPTH_MAX {
            let recurs = self.path.iter().any(|node| levels_of(*node) > 1);
            if !recurs && self.faults.is_empty() {
                self.faults.add(&self.nodes[at].pointer, format!("must nest at most {DEPTH_MAX} deep"));
            }
            return None;
        }
        self.path.push(target);
        let read = self.field_type(at);
        self.path.pop();
        read
    }

    fn object(&mut self, view: &View<'n>) -> Option<(Shape, Rule)> {
        self.fields += view.names.len();
        if self.fields > FIELDS_MAX {
            return None;
        }
        let mut fields = Vec::with_capacity(view.names.len());
        let mut rules = Vec::with_capacity(view.names.len());
        for (name, at) in &view.names {
            let Some(lowered) = self.inside(*at) else { continue };
            fields.push(Field::new(name, lowered.hint, lowered.from));
            let is_left_out = !lowered.may_be_null && !view.required.contains(name);
            rules.push(FieldRule { name: (*name).to_owned(), is_left_out, rule: lowered.rule });
        }
        if fields.is_empty() {
            return None;
        }
        Some((Shape::new(fields), Rule { fields: rules, ..Rule::default() }))
    }

    /// What a node and those beside it say. None comes back to itself, and each is looked at once.
    fn view(&self, at: NodeId) -> View<'n> {
        let mut view = View::default();
        let mut seen = vec![at];
        self.look(at, &mut view, &mut seen);
        let words_only = view.kind.is_none() && view.words.is_some();
        if words_only {
            view.kind = Some(Kind::Text);
        }
        if view.kind.is_none() && !view.names.is_empty() {
            view.kind = Some(Kind::Object);
        }
        if view.kind.is_none() && view.first_item.is_some() {
            view.kind = Some(Kind::Array);
        }
        // What may be anything is looked for as text.
        view.kind.get_or_insert(Kind::Text);
        view
    }

    fn look(&self, at: NodeId, view: &mut View<'n>, seen: &mut Vec<NodeId>) {
        let node = &self.nodes[at];
        if let Some(kinds) = &node.kinds {
            view.may_be_null |= kinds.contains(&Kind::Null);
            let first = kinds.iter().find(|kind| **kind != Kind::Null);
            view.kind = view.kind.or(first.or(kinds.first()).copied());
        }
        view.may_be_null |= node.is_nullable;
        if let Some(choices) = &node.choices {
            view.may_be_null |= choices.contains(&Value::Null);
            self.look_at_choices(choices, view);
        }
        if view.format.is_none() {
            view.format = node.format;
        }
        if view.hint.is_none() {
            view.hint = Some(node.hint.as_str()).filter(|hint| !hint.is_empty());
        }
        for name in &node.names {
            if !view.names.iter().any(|(known, _)| known == name) {
                view.names.push((name, node.properties[name]));
            }
        }
        view.required.extend(node.required.iter().map(String::as_str));
        let first_item = node.prefix_items.first().copied().or(node.items);
        view.first_item = view.first_item.or(first_item);
        for beside in node.reference.iter().chain(&node.all_of) {
            self.look_once(*beside, view, seen);
        }
        for alternatives in [&node.any_of, &node.one_of] {
            self.look_at_alternatives(alternatives, view, seen);
        }
    }

    fn look_once(&self, at: NodeId, view: &mut View<'n>, seen: &mut Vec<NodeId>) {
        if !seen.contains(&at) {
            seen.push(at);
            self.look(at, view, seen);
        }
    }

    fn look_at_alternatives(&self, alternatives: &[NodeId], view: &mut View<'n>, seen: &mut Vec<NodeId>) {
        let mut is_taken = false;
        for at in alternatives {
            if self.is_only_null(*at) {
                view.may_be_null = true;
            } else if !is_taken || self.nodes[*at].choices.is_some() {
                is_taken = true;
                self.look_once(*at, view, seen);
            }
        }
    }

    fn is_only_null(&self, at: NodeId) -> bool {
        let node = &self.nodes[at];
        node.kinds.as_deref() == Some(&[Kind::Null]) || node.choices.as_deref() == Some(&[Value::Null])
    }

    fn look_at_choices(&self, choices: &[Value], view: &mut View<'n>) {
        let words = choices.iter().filter_map(Value::as_str).map(str::to_owned);
        let words: Vec<String> = words.collect();
        if !words.is_empty() {
            view.words.get_or_insert_default().extend(words);
        } else if view.kind.is_none() {
            view.kind = choices.iter().find(|choice| !choice.is_null()).and_then(|choice| {
                let kinds = [Kind::Boolean, Kind::Integer, Kind::Number, Kind::Array, Kind::Object];
                kinds.into_iter().find(|kind| kind.holds(choice))
            });
        }
    }
}
