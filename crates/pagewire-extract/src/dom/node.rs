//! Nodes as they are read: small handles on a document, copied freely.

use std::borrow::Cow;

use html5ever::LocalName;

use super::Tag;
use super::css::{Matcher, Matches};
use super::tree::{Document, Kind, NodeId, ROOT, Run, Vocabulary};

/// A node of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeRef<'d> {
    pub(crate) id: NodeId,
    pub(crate) document: &'d Document,
}

/// What a node is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NodeData<'d> {
    /// The document itself, or what stands in a template.
    Root,
    Element(Element<'d>),
    Text(&'d str),
    Comment(&'d str),
}

/// An element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'d> {
    pub(crate) name: &'d LocalName,
    pub(crate) tag: Tag,
    pub(super) vocabulary: Vocabulary,
    run: Run,
    document: &'d Document,
}

/// An attribute of an element; references in its value are resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute<'d> {
    pub(crate) name: &'d LocalName,
    pub(crate) value: &'d str,
}

impl Document {
    pub(crate) fn root(&self) -> NodeRef<'_> {
        NodeRef::new(ROOT, self)
    }

    pub(crate) fn body(&self) -> Option<NodeRef<'_>> {
        let named = |parent: NodeRef<'_>, tag: Tag, name: &str| {
            parent
                .children()
                .find(|child| {
                    child.element().is_some_and(|element| element.tag == tag && &**element.name == name)
                })
                .map(|child| child.id)
        };
        let html = named(self.root(), Tag::Other, "html")?;
        let body = named(NodeRef::new(html, self), Tag::Body, "body")?;
        Some(NodeRef::new(body, self))
    }

    /// The elements that match a selector, in the order of the document; none if it is no selector.
    pub(crate) fn select<'d>(&'d self, selector: &str) -> Vec<NodeRef<'d>> {
        Matcher::new(selector).map_or_else(|_| Vec::new(), |matcher| self.root().matches(&matcher).collect())
    }

    /// The first element that matches a selector.
    pub(crate) fn select_first<'d>(&'d self, selector: &str) -> Option<NodeRef<'d>> {
        let matcher = Matcher::new(selector).ok()?;
        self.root().matches(&matcher).next()
    }
}

impl<'d> NodeRef<'d> {
    pub(crate) fn new(id: NodeId, document: &'d Document) -> Self {
        Self { id, document }
    }

    fn at(self, id: NodeId) -> Self {
        Self { id, ..self }
    }

    pub(crate) fn data(self) -> NodeData<'d> {
        match &self.document.node(self.id).kind {
            Kind::Root => NodeData::Root,
            Kind::Element(element) => NodeData::Element(Element {
                name: &element.name,
                tag: element.tag,
                vocabulary: element.vocabulary,
                run: element.run,
                document: self.document,
            }),
            Kind::Text(span) => NodeData::Text(self.document.told(*span)),
            Kind::Comment(span) => NodeData::Comment(self.document.told(*span)),
        }
    }

    pub(crate) fn element(self) -> Option<Element<'d>> {
        match self.data() {
            NodeData::Element(element) => Some(element),
            _ => None,
        }
    }

    pub(crate) fn is_element(&self) -> bool {
        self.document.element(self.id).is_some()
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.document.node(self.id).kind, Kind::Text(_))
    }

    /// The name of an element.
    pub(crate) fn name(self) -> Option<&'d LocalName> {
        self.document.element(self.id).map(|element| &element.name)
    }

    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.name().is_some_and(|known| &**known == name)
    }

    /// An attribute's value.
    pub(crate) fn attr(self, name: &str) -> Option<&'d str> {
        let mut attributes = self.element()?.attributes();
        attributes.find(|attribute| &**attribute.name == name).map(|attribute| attribute.value)
    }

    pub(crate) fn has_attr(&self, name: &str) -> bool {
        self.attr(name).is_some()
    }

    /// All text in a node, of scripts and styles as well.
    pub(crate) fn text(self) -> Cow<'d, str> {
        let mut texts =
            std::iter::once(self).chain(self.descendants()).filter_map(|node| match node.data() {
                NodeData::Text(text) => Some(text),
                _ => None,
            });
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        let mut all = Cow::Borrowed(first);
        for text in texts {
            all.to_mut().push_str(text);
        }
        all
    }

    /// What stands in a template in the place of children.
    pub(crate) fn template(self) -> Option<Self> {
        self.document.template(self.id).map(|content| self.at(content))
    }

    pub(crate) fn parent(self) -> Option<Self> {
        self.document.node(self.id).parent.get().map(|id| self.at(id))
    }

    pub(crate) fn first_child(self) -> Option<Self> {
        self.document.node(self.id).first.get().map(|id| self.at(id))
    }

    pub(crate) fn next_sibling(self) -> Option<Self> {
        self.document.node(self.id).next.get().map(|id| self.at(id))
    }

    pub(super) fn sibling_before(self) -> Option<Self> {
        self.document.before(self.id).map(|id| self.at(id))
    }

    pub(crate) fn children(self) -> impl Iterator<Item = Self> + use<'d> {
        std::iter::successors(self.first_child(), |child| child.next_sibling())
    }

    /// The children from the last to the first.
    pub(crate) fn children_backwards(self) -> impl Iterator<Item = Self> + use<'d> {
        let last = self.document.last_child(self.id).map(|id| self.at(id));
        std::iter::successors(last, |child| child.sibling_before())
    }

    /// The nodes that this one is in, from its parent on.
    pub(crate) fn ancestors(self) -> impl Iterator<Item = Self> + use<'d> {
        std::iter::successors(self.parent(), |node| node.parent())
    }

    /// The nodes in this one, in the order of the document.
    pub(crate) fn descendants(self) -> impl Iterator<Item = Self> + use<'d> {
        let after = move |node: Self| {
            let mut at = node;
            while at.id != self.id {
                if let Some(next) = at.next_sibling() {
                    return Some(next);
                }
                at = at.parent()?;
            }
            None
        };
        std::iter::successors(self.first_child(), move |node| node.first_child().or_else(|| after(*node)))
    }

    /// The elements in this one that match.
    pub(crate) fn matches<'m>(self, matcher: &'m Matcher) -> Matches<'d, 'm> {
        Matches::of(self, matcher)
    }
}

impl<'d> Element<'d> {
    pub(crate) fn attributes(self) -> impl ExactSizeIterator<Item = Attribute<'d>> + use<'d> {
        let document = self.document;
        let read = move |data| Attribute { name: name_of(data), value: document.value(data) };
        document.attributes(self.run).iter().map(read)
    }

    /// The value of an attribute that the parser knows by its name.
    #[expect(clippy::needless_pass_by_value, reason = "names are made where they are passed")]
    pub(crate) fn attr(self, name: LocalName) -> Option<&'d str> {
        let found = self.document.attributes(self.run).iter().find(|attribute| attribute.name == name)?;
        Some(self.document.value(found))
    }

    /// An attribute of no vocabulary of its own.
    pub(super) fn plain_attributes(self) -> impl Iterator<Item = Attribute<'d>> + use<'d> {
        let document = self.document;
        let plain = document.attributes(self.run).iter().filter(|data| !data.is_foreign());
        plain.map(move |data| Attribute { name: name_of(data), value: document.value(data) })
    }
}

fn name_of(data: &super::tree::AttributeData) -> &LocalName {
    &data.name
}
