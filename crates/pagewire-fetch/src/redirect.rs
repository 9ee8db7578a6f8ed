//! What a redirect makes of a request: the WHATWG Fetch Standard, "HTTP-redirect fetch".

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use pagewire_types::{TargetUrl, target_url::TargetUrlError};

use crate::{client::Way, message::origin};

/// Headers that belong to the origin they were given for.
const CREDENTIALS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Headers that speak of a body that is sent no more.
const OF_BODY: [HeaderName; 5] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_LOCATION,
    header::CONTENT_TYPE,
];

/// The request of one hop.
pub(crate) struct Hop<'a> {
    pub(crate) url: Cow<'a, TargetUrl>,
    pub(crate) method: Method,
    pub(crate) headers: Cow<'a, HeaderMap>,
    pub(crate) body: Option<Bytes>,
    pub(crate) way: Way,
}

/// Where an answer redirects to; none if it is an answer of its own.
pub(crate) fn location(status: StatusCode, headers: &HeaderMap) -> Option<Cow<'_, str>> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    headers.get(header::LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

/// Whether a redirect is for good (RFC 9110, sections 15.4.2 and 15.4.9).
pub(crate) fn is_permanent(status: StatusCode) -> bool {
    matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT)
}

impl Hop<'_> {
    /// The key of what is kept for its origin on its way.
    pub(crate) fn key(&self) -> Cow<'_, str> {
        self.way.route.key(origin(&self.url))
    }

    /// Turns the request into the one for the next hop.
    pub(crate) fn redirect(&mut self, status: StatusCode, location: &str) -> Result<(), TargetUrlError> {
        let next = self.url.join(location)?;
        if next.as_url().origin() != self.url.as_url().origin() {
            self.drop_headers(&CREDENTIALS);
        }
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::GET && self.method != Method::HEAD,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            self.drop_headers(&OF_BODY);
        }
        self.url = Cow::Owned(next);
        Ok(())
    }

    fn drop_headers(&mut self, names: &[HeaderName]) {
        for name in names {
            if self.headers.contains_key(name) {
                self.headers.to_mut().remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn hop(method: Method) -> Hop<'static> {
        let mut headers = HeaderMap::new();
        for name in CREDENTIALS.into_iter().chain([header::CONTENT_TYPE, header::ACCEPT]) {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        Hop {
            url: Cow::Owned(TargetUrl::parse("https://a.example/dir/page").expect("url")),
            method,
            headers: Cow::Owned(headers),
            body: Some(Bytes::from_static(b"body")),
            way: Way::default(),
        }
    }

    #[test]
    fn methods_change_as_browsers_change_them() {
        for (status, before, after) in [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (302, Method::PUT, Method::PUT),
            (303, Method::PUT, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (307, Method::POST, Method::POST),
            (308, Method::POST, Method::POST),
        ] {
            let mut hop = hop(before.clone());
            hop.redirect(StatusCode::from_u16(status).expect("status"), "next").expect("a target");
            assert_eq!(hop.method, after, "{status} of {before}");
            assert_eq!(hop.body.is_some(), before == after);
            assert_eq!(hop.headers.contains_key(header::CONTENT_TYPE), before == after);
            assert_eq!(hop.url.as_str(), "https://a.example/dir/next");
        }
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        for (location, kept) in [
            ("/other", true),
            ("https://a.example:443/", true),
            ("http://a.example/", false),
            ("https://a.example:8443/", false),
            ("//b.example/", false),
        ] {
            let mut hop = hop(Method::GET);
            hop.redirect(StatusCode::FOUND, location).expect("a target");
            for name in CREDENTIALS {
                assert_eq!(hop.headers.contains_key(&name), kept, "{name} to {location}");
            }
            assert!(hop.headers.contains_key(header::ACCEPT));
        }
    }

    #[test]
    fn a_redirect_to_another_scheme_leads_nowhere() {
        for location in ["file:///etc/passwd", "javascript:alert(1)", "http://u:p@b.example/"] {
            assert!(hop(Method::GET).redirect(StatusCode::FOUND, location).is_err(), "{location}");
        }
    }
}
