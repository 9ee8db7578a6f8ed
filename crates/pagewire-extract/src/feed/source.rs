//! Feeds as they come, made such that the parser takes them: it stops at what real feeds do wrong.

use feed_rs::model::Feed;
use feed_rs::parser::Builder;
use memchr::memmem;
use url::Url;

use super::repair::{self, Repaired};
use super::{date, json_repair, root};

/// Deepest nesting that is read. Groups of media are read by recursion.
const DEPTH_MAX: usize = 256;

/// A feed, and whether it breaks off.
pub(super) struct Parsed {
    pub(super) feed: Feed,
    pub(super) is_cut: bool,
}

/// Reads a feed. Ids that a feed does not give are left empty: what is made up cannot be told from what is given.
pub(super) fn parse(text: &str, url: &Url) -> Option<Parsed> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('{') {
        return of_json(text, url);
    }
    let text = root::prepared(text)?;
    let whole = |feed| Parsed { feed, is_cut: false };
    if depth_of(&text) <= DEPTH_MAX && !has_loose_parts(&text) {
        let feed = attempt(&text, url).or_else(|| attempt(&mended(&text), url));
        if feed.is_some() {
            return feed.map(whole);
        }
    }
    let repaired = repair::repaired(&mended(&text));
    let feed = attempt(&repaired.text, url).or_else(|| in_parts(&repaired, url))?;
    told(feed, repaired.is_cut)
}

fn of_json(text: &str, url: &Url) -> Option<Parsed> {
    if let Some(feed) = attempt(text, url) {
        return Some(Parsed { feed, is_cut: false });
    }
    let (repaired, is_cut) = json_repair::repaired(text)?;
    told(attempt(&repaired, url)?, is_cut)
}

/// What breaks off before its first item is whole tells nothing.
fn told(feed: Feed, is_cut: bool) -> Option<Parsed> {
    (!is_cut || !feed.entries.is_empty()).then_some(Parsed { feed, is_cut })
}

/// With a parser of its own: one that has failed holds on to the item that it failed at.
fn attempt(text: &str, url: &Url) -> Option<Feed> {
    let parser = Builder::new()
        .base_uri(super::html::web_page(url))
        .id_generator(|_, _, _| String::new())
        .sanitize_content(false)
        .timestamp_parser(|text| date::read(text)?.parse().ok())
        .build();
    parser.parse(text.as_bytes()).ok()
}

/// Attempts at parts of one feed.
const PARTS_MAX: usize = 512;
/// Bytes around the items, which each attempt reads anew.
const AROUND_BYTES_MAX: usize = 64 * 1024;

/// The parser gives up a feed for one item that it does not understand. Half by half, all others are read.
fn in_parts(repaired: &Repaired, url: &Url) -> Option<Feed> {
    let (items, text) = (&repaired.items, &repaired.text);
    let (head, tail) = (&text[..items.first()?.start], &text[items.last()?.end..]);
    if head.len() + tail.len() > AROUND_BYTES_MAX {
        return None;
    }
    let mut feed = attempt(&format!("{head}{tail}"), url)?;
    let mut parts = vec![(0, items.len())];
    for _ in 0..PARTS_MAX {
        let Some((start, end)) = parts.pop() else { break };
        let part_text = &text[items[start].start..items[end - 1].end];
        if let Some(read) = attempt(&format!("{head}{part_text}{tail}"), url) {
            feed.entries.extend(read.entries);
        } else if end - start > 1 {
            let middle = start.midpoint(end);
            parts.extend([(middle, end), (start, middle)]);
        }
    }
    Some(feed)
}

/// Whether there is what the parser passes over without a word: markup in the text of an element of RSS, of which it
/// reads what stands before, and items of RSS behind their channel.
fn has_loose_parts(text: &str) -> bool {
    if !text.starts_with("<rss") {
        return false;
    }
    let behind = text.rfind("</channel").is_some_and(|end| text[end..].contains("<item"));
    behind || ["<description>", "<content:encoded>", "<title>"].iter().any(|tag| has_markup_after(text, tag))
}

fn has_markup_after(text: &str, tag: &str) -> bool {
    memmem::find_iter(text.as_bytes(), tag).any(|found| {
        let mut rest = &text[found + tag.len()..];
        while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
            let Some(data) = rest[at..].strip_prefix("<![CDATA[") else {
                return !rest[at..].starts_with("</");
            };
            let Some(end) = memmem::find(data.as_bytes(), b"]]>") else { return false };
            rest = &data[end + 3..];
        }
        false
    })
}

/// How deep elements nest, in one walk over the tags.
fn depth_of(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
        rest = &rest[at..];
        let length = if let Some(comment) = rest.strip_prefix("<!--") {
            comment.find("-->").map(|end| "<!--".len() + end)
        } else if let Some(data) = rest.strip_prefix("<![CDATA[") {
            data.find("]]>").map(|end| "<![CDATA[".len() + end)
        } else {
            let end = end_of_tag(rest);
            let tag = &rest[..end.unwrap_or(rest.len())];
            if tag.starts_with("</") {
                depth = depth.saturating_sub(1);
            } else if !tag.starts_with("<!") && !tag.starts_with("<?") && !tag.ends_with('/') {
                depth += 1;
                deepest = deepest.max(depth);
            }
            end
        };
        let Some(length) = length else { break };
        rest = &rest[length..];
    }
    deepest
}

/// Where a tag's `>` stands: not within a value.
pub(super) fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    tag.bytes().position(|byte| match (quote, byte) {
        (None, b'>') => true,
        (None, b'"' | b'\'') => {
            quote = Some(byte);
            false
        }
        (Some(open), byte) => {
            if open == byte {
                quote = None;
            }
            false
        }
        (None, _) => false,
    })
}

/// Ampersands that begin no reference are written as such, and characters that XML has no place for are left out.
/// Within character data an ampersand is one.
fn mended(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 64);
    let mut rest = text;
    loop {
        let data = memmem::find(rest.as_bytes(), b"<![CDATA[").unwrap_or(rest.len());
        push_mended(&mut out, &rest[..data], true);
        rest = &rest[data..];
        if rest.is_empty() {
            return out;
        }
        let end = memmem::find(rest.as_bytes(), b"]]>").unwrap_or(rest.len());
        push_mended(&mut out, &rest[..end], false);
        rest = &rest[end..];
    }
}

fn push_mended(out: &mut String, text: &str, has_references: bool) {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '&' || is_no_xml(c)) {
        out.push_str(&rest[..at]);
        let found = &rest[at..];
        if found.starts_with('&') {
            out.push_str(if !has_references || is_reference(found) { "&" } else { "&amp;" });
        }
        let width = found.chars().next().map_or(1, char::len_utf8);
        rest = &found[width..];
    }
    out.push_str(rest);
}

fn is_no_xml(c: char) -> bool {
    c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Longer than any name of a reference.
const REFERENCE_BYTES_MAX: usize = 40;

fn is_reference(text: &str) -> bool {
    let name = &text.as_bytes()[1..text.len().min(REFERENCE_BYTES_MAX)];
    let Some(end) = name.iter().position(|b| *b == b';') else { return false };
    match &name[..end] {
        [b'#', b'x' | b'X', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit),
        [b'#', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        name => !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_that_of_elements() {
        assert_eq!(
            depth_of("<?xml?><!DOCTYPE x><a><b c='>' d=\">\"/><b><!-- <c> --><![CDATA[<d><e>]]></b></a><a>"),
            2
        );
        assert_eq!(depth_of(&"<a>".repeat(9)), 9);
    }

    #[test]
    fn bare_ampersands_and_control_characters_are_mended() {
        assert_eq!(
            mended("a & b &amp; &nbsp; &#38; &#x26; &# &x\u{0} &é;"),
            "a &amp; b &amp; &nbsp; &#38; &#x26; &amp;# &amp;x &amp;é;"
        );
        assert_eq!(mended("&<![CDATA[a & b\u{1}]]>&"), "&amp;<![CDATA[a & b]]>&amp;");
    }
}
