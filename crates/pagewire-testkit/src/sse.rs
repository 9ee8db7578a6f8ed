//! Server-Sent Events from the reader's side: a parser that holds the frame rules, and a connection that can be stopped,
//! starved and dropped.
//!
//! The rules of this API, stricter than the standard's: `event:`, then `data:` on one line, then `id:` last if there is
//! one, then a blank line. A frame that breaks them is a [`FrameFault`], and [`StreamReader`] panics with it.

use std::net::SocketAddr;

use serde_json::Value;

use crate::DEADLINE;
use crate::http::Response;
use crate::wire::{Exchange, Request};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The event's name.
    pub event: String,
    /// Its one line of data.
    pub data: String,
    /// Its id, if it has one.
    pub id: Option<String>,
}

impl Frame {
    /// The data as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error} in the data of {self:?}"))
    }

    /// Whether the event stands for a URL: a page or an error.
    #[must_use]
    pub fn is_record(&self) -> bool {
        matches!(self.event.as_str(), "page" | "error")
    }

    /// The position in the request of the URL that a record is about.
    #[must_use]
    pub fn index(&self) -> usize {
        let data = self.json();
        let index = if self.event == "page" { &data["meta"]["index"] } else { &data["index"] };
        let index = index.as_u64().unwrap_or_else(|| panic!("a record without an index: {self:?}"));
        usize::try_from(index).expect("an index is small")
    }
}

/// What a stream consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event.
    Frame(Frame),
    /// A comment line without its colon.
    Comment(String),
    /// A `retry:` hint in milliseconds.
    Retry(u64),
}

/// A breach of the frame rules, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameFault(pub String);

/// Turns bytes, cut anywhere, into items.
#[derive(Debug, Default)]
pub struct FrameParser {
    line: Vec<u8>,
    event: Option<String>,
    data: Option<String>,
    id: Option<String>,
}

impl FrameParser {
    /// Takes further bytes; gives the items that they complete.
    ///
    /// # Errors
    /// When a line breaks the frame rules.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Item>, FrameFault> {
        let mut items = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.line.pop();
                let line = String::from_utf8(std::mem::take(&mut self.line))
                    .map_err(|error| FrameFault(format!("a line is not UTF-8: {error}")))?;
                items.extend(self.line(&line)?);
            }
        }
        Ok(items)
    }

    /// Whether the bytes so far end between two frames.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.line.is_empty() && self.event.is_none() && self.data.is_none() && self.id.is_none()
    }

    fn line(&mut self, line: &str) -> Result<Option<Item>, FrameFault> {
        if line.contains('\r') {
            return Err(FrameFault(format!("a carriage return in {line:?}")));
        }
        if line.is_empty() {
            return self.end_of_frame();
        }
        if let Some(comment) = line.strip_prefix(':') {
            return Ok(Some(Item::Comment(comment.trim_start().to_owned())));
        }
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match name {
            "event" if self.event.is_none() && self.data.is_none() && self.id.is_none() => {
                self.event = Some(value.to_owned());
            }
            "data" if self.event.is_some() && self.data.is_none() && self.id.is_none() => {
                self.data = Some(value.to_owned());
            }
            "id" if self.data.is_some() && self.id.is_none() => self.id = Some(value.to_owned()),
            "retry" if self.event.is_none() => {
                let millis = value.parse().map_err(|_| FrameFault(format!("not a number: {line:?}")))?;
                return Ok(Some(Item::Retry(millis)));
            }
            _ => {
                return Err(FrameFault(format!("out of the order event, data, id: {line:?} after {self:?}")));
            }
        }
        Ok(None)
    }

    fn end_of_frame(&mut self) -> Result<Option<Item>, FrameFault> {
        match (self.event.take(), self.data.take(), self.id.take()) {
            (Some(event), Some(data), id) => Ok(Some(Item::Frame(Frame { event, data, id }))),
            // The blank line after a comment or a hint.
            (None, None, None) => Ok(None),
            (event, data, id) => Err(FrameFault(format!("an unfinished frame: {event:?} {data:?} {id:?}"))),
        }
    }
}

/// A request that opens a stream.
#[derive(Debug, Clone)]
pub struct StreamRequest {
    /// The server.
    pub address: SocketAddr,
    /// `POST`, or `GET` as an EventSource does.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers besides `host` and `content-length`.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// The socket's receive buffer (`SO_RCVBUF`, which Linux doubles). A small one makes back-pressure felt early.
    pub receive_buffer_bytes: Option<u32>,
}

impl StreamRequest {
    /// `POST path` of a JSON body with a key.
    #[must_use]
    pub fn post(address: SocketAddr, path: &str, key: &str, body: &Value) -> Self {
        let mut request = Self::bare(address, "POST", path, key);
        request.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        request.body = body.to_string().into_bytes();
        request
    }

    /// `GET path` with a key.
    #[must_use]
    pub fn get(address: SocketAddr, path: &str, key: &str) -> Self {
        Self::bare(address, "GET", path, key)
    }

    fn bare(address: SocketAddr, method: &str, path: &str, key: &str) -> Self {
        Self {
            address,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("authorization".to_owned(), format!("Bearer {key}"))],
            body: Vec::new(),
            receive_buffer_bytes: None,
        }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a receive buffer of that size.
    #[must_use]
    pub fn receive_buffer_bytes(mut self, bytes: u32) -> Self {
        self.receive_buffer_bytes = Some(bytes);
        self
    }

    /// Sends it; gives the reader whatever the status is.
    pub async fn send(&self) -> StreamReader {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = Request { method: &self.method, path: &self.path, headers: &headers, body: &self.body };
        let exchange = Exchange::open(self.address, request, self.receive_buffer_bytes).await;
        StreamReader { exchange, parser: FrameParser::default(), ready: Vec::new().into(), bytes: 0 }
    }

    /// Sends it, and panics with the problem unless the answer is an event stream.
    pub async fn open(&self) -> StreamReader {
        let reader = self.send().await;
        if reader.status() != 200 {
            let answer = reader.into_response().await;
            panic!("no stream: {} {}", answer.status, answer.text());
        }
        assert_eq!(
            reader.header("content-type").map(|value| value.starts_with("text/event-stream")),
            Some(true)
        );
        reader
    }
}

/// An open stream. It reads only when asked to: between two calls the connection is left to fill up. Dropping it drops the
/// connection.
#[derive(Debug)]
pub struct StreamReader {
    exchange: Exchange,
    parser: FrameParser,
    ready: std::collections::VecDeque<Item>,
    bytes: u64,
}

impl StreamReader {
    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.exchange.status
    }

    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.exchange.header(name)
    }

    /// Bytes of the body read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// Reads the rest as an ordinary answer: for problems.
    pub async fn into_response(mut self) -> Response {
        let mut body = Vec::new();
        loop {
            let bytes =
                tokio::time::timeout(DEADLINE, self.exchange.read(usize::MAX)).await.expect("the body ends");
            if bytes.is_empty() {
                break;
            }
            body.extend_from_slice(&bytes);
        }
        Response { status: self.exchange.status, headers: self.exchange.headers, body }
    }

    /// The next item, or `None` when the stream has ended cleanly, between two frames.
    pub async fn next_item(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            // Small reads: a reader that stops must not have taken much more than it gave.
            let bytes = tokio::time::timeout(DEADLINE, self.exchange.read(16 * 1024))
                .await
                .unwrap_or_else(|_| panic!("the stream was silent for {DEADLINE:?}"));
            if bytes.is_empty() {
                assert!(
                    self.parser.is_between_frames(),
                    "the stream ended inside a frame: {:?}",
                    self.parser
                );
                return None;
            }
            self.bytes += bytes.len() as u64;
            self.ready.extend(self.parser.push(&bytes).unwrap_or_else(|fault| panic!("{}", fault.0)));
        }
    }

    /// The next event, comments and hints passed over.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            match self.next_item().await? {
                Item::Frame(frame) => return Some(frame),
                Item::Comment(_) | Item::Retry(_) => {}
            }
        }
    }

    /// The next event of one of these names.
    pub async fn next_of(&mut self, events: &[&str]) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if events.contains(&frame.event.as_str()) {
                return Some(frame);
            }
        }
    }

    /// The next `count` events, fewer when the stream ends.
    pub async fn take(&mut self, count: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        while frames.len() < count {
            let Some(frame) = self.next().await else { break };
            frames.push(frame);
        }
        frames
    }

    /// The next `count` records (`page` or `error`), fewer when the stream ends.
    pub async fn take_records(&mut self, count: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        while frames.len() < count {
            let Some(frame) = self.next_of(&["page", "error"]).await else { break };
            frames.push(frame);
        }
        frames
    }

    /// All events up to the end of the stream.
    pub async fn read_to_end(&mut self) -> Vec<Frame> {
        self.take(usize::MAX >> 8).await
    }

    /// All whole events up to the end of the connection, however rudely it ends: for servers that are killed. A frame cut
    /// short is no event.
    pub async fn read_to_cut(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut take = |items: Vec<Item>| {
            frames.extend(items.into_iter().filter_map(|item| match item {
                Item::Frame(frame) => Some(frame),
                Item::Comment(_) | Item::Retry(_) => None,
            }));
        };
        take(self.ready.drain(..).collect());
        while let Some(bytes) = tokio::time::timeout(DEADLINE, self.exchange.read_until_cut(16 * 1024))
            .await
            .expect("the cut comes")
        {
            take(self.parser.push(&bytes).unwrap_or_else(|fault| panic!("{}", fault.0)));
        }
        frames
    }

    /// Reads on, forgetting what comes, until at least `bytes` of the body have been read in all; then drops the connection.
    /// For clients that vanish in mid-frame.
    pub async fn drop_after_bytes(mut self, bytes: u64) {
        while self.bytes < bytes {
            let most = usize::try_from(bytes - self.bytes).unwrap_or(usize::MAX);
            let read = tokio::time::timeout(DEADLINE, self.exchange.read(most)).await.expect("bytes come");
            if read.is_empty() {
                return;
            }
            self.bytes += read.len() as u64;
        }
    }

    /// Whether the server has closed the connection; waits for that until the deadline.
    pub async fn is_closed(&mut self) -> bool {
        self.exchange.is_closed().await
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, FrameParser, Item};

    #[test]
    fn a_frame_cut_at_any_byte_is_the_same_frame() {
        let text = b": open\n\nevent: page\ndata: {\"a\":1}\nid: 0001\n\nevent: end\ndata: {}\n\n";
        for cut in 0..text.len() {
            let mut parser = FrameParser::default();
            let mut items = parser.push(&text[..cut]).expect("sound");
            items.extend(parser.push(&text[cut..]).expect("sound"));
            assert_eq!(items.len(), 3, "cut at {cut}");
            assert_eq!(
                items[1],
                Item::Frame(Frame {
                    event: "page".to_owned(),
                    data: "{\"a\":1}".to_owned(),
                    id: Some("0001".to_owned())
                })
            );
            assert!(parser.is_between_frames());
        }
    }

    #[test]
    fn an_id_before_the_data_is_a_fault() {
        FrameParser::default().push(b"event: page\nid: 1\n").expect_err("id comes last");
    }

    #[test]
    fn data_on_two_lines_is_a_fault() {
        FrameParser::default().push(b"event: page\ndata: 1\ndata: 2\n").expect_err("one line");
    }
}
