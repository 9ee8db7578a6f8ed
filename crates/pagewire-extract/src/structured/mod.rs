//! Structured data that pages carry for machines: JSON-LD, microdata, and the `<meta>` tags of OpenGraph and others.

pub(crate) mod json_ld;
mod lenient_json;
pub(crate) mod meta;
pub(crate) mod microdata;

use dom_query::Document;
use serde_json::{Map, Value};

/// All of it, by kind.
pub(crate) fn of_page(text: &str, document: &Document) -> Map<String, Value> {
    let nodes = |nodes: Vec<Map<String, Value>>| Value::Array(nodes.into_iter().map(Value::Object).collect());
    let tags = meta::of_document(document);
    let mut all = Map::new();
    all.insert("json_ld".to_owned(), Value::Array(json_ld::values_of(text)));
    all.insert("microdata".to_owned(), nodes(microdata::nodes_of(document)));
    all.insert("open_graph".to_owned(), Value::Object(tags.with_prefix("og:")));
    all.insert("twitter".to_owned(), Value::Object(tags.with_prefix("twitter:")));
    all
}
