//! Through the tree of a page for structured data. What stands ready in a `<template>` counts as what stands in the page:
//! pages keep there what their scripts will show.

use dom_query::NodeRef;

/// The children of a node, from the first or from the last.
pub(crate) fn children_of<'d>(
    node: &NodeRef<'d>,
    from_last: bool,
) -> impl Iterator<Item = NodeRef<'d>> + use<'d> {
    let contents = node.element_ref().and_then(|element| element.template_contents);
    let holder = contents.map_or(*node, |contents| NodeRef::new(contents, node.tree));
    holder.children_it(from_last)
}

/// The elements under a node in document order.
pub(crate) fn elements_under<'d>(node: &NodeRef<'d>) -> impl Iterator<Item = NodeRef<'d>> + use<'d> {
    let mut waiting: Vec<NodeRef<'d>> = children_of(node, true).collect();
    std::iter::from_fn(move || {
        loop {
            let node = waiting.pop()?;
            if node.is_element() {
                waiting.extend(children_of(&node, true));
                return Some(node);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use dom_query::Document;

    use super::*;

    #[test]
    fn elements_come_in_document_order_with_those_of_templates() {
        let document = Document::from("<i><b></b>x</i><template><u><s></s></u></template><q>");
        let body = document.select_single("body").nodes()[0];
        let names: Vec<String> =
            elements_under(&body).filter_map(|node| Some(node.node_name()?.to_string())).collect();
        assert_eq!(names, ["i", "b", "template", "u", "s", "q"]);
    }
}
