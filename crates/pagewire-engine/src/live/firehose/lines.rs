//! A JSON text a line (NDJSON, JSON Lines), cut into its lines as it comes.
//!
//! A line over the cap is stepped over and said so, and costs no more memory than the cap. The end of the stream ends the
//! last line too, since whoever writes a file need not end it; but not where the stream broke off.

use bytes::{Buf as _, Bytes};
use memchr::memchr;

/// What a line end ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its end.
    Text(&'a [u8]),
    /// A line over the cap.
    TooLarge,
}

/// Bytes in, lines out.
#[derive(Debug)]
pub struct LineDecoder {
    cap: usize,
    chunk: Bytes,
    /// The beginning of a line whose end has not come.
    held: Vec<u8>,
    too_large: bool,
    /// The line given last, where it lay in one chunk.
    whole: Option<Bytes>,
    is_given: bool,
}

impl LineDecoder {
    /// A decoder for lines of at most so many bytes.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self { cap, chunk: Bytes::new(), held: Vec::new(), too_large: false, whole: None, is_given: false }
    }

    /// Takes the next bytes, once all lines of those before have been taken out.
    pub fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "bytes are left");
        self.chunk = chunk;
    }

    /// Goes to the next line that is complete; false when there is none.
    pub fn advance(&mut self) -> bool {
        self.forget_given();
        let Some(end) = memchr(b'\n', &self.chunk) else {
            let rest = std::mem::take(&mut self.chunk);
            self.grow(&rest);
            return false;
        };
        let part = self.chunk.split_to(end);
        self.chunk.advance(1);
        if self.held.is_empty() && !self.too_large && part.len() <= self.cap {
            self.whole = Some(part);
        } else {
            self.grow(&part);
        }
        self.is_given = true;
        true
    }

    /// Goes to the last line, which the end of the stream has ended; false when there is none.
    pub fn finish(&mut self) -> bool {
        self.forget_given();
        self.is_given = self.too_large || !self.held.is_empty();
        self.is_given
    }

    /// The line gone to last.
    #[must_use]
    pub fn line(&self) -> Line<'_> {
        match &self.whole {
            _ if self.too_large => Line::TooLarge,
            Some(whole) => Line::Text(whole),
            None => Line::Text(&self.held),
        }
    }

    fn grow(&mut self, part: &[u8]) {
        if self.too_large || self.held.len() + part.len() > self.cap {
            self.too_large = true;
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(part);
        }
    }

    fn forget_given(&mut self) {
        if std::mem::take(&mut self.is_given) {
            self.held.clear();
            self.whole = None;
            self.too_large = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAP: usize = 8;

    fn told(line: Line<'_>) -> Option<Vec<u8>> {
        match line {
            Line::Text(text) => Some(text.to_vec()),
            Line::TooLarge => None,
        }
    }

    /// The lines of a stream in pieces; none for one over the cap.
    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Option<Vec<u8>>> {
        let (mut decoder, mut lines) = (LineDecoder::new(CAP), Vec::new());
        for piece in pieces {
            decoder.feed(Bytes::copy_from_slice(piece));
            while decoder.advance() {
                lines.push(told(decoder.line()));
            }
        }
        if decoder.finish() {
            lines.push(told(decoder.line()));
        }
        lines
    }

    #[test]
    fn lines_are_cut_and_those_over_the_cap_stepped_over() {
        let lines = decode([&b"{}\n\n[1,2]\r\n123456789\n12345678\nlast"[..]]);
        let text = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(lines, [text("{}"), text(""), text("[1,2]\r"), None, text("12345678"), text("last")]);
        assert_eq!(decode([&b"a\n"[..]]), [text("a")], "nothing follows the last line end");
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_lines(
            stream in "[a\n]{0,60}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let stream = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&stream[from..cut]);
                from = cut;
            }
            pieces.push(&stream[from..]);
            prop_assert_eq!(decode(pieces), decode([stream]));
        }
    }
}
