//! Through the nodes of a tree in document order, without recursion and without copies: pages nest as they like.

use super::{Element, NodeData, NodeId, NodeRef, Tag};

/// Who is told of the nodes.
pub(crate) trait Visitor {
    /// A piece of text.
    fn text(&mut self, id: NodeId, text: &str);

    /// The beginning of an element; `false` passes over all that is in it, and its end.
    fn enter(&mut self, id: NodeId, tag: Tag, element: &Element<'_>) -> bool;

    /// The end of an element that was entered.
    fn leave(&mut self, tag: Tag);
}

/// Tells a visitor of a node and all that is in it.
pub(crate) fn walk(root: &NodeRef<'_>, visitor: &mut impl Visitor) {
    let mut open: Vec<(NodeRef<'_>, Tag)> = Vec::new();
    let mut at = *root;
    loop {
        let entered = match at.data() {
            NodeData::Text(text) => {
                visitor.text(at.id, text);
                None
            }
            NodeData::Element(element) => visitor.enter(at.id, element.tag, &element).then_some(element.tag),
            NodeData::Root | NodeData::Comment(_) => None,
        };
        if let Some(tag) = entered {
            if let Some(child) = at.first_child() {
                open.push((at, tag));
                at = child;
                continue;
            }
            visitor.leave(tag);
        }
        let mut next = at.next_sibling();
        while next.is_none() || open.is_empty() {
            let Some((parent, tag)) = open.pop() else { return };
            visitor.leave(tag);
            next = parent.next_sibling();
        }
        let Some(sibling) = next else { return };
        at = sibling;
    }
}
