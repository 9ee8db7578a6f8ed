//! Pagewire's event stream as a consumer sees it: counted cheaply while the clock runs, read in full where the content
//! is checked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use serde::Deserialize;

use crate::error::BenchError;
use crate::http::{self, Answer};

/// A line feed, `event: `, and as much of the name as tells the five events apart.
const MARK_BYTES: usize = 10;

/// What came out of a stream that was only counted.
pub(crate) struct Counted {
    /// `page` events.
    pub(crate) pages: usize,
    /// From the request to the first `page` event.
    pub(crate) first_page: Duration,
    /// From the request to the end of the body.
    pub(crate) elapsed: Duration,
}

/// Opens a stream. `parameters` are members of the request's JSON object, each followed by a comma.
pub(crate) fn open(
    server: SocketAddr,
    key: &str,
    urls: &[String],
    parameters: &str,
) -> Result<Answer, BenchError> {
    let mut body = Vec::with_capacity(urls.len() * 48 + 256);
    body.extend_from_slice(b"{");
    body.extend_from_slice(parameters.as_bytes());
    body.extend_from_slice(b"\"robots\":\"ignore\",\"urls\":[");
    for (at, url) in urls.iter().enumerate() {
        body.extend_from_slice(if at == 0 { b"\"" } else { b",\"" });
        body.extend_from_slice(url.as_bytes());
        body.push(b'"');
    }
    body.extend_from_slice(b"]}");
    let head = format!(
        "POST /v1/stream HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {key}\r\nContent-Type: \
         application/json\r\nAccept: text/event-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut answer = http::send(server, &head, &body)?;
    if answer.status != 200 {
        let mut problem = Vec::new();
        while let Some(piece) = answer.next()? {
            problem.extend_from_slice(piece);
        }
        return Err(BenchError::Contestant {
            who: "pagewire",
            detail: format!("status {}: {}", answer.status, String::from_utf8_lossy(&problem)),
        });
    }
    Ok(answer)
}

/// Runs a stream to its end, counting. Anything but a page for each URL is an error.
pub(crate) fn count(
    server: SocketAddr,
    key: &str,
    urls: &[String],
    parameters: &str,
) -> Result<Counted, BenchError> {
    let started = Instant::now();
    let mut answer = open(server, key, urls, parameters)?;
    let mut tally = Tally::new();
    let mut first_page = None;
    while let Some(piece) = answer.next()? {
        tally.take(piece);
        if first_page.is_none() && tally.pages > 0 {
            first_page = Some(started.elapsed());
        }
    }
    let elapsed = started.elapsed();
    match first_page {
        Some(first_page) if tally.pages == urls.len() && tally.ends == 1 => {
            Ok(Counted { pages: tally.pages, first_page, elapsed })
        }
        _ => Err(BenchError::Contestant {
            who: "pagewire",
            detail: format!(
                "{} pages, {} errors, {} ends of {} URLs",
                tally.pages,
                tally.errors,
                tally.ends,
                urls.len()
            ),
        }),
    }
}

/// Counts events in pieces cut anywhere, without looking at what they hold: data is one line, so a line feed before
/// `event: ` stands only where an event begins.
struct Tally {
    finder: Finder<'static>,
    /// The last bytes seen, in which a mark may have begun.
    tail: Vec<u8>,
    pages: usize,
    errors: usize,
    ends: usize,
}

impl Tally {
    fn new() -> Self {
        // As if a line had ended before the body.
        Self { finder: Finder::new(b"\nevent: "), tail: vec![b'\n'], pages: 0, errors: 0, ends: 0 }
    }

    fn take(&mut self, piece: &[u8]) {
        let seam: Vec<u8> = self.tail.iter().chain(piece.iter().take(MARK_BYTES - 1)).copied().collect();
        self.scan(&seam, self.tail.len());
        self.scan(piece, piece.len());
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(MARK_BYTES - 1)..]);
        let surplus = self.tail.len().saturating_sub(MARK_BYTES - 1);
        self.tail.drain(..surplus);
    }

    /// Counts the marks that are whole in `bytes` and begin before `bound`.
    fn scan(&mut self, bytes: &[u8], bound: usize) {
        let mut at = 0;
        while let Some(found) = self.finder.find(&bytes[at..]) {
            let mark = at + found;
            if mark >= bound {
                return;
            }
            match bytes.get(mark + 8..mark + MARK_BYTES) {
                Some(b"pa") => self.pages += 1,
                Some(b"er") => self.errors += 1,
                Some(b"en") => self.ends += 1,
                Some(_) | None => {}
            }
            at = mark + 8;
        }
    }
}

/// One event, read in full.
pub(crate) struct Event {
    /// `page`, `error`, `progress`, `warning` or `end`.
    pub(crate) name: String,
    /// Compact JSON.
    pub(crate) data: String,
}

/// What the bench looks at in a page.
#[derive(Deserialize)]
pub(crate) struct Page {
    /// The extracted fields, and the formats asked for.
    #[serde(default)]
    pub(crate) data: BTreeMap<String, serde_json::Value>,
    /// Facts about the fetch.
    pub(crate) meta: Meta,
}

/// What the bench looks at in a page's `meta`.
#[derive(Deserialize)]
pub(crate) struct Meta {
    /// Position of the URL in the request.
    pub(crate) index: usize,
    /// When the page was fetched, RFC 3339 in UTC.
    pub(crate) fetched_at: String,
}

/// Reads a stream event by event.
pub(crate) struct Events {
    answer: Answer,
    pending: Vec<u8>,
}

impl Events {
    /// Reads from where `answer` stands.
    pub(crate) fn of(answer: Answer) -> Self {
        Self { answer, pending: Vec::new() }
    }

    /// The next event; `None` at the end of the stream. Comments are passed over.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, BenchError> {
        loop {
            while let Some(end) = memchr::memmem::find(&self.pending, b"\n\n") {
                let frame: Vec<u8> = self.pending.drain(..end + 2).collect();
                let text = String::from_utf8_lossy(&frame);
                let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
                if let Some(name) = field("event: ") {
                    let data = field("data: ").unwrap_or_default().to_owned();
                    return Ok(Some(Event { name: name.to_owned(), data }));
                }
            }
            match self.answer.next()? {
                Some(piece) => self.pending.extend_from_slice(piece),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_the_same_however_the_stream_is_cut() {
        let stream = b"event: page\ndata: {\"a\":\"event: page\"}\nid: 0001\n\n: ping\n\nevent: progress\ndata: {}\n\n\
            event: error\ndata: {}\nid: 0002\n\nevent: page\ndata: {}\nid: 0003\n\nevent: end\ndata: {}\n\n";
        for size in 1..stream.len() {
            let mut tally = Tally::new();
            stream.chunks(size).for_each(|piece| tally.take(piece));
            assert_eq!((tally.pages, tally.errors, tally.ends), (2, 1, 1), "pieces of {size}");
        }
    }
}
