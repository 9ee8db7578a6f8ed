//! The seam between the kinds of source and the supervisor: what a poll is given, and what it gives.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use pagewire_types::{SourceSpec, SourceType, TargetErrorCode, TargetUrl};

use super::event::NewEvent;
use super::websub::HubLink;

/// What a source is polled with.
#[derive(Debug, Clone, Copy)]
pub struct Poll<'a> {
    /// The source, as it was declared.
    pub spec: &'a SourceSpec,
    /// Where it is now, which is elsewhere than declared once it has moved for good.
    pub url: &'a TargetUrl,
    /// What the last poll left to be kept; `None` at the first.
    pub state: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
    /// How long one fetch may take.
    pub timeout: Duration,
}

/// What a poll found. The supervisor appends the events, then keeps the state: a crash between them finds the same events
/// again, by the same keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Polled {
    /// What is new, in the order in which it is to be told.
    pub events: Vec<NewEvent>,
    /// What the next poll is to be given, where it changed; in the kind's own JSON, at most a few hundred KiB.
    pub state: Option<String>,
    /// How it went.
    pub verdict: Verdict,
    /// The status of the last answer.
    pub http_status: Option<u16>,
    /// How long the source asks not to be polled (`Retry-After`, `max-age`, `ttl`).
    pub wait: Option<Duration>,
    /// Where it has moved for good.
    pub moved_to: Option<TargetUrl>,
    /// What the document turned out to be, where that is told by it.
    pub source_type: Option<SourceType>,
    /// The hub that delivers what is new, where the document names one.
    pub hub: Option<Box<HubLink>>,
}

/// How a poll went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Something is new, or the source was read for the first time.
    Changed,
    /// Nothing is new.
    Unchanged,
    /// What came is not to be believed (a login wall, an empty page): no events, and a health that says so.
    Degraded {
        /// What is wrong with it, for people.
        reason: String,
    },
    /// It could not be fetched or read.
    Failed {
        /// What failed.
        code: TargetErrorCode,
        /// The same for people.
        detail: String,
    },
    /// The source says that it is gone for good (410).
    Retired {
        /// How it said so.
        reason: String,
    },
}

impl Polled {
    /// A poll with nothing to tell.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        Self {
            events: Vec::new(),
            state: None,
            verdict,
            http_status: None,
            wait: None,
            moved_to: None,
            source_type: None,
            hub: None,
        }
    }
}

/// Where a source goes that is connected to rather than polled.
pub trait Sink: Send + Sync {
    /// Appends events, then keeps `state`, which the next connection is given. When it returns, the events are durable;
    /// the state may follow a moment later. An error means that the source is to stop: it was changed, or the server ends.
    fn take(&self, events: Vec<NewEvent>, state: Option<String>) -> BoxFuture<'_, Result<(), SinkClosed>>;

    /// Tells how the connection is.
    fn report(&self, link: Link);
}

/// The source is not to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source is to stop")]
pub struct SinkClosed;

/// How the connection to a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It is open, and was answered so.
    Open {
        /// The status of the answer.
        http_status: u16,
    },
    /// It is open, but what comes cannot be read, or nothing comes.
    Degraded {
        /// What is wrong, for people.
        reason: String,
    },
    /// It is not; the next try is in so long.
    Down {
        /// What failed.
        code: TargetErrorCode,
        /// The same for people.
        detail: String,
        /// How long until the next try.
        retry_in: Duration,
    },
}
