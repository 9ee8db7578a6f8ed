//! WARC 1.1 records: a `response` and a `request` for each hop of a fetch, each a gzip member of its own (annex D).
//!
//! Bodies are written as they are unpacked, since that is what the digests are of and what readers want. The headers that
//! spoke of another form of the body (`content-encoding`, `transfer-encoding`, `content-length`) are kept as
//! `x-archive-orig-…`, as archives do that are read more than they are replayed.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use http::{HeaderMap, header};
use jiff::Timestamp;
use pagewire_fetch::{Exchange, Recording, Response};
use uuid::Uuid;

use crate::turns::Turns;

/// Fields of a `resource`, which has no HTTP head: the status of the page, and that a browser showed it.
pub(super) const STATUS: &str = "Pagewire-Status";
pub(super) const RENDERED: &str = "Pagewire-Rendered";

/// What an attempt at a URL leaves to be archived. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    recording: Recording,
    came: Arc<Mutex<Option<Arrival>>>,
}

/// What a fetch came to.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) response: Response,
    pub(super) at: Timestamp,
    pub(super) is_rendered: bool,
}

impl Recorder {
    /// For the client that fetches.
    pub(crate) fn recording(&self) -> Recording {
        self.recording.clone()
    }

    /// The answer that the fetch came to. What a browser shows is of no single exchange.
    pub(crate) fn came(&self, response: &Response, is_rendered: bool) {
        if is_rendered {
            drop(self.recording.take());
        }
        let arrival = Arrival { response: response.clone(), at: Timestamp::now(), is_rendered };
        *self.came.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrival);
    }

    /// The records of it; none where no answer came.
    pub(crate) async fn into_records(self, turns: &Turns) -> Option<Bytes> {
        let arrival = self.came.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let exchanges = self.recording.take();
        turns.take("archiving a page", move || records_of(&exchanges, &arrival)).await
    }
}

/// The records of a fetch that came to this answer.
pub(super) fn records_of(exchanges: &[Exchange], arrival: &Arrival) -> Bytes {
    let response = &arrival.response;
    let mut out = Vec::with_capacity(response.body.len() / 3 + 1_024);
    for (number, exchange) in (1..).zip(exchanges) {
        let is_last = number == exchanges.len();
        let body = if is_last { &response.body[..] } else { &[] };
        // Nobody reads the body of a redirect; that there was one is told.
        let is_cut = !is_last && has_body(exchange);
        let (response_id, request_id) = (Uuid::now_v7(), Uuid::now_v7());
        let at = Timestamp::try_from(exchange.at).unwrap_or_else(|_| Timestamp::now());
        Record {
            kind: "response",
            id: response_id,
            at,
            target: Some(exchange.url.as_str()),
            extra: if is_cut { &[("WARC-Truncated", "unspecified")] } else { &[] },
            content_type: "application/http; msgtype=response",
            head: response_head(exchange, body),
            payload: body,
        }
        .write(&mut out);
        let concurrent = format!("<urn:uuid:{response_id}>");
        Record {
            kind: "request",
            id: request_id,
            at,
            target: Some(exchange.url.as_str()),
            extra: &[("WARC-Concurrent-To", &concurrent)],
            content_type: "application/http; msgtype=request",
            head: request_head(exchange),
            payload: exchange.request_body.as_deref().unwrap_or_default(),
        }
        .write(&mut out);
    }
    if exchanges.is_empty() {
        // It came by another way than HTTP as this server speaks it, as a rendered page does.
        Record {
            kind: "resource",
            id: Uuid::now_v7(),
            at: arrival.at,
            target: Some(response.final_url.as_str()),
            extra: &[
                (STATUS, response.status.as_str()),
                (RENDERED, if arrival.is_rendered { "true" } else { "false" }),
            ],
            content_type: response.content_type.as_deref().unwrap_or("application/octet-stream"),
            head: Vec::new(),
            payload: &response.body,
        }
        .write(&mut out);
    }
    Bytes::from(out.into_boxed_slice())
}

/// One record of a WARC file.
pub(super) struct Record<'a> {
    pub(super) kind: &'static str,
    pub(super) id: Uuid,
    pub(super) at: Timestamp,
    pub(super) target: Option<&'a str>,
    pub(super) extra: &'a [(&'static str, &'a str)],
    pub(super) content_type: &'a str,
    /// What stands before the payload in the block.
    pub(super) head: Vec<u8>,
    pub(super) payload: &'a [u8],
}

impl Record<'_> {
    /// Appends the record, as a gzip member.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut text = format!(
            "WARC/1.1\r\nWARC-Type: {}\r\nWARC-Record-ID: <urn:uuid:{}>\r\nWARC-Date: {:.3}\r\n",
            self.kind, self.id, self.at
        );
        let length = (self.head.len() + self.payload.len()).to_string();
        let (block, payload) = (sum_of(&[&self.head, self.payload]), sum_of(&[self.payload]));
        let target = self.target.map(|target| ("WARC-Target-URI", target));
        let has_payload = self.kind != "warcinfo";
        let fields = target
            .into_iter()
            .chain(self.extra.iter().copied())
            .chain(has_payload.then_some(("WARC-Payload-Digest", payload.as_str())))
            .chain([("WARC-Block-Digest", block.as_str())]);
        let last = [("Content-Type", self.content_type), ("Content-Length", length.as_str())];
        for (name, value) in fields.chain(last) {
            // A value is one line.
            let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let start = std::mem::take(out);
        let mut member: GzEncoder<Vec<u8>> = GzBuilder::new().mtime(0).write(start, Compression::default());
        for part in [text.as_bytes(), &self.head, self.payload, b"\r\n\r\n"] {
            // Into memory: it cannot fail.
            let _ = member.write_all(part);
        }
        *out = member.finish().unwrap_or_default();
    }
}

fn sum_of(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    format!("sha256:{}", data_encoding::BASE32.encode(context.finish().as_ref()))
}

/// Whether the answer had a body, by what its head said.
fn has_body(exchange: &Exchange) -> bool {
    let is_zero = |length: &http::HeaderValue| length.as_bytes() == b"0";
    let length = exchange.headers.get(header::CONTENT_LENGTH);
    exchange.method != http::Method::HEAD && !length.is_some_and(is_zero)
}

fn request_head(exchange: &Exchange) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", exchange.method, exchange.target).into_bytes();
    if !exchange.request_headers.contains_key(header::HOST) {
        // HTTP/2 names it otherwise.
        let url = exchange.url.as_url();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        write_field(&mut head, "host", format!("{}{port}", exchange.url.host()).as_bytes());
    }
    write_fields(&mut head, &exchange.request_headers, |_| "");
    if let Some(body) = &exchange.request_body {
        write_field(&mut head, "content-length", body.len().to_string().as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn response_head(exchange: &Exchange, body: &[u8]) -> Vec<u8> {
    let reason = exchange.status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", exchange.status.as_u16()).into_bytes();
    write_fields(&mut head, &exchange.headers, |name| match name {
        "content-encoding" | "transfer-encoding" | "content-length" => "x-archive-orig-",
        _ => "",
    });
    write_field(&mut head, "content-length", body.len().to_string().as_bytes());
    head.extend_from_slice(b"\r\n");
    head
}

fn write_fields(head: &mut Vec<u8>, headers: &HeaderMap, prefix: impl Fn(&str) -> &'static str) {
    for (name, value) in headers {
        head.extend_from_slice(prefix(name.as_str()).as_bytes());
        write_field(head, name.as_str(), value.as_bytes());
    }
}

fn write_field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}
