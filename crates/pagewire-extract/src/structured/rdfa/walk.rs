//! The walk over the tree: what each element says, of what (RDFa Core 1.1, section 7.5; RDFa in XHTML 1.0, section 5.5).

use std::cell::RefCell;
use std::rc::Rc;

use crate::dom::{Document, NodeData, NodeRef};

use super::context::{Context, Version};
use super::graph::{Graph, Term};
use super::literal::Literal;
use super::quote;
use crate::structured::{Allowance, DEPTH_MAX, tree};

const ROLE: &str = "http://www.w3.org/1999/xhtml/vocab#role";
const USES_VOCABULARY: &str = "http://www.w3.org/ns/rdfa#usesVocabulary";
const XML_LITERAL: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#XMLLiteral";
const HTML_LITERAL: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#HTML";
/// Names in one attribute, and members of one list.
const NAMES_MAX: usize = 500;
const LIST_MAX: usize = 2_000;

/// The statements of a page.
pub(super) fn graph_of(document: &Document, base: &str, allowance: Allowance) -> Graph {
    let mut walk = Walk { graph: Graph::new(allowance) };
    if let Some(root) = document.root().children().find(NodeRef::is_element) {
        let version = Version::of_page(&root);
        let context = Context::of_page(version, base);
        let parent = Term::iri(&context.base);
        let place = Place { parent: &parent, context: &context, lists: &Lists::default(), hanging: &[] };
        let mut attributes = Attributes::of(&root);
        attributes.set_about_of_root();
        walk.element(&root, &attributes, &place, 0);
    }
    walk.graph.copy_patterns();
    walk.graph
}

/// What an element inherits.
#[derive(Clone, Copy)]
struct Place<'p> {
    parent: &'p Term,
    context: &'p Context,
    lists: &'p Lists,
    hanging: &'p [Hanging],
}

/// A statement that waits for the next subject below.
#[derive(Debug)]
enum Hanging {
    Of { subject: Term, property: Rc<str> },
    By { property: Rc<str>, object: Term },
    InList { property: Rc<str> },
}

/// What `inlist` gathers for one subject.
#[derive(Debug, Clone, Default)]
struct Lists(Rc<RefCell<Vec<List>>>);

/// The members for one property.
type List = (Rc<str>, Vec<Term>);

impl Lists {
    fn add(&self, property: &Rc<str>, member: Option<Term>) {
        let mut lists = self.0.borrow_mut();
        let at = match lists.iter().position(|(known, _)| known == property) {
            Some(at) => at,
            None if lists.len() >= NAMES_MAX => return,
            None => {
                lists.push((Rc::clone(property), Vec::new()));
                lists.len() - 1
            }
        };
        if lists[at].1.len() < LIST_MAX {
            lists[at].1.extend(member);
        }
    }
}

/// What an element comes to.
struct Local {
    subject: Term,
    /// What `rel` and `rev` speak of, and children belong to.
    object: Option<Term>,
    typed: Option<Term>,
    /// The subject that lists are gathered for from here on, where that is a new one.
    list_origin: Option<Term>,
}

struct Walk {
    graph: Graph,
}

impl Walk {
    fn element(&mut self, element: &NodeRef<'_>, attributes: &Attributes, place: &Place<'_>, depth: usize) {
        if depth > DEPTH_MAX || !self.graph.allowance().take(1) {
            return;
        }
        let entered = attributes.declare_something().then(|| {
            let mut context = place.context.clone();
            if let Some(vocabulary) = context.enter(element) {
                self.graph.add(&Term::iri(&context.base), &USES_VOCABULARY.into(), &Term::Iri(vocabulary));
            }
            context
        });
        let context = entered.as_ref().unwrap_or(place.context);
        self.add_roles(attributes, context);
        if !attributes.say_something(context.version) {
            self.children(element, &Place { context, ..*place }, depth);
            return;
        }
        let local = match context.version {
            Version::V1_0 => self.local_1_0(attributes, context, place.parent),
            Version::V1_1 => self.local_1_1(attributes, context, place.parent),
        };
        let lists = if local.list_origin.is_some() { Lists::default() } else { place.lists.clone() };
        if let Some(typed) = &local.typed {
            for of in attributes.names("typeof", context) {
                self.graph.add_type(typed, &of);
            }
        }
        let hanging = self.relate(attributes, context, &local, &lists);
        if attributes.has("property") {
            self.add_properties(element, attributes, context, &local, &lists);
        }
        let parent = local.object.unwrap_or_else(|| self.graph.new_blank());
        self.children(element, &Place { parent: &parent, context, lists: &lists, hanging: &hanging }, depth);
        self.complete(place, &local.subject);
        if let Some(origin) = &local.list_origin {
            for (property, members) in lists.0.take() {
                self.graph.add(origin, &property, &Term::List(Rc::new(members)));
            }
        }
    }

    fn children(&mut self, element: &NodeRef<'_>, place: &Place<'_>, depth: usize) {
        for child in tree::children_of(element).filter(NodeRef::is_element) {
            self.element(&child, &Attributes::of(&child), place, depth + 1);
        }
    }

    fn add_roles(&mut self, attributes: &Attributes, context: &Context) {
        let Some(roles) = attributes.get("role") else { return };
        let subject = match attributes.get("id") {
            Some(id) => Term::iri(&format!("{}#{}", context.base, id.trim())),
            None => self.graph.new_blank(),
        };
        for role in roles.split_whitespace().take(NAMES_MAX).filter_map(|role| context.role(role)) {
            self.graph.add(&subject, &ROLE.into(), &role);
        }
    }

    fn local_1_1(&mut self, attributes: &Attributes, context: &Context, parent: &Term) -> Local {
        let is_typed = attributes.has("typeof");
        if attributes.has("rel") || attributes.has("rev") {
            let about = attributes.resource(&["about"], context);
            let mut object = attributes.resource(&["resource", "href", "src"], context);
            let mut typed = about.clone().filter(|_| is_typed);
            if is_typed && !attributes.has("about") {
                typed = Some(object.get_or_insert_with(|| self.graph.new_blank()).clone());
            }
            let list_origin = match &object {
                Some(object) if !attributes.has("inlist") => Some(object.clone()),
                _ => about.clone(),
            };
            return Local { subject: about.unwrap_or_else(|| parent.clone()), object, typed, list_origin };
        }
        if attributes.has("property") && !attributes.has("content") && !attributes.has("datatype") {
            let about = attributes.resource(&["about"], context);
            let list_origin = about.clone();
            let mut typed = about.clone().filter(|_| is_typed);
            let subject = about.unwrap_or_else(|| parent.clone());
            let object = if typed.is_none() && is_typed {
                let found = attributes.resource(&["resource", "href", "src"], context);
                typed = Some(found.unwrap_or_else(|| self.graph.new_blank()));
                typed.clone()
            } else {
                Some(subject.clone())
            };
            return Local { subject, object, typed, list_origin };
        }
        let mut found = attributes.resource(&["about", "resource", "href", "src"], context);
        if found.is_none() && is_typed {
            found = Some(self.graph.new_blank());
        }
        let list_origin = found.clone();
        let subject = found.unwrap_or_else(|| parent.clone());
        Local { object: Some(subject.clone()), typed: Some(subject.clone()), subject, list_origin }
    }

    fn local_1_0(&mut self, attributes: &Attributes, context: &Context, parent: &Term) -> Local {
        if attributes.has("rel") || attributes.has("rev") {
            let found = attributes.resource(&["about", "src"], context);
            let subject = match found {
                Some(found) => found,
                None if attributes.has("typeof") => self.graph.new_blank(),
                None => parent.clone(),
            };
            let object = attributes.resource(&["resource", "href"], context);
            return Local { object, typed: Some(subject.clone()), subject, list_origin: None };
        }
        let found = attributes.resource(&["about", "src", "resource", "href"], context);
        let subject = found.unwrap_or_else(|| parent.clone());
        Local { object: Some(subject.clone()), typed: Some(subject.clone()), subject, list_origin: None }
    }

    /// `rel` and `rev`: statements where the object is known, and what hangs where it is not.
    fn relate(
        &mut self,
        attributes: &Attributes,
        context: &Context,
        local: &Local,
        lists: &Lists,
    ) -> Vec<Hanging> {
        let mut hanging = Vec::new();
        let in_list = context.version == Version::V1_1 && attributes.has("inlist");
        for property in attributes.properties("rel", context) {
            match (&local.object, in_list) {
                (object, true) => {
                    lists.add(&property, object.clone());
                    if object.is_none() {
                        hanging.push(Hanging::InList { property });
                    }
                }
                (Some(object), false) => self.graph.add(&local.subject, &property, object),
                (None, false) => hanging.push(Hanging::Of { subject: local.subject.clone(), property }),
            }
        }
        for property in attributes.properties("rev", context) {
            match &local.object {
                Some(object) => self.graph.add(object, &property, &local.subject),
                None => hanging.push(Hanging::By { property, object: local.subject.clone() }),
            }
        }
        hanging
    }

    /// What hung above finds its end.
    fn complete(&mut self, place: &Place<'_>, found: &Term) {
        for hanging in place.hanging {
            match hanging {
                Hanging::Of { subject, property } => self.graph.add(subject, property, found),
                Hanging::By { property, object } => self.graph.add(found, property, object),
                Hanging::InList { property } => place.lists.add(property, Some(found.clone())),
            }
        }
    }

    fn add_properties(
        &mut self,
        element: &NodeRef<'_>,
        attributes: &Attributes,
        context: &Context,
        local: &Local,
        lists: &Lists,
    ) {
        let Some(object) = self.object_of_property(element, attributes, context, local) else { return };
        let in_list = context.version == Version::V1_1 && attributes.has("inlist");
        for property in attributes.properties("property", context) {
            if in_list {
                lists.add(&property, Some(object.clone()));
            } else {
                self.graph.add(&local.subject, &property, &object);
            }
        }
    }

    fn object_of_property(
        &mut self,
        element: &NodeRef<'_>,
        attributes: &Attributes,
        context: &Context,
        local: &Local,
    ) -> Option<Term> {
        if context.version == Version::V1_1 {
            let has_any = |names: &[&str]| names.iter().any(|name| attributes.has(name));
            if has_any(&["resource", "href", "src"]) && !has_any(&["content", "datatype", "rel", "rev"]) {
                return attributes.resource(&["resource", "href", "src"], context);
            }
            if attributes.has("typeof")
                && !has_any(&["content", "datatype", "rel", "rev", "about", EMPTY_ABOUT])
                && local.typed.is_some()
            {
                return local.typed.clone();
            }
        }
        let has_datatype = attributes.has("datatype");
        let datatype = match attributes.get("datatype").map(str::trim).and_then(|name| context.name(name)) {
            Some(Term::Iri(name)) => Some(name),
            _ => None,
        };
        let literal = match (attributes.get("content"), datatype) {
            (Some(content), Some(datatype)) => Literal::typed(content.to_owned(), datatype),
            (Some(content), None) => Literal::plain(content.to_owned(), context.language.clone()),
            (None, Some(datatype)) if matches!(&*datatype, XML_LITERAL | HTML_LITERAL) => {
                Literal::typed(quote::xml_within(element, context, self.graph.allowance()), datatype)
            }
            (None, Some(datatype)) => Literal::typed(self.text_of(element), datatype),
            (None, None)
                if context.version == Version::V1_0
                    && !has_datatype
                    && element.children().any(|child| !child.is_text()) =>
            {
                let xml = quote::xml_within(element, context, self.graph.allowance());
                Literal::typed(xml, XML_LITERAL.into())
            }
            (None, None) => Literal::plain(self.text_of(element), context.language.clone()),
        };
        Some(Term::Literal(Rc::new(literal)))
    }

    /// All text of an element, white space and all.
    fn text_of(&mut self, element: &NodeRef<'_>) -> String {
        let mut text = String::new();
        let mut waiting: Vec<NodeRef<'_>> = tree::children_of_backwards(element).collect();
        while let Some(node) = waiting.pop() {
            if !self.graph.allowance().take(1) {
                break;
            }
            match node.data() {
                NodeData::Text(found) | NodeData::Comment(found) => {
                    if !self.graph.allowance().take(found.len()) {
                        break;
                    }
                    text.push_str(found);
                }
                NodeData::Element(_) | NodeData::Root => waiting.extend(tree::children_of_backwards(&node)),
            }
        }
        text
    }
}

/// Marks an `about` that is an empty CURIE in brackets: it names nothing, but it is there.
const EMPTY_ABOUT: &str = "about of nothing";

/// The attributes of an element.
struct Attributes(Vec<(Box<str>, Box<str>)>);

impl Attributes {
    fn of(element: &NodeRef<'_>) -> Self {
        let Some(element) = element.element() else { return Self(Vec::new()) };
        let attributes = element.attributes().filter(|found| is_read(found.name));
        let read = attributes.filter_map(|found| match (&**found.name, found.value) {
            ("about", "[]") => Some((EMPTY_ABOUT.into(), "".into())),
            ("resource", "[]") => None,
            (name, value) => Some((name.into(), value.into())),
        });
        Self(read.collect())
    }

    /// The page is what is spoken of where nothing else is.
    fn set_about_of_root(&mut self) {
        let has_any = |names: &[&str]| names.iter().any(|name| self.has(name));
        let names_another = has_any(&["resource", "href", "src"]) && !has_any(&["rel", "rev", "property"]);
        if !self.has("about") && !names_another {
            self.0.push(("about".into(), "".into()));
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| &**known == name).map(|(_, value)| &**value)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn declare_something(&self) -> bool {
        self.0.iter().any(|(name, _)| matches!(&**name, "vocab" | "prefix") || name.starts_with("xml"))
    }

    fn say_something(&self, version: Version) -> bool {
        self.0.iter().any(|(name, _)| match &**name {
            "href" | "resource" | "about" | "property" | "rel" | "rev" | "typeof" | "src" => true,
            "vocab" | "prefix" => version == Version::V1_1,
            _ => false,
        })
    }

    /// What the first of some attributes that names anything names.
    fn resource(&self, names: &[&str], context: &Context) -> Option<Term> {
        names.iter().find_map(|name| {
            let value = self.get(name)?.trim();
            match *name {
                "about" | "resource" => context.curie_or_reference(value),
                _ => Some(Term::iri(&context.reference(value))),
            }
        })
    }

    fn names(&self, attribute: &str, context: &Context) -> Vec<Term> {
        let words = self.get(attribute).unwrap_or_default().split_whitespace();
        words.take(NAMES_MAX).filter_map(|word| context.name(word)).collect()
    }

    /// Names that can be a property: those that are IRIs.
    fn properties(&self, attribute: &str, context: &Context) -> Vec<Rc<str>> {
        let names = self.names(attribute, context).into_iter();
        names.filter_map(|name| if let Term::Iri(name) = name { Some(name) } else { None }).collect()
    }
}

fn is_read(name: &str) -> bool {
    matches!(
        name,
        "href"
            | "resource"
            | "about"
            | "property"
            | "rel"
            | "rev"
            | "typeof"
            | "src"
            | "vocab"
            | "prefix"
            | "content"
            | "datatype"
            | "inlist"
            | "role"
            | "id"
            | "xmlns"
            | "xml:base"
            | "xml:lang"
    ) || name.starts_with("xmlns:")
}
