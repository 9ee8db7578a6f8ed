//! Reading along with a job: its records, its counters and its end, for any number of readers. Reading holds nothing up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pagewire_journal::{Cursor, CursorError, Limit, Position, Record};
use pagewire_store::RunStatus;
use pagewire_types::{JobDone, JobProgress, RunId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::view::status_text;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::run::{Ending, Run};

/// Counters are told so often while they change.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// What is read from the journal at once.
const BATCH: Limit = Limit { records: 64, bytes: 256 * 1024 };

/// What a reader wants to be told, beside the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchDetail {
    /// The counters, and each record.
    Records,
    /// The counters alone: such a reader costs as much as it is told, however fast the job is.
    Counters,
}

/// What a reader is told next.
#[derive(Debug)]
pub enum JobEvent {
    /// Pages and errors, in the order of their positions.
    Records(Vec<Record>),
    /// The counters.
    Progress(JobProgress),
    /// The job has ended and everything has been told.
    Done(JobDone),
    /// The server is going down; the job goes on with the next one.
    Draining,
    /// The job's records cannot be read.
    Failed,
}

/// One reader of a job.
pub struct JobWatch {
    run: Arc<Run>,
    detail: WatchDetail,
    cursor: Cursor,
    ending: watch::Receiver<Option<Ending>>,
    draining: CancellationToken,
    told: Option<JobProgress>,
    told_at: Instant,
    over: bool,
}

impl Engine {
    /// Reads along with a job of the caller's workspace, from the record after `after`.
    pub async fn watch_job(
        &self,
        caller: &Caller,
        id: RunId,
        detail: WatchDetail,
        after: Position,
    ) -> Result<JobWatch, Refusal> {
        if self.draining.is_cancelled() {
            return Err(Refusal::Draining);
        }
        let run = self.run_of_job(caller, id).await?;
        let journal = run.records();
        let cursor = Cursor::new(journal, after);
        let tip = cursor.tip().position;
        if after > tip {
            return Err(Refusal::CursorPastEnd { tip: tip.0 });
        }
        let ending = run.watch_ending();
        let draining = self.draining.clone();
        Ok(JobWatch {
            run,
            detail,
            cursor,
            ending,
            draining,
            told: None,
            told_at: Instant::now(),
            over: false,
        })
    }
}

impl JobWatch {
    /// The next event; `None` after the last. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<JobEvent> {
        if self.over {
            return None;
        }
        loop {
            if self.draining.is_cancelled() {
                return self.last(JobEvent::Draining);
            }
            if (self.told.is_none() || self.told_at.elapsed() >= PROGRESS_INTERVAL)
                && let Some(progress) = self.changed_progress()
            {
                return Some(JobEvent::Progress(progress));
            }
            // The ending is looked at before the records: what is durable by then is read below.
            let ending = *self.ending.borrow_and_update();
            let found = match self.detail {
                WatchDetail::Records => self.cursor.try_next(BATCH).await,
                WatchDetail::Counters => Ok(None),
            };
            match found {
                Ok(Some(records)) => return Some(JobEvent::Records(records)),
                Ok(None) => {}
                // What retention has dropped is not told; the reader goes on with what is held.
                Err(CursorError::Expired { oldest }) => {
                    let journal = self.run.records();
                    self.cursor = Cursor::new(journal, Position(oldest.0.saturating_sub(1)));
                    continue;
                }
                Err(error) => {
                    tracing::error!(run = %self.run.id().hex(), error = &error as &dyn std::error::Error, "a job's journal cannot be read");
                    return self.last(JobEvent::Failed);
                }
            }
            if let Some(ending) = ending {
                if let Some(progress) = self.changed_progress() {
                    return Some(JobEvent::Progress(progress));
                }
                return self.last(JobEvent::Done(self.done(ending)));
            }
            self.wait().await;
        }
    }

    fn last(&mut self, event: JobEvent) -> Option<JobEvent> {
        self.over = true;
        Some(event)
    }

    fn progress(&self) -> JobProgress {
        let progress = self.run.progress();
        let status = match self.run.ending() {
            Some(ending) => ending.status,
            None if self.run.is_waiting() => RunStatus::Queued,
            None => RunStatus::Running,
        };
        JobProgress {
            status: spoken_status(status).into(),
            completed: progress.done,
            total: progress.total,
            errored: progress.errored,
            credits_used: progress.credits_used,
        }
    }

    fn done(&self, ending: Ending) -> JobDone {
        let progress = self.run.progress();
        JobDone {
            status: spoken_status(ending.status).into(),
            completed: progress.done,
            total: progress.total,
            errored: progress.errored,
        }
    }

    fn changed_progress(&mut self) -> Option<JobProgress> {
        let progress = self.progress();
        self.told_at = Instant::now();
        (self.told.as_ref() != Some(&progress)).then(|| {
            self.told = Some(progress.clone());
            progress
        })
    }

    /// Until there may be something to tell.
    async fn wait(&mut self) {
        let behind = self.told.as_ref().is_none_or(|told| told.completed != self.cursor.tip().tally.total());
        let progress_due = self.told_at + PROGRESS_INTERVAL;
        // Who is behind with the counters alone waits for their time, not for each commit.
        let reads_on = self.detail == WatchDetail::Records || !behind;
        tokio::select! {
            // The run holds the journal, so its watch cannot close; a closed one would only end the wait.
            moved = self.cursor.moved(), if reads_on => drop(moved),
            () = tokio::time::sleep_until(progress_due.into()), if behind => {}
            changed = self.ending.changed() => drop(changed),
            () = self.draining.cancelled() => {}
        }
    }
}

/// The word for a state, in event streams: their clients expect another for a job that is under way.
pub(super) fn spoken_status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "processing",
        other => status_text(other),
    }
}
