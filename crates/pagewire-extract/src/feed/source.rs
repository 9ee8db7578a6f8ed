//! Feeds as they come, made such that the parser takes them: it stops at what real feeds do wrong.

use std::borrow::Cow;

use feed_rs::model::Feed;
use feed_rs::parser::Builder;
use url::Url;

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
        return attempt(text, url).map(|feed| Parsed { feed, is_cut: false });
    }
    let text = with_known_version(without_declaration(text));
    if depth_of(&text) > DEPTH_MAX {
        return None;
    }
    let feed = attempt(&text, url).or_else(|| attempt(&mended(&text), url))?;
    Some(Parsed { feed, is_cut: false })
}

/// With a parser of its own: one that has failed holds on to the item that it failed at.
fn attempt(text: &str, url: &Url) -> Option<Feed> {
    let parser = Builder::new()
        .base_uri(super::html::web_page(url))
        .id_generator(|_, _, _| String::new())
        .sanitize_content(false)
        .build();
    parser.parse(text.as_bytes()).ok()
}

/// The declaration names an encoding, which the text is not in any more.
fn without_declaration(text: &str) -> &str {
    match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

/// RSS of a version that nobody knows, or of none, is read as 2.0: all of them are the same but for additions.
fn with_known_version(text: &str) -> Cow<'_, str> {
    const KNOWN: [&str; 3] = ["2.0", "0.91", "0.92"];
    let Some(at) = text.find("<rss") else { return text.into() };
    let rest = &text[at..];
    let Some(end) = rest.find('>') else { return text.into() };
    let tag = &rest[..end];
    let value = tag.find("version").and_then(|name| {
        let after = name + "version".len();
        let quote = after + tag[after..].find(['"', '\''])?;
        let close = quote + 1 + tag[quote + 1..].find(['"', '\''])?;
        Some(quote + 1..close)
    });
    match value {
        Some(value) if KNOWN.contains(&&tag[value.clone()]) => text.into(),
        Some(value) => format!("{}2.0{}", &text[..at + value.start], &text[at + value.end..]).into(),
        None => {
            let name = at + "<rss".len();
            format!("{} version=\"2.0\"{}", &text[..name], &text[name..]).into()
        }
    }
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
fn end_of_tag(tag: &str) -> Option<usize> {
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
fn mended(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 64);
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '&' || is_no_xml(c)) {
        out.push_str(&rest[..at]);
        let found = &rest[at..];
        if found.starts_with('&') {
            out.push_str(if is_reference(found) { "&" } else { "&amp;" });
        }
        let width = found.chars().next().map_or(1, char::len_utf8);
        rest = &found[width..];
    }
    out.push_str(rest);
    out
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
    fn versions_that_nobody_knows_are_read_as_the_last() {
        for (text, known) in [
            ("<rss>", "<rss version=\"2.0\">"),
            ("<rss xmlns:a='b' version=\"2.01\" >", "<rss xmlns:a='b' version=\"2.0\" >"),
            ("<rss version='0.91'>", "<rss version='0.91'>"),
            ("<feed>", "<feed>"),
        ] {
            assert_eq!(with_known_version(text), known);
        }
    }

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
    }
}
