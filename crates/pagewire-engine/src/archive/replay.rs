//! A page as it came, from the records that this server has written of it.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use pagewire_fetch::Response;
use pagewire_types::TargetUrl;

use super::warc::{RENDERED, STATUS};

/// What a page may unpack to: more than any that is fetched.
const BYTES_MAX: u64 = 2 << 30;
/// Before a field of the answer that speaks of a form that its body does not have here.
const ORIGINAL: &str = "x-archive-orig-";

/// The last answer of a fetch.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) response: Response,
    pub(crate) fetched_at: Timestamp,
    /// Whether it is as a browser showed it.
    pub(crate) is_rendered: bool,
}

/// Reads the records; none where they are not what [`super::warc::records_of`] writes.
pub(crate) fn replay(warc: &[u8]) -> Option<Replayed> {
    let mut text = Vec::new();
    MultiGzDecoder::new(warc).take(BYTES_MAX).read_to_end(&mut text).ok()?;
    let text = Bytes::from(text);
    let (mut at, mut last) = (0, None);
    let mut hops: u8 = 0;
    while at < text.len() {
        let record = Record::read(&text, at)?;
        at = record.end;
        if matches!(record.kind.as_str(), "response" | "resource") {
            hops = hops.saturating_add(1);
            last = Some(record);
        }
    }
    let record = last?;
    let redirects = hops - 1;
    match record.kind.as_str() {
        "response" => record.response(redirects),
        _ => record.resource(),
    }
}

struct Record {
    kind: String,
    /// Of a `resource`: the status of the page, and whether a browser showed it.
    status: String,
    rendered: String,
    target: String,
    at: String,
    content_type: String,
    block: Bytes,
    end: usize,
}

impl Record {
    fn read(text: &Bytes, start: usize) -> Option<Self> {
        let head_end = start + memchr::memmem::find(text.get(start..)?, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&text[start..head_end]).ok()?;
        let field = |wanted: &str| {
            let value = head.split("\r\n").find_map(|line| line.strip_prefix(wanted)?.strip_prefix(": "));
            value.unwrap_or_default().to_owned()
        };
        let length: usize = field("Content-Length").parse().ok()?;
        let (from, to) = (head_end + 4, (head_end + 4).checked_add(length)?);
        if text.get(to..to + 4)? != b"\r\n\r\n" {
            return None;
        }
        Some(Self {
            kind: field("WARC-Type"),
            status: field(STATUS),
            rendered: field(RENDERED),
            target: field("WARC-Target-URI"),
            at: field("WARC-Date"),
            content_type: field("Content-Type"),
            block: text.slice(from..to),
            end: to + 4,
        })
    }

    fn response(self, redirects: u8) -> Option<Replayed> {
        let head_end = memchr::memmem::find(&self.block, b"\r\n\r\n")?;
        let mut lines = self.block[..head_end].split(|byte| *byte == b'\n');
        let status = std::str::from_utf8(lines.next()?).ok()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let colon = memchr::memchr(b':', line)?;
            let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
            let (name, value) =
                (HeaderName::from_bytes(&line[..colon]).ok()?, HeaderValue::from_bytes(value).ok()?);
            if !name.as_str().starts_with(ORIGINAL) {
                headers.append(name, value);
            }
        }
        let content_type = headers.get(header::CONTENT_TYPE);
        let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let body = self.block.slice(head_end + 4..);
        self.replayed(status, content_type, headers, body, redirects)
    }

    fn resource(self) -> Option<Replayed> {
        let (content_type, body) = (Some(self.content_type.clone()), self.block.clone());
        self.replayed(self.status.parse().ok()?, content_type, HeaderMap::new(), body, 0)
    }

    fn replayed(
        &self,
        status: u16,
        content_type: Option<String>,
        headers: HeaderMap,
        body: Bytes,
        redirects: u8,
    ) -> Option<Replayed> {
        let response = Response {
            final_url: TargetUrl::parse(&self.target).ok()?,
            status: StatusCode::from_u16(status).ok()?,
            content_type,
            headers,
            wire_bytes: body.len() as u64,
            body,
            redirects,
            redirects_are_permanent: false,
            retry_after: None,
        };
        Some(Replayed { response, fetched_at: self.at.parse().ok()?, is_rendered: self.rendered == "true" })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::Method;
    use pagewire_fetch::Exchange;

    use super::super::warc::{Arrival, records_of};
    use super::*;

    fn exchange(url: &str, status: u16, headers: &[(&'static str, &'static str)]) -> Exchange {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Exchange {
            url: TargetUrl::parse(url).expect("a url"),
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            method: Method::GET,
            target: "/".to_owned(),
            request_headers: HeaderMap::new(),
            request_body: None,
            status: StatusCode::from_u16(status).expect("a status"),
            headers,
        }
    }

    fn arrival(body: &'static [u8]) -> Arrival {
        let response = Response {
            final_url: TargetUrl::parse("http://b.example/").expect("a url"),
            status: StatusCode::OK,
            content_type: Some("text/html; charset=iso-8859-1".to_owned()),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body),
            wire_bytes: 5,
            redirects: 1,
            redirects_are_permanent: false,
            retry_after: None,
        };
        Arrival { response, at: Timestamp::UNIX_EPOCH, is_rendered: false }
    }

    #[test]
    fn the_last_answer_of_a_fetch_comes_back_as_it_was_read() {
        let exchanges = [
            exchange(
                "http://a.example/",
                302,
                &[("location", "http://b.example/"), ("content-length", "99")],
            ),
            exchange(
                "http://b.example/",
                200,
                &[
                    ("content-type", "text/html; charset=iso-8859-1"),
                    ("content-encoding", "gzip"),
                    ("x-a", ""),
                ],
            ),
        ];
        let body: &[u8] = b"<p>Bl\xe5b\xe4r\r\n\r\nWARC/1.1\r\n\r\n";
        let back = replay(&records_of(&exchanges, &arrival(body))).expect("a page");
        assert_eq!((&back.response.body[..], back.response.redirects), (body, 1));
        assert_eq!(back.response.content_type.as_deref(), Some("text/html; charset=iso-8859-1"));
        assert_eq!(back.response.final_url.as_str(), "http://b.example/");
        assert_eq!(back.fetched_at.as_millisecond(), 1_700_000_000_123);
        assert!(!back.response.headers.contains_key("content-encoding"), "the body is unpacked");
        assert_eq!(back.response.headers["content-length"], body.len().to_string().as_str());
    }

    #[test]
    fn a_page_that_came_without_an_exchange_comes_back_too() {
        let mut shown = arrival(b"<p>Rendered");
        (shown.response.status, shown.is_rendered) = (StatusCode::IM_A_TEAPOT, true);
        let back = replay(&records_of(&[], &shown)).expect("a page");
        assert_eq!((&back.response.body[..], back.is_rendered), (&b"<p>Rendered"[..], true));
        assert_eq!((back.response.status, back.fetched_at), (StatusCode::IM_A_TEAPOT, Timestamp::UNIX_EPOCH));
        assert_eq!(back.response.content_type.as_deref(), Some("text/html; charset=iso-8859-1"));
    }

    #[test]
    fn what_is_cut_is_no_page() {
        let whole = records_of(&[exchange("http://a.example/", 200, &[])], &arrival(b"<p>Text"));
        assert!(replay(&whole).is_some());
        for cut in 0..whole.len() {
            // A member less is a record less: then it is a whole page, or none.
            drop(replay(&whole[..cut]));
        }
        assert!(replay(b"").is_none() && replay(b"nonsense").is_none());
    }
}
