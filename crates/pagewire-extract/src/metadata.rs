//! What a page says of itself in its head.

use dom_query::Document;
use serde_json::{Map, Value};
use url::Url;

use crate::links::base_of;
use crate::structured::meta;

/// The metadata of a page: what is there, under its usual name.
pub(crate) fn of_document(document: &Document, page: &Url) -> Map<String, Value> {
    let tags = meta::of_document(document);
    let first = |names: &[&str]| names.iter().find_map(|name| tags.get(name)).map(str::to_owned);
    let mut metadata = Map::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            metadata.insert(name.to_owned(), Value::String(value));
        }
    };
    let title = document.select_single("title").text();
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    put(
        "title",
        Some(title).filter(|title| !title.is_empty()).or_else(|| first(&["og:title", "twitter:title"])),
    );
    put("description", first(&["description", "og:description", "twitter:description"]));
    put("author", first(&["author", "article:author"]));
    put("published_at", first(&["article:published_time", "date", "dc.date", "pubdate"]));
    put("modified_at", first(&["article:modified_time", "og:updated_time", "last-modified"]));
    put("site_name", first(&["og:site_name", "application-name"]));
    put("keywords", first(&["keywords"]));
    put("robots", first(&["robots"]));
    put("generator", first(&["generator"]));
    let language = document.select_single("html[lang]").attr("lang").map(|lang| lang.trim().to_owned());
    put("language", language);
    let base = base_of(document, page);
    let absolute = |selector: &str| {
        let href = document.select_single(selector).attr("href")?;
        base.join(href.trim()).ok().map(String::from)
    };
    put("canonical", absolute("link[rel~=canonical][href]"));
    put("icon", absolute("link[rel~=icon][href]"));
    let feeds: Vec<Value> = document
        .select("link[rel~=alternate][type='application/rss+xml'], link[rel~=alternate][type='application/atom+xml'], link[rel~=alternate][type='application/feed+json']")
        .nodes()
        .iter()
        .filter_map(|node| base.join(node.attr("href")?.trim()).ok())
        .map(|url| Value::String(url.into()))
        .collect();
    if !feeds.is_empty() {
        metadata.insert("feeds".to_owned(), Value::Array(feeds));
    }
    for (group, prefix) in [("open_graph", "og:"), ("twitter", "twitter:")] {
        let values = tags.with_prefix(prefix);
        if !values.is_empty() {
            metadata.insert(group.to_owned(), Value::Object(values));
        }
    }
    metadata
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_head_is_told_under_the_usual_names() {
        let document = Document::from(
            "<html lang=en><head><title> T </title><meta name=Description content='D'>\
             <meta property='og:title' content='O'><meta property='og:image' content='/i.png'>\
             <link rel=canonical href='/c'><link rel=alternate type='application/rss+xml' href=feed>",
        );
        let page = Url::parse("http://site.example/a/b").expect("a url");
        assert_eq!(
            Value::Object(of_document(&document, &page)),
            json!({
                "title": "T", "description": "D", "language": "en", "canonical": "http://site.example/c",
                "feeds": ["http://site.example/a/feed"], "open_graph": {"title": "O", "image": "/i.png"},
            })
        );
    }
}
