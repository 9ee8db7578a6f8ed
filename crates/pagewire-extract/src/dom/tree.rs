//! The tree of a page in little room. A page of short elements is mostly nodes, so a node takes 32 bytes: its links are
//! numbers of four bytes, what it says is a piece of one text that all nodes share, and the attributes of all elements
//! stand in lists of their own.
//!
//! Nodes and attributes are kept in blocks of a fixed size: a list that grows by moving holds the old and the new one
//! at once, and that would be most of the memory of a page.

use html5ever::{LocalName, Namespace, ns};

use super::Tag;

/// Nodes in a block.
const NODES_IN_BLOCK: usize = 256;
/// Attributes in a block. An element has at most as many, further ones are not read.
const ATTRIBUTES_IN_BLOCK: usize = 256;
/// Attributes that `html` and `body` have after their tags were met again with others.
const ADDED_UP_TO: usize = 32;

/// A node, by the place at which it was made: those before it on the page have smaller ones, but for what the parser
/// moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u32);

impl NodeId {
    /// A number of its own, and not much larger than there are nodes.
    pub(crate) fn place(self) -> usize {
        self.0 as usize
    }
}

/// The document itself.
pub(super) const ROOT: NodeId = NodeId(0);

/// A link to a node, or to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(u32);

impl Link {
    const NONE: Self = Self(u32::MAX);

    pub(super) fn get(self) -> Option<NodeId> {
        (self != Self::NONE).then_some(NodeId(self.0))
    }
}

impl From<NodeId> for Link {
    fn from(id: NodeId) -> Self {
        Self(id.0)
    }
}

/// A piece of the text that all nodes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    length: u32,
}

/// The vocabularies that the parser knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vocabulary {
    Html,
    Svg,
    MathMl,
    Other,
}

impl Vocabulary {
    pub(super) fn of(namespace: &Namespace) -> Self {
        match *namespace {
            ns!(html) => Self::Html,
            ns!(svg) => Self::Svg,
            ns!(mathml) => Self::MathMl,
            _ => Self::Other,
        }
    }

    pub(super) fn namespace(self) -> &'static Namespace {
        static NAMESPACES: [Namespace; 4] = [ns!(html), ns!(svg), ns!(mathml), ns!()];
        &NAMESPACES[self as usize]
    }
}

/// What an element is. Its attributes are a run of the document's.
#[derive(Debug)]
pub(super) struct ElementData {
    pub(super) name: LocalName,
    pub(super) run: Run,
    pub(super) vocabulary: Vocabulary,
    pub(super) tag: Tag,
}

/// Attributes that stand one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, packed(2))]
pub(super) struct Run {
    start: u32,
    count: u16,
}

impl Run {
    pub(super) const EMPTY: Self = Self { start: 0, count: 0 };
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Kind {
    /// The document itself, or what stands in a template.
    Root,
    Element(ElementData),
    Text(Span),
    Comment(Span),
}

/// A node and its place. The first child of a node is linked back to the last, which is found by it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) parent: Link,
    before: Link,
    pub(super) next: Link,
    pub(super) first: Link,
}

#[derive(Debug)]
pub(super) struct AttributeData {
    pub(super) name: LocalName,
    value: Span,
}

const _: () = assert!(size_of::<Node>() == 32 && size_of::<AttributeData>() == 16);

/// Bit of a value's length that marks the attribute of another vocabulary: `xlink:href`.
const FOREIGN: u32 = 1 << 31;

impl AttributeData {
    pub(super) fn is_foreign(&self) -> bool {
        self.value.length & FOREIGN != 0
    }
}

/// The tree of a page.
#[derive(Debug)]
pub(crate) struct Document {
    nodes: Vec<Vec<Node>>,
    attributes: Vec<Vec<AttributeData>>,
    text: String,
    /// Templates and what stands in them, in the order in which they were made.
    templates: Vec<(NodeId, NodeId)>,
    elements: usize,
    /// Bytes of the page that this was read from.
    page_bytes: usize,
}

impl Document {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        let at = id.0 as usize;
        &self.nodes[at / NODES_IN_BLOCK][at % NODES_IN_BLOCK]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        let at = id.0 as usize;
        &mut self.nodes[at / NODES_IN_BLOCK][at % NODES_IN_BLOCK]
    }

    pub(super) fn told(&self, span: Span) -> &str {
        &self.text[span.start as usize..][..span.length as usize]
    }

    pub(super) fn element(&self, id: NodeId) -> Option<&ElementData> {
        match &self.node(id).kind {
            Kind::Element(element) => Some(element),
            _ => None,
        }
    }

    pub(super) fn attributes(&self, run: Run) -> &[AttributeData] {
        let (at, count) = (run.start as usize, usize::from(run.count));
        match count {
            0 => &[],
            _ => &self.attributes[at / ATTRIBUTES_IN_BLOCK][at % ATTRIBUTES_IN_BLOCK..][..count],
        }
    }

    pub(super) fn value(&self, attribute: &AttributeData) -> &str {
        self.told(Span { length: attribute.value.length & !FOREIGN, ..attribute.value })
    }

    pub(super) fn last_child(&self, parent: NodeId) -> Option<NodeId> {
        self.node(self.node(parent).first.get()?).before.get()
    }

    pub(super) fn before(&self, id: NodeId) -> Option<NodeId> {
        let node = self.node(id);
        let is_first = node.parent.get().is_none_or(|parent| self.node(parent).first == id.into());
        if is_first { None } else { node.before.get() }
    }

    /// What stands in a template.
    pub(super) fn template(&self, id: NodeId) -> Option<NodeId> {
        let at = self.templates.binary_search_by_key(&id, |(template, _)| *template).ok()?;
        Some(self.templates[at].1)
    }

    /// Elements that there are: room to make for tables of them.
    pub(crate) fn elements(&self) -> usize {
        self.elements
    }

    /// Bytes of what the nodes say: room to make for the text of a page.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Bytes that may be held beside the tree and this much, so that a page keeps within its bound of memory.
    pub(crate) fn room_beside(&self, held: usize) -> usize {
        let tree = self.cost() - self.elements * super::ELEMENT_TABLES_BYTES + self.text.len();
        super::bounds::memory_for(self.page_bytes).saturating_sub(tree + held)
    }

    /// Bytes that the nodes and attributes take, with the tables that are made of them.
    pub(super) fn cost(&self) -> usize {
        fn entries<T>(blocks: &[Vec<T>], in_block: usize) -> usize {
            blocks.last().map_or(0, |last| (blocks.len() - 1) * in_block + last.len())
        }
        entries(&self.nodes, NODES_IN_BLOCK) * size_of::<Node>()
            + entries(&self.attributes, ATTRIBUTES_IN_BLOCK) * size_of::<AttributeData>()
            + self.elements * super::ELEMENT_TABLES_BYTES
    }
}

/// Making a tree.
impl Document {
    /// A document without content, for a page of so many bytes.
    pub(super) fn for_bytes(bytes: usize) -> Self {
        let mut document = Self {
            nodes: Vec::new(),
            attributes: Vec::new(),
            text: String::with_capacity(bytes),
            templates: Vec::new(),
            elements: 0,
            page_bytes: bytes,
        };
        document.make(Kind::Root);
        document
    }

    /// Gives back the room that was not needed.
    pub(super) fn settle(&mut self) {
        self.text.shrink_to_fit();
    }

    /// A new node that stands nowhere yet.
    pub(super) fn make(&mut self, kind: Kind) -> NodeId {
        self.elements += usize::from(matches!(kind, Kind::Element(_)));
        let none = Link::NONE;
        let node = Node { kind, parent: none, before: none, next: none, first: none };
        let at = push_in_blocks(&mut self.nodes, NODES_IN_BLOCK, 1, [node].into_iter());
        NodeId(at)
    }

    /// A template, and what stands in it.
    pub(super) fn make_template(&mut self, kind: Kind) -> NodeId {
        let template = self.make(kind);
        let content = self.make(Kind::Root);
        self.templates.push((template, content));
        template
    }

    pub(super) fn keep(&mut self, text: &str) -> Span {
        let span = Span { start: position(self.text.len()), length: position(text.len()) };
        self.text.push_str(text);
        span
    }

    /// A run of attributes: names, whether of another vocabulary, and values.
    pub(super) fn keep_run<'a>(
        &mut self,
        attributes: impl ExactSizeIterator<Item = (LocalName, bool, &'a str)>,
    ) -> Run {
        let count = attributes.len().min(ATTRIBUTES_IN_BLOCK);
        if count == 0 {
            return Run::EMPTY;
        }
        let mut lists = std::mem::take(&mut self.attributes);
        let kept = attributes.take(count).map(|(name, is_foreign, value)| {
            let mut value = self.keep(value);
            value.length |= if is_foreign { FOREIGN } else { 0 };
            AttributeData { name, value }
        });
        let start = push_in_blocks(&mut lists, ATTRIBUTES_IN_BLOCK, count, kept);
        self.attributes = lists;
        Run { start, count: u16::try_from(count).unwrap_or(u16::MAX) }
    }

    /// Adds attributes to an element that has none of their names, up to some.
    pub(super) fn add_attributes<'a>(
        &mut self,
        id: NodeId,
        attributes: impl Iterator<Item = (LocalName, bool, &'a str)>,
    ) {
        let Some(known) = self.element(id).map(|element| element.run) else { return };
        let known = self.attributes(known).iter();
        let mut all: Vec<AttributeData> =
            known.map(|data| AttributeData { name: data.name.clone(), value: data.value }).collect();
        let before = all.len();
        for (name, is_foreign, value) in attributes {
            if all.len() < ADDED_UP_TO && !all.iter().any(|known| known.name == name) {
                let mut value = self.keep(value);
                value.length |= if is_foreign { FOREIGN } else { 0 };
                all.push(AttributeData { name, value });
            }
        }
        if all.len() == before {
            return;
        }
        let count = all.len();
        let start = push_in_blocks(&mut self.attributes, ATTRIBUTES_IN_BLOCK, count, all.into_iter());
        if let Kind::Element(element) = &mut self.node_mut(id).kind {
            element.run = Run { start, count: u16::try_from(count).unwrap_or(u16::MAX) };
        }
    }

    /// Puts a node that stands nowhere at the end of another.
    pub(super) fn append(&mut self, parent: NodeId, child: NodeId) {
        let first = self.node(parent).first.get();
        let last = self.last_child(parent);
        let node = self.node_mut(child);
        (node.parent, node.next) = (parent.into(), Link::NONE);
        node.before = last.unwrap_or(child).into();
        if let Some(last) = last {
            self.node_mut(last).next = child.into();
        }
        match first {
            Some(first) => self.node_mut(first).before = child.into(),
            None => self.node_mut(parent).first = child.into(),
        }
    }

    /// Puts a node that stands nowhere before another that stands somewhere.
    pub(super) fn insert_before(&mut self, sibling: NodeId, child: NodeId) {
        let before = self.before(sibling);
        let (parent, back) = (self.node(sibling).parent, self.node(sibling).before);
        let Some(above) = parent.get() else { return };
        let node = self.node_mut(child);
        (node.parent, node.before, node.next) = (parent, back, sibling.into());
        match before {
            Some(before) => self.node_mut(before).next = child.into(),
            None => self.node_mut(above).first = child.into(),
        }
        self.node_mut(sibling).before = child.into();
    }

    /// Takes a node from where it stands.
    pub(super) fn detach(&mut self, id: NodeId) {
        let Some(parent) = self.node(id).parent.get() else { return };
        let before = self.before(id);
        let (back, next) = (self.node(id).before, self.node(id).next);
        match before {
            Some(before) => self.node_mut(before).next = next,
            None => self.node_mut(parent).first = next,
        }
        match next.get() {
            Some(next) => self.node_mut(next).before = back,
            None => {
                if let Some(first) = self.node(parent).first.get() {
                    self.node_mut(first).before = back;
                }
            }
        }
        let node = self.node_mut(id);
        (node.parent, node.before, node.next) = (Link::NONE, Link::NONE, Link::NONE);
    }

    /// Adds to a text node, if that can be done without a copy of what it says that is longer than what is added: texts
    /// that are put before a table piece by piece would be copied each time.
    pub(super) fn lengthen(&mut self, id: NodeId, more: &str) -> bool {
        let Kind::Text(span) = self.node(id).kind else { return false };
        let end = (span.start + span.length) as usize;
        let length = span.length as usize;
        let start = if end == self.text.len() {
            span.start
        } else if length <= more.len() {
            let start = position(self.text.len());
            self.text.extend_from_within(span.start as usize..end);
            start
        } else {
            return false;
        };
        self.text.push_str(more);
        self.node_mut(id).kind = Kind::Text(Span { start, length: position(length + more.len()) });
        true
    }
}

/// Puts some entries, no more than a block has, into one block; where the first of them stands.
fn push_in_blocks<T>(
    blocks: &mut Vec<Vec<T>>,
    in_block: usize,
    count: usize,
    entries: impl Iterator<Item = T>,
) -> u32 {
    if blocks.last().is_none_or(|block| block.len() + count > in_block) {
        blocks.push(Vec::with_capacity(in_block));
    }
    let full = (blocks.len() - 1) * in_block;
    let mut at = full;
    if let Some(block) = blocks.last_mut() {
        at += block.len();
        block.extend(entries);
    }
    position(at)
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn children(document: &Document, parent: NodeId) -> Vec<NodeId> {
        std::iter::successors(document.node(parent).first.get(), |at| document.node(*at).next.get()).collect()
    }

    fn children_backwards(document: &Document, parent: NodeId) -> Vec<NodeId> {
        std::iter::successors(document.last_child(parent), |at| document.before(*at)).collect()
    }

    proptest! {
        /// Beside a list of children that is obviously right.
        #[test]
        fn children_stand_in_the_order_in_which_they_were_put(steps in prop::collection::vec((0..3_u8, 0..8_usize), 0..60)) {
            let mut document = Document::for_bytes(0);
            let mut model: Vec<NodeId> = Vec::new();
            for (step, at) in steps {
                let at = if model.is_empty() { 0 } else { at % model.len() };
                match step {
                    0 => {
                        let node = document.make(Kind::Root);
                        document.append(ROOT, node);
                        model.push(node);
                    }
                    1 if !model.is_empty() => {
                        let node = document.make(Kind::Root);
                        document.insert_before(model[at], node);
                        model.insert(at, node);
                    }
                    2 if !model.is_empty() => document.detach(model.remove(at)),
                    _ => {}
                }
                prop_assert_eq!(children(&document, ROOT), model.clone());
                let mut backwards = children_backwards(&document, ROOT);
                backwards.reverse();
                prop_assert_eq!(backwards, model.clone());
            }
        }
    }

    #[test]
    fn a_text_grows_in_place_or_by_copies_no_longer_than_what_is_added() {
        let mut document = Document::for_bytes(0);
        let span = document.keep("ab");
        let text = document.make(Kind::Text(span));
        assert!(document.lengthen(text, "c"));
        document.keep("x");
        assert!(!document.lengthen(text, "d"), "three bytes are copied for one");
        assert!(document.lengthen(text, "def"));
        let Kind::Text(span) = document.node(text).kind else { panic!("a text") };
        assert_eq!(document.told(span), "abcdef");
    }
}
