//! A page as it is kept: the answer of the target, and the form that it has as a blob.
//!
//! # Format
//! `PWC1`, the head's length (4 bytes, little-endian), the head as JSON, the body, and SHA-256 over all of that. What is cut,
//! half-written or changed does not match its digest, and is no page. The body is there as it was unpacked.

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use pagewire_fetch::Response;
use pagewire_types::{ProxyType, TargetUrl};
use serde::{Deserialize, Serialize};

use crate::passage::Passed;
use crate::render::Shown;

const MAGIC: &[u8; 4] = b"PWC1";
const LENGTH_BYTES: usize = 4;
const DIGEST_BYTES: usize = 32;
/// What is beside the body, roughly: counted so that many small pages are not free.
const HEAD_BYTES_USUAL: u64 = 1 << 10;

/// A page of the cache.
#[derive(Debug)]
pub(crate) struct CachedPage {
    response: Response,
    fetched_at: Timestamp,
    passed: Passed,
    shown: Shown,
}

#[derive(Serialize, Deserialize)]
struct Head {
    final_url: String,
    status: u16,
    /// Values as Latin-1, in which every byte is a character.
    headers: Vec<(String, String)>,
    wire_bytes: u64,
    redirects: u8,
    redirects_are_permanent: bool,
    fetched_at_us: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proxy_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proxy_country: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    is_rendered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    render_reason: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    requests_refused: u64,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl CachedPage {
    pub(crate) fn new(response: Response, fetched_at: Timestamp, passed: Passed, shown: Shown) -> Self {
        // As precise as the blob is.
        let fetched_at = Timestamp::from_microsecond(fetched_at.as_microsecond()).unwrap_or(fetched_at);
        Self { response, fetched_at, passed, shown }
    }

    /// What the target answered.
    pub(crate) fn response(&self) -> &Response {
        &self.response
    }

    /// When it was fetched.
    pub(crate) fn fetched_at(&self) -> Timestamp {
        self.fetched_at
    }

    /// What it came through.
    pub(crate) fn passed(&self) -> &Passed {
        &self.passed
    }

    /// What a browser had to do with it.
    pub(crate) fn shown(&self) -> &Shown {
        &self.shown
    }

    /// What it counts in the cache.
    pub(super) fn blob_bytes(&self) -> u64 {
        self.response.body.len() as u64 + HEAD_BYTES_USUAL
    }

    /// The headers that ask the target for the page only if it is another one (RFC 9110, section 13.1). None for one that a
    /// browser has shown: what its document is named by says nothing of what scripts have made of it.
    pub(super) fn conditions(&self) -> HeaderMap {
        let mut conditions = HeaderMap::new();
        if self.shown.is_rendered {
            return conditions;
        }
        for (validator, condition) in
            [(header::ETAG, header::IF_NONE_MATCH), (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE)]
        {
            if let Some(value) = self.response.headers.get(validator) {
                conditions.insert(condition, value.clone());
            }
        }
        conditions
    }

    /// The page as a blob.
    pub(super) fn encode(&self) -> Bytes {
        let response = &self.response;
        let latin1 = |value: &HeaderValue| value.as_bytes().iter().copied().map(char::from).collect();
        let head = Head {
            final_url: response.final_url.to_string(),
            status: response.status.as_u16(),
            headers: response.headers.iter().map(|(name, value)| (name.to_string(), latin1(value))).collect(),
            wire_bytes: response.wire_bytes,
            redirects: response.redirects,
            redirects_are_permanent: response.redirects_are_permanent,
            fetched_at_us: self.fetched_at.as_microsecond(),
            proxy_type: self.passed.proxy.as_ref().map(|(kind, _)| kind.as_str().to_owned()),
            proxy_country: self.passed.country().map(str::to_owned),
            is_rendered: self.shown.is_rendered,
            render_reason: self.shown.reason.as_deref().map(str::to_owned),
            requests_refused: self.shown.requests_refused,
        };
        // Plain data with string keys always serialises.
        let head = serde_json::to_vec(&head).unwrap_or_default();
        let length = MAGIC.len() + LENGTH_BYTES + head.len() + response.body.len() + DIGEST_BYTES;
        let mut out = BytesMut::with_capacity(length);
        out.put_slice(MAGIC);
        // Headers are bounded far below 4 GiB.
        out.put_u32_le(u32::try_from(head.len()).unwrap_or(u32::MAX));
        out.put_slice(&head);
        out.put_slice(&response.body);
        let sum = digest(&SHA256, &out);
        out.put_slice(sum.as_ref());
        out.freeze()
    }

    /// The page that a blob is; none of what is not whole.
    pub(super) fn decode(blob: &Bytes) -> Option<Self> {
        let end = blob.len().checked_sub(DIGEST_BYTES)?;
        if digest(&SHA256, &blob[..end]).as_ref() != &blob[end..] {
            return None;
        }
        let rest = blob[..end].strip_prefix(MAGIC)?;
        let (length, rest) = rest.split_first_chunk::<LENGTH_BYTES>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let head: Head = serde_json::from_slice(rest.get(..length)?).ok()?;
        let body = blob.slice(end - (rest.len() - length)..end);
        let mut headers = HeaderMap::with_capacity(head.headers.len());
        for (name, value) in head.headers {
            let value: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            headers.append(name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(&value?).ok()?);
        }
        let content_type = headers.get(header::CONTENT_TYPE);
        let response = Response {
            final_url: TargetUrl::parse(&head.final_url).ok()?,
            status: StatusCode::from_u16(head.status).ok()?,
            content_type: content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            headers,
            body,
            wire_bytes: head.wire_bytes,
            redirects: head.redirects,
            redirects_are_permanent: head.redirects_are_permanent,
            retry_after: None,
        };
        let named = |name: &str| ProxyType::ALL.into_iter().find(|kind| kind.as_str() == name);
        let kind = head.proxy_type.as_deref().and_then(named).unwrap_or(ProxyType::None);
        let passed = Passed::through(kind, head.proxy_country.map(Arc::from));
        let shown = Shown {
            is_rendered: head.is_rendered,
            reason: head.render_reason.map(Cow::Owned),
            requests_refused: head.requests_refused,
        };
        let fetched_at = Timestamp::from_microsecond(head.fetched_at_us).ok()?;
        Some(Self { response, fetched_at, passed, shown })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn page(body: &'static str, headers: &[(&'static str, &[u8])]) -> CachedPage {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a value"))
            })
            .collect();
        let response = Response {
            final_url: TargetUrl::parse("http://a.example/å?b").expect("a url"),
            status: StatusCode::OK,
            content_type: headers
                .get(header::CONTENT_TYPE)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            headers,
            body: Bytes::from_static(body.as_bytes()),
            wire_bytes: 7,
            redirects: 2,
            redirects_are_permanent: true,
            retry_after: None,
        };
        let fetched_at = Timestamp::from_microsecond(1_700_000_000_123_456).expect("a time");
        let shown = Shown { is_rendered: false, reason: Some("has_text".into()), requests_refused: 3 };
        CachedPage::new(response, fetched_at, Passed::through(ProxyType::Mobile, Some("se".into())), shown)
    }

    #[test]
    fn a_page_comes_back_as_it_was_kept() {
        let headers: [(&str, &[u8]); 4] =
            [("content-type", b"text/html"), ("x-odd", b"\xe5\xff"), ("etag", b"\"1\""), ("x-odd", b"")];
        let page = page("<p>Bl\u{e5}b\u{e4}r", &headers);
        let back = CachedPage::decode(&page.encode()).expect("a page");
        assert_eq!(
            (back.fetched_at, &back.passed, &back.shown),
            (page.fetched_at, &page.passed, &page.shown)
        );
        let (a, b) = (&back.response, &page.response);
        assert_eq!((&a.body, &a.headers, &a.final_url), (&b.body, &b.headers, &b.final_url));
        assert_eq!((a.status, &a.content_type, a.redirects), (b.status, &b.content_type, b.redirects));
        assert_eq!(page.conditions().get("if-none-match").expect("a condition"), "\"1\"");
    }

    #[test]
    fn what_is_cut_or_changed_anywhere_is_no_page() {
        let blob = page("<p>Some text", &[("etag", b"\"1\"")]).encode();
        for cut in 0..blob.len() {
            assert!(CachedPage::decode(&blob.slice(..cut)).is_none(), "cut at {cut}");
            let mut changed = blob.to_vec();
            changed[cut] ^= 1;
            assert!(CachedPage::decode(&changed.into()).is_none(), "changed at {cut}");
        }
        assert!(CachedPage::decode(&blob).is_some());
    }
}
