//! The URL of a target: parsed once by the WHATWG URL parser, so that no second parser can read it differently.

use std::fmt;

use url::Url;

/// Longest URL taken, in bytes.
pub const URL_BYTES_MAX: usize = 16 * 1024;

/// An absolute `http` or `https` URL with a host, without user information and without a fragment.
///
/// That its address may be connected to is not known here: the target guard looks at that when it connects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetUrl(Url);

/// Why a text is not the URL of a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetUrlError {
    /// The text is longer than any URL taken.
    #[error("the URL is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// The parser refuses it.
    #[error("not an absolute URL: {0}")]
    Malformed(#[from] url::ParseError),
    /// Another scheme than http or https.
    #[error("the scheme must be http or https, not `{0}`")]
    Scheme(String),
    /// `user:password@` in the URL; it would end up in logs and records.
    #[error("user information in the URL is not allowed; send an `authorization` header instead")]
    UserInfo,
    /// No host.
    #[error("the URL has no host")]
    NoHost,
    /// Port 0 cannot be connected to.
    #[error("port 0 cannot be connected to")]
    PortZero,
}

impl TargetUrl {
    /// Parses a URL as a browser would (WHATWG URL Standard).
    pub fn parse(text: &str) -> Result<Self, TargetUrlError> {
        if text.len() > URL_BYTES_MAX {
            return Err(TargetUrlError::TooLong);
        }
        Self::check(Url::parse(text)?)
    }

    /// Resolves a reference, such as a `Location`, against this URL.
    pub fn join(&self, reference: &str) -> Result<Self, TargetUrlError> {
        if reference.len() > URL_BYTES_MAX {
            return Err(TargetUrlError::TooLong);
        }
        Self::check(self.0.join(reference)?)
    }

    fn check(mut url: Url) -> Result<Self, TargetUrlError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetUrlError::Scheme(url.scheme().chars().take(40).collect()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetUrlError::UserInfo);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(TargetUrlError::NoHost);
        }
        if url.port() == Some(0) {
            return Err(TargetUrlError::PortZero);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// The URL.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The URL as text, normalised.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host as the URL parser normalised it: a name in lower-case ASCII, or an address (IPv6 in brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_loopback_becomes_the_same_host() {
        for spelling in [
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://①②⑦.⓪.⓪.①/",
        ] {
            assert_eq!(TargetUrl::parse(spelling).expect(spelling).host(), "127.0.0.1");
        }
    }

    #[test]
    fn what_is_not_a_target_is_refused_with_its_reason() {
        assert!(
            matches!(TargetUrl::parse("ftp://example.com/"), Err(TargetUrlError::Scheme(s)) if s == "ftp")
        );
        assert_eq!(TargetUrl::parse("http://u:p@example.com/"), Err(TargetUrlError::UserInfo));
        assert_eq!(TargetUrl::parse("http://example.com:0/"), Err(TargetUrlError::PortZero));
        assert!(matches!(TargetUrl::parse("/relative"), Err(TargetUrlError::Malformed(_))));
        assert_eq!(
            TargetUrl::parse(&format!("http://a/{}", "x".repeat(URL_BYTES_MAX))),
            Err(TargetUrlError::TooLong)
        );
    }
}
