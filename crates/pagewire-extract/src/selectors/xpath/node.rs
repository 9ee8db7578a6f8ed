//! A page's nodes as XPath sees them, and the count of what looking at them has cost.

use std::cell::{Cell, OnceCell};
use std::cmp::Ordering;
use std::collections::HashMap;

use crate::dom::{Document, NodeData, NodeId, NodeRef};
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
            let ids = || std::iter::once(root.id).chain(root.descendants().map(|node| node.id));
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
        NodeRef::new(self.id, self.page.document)
    }

    pub(super) fn place(self) -> Place {
        match self.attribute {
            None => Place::Node(self.id),
            Some(_) => Place::Attribute(self.text()),
        }
    }

    fn text(self) -> String {
        let Some(at) = self.attribute else { return self.node().text().to_string() };
        let element = self.node().element();
        let attribute = element.and_then(|element| element.attributes().nth(at as usize));
        attribute.map(|attribute| attribute.value.to_owned()).unwrap_or_default()
    }

    fn name<R>(self, read: impl FnOnce(&str) -> R) -> Option<R> {
        let element = self.node().element()?;
        match self.attribute {
            None => Some(read(element.name)),
            Some(at) => element.attributes().nth(at as usize).map(|attribute| read(attribute.name)),
        }
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
        match self.node().data() {
            NodeData::Element(_) => NodeKind::Element,
            NodeData::Text(_) => NodeKind::Text,
            NodeData::Comment(_) => NodeKind::Comment,
            NodeData::Root => NodeKind::Root,
        }
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
        let children = has_any.then(|| self.node().children()).into_iter().flatten();
        children.take_while(move |_| page.spend(1)).map(move |child| Self::of(page, child.id))
    }

    fn attributes(self) -> impl Iterator<Item = Self> + 'a {
        let element = self.node().element().filter(|_| self.attribute.is_none());
        let count = element.map_or(0, |element| element.attributes().len());
        let count = u32::try_from(count).unwrap_or(u32::MAX);
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
