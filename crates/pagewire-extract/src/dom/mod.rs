//! The tree of a page, within bounds of time and memory ([`bounds`]): a page is read into the tree as far as they
//! reach, and what is beyond is read as text.
//!
//! html5ever reads; the tree ([`tree`]) is our own, since the memory of a page is mostly its nodes.

mod bounds;
mod css;
mod node;
mod sink;
mod tag;
mod tree;
mod walk;

use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{ParseOpts, parse_document};

pub(crate) use css::Matcher;
pub(crate) use html5ever::{LocalName, local_name};
pub(crate) use node::{Element, NodeData, NodeRef};
pub(crate) use tag::Tag;
pub(crate) use tree::{Document, NodeId};
pub(crate) use walk::{Visitor, walk};

use bounds::Bounds;
use sink::Sink;

/// Bytes that a table of all elements may take for each: what is measured of it, or where its text stands.
pub(crate) const ELEMENT_TABLES_BYTES: usize = 60;

/// Whether the text is a CSS selector that can be used here.
#[must_use]
pub fn is_selector(text: &str) -> bool {
    Matcher::new(text).is_ok()
}

/// Parses a page.
pub(crate) fn parse(text: &str) -> Document {
    let bounds = Bounds::of(text);
    // As without scripts: what stands in `noscript` is elements.
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let options = ParseOpts { tree_builder, ..ParseOpts::default() };
    let mut parser = parse_document(Sink::for_bytes(text.len()), options);
    let mut at = 0;
    while let Some(step) = bounds.step(at, parser.tokenizer.sink.sink.cost()) {
        let end = text.floor_char_boundary(at + step);
        parser.process(StrTendril::from(&text[at..end]));
        at = end;
    }
    if at < text.len() {
        // What has begun comes to its end, and no other tag begins.
        let next_tag = bounds::next_tag(text, at);
        parser.process(StrTendril::from(&text[at..next_tag]));
        bounds::words_after(text, next_tag, |words| parser.process(StrTendril::from(words)));
    }
    parser.finish()
}

#[cfg(test)]
impl<T: AsRef<str>> From<T> for Document {
    fn from(text: T) -> Self {
        parse(text.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cpu_clock::CpuClock;

    #[test]
    fn a_hundred_thousand_nested_tags_are_cut_and_quick() {
        let started = CpuClock::start();
        for tag in ["<div>", "<b>", "<a><div>", "<p><table><tr><td>", "<ul><li>"] {
            let text = format!("<title>t</title>{}", tag.repeat(100_000));
            assert_eq!(parse(&text).select_first("title").expect("a title").text(), "t");
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }

    #[test]
    fn a_flat_list_of_unclosed_items_is_whole() {
        let text = format!("<ul>{}</ul>", "<li>of some words".repeat(5_000));
        assert_eq!(parse(&text).select("li").len(), 5_000);
    }

    #[test]
    fn what_is_beyond_the_bounds_is_read_as_text() {
        let text =
            format!("<p>a</p>{}<i>b</i>c &amp; <p>d<script>e</script><!-- f -->", "<div>".repeat(1_000));
        let document = parse(&text);
        let words = document.root().text();
        assert_eq!(words.split_whitespace().collect::<Vec<_>>(), ["a", "bc", "&", "d"]);
        assert_eq!(document.select("i").len(), 0);
    }

    #[test]
    fn marks_that_are_opened_again_in_each_paragraph_share_their_attributes_and_stay_within_the_bounds() {
        let value = "x".repeat(1_000);
        let marks: String = (0..300).map(|n| format!("<i a{n}='{value}'>")).collect();
        let text = marks + &"<p>y".repeat(20_000);
        let document = parse(&text);
        assert!(document.cost() < 10 * text.len() + (1 << 19), "{} bytes of {}", document.cost(), text.len());
        assert_eq!(document.root().text().matches('y').count(), 20_000);
    }

    #[test]
    fn text_that_a_table_throws_out_is_kept_once() {
        let text = format!("<table>{}", "z<tr class=abcdefgh>".repeat(20_000));
        assert_eq!(parse(&text).root().text(), "z".repeat(20_000));
    }
}
