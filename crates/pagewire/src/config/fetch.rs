//! `[fetch]`: how targets are fetched, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use pagewire_fetch::ResolverChoice;

use super::byte_size::ByteSize;
use super::judge::Judge;
use super::raw;

/// `[fetch]`
#[derive(Debug, Clone)]
pub(crate) struct Fetch {
    /// The `User-Agent` of requests that bring none.
    pub(crate) user_agent: String,
    /// Who this server is to a robots.txt.
    pub(crate) product: String,
    /// Ranges lifted from the target guard.
    pub(crate) allow_targets: Vec<IpNet>,
    /// Cap on a page over the wire.
    pub(crate) wire_bytes_max: ByteSize,
    /// Cap on a page unpacked.
    pub(crate) unpacked_bytes_max: ByteSize,
    /// Cap on an answer's headers.
    pub(crate) header_bytes_max: ByteSize,
    /// Redirects followed.
    pub(crate) redirects_max: u8,
    /// How long all addresses of a host may take.
    pub(crate) connect_timeout: Duration,
    /// How long a name may take.
    pub(crate) dns_timeout: Duration,
    /// Where names are looked up.
    pub(crate) resolver: ResolverChoice,
    /// Roots trusted beside the built-in ones.
    pub(crate) extra_roots_pem: Option<PathBuf>,
}

impl Judge {
    pub(super) fn fetch(&mut self, raw: &raw::Fetch) -> Fetch {
        let product = raw.product.clone().unwrap_or_default();
        let user_agent = self.user_agent(raw, &product);
        let mut allow_targets = Vec::new();
        for text in raw.allow_targets.iter().flatten() {
            let range: Option<IpNet> = self.parsed(
                "fetch.allow_targets",
                Some(text),
                "a list of ranges such as \"10.0.0.0/8\" or \"::1/128\"",
            );
            allow_targets.extend(range);
        }
        let roots = raw.extra_roots_pem.as_deref().filter(|path| !path.is_empty());
        Fetch {
            user_agent,
            product,
            allow_targets,
            wire_bytes_max: self.bytes("fetch.wire_bytes_max", raw.wire_bytes_max, 1 << 10, 1 << 30),
            unpacked_bytes_max: self.bytes(
                "fetch.unpacked_bytes_max",
                raw.unpacked_bytes_max,
                1 << 10,
                1 << 30,
            ),
            header_bytes_max: self.bytes("fetch.header_bytes_max", raw.header_bytes_max, 1 << 10, 1 << 20),
            redirects_max: self.whole("fetch.redirects_max", raw.redirects_max, 0, 50),
            connect_timeout: self.millis("fetch.connect_timeout_ms", raw.connect_timeout_ms, 100, 120_000),
            dns_timeout: self.millis("fetch.dns_timeout_ms", raw.dns_timeout_ms, 100, 120_000),
            resolver: self.one_of(
                "fetch.resolver",
                raw.resolver.as_deref(),
                [("hickory", ResolverChoice::Hickory), ("system", ResolverChoice::System)],
            ),
            extra_roots_pem: roots.map(PathBuf::from),
        }
    }

    /// The header as it is given, or made of the product token and the contact URL.
    fn user_agent(&mut self, raw: &raw::Fetch, product: &str) -> String {
        let is_token = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-');
        if product.is_empty() || product.len() > 64 || !product.bytes().all(is_token) {
            // RFC 9309, section 2.2.1.
            self.fault("fetch.product", format!("{product:?}"), "1 to 64 letters, `_` and `-`");
        }
        let contact = raw.contact_url.as_deref().unwrap_or_default();
        let leads_somewhere =
            ["https://", "http://", "mailto:"].iter().any(|scheme| contact.starts_with(scheme));
        let plain = contact.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'(' | b')'));
        if !contact.is_empty() && (contact.len() > 256 || !leads_somewhere || !plain) {
            let allowed = "empty, or a URL such as \"https://example.com/bot\" or \"mailto:bot@example.com\"";
            self.fault("fetch.contact_url", format!("{contact:?}"), allowed);
        }
        let given = raw.user_agent.as_deref().unwrap_or_default();
        let visible = given.bytes().all(|b| (0x20..0x7f).contains(&b));
        // Who reads the header in a log looks for the name by which robots.txt can refuse it.
        let says_who = given.to_ascii_lowercase().contains(&product.to_ascii_lowercase());
        if given.len() > 512 || !visible || !(given.is_empty() || says_who) {
            let allowed = format!(
                "empty, or at most 512 visible ASCII characters with the product token, {product:?}, in them"
            );
            self.fault("fetch.user_agent", format!("{given:?}"), allowed);
        }
        match (given, contact) {
            ("", "") => format!("{product}/{}", env!("CARGO_PKG_VERSION")),
            ("", contact) => format!("{product}/{} (+{contact})", env!("CARGO_PKG_VERSION")),
            (given, _) => given.to_owned(),
        }
    }
}
