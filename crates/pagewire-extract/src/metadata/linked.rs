//! What the head links to: the canonical address, icons, feeds, the page in other languages.

use crate::dom::{Document, NodeRef};
use serde_json::{Map, Value};
use url::Url;

/// Links of a kind that are told.
const LINKS_MAX: usize = 100;
/// Characters of an address; no browser takes many more.
const URL_CHARS_MAX: usize = 4_096;
/// Characters of what is said of a link.
const WORDS_CHARS_MAX: usize = 300;
const FEEDS: [&str; 5] = [
    "application/rss+xml",
    "application/atom+xml",
    "application/rdf+xml",
    "application/feed+json",
    "application/json+feed",
];

/// The `<link>` elements of a page, read once.
#[derive(Debug, Default)]
pub(super) struct Linked {
    pub(super) canonical: Option<String>,
    pub(super) icons: Vec<Value>,
    pub(super) feeds: Vec<Value>,
    pub(super) alternates: Vec<Value>,
}

impl Linked {
    pub(super) fn of(document: &Document, base: &Url) -> Self {
        let mut linked = Self::default();
        for node in document.select("link[rel][href]").into_iter().take(10 * LINKS_MAX) {
            let rel = node.attr("rel").unwrap_or_default().to_ascii_lowercase();
            let Some(url) = node.attr("href").and_then(|href| absolute(base, href)) else { continue };
            let is = |word: &str| rel.split_ascii_whitespace().any(|found| found == word);
            if is("canonical") && linked.canonical.is_none() {
                linked.canonical = Some(url);
            } else if rel.contains("icon") && !is("preload") {
                add(&mut linked.icons, &node, url, &["rel", "sizes", "type"]);
            } else if is("alternate") && !is("stylesheet") {
                linked.add_alternate(&node, url);
            }
        }
        linked
    }

    fn add_alternate(&mut self, node: &NodeRef<'_>, url: String) {
        let media_type = node.attr("type").unwrap_or_default().to_ascii_lowercase();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if FEEDS.contains(&essence) {
            add(&mut self.feeds, node, url, &["title", "type"]);
        } else if node.has_attr("hreflang") {
            add(&mut self.alternates, node, url, &["hreflang"]);
        }
    }
}

/// An address that a browser would fetch.
pub(super) fn absolute(base: &Url, href: &str) -> Option<String> {
    let href = href.trim();
    if href.is_empty() || href.len() > URL_CHARS_MAX {
        return None;
    }
    let url = base.join(href).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// Each address once, with the attributes that it has.
fn add(links: &mut Vec<Value>, node: &NodeRef<'_>, url: String, attributes: &[&str]) {
    if links.len() >= LINKS_MAX || links.iter().any(|known| known["url"] == url.as_str()) {
        return;
    }
    let mut link = Map::new();
    link.insert("url".to_owned(), url.into());
    for name in attributes {
        if let Some(value) = node.attr(name).filter(|value| !value.trim().is_empty()) {
            let value: String = value.trim().chars().take(WORDS_CHARS_MAX).collect();
            link.insert((*name).to_owned(), value.into());
        }
    }
    links.push(Value::Object(link));
}
