//! One poll of a source, from its kept state to what is stored of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pagewire_types::{SourceType, TargetErrorCode};
use tokio::time::Instant;

use super::super::sources::{Watched, named};
use super::super::watch::{Poll, Polled, Verdict};
use super::super::{feed, page};
use super::reports::Reports;
use super::table::{Ended, Task};
use super::{Again, Supervisor, chance};
use crate::source::Source;

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
        let told = match self.emit.emit(&watched, std::mem::take(&mut polled.events)).await {
            Ok(told) => told,
            Err(error) => {
                let (workspace, source) = named(&watched);
                tracing::warn!(%error, %workspace, %source, "what a source has given could not be told; it is asked again");
                return Again::In(STORE_PAUSE);
            }
        };
        count(&polled.verdict);
        let ended = Ended { polled: &polled, at: Timestamp::now(), took, told, chance: chance() };
        let noted = self.lock().note(&watched.life, &ended, Instant::now());
        let Some((outcome, wait)) = noted else { return Again::Never };
        if !reports.store(outcome).await && wait.is_some() {
            return Again::In(wait.unwrap_or_default().max(STORE_PAUSE));
        }
        wait.map_or(Again::Never, Again::In)
    }

    async fn find(&self, watched: &Watched) -> Result<Polled, pagewire_store::StoreError> {
        let state = self.store.source_state(watched.life.clone()).await?;
        Ok(ask(&self.source(watched.mode), watched, state.as_deref(), self.timeout).await)
    }
}

/// Asks a source once, by what it is.
pub(in crate::live) async fn ask(
    source: &Source,
    watched: &Watched,
    state: Option<&str>,
    timeout: Duration,
) -> Polled {
    let poll = Poll { spec: &watched.spec, url: &watched.url, state, now: Timestamp::now(), timeout };
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
