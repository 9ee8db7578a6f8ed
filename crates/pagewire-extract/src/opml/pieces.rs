//! Cuts a document into tags and what is between them.
//!
//! `<` may stand nowhere in a tag (XML 1.0, section 2.3), not even quoted; so one that comes before a tag's end begins the
//! next tag, and what is before it is broken. A comment, a declaration or a section that does not end ends the document.

use memchr::{memchr, memchr_iter, memchr2};

/// A piece of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// What is between `<` and `>`.
    Tag(&'t str),
    /// Text that is more than white space.
    Text,
    /// A tag that does not end.
    Broken,
}

/// The pieces of a document, each with the line that it begins on.
pub(super) struct Pieces<'t> {
    text: &'t str,
    at: usize,
    line: u64,
    counted_to: usize,
}

/// What is passed over: how it begins, and how it ends.
const PASSED_OVER: [(&str, &str); 3] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];

impl<'t> Pieces<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, at: 0, line: 1, counted_to: 0 }
    }

    /// The line of a place that is no earlier than the last one asked for.
    fn line_of(&mut self, at: usize) -> u64 {
        let newlines = memchr_iter(b'\n', &self.text.as_bytes()[self.counted_to..at]).count();
        self.counted_to = at;
        self.line += newlines as u64;
        self.line
    }

    /// Goes behind what is passed over, if that stands here. `Some(false)` where it does not end.
    fn pass_over(&mut self) -> Option<bool> {
        let rest = &self.text[self.at..];
        let end = if let Some((begin, end)) = PASSED_OVER.iter().find(|(begin, _)| rest.starts_with(begin)) {
            rest[begin.len()..].find(end).map(|found| begin.len() + found + end.len())
        } else if rest.starts_with("<!") {
            end_of_declaration(rest)
        } else {
            return None;
        };
        self.at = end.map_or(self.text.len(), |end| self.at + end);
        Some(end.is_some())
    }

    fn tag(&mut self) -> Piece<'t> {
        let begin = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut quote = None;
        for (at, byte) in bytes.iter().enumerate().skip(begin) {
            match (byte, quote) {
                (b'<', _) => {
                    self.at = at;
                    return Piece::Broken;
                }
                (b'>', None) => {
                    self.at = at + 1;
                    return Piece::Tag(&self.text[begin..at]);
                }
                (b'"' | b'\'', None) => quote = Some(*byte),
                (byte, Some(open)) if *byte == open => quote = None,
                _ => {}
            }
        }
        self.at = bytes.len();
        Piece::Broken
    }
}

/// The end of a document type, whose declarations may stand in brackets.
fn end_of_declaration(rest: &str) -> Option<usize> {
    let first = memchr2(b'>', b'[', rest.as_bytes())?;
    if rest.as_bytes()[first] == b'>' {
        return Some(first + 1);
    }
    let close = first + memchr(b']', &rest.as_bytes()[first..])?;
    Some(close + memchr(b'>', &rest.as_bytes()[close..])? + 1)
}

impl<'t> Iterator for Pieces<'t> {
    type Item = (u64, Piece<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.text.len() {
            let begin = self.at;
            let rest = &self.text[begin..];
            if !rest.starts_with('<') {
                let length = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
                self.at += length;
                let text = &rest[..length];
                let blank = text.len() - text.trim_start().len();
                if blank < length {
                    return Some((self.line_of(begin + blank), Piece::Text));
                }
                continue;
            }
            match self.pass_over() {
                Some(true) => {}
                Some(false) => return Some((self.line_of(begin), Piece::Broken)),
                None => {
                    let piece = self.tag();
                    return Some((self.line_of(begin), piece));
                }
            }
        }
        None
    }
}
