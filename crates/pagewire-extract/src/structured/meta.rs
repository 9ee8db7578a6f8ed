//! `<meta>` tags by name: OpenGraph, Twitter cards, article times and the plain ones. Where one is asked for, the first of
//! a name counts.

use std::collections::HashMap;

use crate::dom::Document;
use serde_json::{Map, Value};

/// Tags that are read at most.
const TAGS_MAX: usize = 500;

/// Contents by lower-case name, in the order of the page.
#[derive(Debug, Default)]
pub(crate) struct MetaTags {
    names: Vec<String>,
    contents: HashMap<String, Vec<String>>,
}

impl MetaTags {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// All of a name, each once.
    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.contents.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// All names that begin with a prefix, without it; an array where a name has several contents.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Map<String, Value> {
        let named = self.names.iter().filter_map(|name| Some((name.strip_prefix(prefix)?, self.all(name))));
        named
            .map(|(name, contents)| {
                let value = match contents {
                    [only] => only.clone().into(),
                    several => several.to_vec().into(),
                };
                (name.to_owned(), value)
            })
            .collect()
    }
}

pub(crate) fn of_document(document: &Document) -> MetaTags {
    let mut tags = MetaTags::default();
    for node in document.select("meta[content]").into_iter().take(TAGS_MAX) {
        let name = node.attr("property").or_else(|| node.attr("name")).or_else(|| node.attr("itemprop"));
        let (Some(name), Some(content)) = (name, node.attr("content")) else { continue };
        let (name, content) = (name.trim().to_ascii_lowercase(), content.trim());
        if name.is_empty() || content.is_empty() {
            continue;
        }
        let known = tags.contents.entry(name.clone()).or_default();
        if known.is_empty() {
            tags.names.push(name);
        }
        if !known.iter().any(|known| known == content) {
            known.push(content.to_owned());
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_of_a_name_counts_and_all_are_told() {
        let tags = of_document(&Document::from(
            "<meta property='og:image' content=' a '><meta property=OG:image content=b><meta property='og:image' content=a>\
             <meta name=og:title content=T><meta property='og:' content=x><meta name=description content=''>",
        ));
        assert_eq!((tags.get("og:image"), tags.get("description")), (Some("a"), None));
        assert_eq!(
            Value::Object(tags.with_prefix("og:")),
            json!({"image": ["a", "b"], "title": "T", "": "x"})
        );
    }
}
