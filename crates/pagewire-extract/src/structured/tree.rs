//! Through the tree of a page for structured data. What stands ready in a `<template>` counts as what stands in the page:
//! pages keep there what their scripts will show.

use crate::dom::NodeRef;

/// The children of a node.
pub(crate) fn children_of<'d>(node: &NodeRef<'d>) -> impl Iterator<Item = NodeRef<'d>> + use<'d> {
    node.template().unwrap_or(*node).children()
}

/// The children of a node from the last to the first, for a stack of what is still to be looked at.
pub(crate) fn children_of_backwards<'d>(node: &NodeRef<'d>) -> impl Iterator<Item = NodeRef<'d>> + use<'d> {
    node.template().unwrap_or(*node).children_backwards()
}

/// The elements under a node in document order.
pub(crate) fn elements_under<'d>(node: &NodeRef<'d>) -> impl Iterator<Item = NodeRef<'d>> + use<'d> {
    let mut waiting: Vec<NodeRef<'d>> = children_of_backwards(node).collect();
    std::iter::from_fn(move || {
        loop {
            let node = waiting.pop()?;
            if node.is_element() {
                waiting.extend(children_of_backwards(&node));
                return Some(node);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::dom::Document;

    use super::*;

    #[test]
    fn elements_come_in_document_order_with_those_of_templates() {
        let document = Document::from("<i><b></b>x</i><template><u><s></s></u></template><q>");
        let body = document.body().expect("a body");
        let names: Vec<String> =
            elements_under(&body).filter_map(|node| Some(node.name()?.to_string())).collect();
        assert_eq!(names, ["i", "b", "template", "u", "s", "q"]);
    }
}
