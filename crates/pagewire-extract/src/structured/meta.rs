//! `<meta>` tags by name: OpenGraph, Twitter cards, article times and the plain ones. The first of a name counts.

use dom_query::Document;
use serde_json::{Map, Value};

/// Tags that are read at most.
const TAGS_MAX: usize = 500;

/// Contents by lower-case name.
#[derive(Debug, Default)]
pub(crate) struct MetaTags(Vec<(String, String)>);

impl MetaTags {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, content)| content.as_str())
    }

    /// All names that begin with a prefix, without it.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Map<String, Value> {
        self.0
            .iter()
            .filter_map(|(name, content)| {
                Some((name.strip_prefix(prefix)?.to_owned(), content.clone().into()))
            })
            .collect()
    }
}

pub(crate) fn of_document(document: &Document) -> MetaTags {
    let mut tags = MetaTags::default();
    for node in document.select("meta[content]").nodes().iter().take(TAGS_MAX) {
        let name = node.attr("property").or_else(|| node.attr("name")).or_else(|| node.attr("itemprop"));
        let (Some(name), Some(content)) = (name, node.attr("content")) else { continue };
        let (name, content) = (name.trim().to_ascii_lowercase(), content.trim());
        if !name.is_empty() && !content.is_empty() && tags.get(&name).is_none() {
            tags.0.push((name, content.to_owned()));
        }
    }
    tags
}
