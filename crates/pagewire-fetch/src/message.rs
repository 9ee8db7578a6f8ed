//! The request that a fetch makes and the response it gives, and the HTTP message that goes out for each hop.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, uri::PathAndQuery};
use pagewire_types::TargetUrl;
use url::Position;

use crate::{
    exchange::{Connection, RequestBody},
    proxy::Form,
    redirect::Hop,
};

/// What to fetch. The headers are checked already; those that belong to the connection are left out all the same.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where to.
    pub url: TargetUrl,
    /// The method.
    pub method: Method,
    /// Headers to send beside the client's own, which they replace.
    pub headers: HeaderMap,
    /// The body, if there is one.
    pub body: Option<Bytes>,
    /// What the whole attempt may take: names, connections, redirects and body.
    pub timeout: Duration,
}

impl Request {
    /// A GET without headers of its own.
    #[must_use]
    pub fn get(url: TargetUrl, timeout: Duration) -> Self {
        Self { url, method: Method::GET, headers: HeaderMap::new(), body: None, timeout }
    }
}

/// What the target answered, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The URL after all redirects.
    pub final_url: TargetUrl,
    /// The status.
    pub status: StatusCode,
    /// The `Content-Type` as sent.
    pub content_type: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, its content encodings undone.
    pub body: Bytes,
    /// The body's bytes as they came over the wire.
    pub wire_bytes: u64,
    /// Redirects followed.
    pub redirects: u8,
    /// Whether all of them said that they are for good (301, 308).
    pub redirects_are_permanent: bool,
    /// How long the target asks to wait, if it does.
    pub retry_after: Option<Duration>,
}

impl Response {
    /// Where the resource has moved for good: the redirects' end, if every one of them was a permanent one.
    #[must_use]
    pub fn moved_permanently_to(&self) -> Option<&TargetUrl> {
        (self.redirects > 0 && self.redirects_are_permanent).then_some(&self.final_url)
    }
}

/// Headers of every request that does not bring its own.
#[derive(Debug)]
pub(crate) struct Defaults {
    pub(crate) user_agent: HeaderValue,
}

const ACCEPT: HeaderValue =
    HeaderValue::from_static("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");

/// Headers that are the connection's, and so the client's alone.
pub(crate) const OF_CONNECTION: [HeaderName; 12] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The message for a hop, in the form of the connection it goes over.
pub(crate) fn message(
    hop: &Hop<'_>,
    defaults: &Defaults,
    connection: &Connection,
) -> Result<http::Request<RequestBody>, http::Error> {
    let mut headers = HeaderMap::with_capacity(hop.headers.len() + 4);
    let uri = match connection {
        Connection::Http1(connection) => {
            headers.insert(header::HOST, HeaderValue::from_str(host(&hop.url))?);
            match connection.form() {
                Form::Origin => Uri::from(path(&hop.url)?),
                Form::Absolute(authorization) => {
                    headers.extend(authorization.clone().map(|value| (header::PROXY_AUTHORIZATION, value)));
                    whole(&hop.url)?
                }
            }
        }
        Connection::Http2(_) => whole(&hop.url)?,
    };
    headers.insert(header::USER_AGENT, defaults.user_agent.clone());
    headers.insert(header::ACCEPT, ACCEPT);
    headers.insert(header::ACCEPT_ENCODING, ACCEPT_ENCODING);
    for name in hop.headers.keys() {
        if OF_CONNECTION.contains(name) {
            continue;
        }
        headers.remove(name);
        for value in hop.headers.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    if let Some(cookies) = hop.way.cookies.as_ref().and_then(|cookies| cookies.header(&hop.url)) {
        let both = join_cookies(headers.get(header::COOKIE), &cookies);
        headers.insert(header::COOKIE, both);
    }
    let mut request = http::Request::new(RequestBody::new(hop.body.clone().unwrap_or_default()));
    *request.method_mut() = hop.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The origin as text: the key of what is kept for it.
pub(crate) fn origin(url: &TargetUrl) -> &str {
    &url.as_url()[..Position::BeforePath]
}

/// Host and, unless it is the scheme's own, port.
pub(crate) fn host(url: &TargetUrl) -> &str {
    &url.as_url()[Position::BeforeHost..Position::AfterPort]
}

/// One `Cookie` header, as there is to be (RFC 6265, section 5.4): the request's own cookies before those that were kept.
fn join_cookies(own: Option<&HeaderValue>, kept: &HeaderValue) -> HeaderValue {
    let Some(own) = own.filter(|own| !own.is_empty()) else { return kept.clone() };
    let both = [own.as_bytes(), b"; ", kept.as_bytes()].concat();
    // Two header values and what may stand in one are one.
    HeaderValue::from_bytes(&both).unwrap_or_else(|_| own.clone())
}

/// The URL as a request names it where its path is not enough.
fn whole(url: &TargetUrl) -> Result<Uri, http::Error> {
    Uri::builder().scheme(url.as_url().scheme()).authority(host(url)).path_and_query(path(url)?).build()
}

/// Path and query. The URL parser leaves a few bytes alone that the HTTP library refuses; those are escaped.
pub(crate) fn path(url: &TargetUrl) -> Result<PathAndQuery, http::uri::InvalidUri> {
    let text = &url.as_url()[Position::BeforePath..Position::AfterQuery];
    match PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(text.as_bytes())) {
        Ok(path) => Ok(path),
        Err(_) => PathAndQuery::try_from(escaped(text).as_ref()),
    }
}

fn escaped(text: &str) -> Cow<'_, str> {
    let taken = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    if text.bytes().all(taken) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if taken(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(escaped)
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3); a date that is past means now.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
