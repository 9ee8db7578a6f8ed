//! Title and language, from the first tags of the document, without a tree.

use crate::dom::NodeRef;
use crate::tags::{Met, Tags};

/// Tags that are looked at; a head has far fewer.
const TAGS_MAX: usize = 400;
/// Characters of a title.
const TITLE_CHARS_MAX: usize = 1_000;
/// Bytes that a title is read from: a character and its reference are rarely longer than this allows.
const RAW_TITLE_BYTES_MAX: usize = 8 * TITLE_CHARS_MAX;

/// What the head tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) title: Option<String>,
    pub(crate) language: Option<String>,
}

pub(crate) fn read(text: &str) -> Head {
    let mut head = Head::default();
    for met in Tags::of(text).take(TAGS_MAX) {
        let Met::Start(tag) = met else { continue };
        if tag.is("html") {
            head.language =
                tag.attribute("lang").map(str::trim).filter(|lang| !lang.is_empty()).map(str::to_owned);
        } else if tag.is("title") {
            head.title = tag.raw_text.map(plain_text).filter(|title| !title.is_empty());
            break;
        } else if tag.is("body") {
            break;
        }
    }
    head
}

/// The text of a run of characters without tags: references resolved, white space folded.
pub(crate) fn plain_text(raw: &str) -> String {
    let raw = &raw[..raw.floor_char_boundary(RAW_TITLE_BYTES_MAX)];
    let folded = raw.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = if folded.contains('&') { resolve_references(&folded) } else { folded };
    if let Some((cut, _)) = text.char_indices().nth(TITLE_CHARS_MAX) {
        text.truncate(cut);
    }
    text
}

/// The parser resolves references; it is given the text as the content of an element that holds nothing else.
fn resolve_references(text: &str) -> String {
    crate::dom::parse(&format!("<title>{text}</title>"))
        .select_first("title")
        .map(NodeRef::text)
        .unwrap_or_default()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_and_language_are_read_from_the_head() {
        let head =
            read("<!doctype html><html lang=sv><head><meta charset=utf-8><title>\n A &amp; B </title>");
        assert_eq!(head, Head { title: Some("A & B".to_owned()), language: Some("sv".to_owned()) });
        assert_eq!(read("<body><title>x</title>"), Head::default());
    }
}
