//! What keeps cookies for a client: asked before each request, told of each answer, redirects included.

use http::{HeaderMap, HeaderValue};
use pagewire_types::TargetUrl;

/// A place where cookies are kept (RFC 6265).
pub trait Cookies: Send + Sync {
    /// What `Cookie` says in a request for the URL.
    fn header(&self, url: &TargetUrl) -> Option<HeaderValue>;

    /// Takes the `Set-Cookie` of an answer in.
    fn keep(&self, url: &TargetUrl, headers: &HeaderMap);
}
