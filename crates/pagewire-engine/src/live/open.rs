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
    /// The cursor before that: what comes after it is all that is held. Where nothing is, the newest there was.
    pub resync: EventId,
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
    let expired = |reason| OpenError::Expired(expired(log, tip, reason));
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

fn expired(log: &LiveLog, tip: Place, reason: ExpiryReason) -> ExpiredCursor {
    let oldest = log.oldest();
    let before = |oldest: Place| Place { position: Position(oldest.position.0 - 1), ms: oldest.ms };
    ExpiredCursor {
        oldest: oldest.map(|oldest| log.id(oldest)),
        resync: log.id(oldest.map_or(tip, before)),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pagewire_journal::{Durability, Key};
    use pagewire_types::SourceType;
    use tokio_util::sync::CancellationToken;

    use super::super::id::EventIds;
    use super::super::log::{LogEvent, LogSettings};
    use super::*;

    const IDS: (&[u8], &str) = (b"secret", "default.live");

    fn expiry(outcome: Result<Place, OpenError>) -> ExpiredCursor {
        match outcome {
            Err(OpenError::Expired(expired)) => expired,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_cursor_that_has_expired_says_why_and_where_to_go_on() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = LogSettings {
            keep: Duration::from_secs(3_600),
            keep_bytes: 64 << 10,
            ring_bytes: 0,
            durability: Durability::Process,
        };
        let (ids, stop) = (EventIds::new(IDS.0, IDS.1, 7), CancellationToken::new());
        let (log, committer) =
            LiveLog::open(directory.path().to_owned(), ids.clone(), &settings, stop.clone()).expect("opens");
        let committer = tokio::spawn(committer);
        let id = |position, epoch| {
            let place = Place { position: Position(position), ms: 1 };
            EventIds::new(IDS.0, IDS.1, epoch).id(place).to_string()
        };
        let place = |text: &str| place_of(&log, text, *log.published().borrow());

        // A log that was begun anew, and holds nothing yet.
        let expired = expiry(place(&id(5, 8)));
        assert_eq!((expired.oldest, expired.reason), (None, ExpiryReason::Epoch));
        assert!(place(expired.resync.as_str()).is_ok_and(|place| place.position == Position(0)));

        for first in (1..=6_000).step_by(100) {
            let event = |number: u64| LogEvent {
                key: Key(number.into()),
                source_type: SourceType::Rss,
                body: format!(r#"{{"title":"{number}"}}"#).into(),
            };
            log.append((first..first + 100).map(event).collect()).await.expect("appended");
        }
        log.retain(&settings, 0).await.expect("retained");
        let oldest = log.oldest().expect("some are held");
        assert!(oldest.position > Position(1_000));
        for (text, reason) in [
            (id(50, 7), ExpiryReason::Retention),
            (id(oldest.position.0 - 2, 7), ExpiryReason::Retention),
            (id(6_001, 7), ExpiryReason::PastTip),
            (id(6_000, 8), ExpiryReason::Epoch),
            // Another event stands there than the one that had this id.
            (id(6_000, 7), ExpiryReason::Epoch),
        ] {
            let expired = expiry(place(&text));
            assert_eq!((expired.oldest, expired.reason), (Some(ids.id(oldest)), reason), "{text}");
            let resync = place(expired.resync.as_str()).expect("it is taken");
            assert_eq!(resync.position.next(), oldest.position, "what comes after it is all that is held");
        }
        let newest = *log.published().borrow();
        for taken in [oldest, newest] {
            assert_eq!(place(log.id(taken).as_str()).expect("it is held"), taken);
        }
        for text in ["", "50", "018f0000-0000-7000-8000-000000000000", &"0".repeat(10_000)] {
            assert!(matches!(place(text), Err(OpenError::InvalidCursor)), "{text}");
        }
        stop.cancel();
        committer.await.expect("the committer ends");
    }
}
