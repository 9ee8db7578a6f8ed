//! One poll of a source, from its kept state to what is stored of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pagewire_store::SourceOutcome;
use pagewire_types::{SourceType, TargetErrorCode};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::event::NewEvent;
use super::super::log::Between;
use super::super::sources::{Watched, named};
use super::super::watch::{Poll, Polled, Verdict};
use super::super::websub::{self, HubLink};
use super::super::{feed, page};
use super::emit::{self, NotEmitted};
use super::reports::Reports;
use super::table::{Ended, Task};
use super::{Again, Supervisor, chance};
use crate::source::Source;

/// What is known of a poll once it is noted.
struct Noted {
    /// How long until the next; `None` where there is none.
    wait: Option<Duration>,
    /// Whether what it left is durable.
    stored: bool,
}

/// After the store or the log did not take what a poll brought.
const STORE_PAUSE: Duration = Duration::from_secs(5);

impl Supervisor {
    pub(super) async fn poll(self: Arc<Self>, task: Task, reports: Reports) -> Again {
        let Task { watched, stop } = task;
        let began = Instant::now();
        let found = tokio::select! {
            biased;
            () = stop.cancelled() => return Again::In(Duration::ZERO),
            () = self.stop.cancelled() => return Again::In(Duration::ZERO),
            found = self.find(&watched) => found,
        };
        // From here on nothing is given up half way: what was found is told and kept.
        let mut polled = match found {
            Ok(polled) => polled,
            Err(error) => {
                let (workspace, source) = named(&watched);
                tracing::warn!(error = &error as &dyn std::error::Error, %workspace, %source, "what is kept of a source could not be read");
                return Again::In(STORE_PAUSE);
            }
        };
        let took = began.elapsed();
        count(&polled.verdict);
        let (events, hub) = (std::mem::take(&mut polled.events), polled.hub.take());
        let noted = if events.is_empty() {
            let ended = Ended { polled: &polled, at: Timestamp::now(), took, told: 0, chance: chance() };
            let noted = self.lock().note(&watched.life, &ended, Instant::now());
            let Some((outcome, wait)) = noted else { return Again::Never };
            Noted { wait, stored: reports.store(outcome).await }
        } else {
            match self.tell(&watched, events, polled, took).await {
                Ok(Some(noted)) => noted,
                Ok(None) => return Again::Never,
                Err(error) => {
                    let (workspace, source) = named(&watched);
                    tracing::warn!(%error, %workspace, %source, "what a source has given could not be told; it is asked again");
                    return Again::In(STORE_PAUSE);
                }
            }
        };
        if let Some(hub) = hub {
            self.subscribe(&watched, &hub).await;
        }
        match noted.wait {
            Some(wait) if noted.stored => Again::In(wait),
            Some(wait) => Again::In(wait.max(STORE_PAUSE)),
            None => Again::Never,
        }
    }

    /// Tells events, and keeps what the poll left before anybody sees them. `None` where the source is watched no more.
    async fn tell(
        self: &Arc<Self>,
        watched: &Arc<Watched>,
        events: Vec<NewEvent>,
        polled: Polled,
        took: Duration,
    ) -> Result<Option<Noted>, NotEmitted> {
        let (supervisor, life) = (self.clone(), watched.life.clone());
        let (answer, noted) = oneshot::channel();
        let between: Between = Box::new(move |told| {
            Box::pin(async move {
                let ended = Ended { polled: &polled, at: Timestamp::now(), took, told, chance: chance() };
                let noted = supervisor.lock().note(&life, &ended, Instant::now());
                let noted = match noted {
                    Some((outcome, wait)) => Some(Noted { wait, stored: supervisor.keep(outcome).await }),
                    None => None,
                };
                // The poll waits for it, unless it was shut down.
                let _ = answer.send(noted);
            })
        });
        self.emit(watched, emit::log_events(watched, &events), between).await?;
        // Where it took too long, the events are there, and are found again from what was kept before.
        let late = Noted { wait: Some(STORE_PAUSE), stored: false };
        Ok(noted.await.unwrap_or(Some(late)))
    }

    /// Stores an outcome at once. Whether it is durable now.
    pub(super) async fn keep(&self, outcome: SourceOutcome) -> bool {
        let stored = self.store.report_sources(vec![outcome]).await;
        if let Err(error) = &stored {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "the place of a source was not stored; what comes after it is found again, and not told twice"
            );
        }
        stored.is_ok()
    }

    /// What a hub has delivered goes before what the feed's server has: it is newer.
    async fn find(&self, watched: &Watched) -> Result<Polled, pagewire_store::StoreError> {
        let state = self.store.source_state(watched.life.clone()).await?;
        let delivered = self.websub.as_ref().and_then(|websub| websub.take(watched.life.as_str()));
        if let Some(delivered) = delivered {
            let polled = feed::delivered(poll_of(watched, state.as_deref(), self.timeout), delivered).await;
            if !matches!(polled.verdict, Verdict::Failed { .. }) {
                return Ok(polled);
            }
        }
        Ok(ask(&self.source(watched.mode), watched, state.as_deref(), self.timeout).await)
    }
}

impl Supervisor {
    /// Asks the hub that a feed names to deliver what is new, where that is to be asked now.
    async fn subscribe(&self, watched: &Watched, link: &HubLink) {
        let Some(websub) = &self.websub else { return };
        let Some(asked) = websub.due(watched.life.as_str(), link, Timestamp::now()) else { return };
        let web = self.source(watched.mode);
        let subscribed = self.stop.run_until_cancelled(websub::subscribe(&web, &asked, self.timeout)).await;
        if let Some(Err(reason)) = subscribed {
            let (workspace, source) = named(watched);
            tracing::info!(reason, %workspace, %source, "a hub was not subscribed to; the feed is polled as before");
        }
    }
}

fn poll_of<'p>(watched: &'p Watched, state: Option<&'p str>, timeout: Duration) -> Poll<'p> {
    Poll { spec: &watched.spec, url: &watched.url, state, now: Timestamp::now(), timeout }
}

/// Asks a source once, by what it is.
pub(in crate::live) async fn ask(
    source: &Source,
    watched: &Watched,
    state: Option<&str>,
    timeout: Duration,
) -> Polled {
    let poll = poll_of(watched, state, timeout);
    match watched.spec.source_type {
        SourceType::Rss | SourceType::Atom | SourceType::JsonFeed => feed::poll(source, poll).await,
        SourceType::Html => page::poll(source, poll).await,
        SourceType::Firehose => Polled::of(Verdict::Failed {
            code: TargetErrorCode::UnsupportedContent,
            detail: "a firehose is connected to, not polled".to_owned(),
        }),
    }
}

fn count(verdict: &Verdict) {
    let outcome = match verdict {
        Verdict::Changed => "changed",
        Verdict::Unchanged => "unchanged",
        Verdict::Degraded { .. } => "degraded",
        Verdict::Failed { .. } => "failed",
        Verdict::Retired { .. } => "retired",
    };
    metrics::counter!("pagewire_source_polls_total", "outcome" => outcome).increment(1);
}
