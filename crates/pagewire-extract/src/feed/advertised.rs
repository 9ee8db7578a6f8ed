//! The feeds that a page leads to: `<link rel="alternate">` with the type of a feed (RSS Advisory Board, "RSS
//! Autodiscovery"; the WHATWG's link type `alternate`), and links in its text whose address is plainly a feed's.

use url::Url;

use super::body::FeedLink;
use crate::head::plain_text;
use crate::tags::{Met, Tag, Tags};

/// Feeds that are told of one page.
const LINKS_MAX: usize = 20;
/// Tags that are looked at.
const TAGS_MAX: usize = 20_000;

const TYPES: &[&str] = &[
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
    "application/rdf+xml",
    "application/x.atom+xml",
    "application/json+feed",
];

/// The feeds, those of the head first.
pub(super) fn links(page: &str, url: &Url) -> Vec<FeedLink> {
    let (mut links, mut in_text) = (Vec::new(), Vec::new());
    let mut base = url.clone();
    for met in Tags::of(page).take(TAGS_MAX) {
        let Met::Start(tag) = met else { continue };
        if tag.is("base")
            && let Some(own) = tag.attribute("href").and_then(|href| url.join(plain_text(href).trim()).ok())
        {
            base = own;
        } else if tag.is("link") && is_alternate(&tag) && has_type_of_a_feed(&tag) {
            push(&mut links, &tag, &base, "title");
        } else if tag.is("a") && is_named_like_a_feed(&tag) {
            push(&mut in_text, &tag, &base, "title");
        }
    }
    for link in in_text {
        if links.len() < LINKS_MAX && !links.iter().any(|known: &FeedLink| known.url == link.url) {
            links.push(link);
        }
    }
    links
}

fn push(links: &mut Vec<FeedLink>, tag: &Tag<'_>, base: &Url, title: &str) {
    let Some(href) = tag.attribute("href").map(plain_text) else { return };
    let Some(url) = super::html::absolute(Some(base), &href) else { return };
    if links.len() < LINKS_MAX && !links.iter().any(|known| known.url == url) {
        let title = tag.attribute(title).map(plain_text).filter(|title| !title.is_empty());
        links.push(FeedLink { url, title });
    }
}

fn is_alternate(tag: &Tag<'_>) -> bool {
    let rels = tag.attribute("rel").unwrap_or_default();
    rels.split_ascii_whitespace()
        .any(|rel| rel.eq_ignore_ascii_case("alternate") || rel.eq_ignore_ascii_case("feed"))
}

fn has_type_of_a_feed(tag: &Tag<'_>) -> bool {
    let essence = tag.attribute("type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    TYPES.iter().any(|of| essence.eq_ignore_ascii_case(of))
}

/// By the last part of its path: `/feed`, `/rss.xml`, `/index.atom`.
fn is_named_like_a_feed(tag: &Tag<'_>) -> bool {
    let href = tag.attribute("href").unwrap_or_default();
    let path = href.split(['?', '#']).next().unwrap_or_default().trim().trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    matches!(
        name.as_str(),
        "feed" | "rss" | "atom" | "feed.xml" | "feed.json" | "rss.xml" | "atom.xml" | "index.rdf"
    ) || name.ends_with(".rss")
        || name.ends_with(".atom")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<String> {
        let url = Url::parse("https://s.example/a/b").expect("a url");
        links(page, &url).into_iter().map(|link| link.url).collect()
    }

    #[test]
    fn alternates_of_the_head_come_before_links_in_the_text() {
        let page = "<a href='/blog/feed/'>x</a><link rel='ALTERNATE home' type='application/RSS+xml; charset=x' href='c.xml?a=1&amp;b=2'>\
                    <link rel=alternate type=application/feed+json href=/f.json><link rel=alternate hreflang=de href=/de>\
                    <link rel=stylesheet type=application/rss+xml href=/no><a href='javascript:rss'>y</a><a href='/c.rss'>z</a>\
                    <!-- <link rel=alternate type=application/atom+xml href=/hidden> -->";
        assert_eq!(
            found(page),
            [
                "https://s.example/a/c.xml?a=1&b=2",
                "https://s.example/f.json",
                "https://s.example/blog/feed/",
                "https://s.example/c.rss"
            ]
        );
    }

    #[test]
    fn addresses_stand_on_the_pages_base_and_each_is_told_once() {
        let link = "<link rel=alternate type=application/rss+xml href=x.xml>";
        assert_eq!(found(&format!("<base href=/base/>{link}{link}")), ["https://s.example/base/x.xml"]);
        assert_eq!(found(&"<a href=/1.rss>".replace('1', "n").repeat(50_000)).len(), 1);
    }
}
