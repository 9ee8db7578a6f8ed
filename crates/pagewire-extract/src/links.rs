//! The links of a page: absolute, each once, in the order of the page.

use std::collections::HashSet;

use crate::dom::Document;
use serde::Serialize;
use url::Url;

/// Links that are given at most.
const LINKS_MAX: usize = 20_000;
/// Characters of a link's text.
const TEXT_CHARS_MAX: usize = 500;

/// One link.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Link {
    url: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rel: Option<String>,
    internal: bool,
}

/// The base that relative links stand on: the first `<base href>`, or the page itself.
pub(crate) fn base_of(document: &Document, url: &Url) -> Url {
    document
        .select_first("base[href]")
        .and_then(|node| node.attr("href"))
        .and_then(|href| url.join(href.trim()).ok())
        .filter(|base| matches!(base.scheme(), "http" | "https"))
        .unwrap_or_else(|| url.clone())
}

pub(crate) fn of_document(document: &Document, page: &Url) -> Vec<Link> {
    let base = base_of(document, page);
    let mut seen = HashSet::new();
    let mut links = Vec::new();
    for node in document.select("a[href], area[href]") {
        let Some(href) = node.attr("href") else { continue };
        let href = href.trim();
        if href.is_empty() || href.starts_with('#') {
            continue;
        }
        let Ok(mut url) = base.join(href) else { continue };
        if !matches!(url.scheme(), "http" | "https") {
            continue;
        }
        url.set_fragment(None);
        let internal = url.host_str() == page.host_str();
        let url = String::from(url);
        if !seen.insert(url.clone()) {
            continue;
        }
        let text = node.text();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.chars().take(TEXT_CHARS_MAX).collect();
        let rel = node.attr("rel").map(|rel| rel.trim().to_owned()).filter(|rel| !rel.is_empty());
        links.push(Link { url, text, rel, internal });
        if links.len() == LINKS_MAX {
            break;
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_absolute_and_each_stands_once() {
        let document = Document::from(
            "<base href=/shop/><a href=a rel=nofollow> A  a</a><a href='a#x'>again</a><a href='javascript:x'>no</a>\
             <a href='//other.example/b'>B</a><a href='#top'>top</a>",
        );
        let page = Url::parse("http://site.example/x/").expect("a url");
        let links = of_document(&document, &page);
        let told: Vec<(&str, &str, bool)> =
            links.iter().map(|link| (link.url.as_str(), link.text.as_str(), link.internal)).collect();
        assert_eq!(
            told,
            [("http://site.example/shop/a", "A a", true), ("http://other.example/b", "B", false)]
        );
        assert_eq!(links[0].rel.as_deref(), Some("nofollow"));
    }
}
