//! A proxy's URL, taken apart: `http://`, `https://`, `socks5://` and `socks5h://`, with or without credentials.
//!
//! What is wrong with one is said without repeating it: it may hold a password.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// Bytes of a name, and of a password (RFC 1929, section 2).
const CREDENTIAL_BYTES_MAX: usize = 255;

/// What is spoken to a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// HTTP over TCP.
    Http,
    /// HTTP over TLS.
    Https,
    /// SOCKS5, with names looked up here.
    Socks5,
    /// SOCKS5, with names looked up by the proxy.
    Socks5h,
}

/// Who is asked for by name and password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// Where a proxy is and what it wants to hear.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
}

/// Why a text is no proxy's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyUrlError {
    /// Another scheme, or none.
    #[error("it does not begin with http://, https://, socks5:// or socks5h://")]
    Scheme,
    /// No host, or what is none.
    #[error("it has no host that can be connected to")]
    Host,
    /// More than scheme, credentials, host and port.
    #[error("it has a path, a query or a fragment")]
    Beyond,
    /// Credentials that cannot be sent.
    #[error("its name and password must be text of at most 255 bytes, without control characters")]
    Credentials,
}

impl Scheme {
    fn of(name: &str) -> Option<Self> {
        [("http", Self::Http), ("https", Self::Https), ("socks5", Self::Socks5), ("socks5h", Self::Socks5h)]
            .into_iter()
            .find_map(|(known, scheme)| name.eq_ignore_ascii_case(known).then_some(scheme))
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

impl ProxyUrl {
    /// Host and port, to see whether it takes connections.
    #[must_use]
    pub fn address(&self) -> (String, u16) {
        let host = match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        (host, self.port)
    }

    /// The same proxy, with `name:password` if it has none.
    pub fn or_credentials(mut self, text: &str) -> Result<Self, ProxyUrlError> {
        if self.credentials.is_some() {
            return Ok(self);
        }
        let (name, password) = text.split_once(':').ok_or(ProxyUrlError::Credentials)?;
        self.credentials = Some(Credentials::new(name.to_owned(), password.to_owned())?);
        Ok(self)
    }
}

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(ProxyUrlError::Scheme)?;
        let scheme = Scheme::of(scheme).ok_or(ProxyUrlError::Scheme)?;
        // Under a scheme that the parser knows, hosts are read as those of targets are. It hides that scheme's own port.
        let url = Url::parse(&format!("ftp://{rest}")).map_err(|_| ProxyUrlError::Host)?;
        let hidden = rest.trim_end_matches('/').ends_with(":21").then_some(21);
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(ProxyUrlError::Beyond);
        }
        let host = url.host().ok_or(ProxyUrlError::Host)?.to_owned();
        let port = url.port().or(hidden).unwrap_or_else(|| scheme.default_port());
        if port == 0 {
            return Err(ProxyUrlError::Host);
        }
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (name, password) => {
                Some(Credentials::new(decoded(name)?, decoded(password.unwrap_or_default())?)?)
            }
        };
        Ok(Self { scheme, host, port, credentials })
    }
}

impl Credentials {
    fn new(name: String, password: String) -> Result<Self, ProxyUrlError> {
        let fits = |text: &str| text.len() <= CREDENTIAL_BYTES_MAX && !text.contains(char::is_control);
        let both = !name.is_empty() && !name.contains(':') && fits(&name) && fits(&password);
        if both { Ok(Self { name, password }) } else { Err(ProxyUrlError::Credentials) }
    }
}

fn decoded(text: &str) -> Result<String, ProxyUrlError> {
    let bytes = percent_encoding::percent_decode_str(text);
    bytes.decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| ProxyUrlError::Credentials)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(********)")
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyUrl").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> ProxyUrl {
        text.parse().expect(text)
    }

    #[test]
    fn a_proxys_url_is_taken_apart() {
        for (text, scheme, host, port) in [
            ("http://proxy.example:3128", Scheme::Http, "proxy.example", 3128),
            ("http://proxy.example/", Scheme::Http, "proxy.example", 80),
            ("https://proxy.example", Scheme::Https, "proxy.example", 443),
            ("SOCKS5://192.0.2.1", Scheme::Socks5, "192.0.2.1", 1080),
            ("socks5://proxy.example:21", Scheme::Socks5, "proxy.example", 21),
            ("socks5h://[2001:db8::1]:80", Scheme::Socks5h, "[2001:db8::1]", 80),
        ] {
            let url = parsed(text);
            assert_eq!((url.scheme, &*url.host.to_string(), url.port), (scheme, host, port), "{text}");
            assert!(url.credentials.is_none());
        }
        let own = parsed("http://us%40er:p%3Aw@proxy.example:1");
        let credentials = own.credentials.clone().expect("credentials");
        assert_eq!((&*credentials.name, &*credentials.password), ("us@er", "p:w"));
        let given = parsed("http://proxy.example:1").or_credentials("a:b:c").expect("credentials");
        assert_eq!(given.clone().or_credentials("other:own"), Ok(given.clone()), "its own count");
        assert_eq!(given.credentials.expect("credentials").password, "b:c");
    }

    #[test]
    fn what_is_none_is_refused_without_being_repeated() {
        let long = format!("http://{}:x@a.example", "n".repeat(256));
        for (text, error) in [
            ("proxy.example:3128", ProxyUrlError::Scheme),
            ("socks4://proxy.example", ProxyUrlError::Scheme),
            ("http://", ProxyUrlError::Host),
            ("http://hunter2:hunter2@", ProxyUrlError::Host),
            ("http://a.example:0", ProxyUrlError::Host),
            ("http://a.example/hunter2", ProxyUrlError::Beyond),
            ("http://a.example/?hunter2", ProxyUrlError::Beyond),
            ("http://a%0d%0a:hunter2@a.example", ProxyUrlError::Credentials),
            ("http://a%3Ab:hunter2@a.example", ProxyUrlError::Credentials),
            (&long, ProxyUrlError::Credentials),
        ] {
            let refused = text.parse::<ProxyUrl>().expect_err(text);
            assert_eq!(refused, error, "{text}");
            assert!(!refused.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn no_debug_text_tells_where_a_proxy_is_or_what_opens_it() {
        let text = format!("{:?}", parsed("http://hunter:hunter2@proxy.example:3128"));
        assert!(!text.contains("hunter") && !text.contains("proxy.example"), "{text}");
    }
}
