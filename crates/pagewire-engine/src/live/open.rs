//! Opening a subscription: where it begins, and what is wrong with a cursor that leads nowhere.

use std::sync::Arc;

use pagewire_journal::{Position, ReadError};
use tokio::sync::Semaphore;

use super::LiveSettings;
use super::filter::{Filter, FilterCaps};
use super::id::{EventId, IdFault, Place};
use super::log::LiveLog;
use super::logs::LiveLogs;
use super::preview::{self, Preview};
use super::subscription::Subscription;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::Refusal;

/// Why a subscription cannot begin where it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The cursor is no id of this stream.
    #[error("the cursor is not the id of an event of this stream")]
    InvalidCursor,
    /// The cursor is an id, but what came after it is not known any more.
    #[error("{}", .0.reason.sentence())]
    Expired(ExpiredCursor),
    /// The server does not take it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        Self::Refused(error.into())
    }
}

/// A cursor that has expired, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredCursor {
    /// The oldest event that is held, where there is one.
    pub oldest: Option<EventId>,
    /// The cursor before that: what comes after it is all that is held.
    pub resync: Option<EventId>,
    /// Why.
    pub reason: ExpiryReason,
}

/// Why a cursor has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryReason {
    /// It is older than what is held.
    Retention,
    /// It is from before the log was begun anew, or was taken back by a restored copy.
    Epoch,
    /// It lies past the newest event.
    PastTip,
}

impl ExpiryReason {
    /// The reason as a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Epoch => "epoch",
            Self::PastTip => "past_tip",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Retention => "what came after that event is no longer held",
            Self::Epoch => "the stream was begun anew since that event",
            Self::PastTip => {
                "that event lies past the newest one: the stream was restored from an older copy"
            }
        }
    }
}

impl Engine {
    /// The logs of all workspaces.
    #[must_use]
    pub fn live_logs(&self) -> &Arc<LiveLogs> {
        &self.live.logs
    }

    /// How many values a filter may have.
    #[must_use]
    pub fn filter_caps(&self) -> FilterCaps {
        self.live.settings.filter_caps
    }

    /// Subscribes to the live stream of the caller's workspace and mode: what comes after the event of that id, or from
    /// now on.
    pub async fn subscribe(
        &self,
        caller: &Caller,
        filter: Filter,
        after: Option<&str>,
    ) -> Result<Subscription, OpenError> {
        if self.draining.is_cancelled() {
            return Err(Refusal::Draining.into());
        }
        let log = self.live.logs.of(&caller.workspace.id, caller.mode).await?;
        let tip = *log.published().borrow();
        let (settings, draining) = (&self.live.settings, self.draining.clone());
        Ok(match after {
            None => Subscription::new(log, filter, tip, settings.checkpoint, draining).announced(),
            Some(id) => {
                let after = place_of(&log, id, tip)?;
                Subscription::new(log, filter, after, settings.checkpoint, draining)
            }
        })
    }

    /// What a filter would have told of the events that are held.
    pub async fn preview(&self, caller: &Caller, filter: &Filter) -> Result<Preview, Refusal> {
        let Ok(_turn) = self.live.previews.acquire().await else { return Err(Refusal::Draining) };
        let log = self.live.logs.of(&caller.workspace.id, caller.mode).await?;
        tokio::select! {
            preview = preview::preview(&log, filter) => Ok(preview?),
            () = self.draining.cancelled() => Err(Refusal::Draining),
        }
    }
}

fn place_of(log: &LiveLog, id: &str, tip: Place) -> Result<Place, OpenError> {
    let expired = |reason| OpenError::Expired(expired(log, reason));
    let place = log.ids().place(id).map_err(|fault| match fault {
        IdFault::Invalid => OpenError::InvalidCursor,
        IdFault::OtherEpoch => expired(ExpiryReason::Epoch),
    })?;
    if place.position > tip.position {
        return Err(expired(ExpiryReason::PastTip));
    }
    let oldest = log.oldest().map_or(tip.position.next(), |oldest| oldest.position);
    if place.position.next() < oldest {
        return Err(expired(ExpiryReason::Retention));
    }
    // Another event stands there now: this log was restored from a copy, and has gone on from it.
    if log.committed_ms(place.position).is_some_and(|ms| ms != place.ms) {
        return Err(expired(ExpiryReason::Epoch));
    }
    Ok(place)
}

fn expired(log: &LiveLog, reason: ExpiryReason) -> ExpiredCursor {
    let oldest = log.oldest();
    let resync = oldest.map(|oldest| Place { position: Position(oldest.position.0 - 1), ms: oldest.ms });
    ExpiredCursor {
        oldest: oldest.map(|oldest| log.id(oldest)),
        resync: resync.map(|resync| log.id(resync)),
        reason,
    }
}

/// Previews at once: each looks at all that is held.
const PREVIEWS_MAX: usize = 2;

/// What the engine holds for the live stream.
pub(crate) struct Live {
    pub(crate) logs: Arc<LiveLogs>,
    pub(crate) settings: LiveSettings,
    previews: Semaphore,
}

impl Live {
    pub(crate) fn new(logs: LiveLogs, settings: LiveSettings) -> Self {
        Self { logs: Arc::new(logs), settings, previews: Semaphore::new(PREVIEWS_MAX) }
    }
}
