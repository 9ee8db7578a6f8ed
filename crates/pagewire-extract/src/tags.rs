//! A linear walk over the tags of a document, without a tree: for what can be had from tags alone. It keeps to the
//! HTML tokenizer where that matters here: comments, quoted attribute values, and elements whose content is no markup.

use memchr::{memchr, memmem};

/// A start tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag<'t> {
    /// The name as written.
    pub(crate) name: &'t str,
    /// What stands between the name and the closing `>`.
    attributes: &'t str,
    /// The content, for elements whose content is text: `script`, `style`, `title`, `textarea` and their like.
    pub(crate) raw_text: Option<&'t str>,
    /// Where the tag begins.
    pub(crate) start: usize,
}

impl<'t> Tag<'t> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The raw value of an attribute, character references not resolved.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'t str> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if rest.is_empty() {
                return None;
            }
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '=' | '/' | '>'))
                .map_or(rest.len(), |(at, _)| at);
            let (found, after) = rest.split_at(end);
            let after_space = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let value = if let Some(value) = after_space.strip_prefix('=') {
                let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace());
                let (value, left) = attribute_value(value);
                rest = left;
                value
            } else {
                rest = after;
                ""
            };
            if found.eq_ignore_ascii_case(name) {
                return Some(value);
            }
        }
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    match text.as_bytes().first() {
        Some(quote @ (b'"' | b'\'')) => {
            let inner = &text[1..];
            let end = memchr(*quote, inner.as_bytes()).unwrap_or(inner.len());
            (&inner[..end], inner.get(end + 1..).unwrap_or_default())
        }
        _ => {
            let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
            text.split_at(end)
        }
    }
}

/// What the walk meets.
#[derive(Debug)]
pub(crate) enum Met<'t> {
    Start(Tag<'t>),
    End(&'t str),
}

/// The tags of a document, in order.
pub(crate) struct Tags<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Tags<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Where the walk goes on: past what was met last.
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    fn skip_past(&mut self, from: usize, end: &str) {
        let rest = &self.text.as_bytes()[from..];
        self.at = memmem::find(rest, end.as_bytes()).map_or(self.text.len(), |at| from + at + end.len());
    }
}

impl<'t> Iterator for Tags<'t> {
    type Item = Met<'t>;

    fn next(&mut self) -> Option<Met<'t>> {
        let bytes = self.text.as_bytes();
        loop {
            let open = self.at + memchr(b'<', bytes.get(self.at..)?)?;
            match bytes.get(open + 1)? {
                b'!' if bytes[open..].starts_with(b"<!--") => {
                    // `<!-->` and `<!--->` are whole comments.
                    let body = open + 4;
                    if bytes[body..].starts_with(b">") || bytes[body..].starts_with(b"->") {
                        self.skip_past(body, ">");
                    } else {
                        self.skip_past(body, "-->");
                    }
                }
                b'!' | b'?' => self.skip_past(open + 1, ">"),
                b'/' if bytes.get(open + 2).is_some_and(u8::is_ascii_alphabetic) => {
                    let name = name_at(self.text, open + 2);
                    self.skip_past(open + 2, ">");
                    return Some(Met::End(name));
                }
                b'/' => self.skip_past(open + 1, ">"),
                byte if byte.is_ascii_alphabetic() => return Some(Met::Start(self.start_tag(open))),
                _ => self.at = open + 1,
            }
        }
    }
}

impl<'t> Tags<'t> {
    fn start_tag(&mut self, open: usize) -> Tag<'t> {
        let name = name_at(self.text, open + 1);
        let from = open + 1 + name.len();
        let end = tag_end(self.text.as_bytes(), from);
        self.at = (end + 1).min(self.text.len());
        let raw_text = holds_raw_text(name).then(|| self.raw_text(name));
        Tag { name, attributes: &self.text[from..end], raw_text, start: open }
    }

    /// The text up to the matching end tag, where the walk goes on.
    fn raw_text(&mut self, name: &str) -> &'t str {
        let from = self.at;
        let bytes = self.text.as_bytes();
        let mut search = from;
        while let Some(found) = memmem::find(&bytes[search..], b"</") {
            let end = search + found;
            let after = end + 2 + name.len();
            let matches = bytes.get(end + 2..after).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()))
                && bytes.get(after).is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'));
            if matches {
                self.skip_past(end, ">");
                return &self.text[from..end];
            }
            search = end + 2;
        }
        self.at = self.text.len();
        &self.text[from..]
    }
}

fn name_at(text: &str, from: usize) -> &str {
    let rest = &text[from..];
    let end =
        rest.bytes().position(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/')).unwrap_or(rest.len());
    &rest[..end]
}

/// Where the tag's `>` stands; quoted attribute values may hold others.
fn tag_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        let Some(found) = memchr::memchr3(b'>', b'"', b'\'', &bytes[at..]) else { return bytes.len() };
        let here = at + found;
        match bytes[here] {
            b'>' => return here,
            // A quote opens a value only after `=`.
            quote if bytes[from..here].trim_ascii_end().ends_with(b"=") => {
                let Some(close) = memchr(quote, &bytes[here + 1..]) else { return bytes.len() };
                at = here + 1 + close + 1;
            }
            _ => at = here + 1,
        }
    }
}

fn holds_raw_text(name: &str) -> bool {
    ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"]
        .iter()
        .any(|raw| name.eq_ignore_ascii_case(raw))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn starts(text: &str) -> Vec<(String, Option<String>)> {
        Tags::of(text)
            .filter_map(|met| match met {
                Met::Start(tag) => Some((tag.name.to_owned(), tag.raw_text.map(str::to_owned))),
                Met::End(_) => None,
            })
            .collect()
    }

    #[test]
    fn what_looks_like_a_tag_and_is_none_is_passed_over() {
        let text =
            "<!-- <script>x</script> --><a title='<b>' href=\"1>2\">1 < 2<script type=x>'<i>'</script><p>";
        let expected = [("a", None), ("script", Some("'<i>'")), ("p", None)]
            .map(|(name, raw): (&str, Option<&str>)| (name.to_owned(), raw.map(str::to_owned)));
        assert_eq!(starts(text), expected);
    }

    #[test]
    fn attributes_are_read_in_every_spelling() {
        let Some(Met::Start(tag)) = Tags::of("<META a CHARSET = utf-8 b='c d' e=\"f\"/>").next() else {
            panic!("a tag");
        };
        assert_eq!(tag.attribute("charset"), Some("utf-8"));
        assert_eq!(tag.attribute("b"), Some("c d"));
        assert_eq!(tag.attribute("e"), Some("f"));
        assert_eq!(tag.attribute("a"), Some(""));
        assert_eq!(tag.attribute("f"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_walked_to_its_end(text in "[<>/!a-c\"'= \\-é]{0,80}") {
            for met in Tags::of(&text) {
                if let Met::Start(tag) = met {
                    let _ = tag.attribute("a");
                }
            }
        }
    }
}
