//! A page's nodes as XPath sees them, and the count of what looking at them has cost.

use std::cell::{Cell, OnceCell};
use std::cmp::Ordering;
use std::collections::HashMap;

use dom_query::{Document, NodeData, NodeId, NodeRef};
use xpath_eval::{ExpandedName, Node, NodeKind};

use super::Place;

/// Nodes that are looked at for one page, by all its expressions; two bytes of text count as one.
const STEPS_MAX: usize = 3_000_000;
const BYTES_A_STEP: usize = 2;

/// A document, and what may still be looked at.
pub(in crate::selectors) struct Page<'d> {
    document: &'d Document,
    /// The place of each node, where the ids, which nodes get as they are parsed, do not tell it.
    order: OnceCell<Option<HashMap<NodeId, u32>>>,
    left: Cell<usize>,
    /// Texts that were made one after another: a comparison of node-sets makes all of one side's, then goes over them for
    /// each of the other's.
    texts_in_row: Cell<usize>,
}

impl<'d> Page<'d> {
    pub(in crate::selectors) fn of(document: &'d Document) -> Self {
        Self { document, order: OnceCell::new(), left: Cell::new(STEPS_MAX), texts_in_row: Cell::new(0) }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    fn spend(&self, steps: usize) -> bool {
        self.left.set(self.left.get().saturating_sub(steps));
        !self.is_spent()
    }

    fn compare(&self, one: NodeId, other: NodeId) -> Ordering {
        let order = self.order.get_or_init(|| {
            let root = self.document.root();
            let ids = || std::iter::once(root.id).chain(root.descendants_it().map(|node| node.id));
            (!ids().is_sorted()).then(|| ids().zip(0..).collect())
        });
        match order {
            None => one.cmp(&other),
            Some(places) => places.get(&one).cmp(&places.get(&other)),
        }
    }
}

/// A node, or an attribute of one by its place.
#[derive(Clone, Copy)]
pub(super) struct XNode<'a> {
    page: &'a Page<'a>,
    id: NodeId,
    attribute: Option<u32>,
}

impl<'a> XNode<'a> {
    pub(super) fn of(page: &'a Page<'a>, id: NodeId) -> Self {
        Self { page, id, attribute: None }
    }

    fn node(self) -> NodeRef<'a> {
        NodeRef::new(self.id, &self.page.document.tree)
    }

    pub(super) fn place(self) -> Place {
        match self.attribute {
            None => Place::Node(self.id),
            Some(_) => Place::Attribute(self.text()),
        }
    }

    fn text(self) -> String {
        let Some(at) = self.attribute else { return self.node().text().to_string() };
        let of_attribute = self.node().query(|node| match &node.data {
            NodeData::Element(element) => {
                element.attrs.get(at as usize).map(|attribute| attribute.value.to_string())
            }
            _ => None,
        });
        of_attribute.flatten().unwrap_or_default()
    }

    fn name<R>(self, read: impl FnOnce(&str) -> R) -> Option<R> {
        let read = self.node().query(|node| match (&node.data, self.attribute) {
            (NodeData::Element(element), None) => Some(read(&element.name.local)),
            (NodeData::Element(element), Some(at)) => {
                element.attrs.get(at as usize).map(|attribute| read(&attribute.name.local))
            }
            (NodeData::ProcessingInstruction { target, .. }, _) => Some(read(target)),
            _ => None,
        });
        read.flatten()
    }
}

impl PartialEq for XNode<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.attribute == other.attribute
    }
}

impl Eq for XNode<'_> {}

impl<'a> Node<'a> for XNode<'a> {
    fn kind(self) -> NodeKind {
        if self.attribute.is_some() {
            return NodeKind::Attribute;
        }
        let kind = self.node().query(|node| match &node.data {
            NodeData::Element(_) => NodeKind::Element,
            NodeData::Text { .. } => NodeKind::Text,
            NodeData::Comment { .. } => NodeKind::Comment,
            NodeData::ProcessingInstruction { .. } => NodeKind::ProcessingInstruction,
            NodeData::Document | NodeData::Fragment | NodeData::Doctype { .. } => NodeKind::Root,
        });
        kind.unwrap_or(NodeKind::Comment)
    }

    fn parent(self) -> Option<Self> {
        if !self.page.spend(1) {
            return None;
        }
        match self.attribute {
            Some(_) => Some(Self { attribute: None, ..self }),
            None => self.node().parent().map(|parent| Self::of(self.page, parent.id)),
        }
    }

    fn children(self) -> impl Iterator<Item = Self> + 'a {
        let page = self.page;
        let has_any = self.attribute.is_none() && page.spend(1);
        let children = has_any.then(|| self.node().children_it(false)).into_iter().flatten();
        children
            .filter(|child| !child.is_doctype())
            .take_while(move |_| page.spend(1))
            .map(move |child| Self::of(page, child.id))
    }

    fn attributes(self) -> impl Iterator<Item = Self> + 'a {
        let count = self.node().query(|node| match &node.data {
            NodeData::Element(element) if self.attribute.is_none() => element.attrs.len(),
            _ => 0,
        });
        let count = u32::try_from(count.unwrap_or(0)).unwrap_or(u32::MAX);
        (0..count).take_while(move |_| self.page.spend(1)).map(move |at| Self { attribute: Some(at), ..self })
    }

    fn namespaces(self) -> impl Iterator<Item = Self> + 'a {
        std::iter::empty()
    }

    fn expanded_name(self) -> Option<ExpandedName> {
        self.name(|name| ExpandedName { namespace_uri: None, local_name: name.to_owned() })
    }

    fn string_value(self) -> String {
        self.page.texts_in_row.set(self.page.texts_in_row.get() + 1);
        if self.page.is_spent() {
            return String::new();
        }
        let text = self.text();
        self.page.spend(1 + text.len() / BYTES_A_STEP);
        text
    }

    fn document_order(self, other: Self) -> Ordering {
        if self.id == other.id {
            return self.attribute.cmp(&other.attribute);
        }
        self.page.compare(self.id, other.id)
    }

    /// Names of HTML are the same in every case.
    fn has_expanded_name(self, namespace: Option<&str>, local: &str) -> bool {
        namespace.is_none() && self.name(|name| name.eq_ignore_ascii_case(local)).unwrap_or(false)
    }

    fn with_string_value<R>(self, read: impl FnOnce(&str) -> R) -> R {
        let compared_with = self.page.texts_in_row.replace(0);
        let text = if self.page.spend(compared_with + 1) { self.text() } else { String::new() };
        self.page.spend(text.len() / BYTES_A_STEP);
        let result = read(&text);
        self.page.texts_in_row.set(compared_with);
        result
    }

    fn is_id_attribute(self) -> bool {
        self.has_expanded_name(None, "id")
    }
}
