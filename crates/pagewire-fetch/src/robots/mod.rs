//! robots.txt of the targets (RFC 9309): fetched once for an origin, kept for a day, and asked for each URL.
//!
//! What an origin answers decides as section 2.3.1 says. Two things are ours to decide. A file that cannot be had now
//! although it was had before goes on to hold, since a site that is down for a minute has not changed its mind. And who
//! cannot be asked at all is not fetched from, by the failure that it was: a dead host is told of as a dead host.
//!
//! | answer to `/robots.txt` | what may be fetched | for |
//! |---|---|---|
//! | 2xx | what its first 500 KiB say | 24 h |
//! | 4xx; more than five redirects, or one that leads nowhere; what cannot be unpacked | all | 24 h |
//! | 5xx, 429 | what the file before said; nothing without one | 1 min, longer each time in a row, up to 1 h |
//! | none: DNS, connection, TLS, timeout, guard | the same | 1 s, longer each time in a row, up to 5 min |
//! | none, since the proxy failed | nothing, to those who came by it | at once: the next asks by its own |
//!
//! What came by a proxy holds for requests by proxies alone: one that answers in the name of the sites does so for nobody else.
//! The table is bounded in origins and in bytes; an origin is fetched once for all that wait for it, and when the one who
//! fetches goes away, the next takes over.

mod fetch;
mod file;
mod table;

use std::time::Duration;

use pagewire_types::{TargetErrorCode, TargetUrl};
use url::Position;

use crate::{
    client::Client,
    error::FailureKind,
    message::origin,
    proxy::{Blame, ProxyFault},
};

use file::Rules;
use table::Table;

/// So many bytes of rules and path are compared where the question is asked; more, which only somebody who means harm
/// writes, are compared on a thread that may block.
const COMPARED_INLINE_BYTES_MAX: usize = 4 << 20;

/// What the origin's robots.txt says of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RobotsVerdict {
    /// The URL may be fetched.
    Allowed {
        /// The delay between two fetches that the file asks for.
        crawl_delay: Option<Duration>,
    },
    /// The URL may not be fetched.
    Disallowed {
        /// The line of the file that says so.
        line: String,
    },
    /// Nobody knows, so the URL may not be fetched now.
    Unreachable(Unreachable),
}

/// Why an origin's robots.txt is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// What became of the fetch: `robots_disallowed` where the origin answered with a server error.
    pub code: TargetErrorCode,
    /// The sentence for people.
    pub reason: String,
    /// Whether it may be had soon.
    pub kind: FailureKind,
    /// What the proxy did wrong by which this very question went, where that is why.
    pub proxy: Option<(ProxyFault, Blame)>,
}

/// The robots.txt files of a client's targets, as they are for one product.
#[derive(Debug)]
pub struct Robots {
    product: Box<str>,
    table: Table,
}

impl Robots {
    /// For the product of that token (RFC 9309, section 2.2.1).
    pub(crate) fn new(product: &str) -> Self {
        Self { product: product.into(), table: Table::default() }
    }

    /// Whether the URL may be fetched; fetches the file if need be.
    pub async fn allowed(&self, client: &Client, url: &TargetUrl) -> RobotsVerdict {
        // What a proxy says in a site's name holds for those who go by proxy.
        let slot = if client.is_direct() {
            self.table.slot(origin(url))
        } else {
            self.table.slot(&format!("{} by proxy", origin(url)))
        };
        let fetch = || fetch::fetch(client, url, &self.product, slot.before.as_ref());
        let file = match slot.file.get_or_try_init(fetch).await {
            Ok(file) => file,
            Err(proxy) => return RobotsVerdict::Unreachable(proxy),
        };
        if let Rules::Text(robots) = &file.rules
            && robots.rules().len().saturating_mul(path(url).len()) > COMPARED_INLINE_BYTES_MAX
        {
            let (file, url) = (file.clone(), url.clone());
            return tokio::task::spawn_blocking(move || file.verdict(path(&url)))
                .await
                .unwrap_or_else(|_| RobotsVerdict::Disallowed { line: "(unreadable)".to_owned() });
        }
        file.verdict(path(url))
    }
}

fn path(url: &TargetUrl) -> &str {
    &url.as_url()[Position::BeforePath..Position::AfterQuery]
}
