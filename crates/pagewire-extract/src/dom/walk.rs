//! Through the nodes of a tree in document order, without recursion and without copies: pages nest as they like.

use dom_query::{Element, NodeData, NodeId, NodeRef};

use super::Tag;

/// Who is told of the nodes.
pub(crate) trait Visitor {
    /// A piece of text.
    fn text(&mut self, id: NodeId, text: &str);

    /// The beginning of an element; `false` passes over all that is in it, and its end.
    fn enter(&mut self, id: NodeId, tag: Tag, element: &Element) -> bool;

    /// The end of an element that was entered.
    fn leave(&mut self, tag: Tag);
}

/// Tells a visitor of a node and all that is in it.
pub(crate) fn walk(root: &NodeRef<'_>, visitor: &mut impl Visitor) {
    let node = |id: NodeId| NodeRef::new(id, root.tree);
    let mut open: Vec<(NodeId, Tag)> = Vec::new();
    let mut at = root.id;
    loop {
        let (child, mut next) = node(at)
            .query(|here| {
                let entered = match &here.data {
                    NodeData::Text { contents } => {
                        visitor.text(at, contents);
                        None
                    }
                    NodeData::Element(element) => {
                        let tag = Tag::of(&element.name.local);
                        visitor.enter(at, tag, element).then_some(tag)
                    }
                    _ => None,
                };
                match (entered, here.first_child) {
                    (Some(tag), Some(child)) => {
                        open.push((at, tag));
                        (Some(child), None)
                    }
                    (Some(tag), None) => {
                        visitor.leave(tag);
                        (None, here.next_sibling)
                    }
                    (None, _) => (None, here.next_sibling),
                }
            })
            .unwrap_or_default();
        if let Some(child) = child {
            at = child;
            continue;
        }
        if open.is_empty() {
            return;
        }
        while next.is_none() {
            let Some((parent, tag)) = open.pop() else { return };
            visitor.leave(tag);
            if open.is_empty() {
                return;
            }
            next = node(parent).query(|parent| parent.next_sibling).flatten();
        }
        let Some(sibling) = next else { return };
        at = sibling;
    }
}
