//! Feeds, as a kind of source: RSS, RDF, Atom and JSON Feed.
//!
//! ```text
//! poll ── fetch (conditional) ──▶ answer ── Feed ──▶ entries ──▶ identity ──▶ news ──▶ events, and what is kept
//! ```
//!
//! The fetch is here; the rest is pure, told the time, and the same for a document that a hub brings. What is kept of a
//! feed are hashes: which entries were seen, and what they said ([`kept`]).

mod answer;
mod entry;
mod hash;
mod identity;
mod kept;
mod news;
mod wait;

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;
use pagewire_fetch::Request;
use pagewire_types::{SourceSpec, TargetErrorCode, TargetUrl};

use self::answer::Document;
use self::kept::Kept;
use super::watch::{Poll, Polled, Verdict};
use super::websub::Delivered;
use crate::source::Source;

const ACCEPT: HeaderValue = HeaderValue::from_static(
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, \
     application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.5",
);

/// Entries that are remembered beside those of a part: more than a whole document and its past have.
const PAST_OF_PART_MAX: usize = 14_000;

/// What a document is read with.
#[derive(Debug, Clone)]
struct Given {
    /// Where it was asked for.
    url: TargetUrl,
    /// What was kept; `None` before the first document.
    kept: Option<Kept>,
    /// How many entries of the first document are told.
    backfill: u32,
    /// Whether requests bear headers that are the source's own, and so not for another site.
    has_headers: bool,
    /// Whether the document may hold but a part of the feed.
    is_part: bool,
    now: Timestamp,
}

impl Given {
    fn new(poll: &Poll<'_>) -> Self {
        Self {
            url: poll.url.clone(),
            kept: poll.state.and_then(Kept::read),
            backfill: poll.spec.backfill,
            has_headers: !poll.spec.headers.is_empty(),
            is_part: false,
            now: poll.now,
        }
    }

    /// How many entries that the document does not hold are remembered. A part of the feed says nothing of the rest.
    fn past_max(&self) -> usize {
        if self.is_part { PAST_OF_PART_MAX } else { kept::PAST_MAX }
    }
}

/// Asks a feed once what is new.
pub(crate) async fn poll(source: &Source, poll: Poll<'_>) -> Polled {
    let given = Given::new(&poll);
    let request = request(poll.spec, &given, poll.timeout);
    let response = match source.fetch(&request).await {
        Ok(response) => response,
        Err(error) => {
            return Polled::of(Verdict::Failed { code: error.code(), detail: error.to_string() });
        }
    };
    in_its_own_thread(poll.url, move || answer::polled(&response, &given)).await
}

/// Reads what a hub has delivered, as if it had been asked for.
pub(crate) async fn delivered(poll: Poll<'_>, delivered: Delivered) -> Polled {
    let given = Given { is_part: true, ..Given::new(&poll) };
    in_its_own_thread(poll.url, move || {
        let document = Document {
            body: &delivered.body,
            content_type: delivered.content_type.as_deref(),
            url: &given.url,
        };
        answer::delivered(&document, &given)
    })
    .await
}

/// A document may be large, and threads that wait for sockets are few.
async fn in_its_own_thread(url: &TargetUrl, read: impl FnOnce() -> Polled + Send + 'static) -> Polled {
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| {
        tracing::error!(%error, url = url.as_str(), "reading a feed panicked");
        let detail = "the document could not be read".to_owned();
        Polled::of(Verdict::Failed { code: TargetErrorCode::UnsupportedContent, detail })
    })
}

/// A request that is answered with the document only where it is another than the last.
fn request(spec: &SourceSpec, given: &Given, timeout: Duration) -> Request {
    let mut request = Request::get(given.url.clone(), timeout);
    request.headers.insert(header::ACCEPT, ACCEPT);
    if let Some(validators) = given.kept.as_ref().and_then(|kept| kept.validators(&given.url)) {
        for (name, value) in [
            (header::IF_NONE_MATCH, &validators.etag),
            (header::IF_MODIFIED_SINCE, &validators.last_modified),
        ] {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                request.headers.insert(name, value);
            }
        }
    }
    // They were checked when the source was declared.
    for (name, value) in &spec.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            request.headers.insert(name, value);
        }
    }
    request
}

#[cfg(test)]
mod tests;
