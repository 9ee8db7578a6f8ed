//! Pages that change, as a kind of source.
//!
//! ```text
//! poll ── robots ── fetch (conditional) ──▶ answer ──┬─▶ nothing has changed, or it is not to be believed
//!                                                    └─▶ pause ── fetch ──▶ answer ──▶ events, and what is kept
//! ```
//!
//! The fetches are here; what the answers say is pure ([`answer`]), and what has changed on a page is told by
//! `pagewire_extract::diff`. A change is told when a second fetch, a moment later, finds it as well; a page that is read
//! for the first time is fetched twice too, so that what is another with every fetch is known from the start.

mod answer;
mod kept;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use pagewire_extract::diff::Watch;
use pagewire_fetch::{Request, Response, RobotsVerdict};
use pagewire_types::{TargetErrorCode, TargetUrl};

use self::answer::{First, failed};
use self::kept::Kept;
use super::watch::{Poll, Polled, Verdict};
use crate::source::Source;

/// Between the two fetches of a poll: long enough that a clock with seconds, a fresh token and another advert show
/// themselves, short enough for a poll.
const PAUSE: Duration = Duration::from_secs(2);

/// What an answer is read with.
struct Given {
    /// Where the page is asked for.
    url: TargetUrl,
    /// What people call the source.
    name: Option<String>,
    watch: Watch,
    /// What was kept, and as it was written.
    kept: Option<Kept>,
    state: Option<String>,
    /// How many items of a list are told when it is read for the first time.
    backfill: usize,
    /// Whether requests bear headers that are the source's own.
    has_headers: bool,
    now: Timestamp,
}

impl Given {
    fn new(poll: &Poll<'_>) -> Result<Self, String> {
        Ok(Self {
            url: poll.url.clone(),
            name: poll.spec.name.clone(),
            watch: answer::watch(poll.spec)?,
            kept: poll.state.and_then(Kept::read),
            state: poll.state.map(str::to_owned),
            backfill: poll.spec.backfill as usize,
            has_headers: !poll.spec.headers.is_empty(),
            now: poll.now,
        })
    }
}

/// Asks once whether a page has changed.
pub(crate) async fn poll(source: &Source, poll: Poll<'_>) -> Polled {
    poll_with_pause(source, poll, PAUSE).await
}

async fn poll_with_pause(source: &Source, poll: Poll<'_>, pause: Duration) -> Polled {
    let given = match Given::new(&poll) {
        Ok(given) => Arc::new(given),
        Err(reason) => return Polled::of(Verdict::Degraded { reason }),
    };
    if let Err(refused) = allowed(source, &poll).await {
        return refused;
    }
    let conditions = given.kept.as_ref().map(|kept| kept.conditions(poll.url)).unwrap_or_default();
    let response = match fetch(source, &poll, conditions).await {
        Ok(response) => response,
        Err(failed) => return failed,
    };
    let of = given.clone();
    let pending = match in_turn(poll.url, move || answer::first(&response, &of)).await {
        Ok(First::Again(pending)) => pending,
        Ok(First::Polled(polled)) => return polled,
        Err(failed) => return failed,
    };
    tokio::time::sleep(pause).await;
    match fetch(source, &poll, Vec::new()).await {
        Ok(response) => in_turn(poll.url, move || answer::second(&response, &given, *pending))
            .await
            .unwrap_or_else(|failed| failed),
        Err(failed) => answer::without_second(*pending, failed, &given),
    }
}

/// Whether the site's robots.txt lets the page be fetched.
async fn allowed(source: &Source, poll: &Poll<'_>) -> Result<(), Polled> {
    match tokio::time::timeout(poll.timeout, source.robots(poll.url)).await {
        Ok(RobotsVerdict::Allowed { .. }) => Ok(()),
        Ok(RobotsVerdict::Disallowed { line }) => {
            let detail = format!("the site's robots.txt disallows it (`{line}`)");
            Err(failed(TargetErrorCode::RobotsDisallowed, detail))
        }
        Ok(RobotsVerdict::Unreachable(why)) => {
            Err(failed(why.code, format!("the site's robots.txt is not known: {}", why.reason)))
        }
        Err(_) => {
            let detail =
                format!("the site's robots.txt did not arrive within {} ms", poll.timeout.as_millis());
            Err(failed(TargetErrorCode::Timeout, detail))
        }
    }
}

async fn fetch(
    source: &Source,
    poll: &Poll<'_>,
    conditions: Vec<(HeaderName, HeaderValue)>,
) -> Result<Response, Polled> {
    let mut request = Request::get(poll.url.clone(), poll.timeout);
    request.headers.extend(conditions);
    // They were checked when the source was declared.
    for (name, value) in &poll.spec.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            request.headers.insert(name, value);
        }
    }
    source.fetch(&request).await.map_err(|error| failed(error.code(), error.to_string()))
}

/// A page may be large, and threads that wait for sockets are few.
async fn in_turn<T: Send + 'static>(
    url: &TargetUrl,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Polled> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, url = url.as_str(), "reading a page panicked");
        failed(TargetErrorCode::UnsupportedContent, "the page could not be read".to_owned())
    })
}

#[cfg(test)]
mod tests;
