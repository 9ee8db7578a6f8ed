//! The inside of an element as XML text, for literals that are markup.
//!
//! What follows a child element is quoted after it and once more as text of its own, as the reference implementation
//! does.

use std::fmt::Write as _;

use crate::dom::{NodeData, NodeRef};

use super::context::Context;
use crate::structured::{Allowance, DEPTH_MAX};

/// The children of an element, each element among them with the namespaces that hold there.
pub(super) fn xml_within(element: &NodeRef<'_>, context: &Context, allowance: &mut Allowance) -> String {
    let mut xml = String::new();
    let mut after_element = false;
    for child in element.children() {
        let from = xml.len();
        write_node(&child, Some(context), 0, allowance, &mut xml);
        if child.is_text() && after_element && allowance.take(xml.len() - from) {
            let tail = xml[from..].to_owned();
            xml.push_str(&tail);
        }
        after_element = !child.is_text();
    }
    xml
}

fn write_node(
    node: &NodeRef<'_>,
    context: Option<&Context>,
    depth: usize,
    allowance: &mut Allowance,
    xml: &mut String,
) {
    if depth > DEPTH_MAX || !allowance.take(1) {
        return;
    }
    let from = xml.len();
    let mut name = String::new();
    match node.data() {
        NodeData::Text(text) => escape(text, xml),
        NodeData::Comment(text) => {
            let _ = write!(xml, "<!--{text}-->");
        }
        NodeData::Element(element) => {
            name = element.name.to_string();
            xml.push('<');
            xml.push_str(&name);
            for (prefix, namespace) in context.iter().flat_map(|context| context.namespaces.iter()) {
                attribute(&format!("xmlns:{prefix}"), namespace, xml);
            }
            if let Some(namespace) = context.and_then(|context| context.default_namespace.as_ref()) {
                attribute("xmlns", namespace, xml);
            }
            for found in element.attributes() {
                attribute(found.name, found.value, xml);
            }
        }
        NodeData::Root => {}
    }
    if !allowance.take(xml.len() - from) {
        xml.truncate(from);
        return;
    }
    if name.is_empty() {
        return;
    }
    let mut children = node.children().peekable();
    if children.peek().is_none() {
        xml.push_str("/>");
        return;
    }
    xml.push('>');
    for child in children {
        write_node(&child, None, depth + 1, allowance, xml);
    }
    let _ = write!(xml, "</{name}>");
}

fn attribute(name: &str, value: &str, xml: &mut String) {
    let _ = write!(xml, " {name}=\"");
    escape(value, xml);
    xml.push('"');
}

fn escape(text: &str, xml: &mut String) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            c => xml.push(c),
        }
    }
}
