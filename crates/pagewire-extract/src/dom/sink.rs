//! The tree as the parser builds it. What the parser hands over is copied into the document's own lists at once: its
//! own attributes take 40 bytes each and come in lists with room for four.

use std::borrow::Cow;
use std::cell::{Ref, RefCell};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use html5ever::interface::{ElemName, ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, LocalName, Namespace, QualName, ns};

use super::Tag;
use super::bounds::mark;
use super::tree::{Document, ElementData, Kind, NodeId, ROOT, Run, Vocabulary};

/// What the parser builds.
pub(super) struct Sink {
    document: RefCell<Document>,
    /// The attributes of marks by what they say. The parser opens a mark that was left open again in each block, and all
    /// of them have the same attributes.
    marks: RefCell<HashMap<u64, Run>>,
    /// In the order in which they were made.
    integration_points: RefCell<Vec<NodeId>>,
}

impl Sink {
    pub(super) fn for_bytes(bytes: usize) -> Self {
        Self {
            document: RefCell::new(Document::for_bytes(bytes)),
            marks: RefCell::default(),
            integration_points: RefCell::default(),
        }
    }

    /// Bytes that the nodes take so far, with the tables that will be made of them.
    pub(super) fn cost(&self) -> usize {
        self.document.borrow().cost()
    }

    fn run_of(&self, document: &mut Document, tag: &LocalName, attributes: &[Attribute]) -> Run {
        if attributes.is_empty() {
            return Run::EMPTY;
        }
        let told = || attributes.iter().map(told);
        if mark(tag).is_none() {
            return document.keep_run(told());
        }
        let mut hasher = DefaultHasher::new();
        told().for_each(|attribute| attribute.hash(&mut hasher));
        let mut marks = self.marks.borrow_mut();
        if let Some(known) = marks.get(&hasher.finish()) {
            let same = document
                .attributes(*known)
                .iter()
                .map(|data| (data.name.clone(), data.is_foreign(), document.value(data)));
            if same.eq(told()) {
                return *known;
            }
        }
        let run = document.keep_run(told());
        marks.insert(hasher.finish(), run);
        run
    }

    fn put(&self, child: NodeOrText<NodeId>, last: Option<NodeId>, put: impl FnOnce(&mut Document, NodeId)) {
        let mut document = self.document.borrow_mut();
        let node = match child {
            NodeOrText::AppendNode(node) => {
                document.detach(node);
                node
            }
            NodeOrText::AppendText(text) => {
                if last.is_some_and(|last| document.lengthen(last, &text)) {
                    return;
                }
                let span = document.keep(&text);
                document.make(Kind::Text(span))
            }
        };
        put(&mut document, node);
    }
}

/// An attribute as the document keeps it.
fn told(attribute: &Attribute) -> (LocalName, bool, &str) {
    (attribute.name.local.clone(), attribute.name.ns != ns!(), &attribute.value)
}

/// The name of an element, as long as it is asked for.
#[derive(Debug)]
pub(super) struct Name<'a>(Ref<'a, ElementData>);

impl ElemName for Name<'_> {
    fn ns(&self) -> &Namespace {
        self.0.vocabulary.namespace()
    }

    fn local_name(&self) -> &LocalName {
        &self.0.name
    }
}

impl TreeSink for Sink {
    type Handle = NodeId;
    type Output = Document;
    type ElemName<'a> = Name<'a>;

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        let mut document = self.document.borrow_mut();
        let run = self.run_of(&mut document, &name.local, &attributes);
        let vocabulary = Vocabulary::of(&name.ns);
        let element = ElementData { tag: Tag::of(&name.local), name: name.local, run, vocabulary };
        if flags.template {
            return document.make_template(Kind::Element(element));
        }
        let id = document.make(Kind::Element(element));
        if flags.mathml_annotation_xml_integration_point {
            self.integration_points.borrow_mut().push(id);
        }
        id
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn finish(self) -> Document {
        let mut document = self.document.into_inner();
        document.settle();
        document
    }

    fn get_document(&self) -> NodeId {
        ROOT
    }

    /// # Panics
    /// If the node is no element: the parser asks for names of elements only.
    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Name<'a> {
        Name(Ref::map(self.document.borrow(), |document| {
            document.element(*target).expect("the parser asks for the names of elements only")
        }))
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        let mut document = self.document.borrow_mut();
        let span = document.keep(&text);
        document.make(Kind::Comment(span))
    }

    /// A parser of HTML makes comments of them.
    fn create_pi(&self, _: StrTendril, data: StrTendril) -> NodeId {
        self.create_comment(data)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        let last = self.document.borrow().last_child(*parent);
        self.put(child, last, |document, node| document.append(*parent, node));
    }

    fn append_based_on_parent_node(&self, element: &NodeId, previous: &NodeId, child: NodeOrText<NodeId>) {
        let stands = self.document.borrow().node(*element).parent.get().is_some();
        if stands {
            self.append_before_sibling(element, child);
        } else {
            self.append(previous, child);
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.document.borrow().template(*target).unwrap_or(*target)
    }

    fn same_node(&self, one: &NodeId, other: &NodeId) -> bool {
        one == other
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &NodeId, new: NodeOrText<NodeId>) {
        let before = self.document.borrow().before(*sibling);
        self.put(new, before, |document, node| document.insert_before(*sibling, node));
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        self.document.borrow_mut().add_attributes(*target, attributes.iter().map(told));
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.document.borrow_mut().detach(*target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        let mut document = self.document.borrow_mut();
        while let Some(child) = document.node(*node).first.get() {
            document.detach(child);
            document.append(*new_parent, child);
        }
    }

    fn is_mathml_annotation_xml_integration_point(&self, handle: &NodeId) -> bool {
        self.integration_points.borrow().binary_search(handle).is_ok()
    }
}
