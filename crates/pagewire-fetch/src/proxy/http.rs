//! What is said to an HTTP proxy: `CONNECT` for a tunnel (RFC 9110, section 9.3.6), and its credentials.
//!
//! A proxy that answers 200 and means something else by it, such as a page of its own, is found out: behind the head of
//! its answer nothing may come before the tunnel is used.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::address::Credentials;
use super::fault::ProxyFault;
use super::link::Link;

/// Bytes of the head of a proxy's answer.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Its lines.
const HEADERS_MAX: usize = 64;
/// Interim answers that are passed over.
const INTERIM_MAX: usize = 8;

/// What `Proxy-Authorization` says (RFC 7617).
pub(super) fn basic(credentials: &Credentials) -> Option<HeaderValue> {
    let text = BASE64_STANDARD.encode(format!("{}:{}", credentials.name, credentials.password));
    let mut value = HeaderValue::try_from(format!("Basic {text}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What a proxy says in its own name where the origin's answer was asked for, as far as it can be told from that: by the
/// status that only a proxy has, or by the header in which proxies tell of themselves.
pub(crate) fn own_answer(status: StatusCode, headers: &HeaderMap) -> Option<ProxyFault> {
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return Some(ProxyFault::Credentials);
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // RFC 9209; Squid's own; and tinyproxy's, whose name stands nowhere but in the pages that it makes itself.
    let (is_own, is_tinyproxy) = (
        header("proxy-status").contains("error=") || headers.contains_key("x-squid-error"),
        header("server").starts_with("tinyproxy"),
    );
    match status.as_u16() {
        401 if is_tinyproxy => Some(ProxyFault::Credentials),
        _ if !(is_own || is_tinyproxy) => None,
        status @ (400..500) => Some(ProxyFault::Refused(status)),
        status @ 500.. => Some(ProxyFault::TargetUnreached(status)),
        _ => None,
    }
}

/// Turns a connection to a proxy into one to `authority`, a host and its port.
pub(super) async fn connect(
    link: &mut Link,
    authority: &str,
    authorization: Option<&HeaderValue>,
) -> Result<(), ProxyFault> {
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(value) = authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    link.write_all(&request).await.map_err(|_| ProxyFault::Closed)?;
    link.flush().await.map_err(|_| ProxyFault::Closed)?;
    let mut answer = Vec::with_capacity(512);
    let mut interim = 0;
    loop {
        match Head::of(&answer)? {
            Some(head) if (100..200).contains(&head.status) && interim < INTERIM_MAX => {
                interim += 1;
                answer.drain(..head.length);
            }
            Some(head) => return head.verdict(answer.len()),
            None if answer.len() >= HEAD_BYTES_MAX => return Err(ProxyFault::HeadTooLarge),
            None => {
                let room = (HEAD_BYTES_MAX - answer.len()) as u64;
                let read = (&mut *link).take(room).read_buf(&mut answer).await;
                if read.map_err(|_| ProxyFault::Closed)? == 0 {
                    return Err(ProxyFault::Closed);
                }
            }
        }
    }
}

/// The head of an answer to `CONNECT`.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    announces_body: bool,
}

impl Head {
    /// The head, once all of it is there.
    fn of(bytes: &[u8]) -> Result<Option<Self>, ProxyFault> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(bytes) {
            Ok(httparse::Status::Partial) => Ok(None),
            Ok(httparse::Status::Complete(length)) => {
                let announces_body = response.headers.iter().any(|header| {
                    header.name.eq_ignore_ascii_case("content-length") && header.value.trim_ascii() != b"0"
                });
                Ok(Some(Self { status: response.code.unwrap_or_default(), length, announces_body }))
            }
            Err(httparse::Error::TooManyHeaders) => Err(ProxyFault::HeadTooLarge),
            Err(_) => Err(ProxyFault::Protocol),
        }
    }

    /// What the answer means, where so many bytes of it have come.
    fn verdict(&self, bytes: usize) -> Result<(), ProxyFault> {
        match self.status {
            200..300 if self.announces_body || bytes > self.length => Err(ProxyFault::Protocol),
            200..300 => Ok(()),
            401 | 407 => Err(ProxyFault::Credentials),
            status @ (500 | 502..=504) => Err(ProxyFault::TargetUnreached(status)),
            status @ 400..600 => Err(ProxyFault::Refused(status)),
            _ => Err(ProxyFault::Protocol),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(answer: &str) -> Result<(), ProxyFault> {
        Head::of(answer.as_bytes())?.expect("a whole head").verdict(answer.len())
    }

    #[test]
    fn a_tunnel_is_one_only_where_nothing_else_is_said() {
        assert_eq!(verdict("HTTP/1.1 200 Connection established\r\n\r\n"), Ok(()));
        assert_eq!(verdict("HTTP/1.0 200 OK\r\nVia: x\r\nContent-Length: 0\r\n\r\n"), Ok(()));
        for (answer, fault) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", ProxyFault::Protocol),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", ProxyFault::Protocol),
            ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", ProxyFault::Protocol),
            ("HTTP/1.1 407 No\r\n\r\n<html>", ProxyFault::Credentials),
            ("HTTP/1.1 403 Filtered\r\n\r\n", ProxyFault::Refused(403)),
            ("HTTP/1.1 503 No route\r\n\r\n", ProxyFault::TargetUnreached(503)),
        ] {
            assert_eq!(verdict(answer), Err(fault), "{answer}");
        }
        assert_eq!(Head::of(b"<html><body>"), Err(ProxyFault::Protocol));
        assert_eq!(Head::of(b"HTTP/1.1 200 O"), Ok(None));
    }

    #[test]
    fn what_a_proxy_says_in_its_own_name_is_told_from_the_origins_answer() {
        let said = |status: u16, name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]);
            own_answer(StatusCode::from_u16(status).expect("a status"), &headers)
        };
        assert_eq!(said(407, "server", "x"), Some(ProxyFault::Credentials));
        assert_eq!(said(401, "server", "tinyproxy/1.11.1"), Some(ProxyFault::Credentials));
        assert_eq!(said(500, "server", "tinyproxy/1.11.1"), Some(ProxyFault::TargetUnreached(500)));
        assert_eq!(said(403, "x-squid-error", "ERR_ACCESS_DENIED 0"), Some(ProxyFault::Refused(403)));
        assert_eq!(said(502, "proxy-status", "p; error=dns_error"), Some(ProxyFault::TargetUnreached(502)));
        for (status, name, value) in [
            (200, "server", "tinyproxy/1.11.1"),
            (401, "server", "nginx"),
            (502, "server", "nginx"),
            (502, "proxy-status", "cdn.example; received-status=502"),
        ] {
            assert_eq!(said(status, name, value), None, "{status} {value}");
        }
    }

    #[test]
    fn credentials_are_encoded_and_not_printed() {
        let credentials = Credentials { name: "Aladdin".to_owned(), password: "open sesame".to_owned() };
        let value = basic(&credentials).expect("a value");
        assert_eq!(value.as_bytes(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{value:?}{credentials:?}").contains("QWx"));
    }

    proptest! {
        #[test]
        fn whatever_a_proxy_says_is_judged_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(Some(head)) = Head::of(&bytes) {
                let _ = head.verdict(bytes.len());
            }
        }
    }
}
