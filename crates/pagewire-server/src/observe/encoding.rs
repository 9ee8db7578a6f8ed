//! Events as text: Server-Sent Events (WHATWG HTML, section 9.2) or NDJSON, chosen by `Accept`.
//!
//! Lines stand in the order `event`, `data`, `id`, then the blank line. The id comes last because several clients take
//! it over as soon as they read it: were it first, a connection cut inside the frame would lose the event.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, header};

/// The two forms of an event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `text/event-stream`
    Sse,
    /// `application/x-ndjson`: one object `{event, id, data}` a line.
    Ndjson,
}

impl Encoding {
    /// What the client accepts: NDJSON where it is named, Server-Sent Events otherwise.
    #[must_use]
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let wants_ndjson =
            headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| {
                value.split(',').any(|item| {
                    let essence = item.split(';').next().unwrap_or_default().trim();
                    essence.eq_ignore_ascii_case("application/x-ndjson")
                        || essence.eq_ignore_ascii_case("application/jsonl")
                })
            });
        if wants_ndjson { Self::Ndjson } else { Self::Sse }
    }

    /// The media type of the answer.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// What the end of a stream on this server's side tells clients to wait before they come back.
const RECONNECT_MS: u64 = 1_000;
/// Bodies from this size on are passed on as they are; smaller ones are copied together.
const SHARED_BYTES_MIN: usize = 16 * 1024;

/// Frames on their way to one connection: a few large pieces rather than many small ones.
#[derive(Debug)]
pub struct FrameWriter {
    encoding: Encoding,
    pieces: Vec<Bytes>,
    tail: BytesMut,
}

impl FrameWriter {
    /// A writer with nothing in it.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, pieces: Vec::new(), tail: BytesMut::new() }
    }

    /// The form that it writes.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// An event. `data` is one line of JSON.
    pub fn event(&mut self, name: &str, data: &Bytes, id: Option<&str>) {
        debug_assert!(!data.contains(&b'\n'), "event data is one line of JSON");
        match self.encoding {
            Encoding::Sse => {
                self.text(&["event: ", name, "\ndata: "]);
                self.data(data);
                match id {
                    Some(id) => self.text(&["\nid: ", id, "\n\n"]),
                    None => self.text(&["\n\n"]),
                }
            }
            Encoding::Ndjson => {
                self.text(&["{\"event\":\"", name, "\""]);
                if let Some(id) = id {
                    self.text(&[",\"id\":\"", id, "\""]);
                }
                self.text(&[",\"data\":"]);
                self.data(data);
                self.text(&["}\n"]);
            }
        }
    }

    /// Frames that were written before, and are shared by those who read them.
    pub fn shared(&mut self, frames: Bytes) {
        let is_first = self.pieces.is_empty() && self.tail.is_empty();
        if is_first || frames.len() >= SHARED_BYTES_MIN {
            self.cut();
            self.pieces.push(frames);
        } else {
            self.tail.put_slice(&frames);
        }
    }

    /// A sign of life that is no event: a comment, or an empty line.
    pub fn comment(&mut self, text: &str) {
        match self.encoding {
            Encoding::Sse => self.text(&[": ", text, "\n\n"]),
            Encoding::Ndjson => self.text(&["\n"]),
        }
    }

    /// A hint when to reconnect. NDJSON has no such thing.
    pub fn retry_hint(&mut self, millis: u64) {
        if self.encoding == Encoding::Sse {
            self.text(&["retry: ", &millis.to_string(), "\n\n"]);
        }
    }

    /// A comment for whoever reads the bytes, and a hint to come back soon: the stream ends on this server's side.
    pub fn come_back(&mut self, comment: &str) {
        self.comment(comment);
        self.retry_hint(RECONNECT_MS);
    }

    /// The pieces written so far, in order.
    #[must_use]
    pub fn take(&mut self) -> Vec<Bytes> {
        self.cut();
        std::mem::take(&mut self.pieces)
    }

    fn text(&mut self, parts: &[&str]) {
        for part in parts {
            self.tail.put_slice(part.as_bytes());
        }
    }

    fn data(&mut self, data: &Bytes) {
        if data.len() < SHARED_BYTES_MIN {
            self.tail.put_slice(data);
        } else {
            self.cut();
            self.pieces.push(data.clone());
        }
    }

    fn cut(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn written(encoding: Encoding, write: impl FnOnce(&mut FrameWriter)) -> String {
        let mut frames = FrameWriter::new(encoding);
        write(&mut frames);
        String::from_utf8(frames.take().concat()).expect("utf-8")
    }

    #[test]
    fn a_frame_ends_with_its_id() {
        let frame =
            written(Encoding::Sse, |frames| frames.event("page", &Bytes::from_static(b"{}"), Some("0042")));
        assert_eq!(frame, "event: page\ndata: {}\nid: 0042\n\n");
        let frame =
            written(Encoding::Sse, |frames| frames.event("progress", &Bytes::from_static(b"{}"), None));
        assert_eq!(frame, "event: progress\ndata: {}\n\n");
    }

    #[test]
    fn a_line_of_ndjson_is_one_object() {
        let line = written(Encoding::Ndjson, |frames| {
            frames.event("page", &Bytes::from_static(b"{\"a\":1}"), Some("0007"));
        });
        assert_eq!(line, "{\"event\":\"page\",\"id\":\"0007\",\"data\":{\"a\":1}}\n");
    }

    #[test]
    fn ndjson_is_taken_where_it_is_named() {
        let mut headers = HeaderMap::new();
        assert_eq!(Encoding::negotiate(&headers), Encoding::Sse);
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html, application/x-ndjson;q=0.9"));
        assert_eq!(Encoding::negotiate(&headers), Encoding::Ndjson);
    }

    proptest! {
        #[test]
        fn pieces_joined_are_the_frames_whatever_the_sizes(sizes in prop::collection::vec(0_usize..40_000, 0..12)) {
            let bodies: Vec<Bytes> = sizes.iter().map(|size| Bytes::from(vec![b'x'; *size])).collect();
            let all = written(Encoding::Sse, |frames| {
                for (body, id) in bodies.iter().zip(1_u64..) {
                    frames.event("page", body, Some(&format!("{id:04}")));
                }
            });
            let expected: String = bodies.iter().zip(1_u64..).map(|(body, id)| {
                format!("event: page\ndata: {}\nid: {id:04}\n\n", String::from_utf8_lossy(body))
            }).collect();
            prop_assert_eq!(all, expected);
        }
    }
}
