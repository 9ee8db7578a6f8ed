//! Server-Sent Events as an upstream sends them, decoded as they come (WHATWG HTML, section 9.2.6).
//!
//! Bytes may be cut anywhere: the same bytes give the same frames. A frame is complete with the blank line that ends it; what
//! is cut off before is dropped with its id. What is over the cap is stepped over and said so, and costs no more memory than
//! the cap: the id of such a frame still counts, so that a resume does not meet it again. The name of an event
//! (`event:`) has no meaning here.

use std::time::Duration;

use bytes::{Buf as _, Bytes};
use memchr::{memchr, memchr2};

/// An id that is longer could not be sent back in a header.
const ID_BYTES_MAX: usize = 8 << 10;

/// A longer number is none: a line over the cap is not kept to its end.
const DIGITS_MAX: usize = 20;

/// What a blank line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message.
    Message(&'a [u8]),
    /// Data over the cap.
    TooLarge,
    /// No data, but an id.
    Id,
}

/// Bytes in, frames out.
#[derive(Debug)]
pub struct SseDecoder {
    cap: usize,
    chunk: Bytes,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    is_first_line: bool,
    after_cr: bool,
    data: Vec<u8>,
    has_data: bool,
    too_large: bool,
    id: String,
    /// The id has been given since the last frame.
    id_given: bool,
    is_dispatched: bool,
    has_own_id: bool,
    retry: Option<Duration>,
}

impl SseDecoder {
    /// A decoder at the beginning of a stream, whose messages have at most so many bytes.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self {
            cap,
            chunk: Bytes::new(),
            line: Vec::new(),
            is_first_line: true,
            after_cr: false,
            data: Vec::new(),
            has_data: false,
            too_large: false,
            id: String::new(),
            id_given: false,
            is_dispatched: false,
            has_own_id: false,
            retry: None,
        }
    }

    /// Takes the next bytes, once all frames of those before have been taken out.
    pub fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "bytes are left");
        self.chunk = chunk;
    }

    /// Goes to the next frame that is complete; false when there is none.
    pub fn advance(&mut self) -> bool {
        if std::mem::take(&mut self.is_dispatched) {
            self.forget_frame();
        }
        loop {
            match self.next_line() {
                Some(Ended::Frame) => break,
                Some(Ended::Line) => {}
                None => return false,
            }
        }
        self.is_dispatched = true;
        self.has_own_id = std::mem::take(&mut self.id_given);
        true
    }

    /// The frame gone to last.
    #[must_use]
    pub fn frame(&self) -> Frame<'_> {
        match (self.too_large, self.has_data) {
            (true, _) => Frame::TooLarge,
            (false, true) => Frame::Message(&self.data),
            (false, false) => Frame::Id,
        }
    }

    /// The id that the frame gone to last brought along.
    #[must_use]
    pub fn own_id(&self) -> Option<&str> {
        self.has_own_id.then_some(&self.id)
    }

    /// The wait before reconnecting that the stream asked for last.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn next_line(&mut self) -> Option<Ended> {
        if self.after_cr && !self.chunk.is_empty() {
            self.after_cr = false;
            // CR LF is one line end, even where it was cut between the two.
            if self.chunk[0] == b'\n' {
                self.chunk.advance(1);
            }
        }
        let Some(end) = memchr2(b'\n', b'\r', &self.chunk) else {
            let rest = std::mem::take(&mut self.chunk);
            self.grow(&rest);
            return None;
        };
        let part = self.chunk.split_to(end);
        self.after_cr = self.chunk[0] == b'\r';
        self.chunk.advance(1);
        if self.line.is_empty() {
            return Some(self.end_line(&part));
        }
        self.grow(&part);
        let mut line = std::mem::take(&mut self.line);
        let ended = self.end_line(&line);
        line.clear();
        self.line = line;
        Some(ended)
    }

    /// Keeps what may become a line; past the cap only that there is one.
    fn grow(&mut self, part: &[u8]) {
        let room = (self.cap + 16).saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end_line(&mut self, line: &[u8]) -> Ended {
        let mut line = line;
        if std::mem::take(&mut self.is_first_line) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_frame();
        }
        let (field, value) = match memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => self.add_data(value),
            b"id" if !value.contains(&0) && value.len() <= ID_BYTES_MAX.min(self.cap) => {
                self.id.clear();
                self.id.push_str(&String::from_utf8_lossy(value));
                self.id_given = true;
            }
            b"retry" => self.retry = milliseconds(value).or(self.retry),
            // A comment is a field without a name, which like any other unknown one is passed over.
            _ => {}
        }
        Ended::Line
    }

    fn add_data(&mut self, value: &[u8]) {
        if self.too_large || self.data.len() + value.len() > self.cap {
            self.too_large = true;
            return;
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
    }

    fn end_frame(&mut self) -> Ended {
        if self.has_data || self.too_large || self.id_given { Ended::Frame } else { Ended::Line }
    }

    fn forget_frame(&mut self) {
        self.data.clear();
        self.has_data = false;
        self.too_large = false;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Line,
    Frame,
}

fn milliseconds(value: &[u8]) -> Option<Duration> {
    if !(1..=DIGITS_MAX).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // What overflows is as long as can be.
    let millis = std::str::from_utf8(value).ok()?.parse().unwrap_or(u64::MAX);
    Some(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAP: usize = 1 << 10;

    /// What is left of a frame: its data if it has some, and its own id.
    type Told = (Option<String>, Option<String>);

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Told>, Option<Duration>) {
        let (mut decoder, mut told) = (SseDecoder::new(CAP), Vec::new());
        for piece in pieces {
            decoder.feed(Bytes::copy_from_slice(piece));
            while decoder.advance() {
                let data = match decoder.frame() {
                    Frame::Message(data) => Some(String::from_utf8_lossy(data).into_owned()),
                    Frame::TooLarge => Some("too large".to_owned()),
                    Frame::Id => None,
                };
                told.push((data, decoder.own_id().map(str::to_owned)));
            }
        }
        (told, decoder.retry())
    }

    fn whole(stream: &[u8]) -> Vec<Told> {
        decode([stream]).0
    }

    fn message(data: &str, id: Option<&str>) -> Told {
        (Some(data.to_owned()), id.map(str::to_owned))
    }

    #[test]
    fn the_examples_of_the_standard_are_read_as_it_says() {
        assert_eq!(
            whole(b"data: YHOO\ndata: +2\ndata: 10\n\n"),
            [message("YHOO\n+2\n10", None)],
            "lines of data are joined"
        );
        assert_eq!(
            whole(b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"),
            [message("first event", Some("1")), message("second event", Some("")), message(" third event", None)],
            "an id without a value is the empty id"
        );
        assert_eq!(
            whole(b"data\n\ndata\ndata\n\ndata:"),
            [message("", None), message("\n", None)],
            "the last one has no end"
        );
        assert_eq!(
            whole(b"data:test\n\ndata: test\n\n"),
            [message("test", None), message("test", None)],
            "one space is no part of the value"
        );
    }

    #[test]
    fn all_line_ends_and_a_byte_order_mark_are_read() {
        let stream = b"\xef\xbb\xbfdata: a\r\n\r\ndata: b\r\rdata: c\n\n";
        assert_eq!(
            whole(stream).iter().map(|told| told.0.as_deref()).collect::<Vec<_>>(),
            [Some("a"), Some("b"), Some("c")]
        );
        assert_eq!(whole(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n"), [], "only one mark is a mark");
    }

    #[test]
    fn an_id_counts_without_data_and_not_with_a_nul() {
        assert_eq!(
            whole(b"id: 1\ndata: a\n\ndata: b\n\nid: 2\n\nid: 3\0\ndata: c\n\n"),
            [message("a", Some("1")), message("b", None), (None, Some("2".to_owned())), message("c", None),]
        );
    }

    #[test]
    fn a_wait_is_taken_only_as_digits() {
        assert_eq!(
            decode([&b"retry: 20\nretry: 1e3\nretry:\nretry: -1\n\n"[..]]).1,
            Some(Duration::from_millis(20))
        );
        assert_eq!(
            decode([&b"retry: 99999999999999999999\n"[..]]).1,
            Some(Duration::from_millis(u64::MAX)),
            "no overflow"
        );
    }

    #[test]
    fn what_is_over_the_cap_is_stepped_over_however_it_is_spread_and_its_id_counts() {
        let line = "x".repeat(CAP + 1);
        let half = "x".repeat(CAP / 2 + 1);
        for data in [format!("data: {line}\n"), format!("data: {half}\ndata: {half}\ndata: {line}\n")] {
            let stream = format!("id: 7\n{data}\ndata: next\n\n");
            let expected = [message("too large", Some("7")), message("next", None)];
            assert_eq!(whole(stream.as_bytes()), expected);
            let pieces = stream.as_bytes().chunks(100);
            assert_eq!(decode(pieces).0, expected);
        }
        let comment = format!(": {line}{line}\ndata: a\n\n");
        assert_eq!(whole(comment.as_bytes()), [message("a", None)], "a comment is no message");
    }

    #[test]
    fn memory_stays_near_the_cap_whatever_comes() {
        let mut decoder = SseDecoder::new(CAP);
        for _ in 0..1_000 {
            decoder.feed(Bytes::from_static(&[b'x'; 4096]));
            assert!(!decoder.advance());
            assert!(decoder.line.capacity() <= 4 * CAP);
        }
    }

    #[test]
    fn a_frame_without_its_end_is_not_given() {
        let stream = b"id: 1\ndata: 1\n\n";
        for cut in 0..stream.len() {
            assert_eq!(whole(&stream[..cut]), [], "cut after {cut} bytes");
        }
    }

    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let long = "y".repeat(CAP);
        let pieces = prop::sample::select(vec![
            "\u{feff}".to_owned(),
            "event: page".to_owned(),
            "data: {\"ü\":1}".to_owned(),
            "data".to_owned(),
            "id: 7".to_owned(),
            "id".to_owned(),
            ": ping".to_owned(),
            "retry: 5".to_owned(),
            format!("data:{long}"),
            long,
            "\n".to_owned(),
            "\r".to_owned(),
            "\r\n".to_owned(),
            "\n\n".to_owned(),
            "\r\n\r\n".to_owned(),
        ]);
        prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_frames(
            stream in streams(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&stream[from..cut]);
                from = cut;
            }
            pieces.push(&stream[from..]);
            prop_assert_eq!(decode(pieces), decode([stream.as_slice()]));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            decode(bytes.chunks(7));
        }
    }
}
