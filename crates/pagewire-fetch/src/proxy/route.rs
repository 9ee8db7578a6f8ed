//! The way to a target: straight, or through one proxy. A route is chosen for one attempt and says how far it got.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use http::HeaderValue;

use super::address::{ProxyUrl, Scheme};
use super::pools::NameLookup;

/// Numbers proxies, so that what is kept for one is never taken for another's.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A proxy that targets can be reached through.
pub struct Proxy {
    number: u64,
    pub(super) url: ProxyUrl,
    pub(super) names: NameLookup,
    /// What an HTTP proxy is told in each request; marked so that nothing prints it.
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxy {
    /// A proxy, and who looks up the names of its targets.
    #[must_use]
    pub fn new(url: ProxyUrl, names: NameLookup) -> Self {
        let names = match url.scheme {
            Scheme::Socks5 => NameLookup::Here,
            Scheme::Http | Scheme::Https | Scheme::Socks5h => names,
        };
        let authorization = url.credentials.as_ref().and_then(super::http::basic);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), url, names, authorization }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The way to a target. Clones are the same attempt's.
#[derive(Clone, Default)]
pub struct Route(Option<Arc<Via>>);

struct Via {
    proxy: Arc<Proxy>,
    /// Whether the proxy is being dialled at this moment.
    dialling: AtomicBool,
}

impl Route {
    /// Straight to the target.
    #[must_use]
    pub const fn direct() -> Self {
        Self(None)
    }

    /// Through a proxy, for one attempt.
    #[must_use]
    pub fn through(proxy: Arc<Proxy>) -> Self {
        Self(Some(Arc::new(Via { proxy, dialling: AtomicBool::new(false) })))
    }

    /// Whether no proxy is between.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.0.as_ref().map(|via| &*via.proxy)
    }

    /// The key of what is kept for an origin on this way.
    pub(crate) fn key<'a>(&self, origin: &'a str) -> Cow<'a, str> {
        match &self.0 {
            None => Cow::Borrowed(origin),
            Some(via) => Cow::Owned(format!("{}>{origin}", via.proxy.number)),
        }
    }

    pub(crate) fn dialling(&self, is: bool) {
        if let Some(via) = &self.0 {
            via.dialling.store(is, Ordering::Relaxed);
        }
    }

    /// Whether an attempt that was given up just now was still dialling its proxy.
    #[must_use]
    pub fn is_dialling(&self) -> bool {
        self.0.as_ref().is_some_and(|via| via.dialling.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_direct() { "Route(direct)" } else { "Route(proxy)" })
    }
}
