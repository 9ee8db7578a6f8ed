//! Server-Sent Events, decoded as they arrive (WHATWG HTML, section 9.2).
//!
//! Bytes may be cut anywhere: the same bytes give the same events however they are split. An event is delivered by the
//! blank line that ends it; what was cut off before is dropped together with its id, so that a reader who resumes after
//! the last delivered id loses nothing. An event over the cap is an error, and so is a line.

use std::collections::VecDeque;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its name; `message` where the stream gave none.
    pub event: String,
    /// Its data, lines joined by `\n`.
    pub data: String,
    /// Its own id, where it has one. An id given by an earlier event is not repeated here.
    pub id: Option<String>,
}

/// What the decoder refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event over the cap.
    #[error("an event has more than {0} bytes")]
    TooLarge(usize),
    /// The stream is not UTF-8.
    #[error("the stream is not UTF-8")]
    NotUtf8,
}

/// Bytes in, events out.
#[derive(Debug)]
pub struct Decoder {
    event_bytes_max: usize,
    line: Vec<u8>,
    frame: Unfinished,
    ready: VecDeque<Frame>,
    retry_ms: Option<u64>,
    after_cr: bool,
    first_line: bool,
}

#[derive(Debug, Default)]
struct Unfinished {
    event: String,
    data: Option<String>,
    id: Option<String>,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    #[must_use]
    pub fn new(event_bytes_max: usize) -> Self {
        Self {
            event_bytes_max,
            line: Vec::new(),
            frame: Unfinished::default(),
            ready: VecDeque::new(),
            retry_ms: None,
            after_cr: false,
            first_line: true,
        }
    }

    /// Takes the next bytes. After an error the stream cannot be read on.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), SseError> {
        while !bytes.is_empty() {
            if self.after_cr {
                self.after_cr = false;
                // CR LF is one line end, even where it was cut between the two.
                if let Some(rest) = bytes.strip_prefix(b"\n") {
                    bytes = rest;
                    continue;
                }
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return self.grow(bytes);
            };
            self.grow(&bytes[..end])?;
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_line()?;
        }
        Ok(())
    }

    /// The next event that has arrived whole.
    pub fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    /// The wait before reconnecting that the stream asked for last, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    fn grow(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        let held = self.frame.data.as_ref().map_or(0, String::len);
        if held + self.line.len() + bytes.len() > self.event_bytes_max {
            return Err(SseError::TooLarge(self.event_bytes_max));
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), SseError> {
        let line = std::mem::take(&mut self.line);
        let mut text = std::str::from_utf8(&line).map_err(|_| SseError::NotUtf8)?;
        if std::mem::take(&mut self.first_line) {
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        if text.is_empty() {
            self.end_frame();
        } else {
            let (field, value) = text.split_once(':').unwrap_or((text, ""));
            self.field(field, value.strip_prefix(' ').unwrap_or(value));
        }
        self.line = line;
        self.line.clear();
        Ok(())
    }

    /// A comment is a field without a name, which like any other unknown one is passed over.
    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.frame.event),
            "data" => match &mut self.frame.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.frame.data = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => self.frame.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok().or(self.retry_ms);
            }
            _ => {}
        }
    }

    fn end_frame(&mut self) {
        let Unfinished { event, data, id } = std::mem::take(&mut self.frame);
        // A frame without data is no event.
        if let Some(data) = data {
            let event = if event.is_empty() { "message".to_owned() } else { event };
            self.ready.push_back(Frame { event, data, id });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAP: usize = 1 << 20;

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
        let mut decoder = Decoder::new(CAP);
        for piece in pieces {
            decoder.feed(piece).expect("a stream");
        }
        std::iter::from_fn(|| decoder.next_frame()).collect()
    }

    fn frame(event: &str, data: &str, id: Option<&str>) -> Frame {
        Frame { event: event.into(), data: data.into(), id: id.map(Into::into) }
    }

    #[test]
    fn events_comments_and_all_three_line_ends_are_read() {
        let stream = b"\xef\xbb\xbf: hello\n\nevent: page\ndata: {\"a\":1}\nid: 0001\n\ndata:x\r\ndata: y\r\n\r\nevent: z\rdata\r\r";
        assert_eq!(
            decode([stream.as_slice()]),
            [frame("page", "{\"a\":1}", Some("0001")), frame("message", "x\ny", None), frame("z", "", None)]
        );
    }

    #[test]
    fn a_frame_cut_off_before_its_blank_line_is_not_delivered() {
        let whole = b"event: page\ndata: 1\nid: 0001\n\n";
        for cut in 0..whole.len() {
            assert_eq!(decode([&whole[..cut]]), [], "cut after {cut} bytes");
        }
        assert_eq!(decode([whole.as_slice()]).len(), 1);
    }

    #[test]
    fn an_id_with_nul_and_a_retry_that_is_no_number_are_passed_over() {
        let mut decoder = Decoder::new(CAP);
        decoder.feed(b"retry: 20\nretry: soon\nid: 1\0\ndata: x\n\n").expect("a stream");
        assert_eq!(decoder.retry_ms(), Some(20));
        assert_eq!(decoder.next_frame(), Some(frame("message", "x", None)));
    }

    #[test]
    fn an_event_over_the_cap_is_refused_however_it_is_spread_over_lines() {
        assert_eq!(Decoder::new(8).feed(b"data: 0123456789"), Err(SseError::TooLarge(8)));
        let mut decoder = Decoder::new(16);
        decoder.feed(b"data: 01234567\n").expect("fits");
        assert_eq!(decoder.feed(b"data: 01234567\n"), Err(SseError::TooLarge(16)));
    }

    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop::sample::select(vec![
            "event: page",
            "data: {\"ü\":1}",
            "data",
            "id: 7",
            ": ping",
            "retry: 5",
            "junk",
            "\n",
            "\r",
            "\r\n",
            "\n\n",
            "\r\n\r\n",
        ]);
        prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_events(
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
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Decoder::new(64).feed(&bytes);
        }
    }
}
