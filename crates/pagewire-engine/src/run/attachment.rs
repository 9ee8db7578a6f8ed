//! A consumer's hold on a run: it pulls the run's events in order, and by pulling lets the run go on.
//!
//! Dropping it pauses the run; the run waits for the next one. A newer attachment takes over from an older one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pagewire_journal::{Cursor, CursorError, Journal, Limit, Position, Record};
use pagewire_types::{End, Progress, Warning};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Ending, Run, lock};

/// Progress is told when so many URLs have ended since it was last told,
const PROGRESS_RECORDS: usize = 50;
/// or when so much time has passed, and something has changed.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// Bytes of records that are handed out at once.
const BATCH_BYTES: usize = 256 * 1024;

/// What a consumer of a run is told next.
#[derive(Debug)]
pub enum RunEvent {
    /// Pages and errors, in the order of their positions.
    Records(Vec<Record>),
    /// The counters.
    Progress(Progress),
    /// Something that the consumer should know.
    Warning(Warning),
    /// The run has ended and everything has been told.
    End(End),
    /// Another consumer has taken over.
    TakenOver,
    /// The server is going down; the run goes on with the next one.
    Draining,
    /// The run was given up because of a fault of this server.
    Failed,
}

/// A consumer's hold on a run.
pub struct Attachment {
    run: Arc<Run>,
    cursor: Cursor,
    generation: u64,
    taken_over: CancellationToken,
    draining: CancellationToken,
    warnings: watch::Receiver<Vec<Warning>>,
    warnings_told: usize,
    ending: watch::Receiver<Option<Ending>>,
    trace_id: String,
    /// Given out, and with the consumer once it asks for more.
    in_hand: Option<Position>,
    told: Option<Progress>,
    told_at: Instant,
    untold: usize,
    over: bool,
}

impl Run {
    /// Attaches a consumer that has everything up to `after`.
    pub(crate) fn attach(
        self: &Arc<Self>,
        after: Position,
        trace_id: String,
        draining: CancellationToken,
    ) -> Attachment {
        let taken_over = CancellationToken::new();
        let generation = {
            let mut consumer = lock(&self.consumer);
            consumer.generation += 1;
            if let Some(earlier) = consumer.attached.replace(taken_over.clone()) {
                earlier.cancel();
            }
            consumer.generation
        };
        self.passed(after);
        self.consumer_changed.notify_one();
        if let Some(lane) = self.lane.get() {
            self.scheduler.resume(*lane);
        }
        let journal: Arc<dyn Journal> = self.journal.clone();
        Attachment {
            cursor: Cursor::new(journal, after),
            generation,
            taken_over,
            draining,
            warnings: self.warnings.subscribe(),
            warnings_told: 0,
            ending: self.ending.subscribe(),
            trace_id,
            in_hand: None,
            told: None,
            told_at: Instant::now(),
            untold: 0,
            over: false,
            run: self.clone(),
        }
    }

    fn detach(&self, generation: u64) {
        let mut consumer = lock(&self.consumer);
        if consumer.generation != generation {
            return;
        }
        consumer.attached = None;
        consumer.detached_at = Instant::now();
        if let Some(lane) = self.lane.get() {
            self.scheduler.pause(*lane);
        }
        drop(consumer);
        self.consumer_changed.notify_one();
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.run.detach(self.generation);
    }
}

impl Attachment {
    /// The run.
    #[must_use]
    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// The next event; `None` after the last. What was given out before counts as delivered from this call on.
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<RunEvent> {
        if let Some(through) = self.in_hand.take() {
            self.run.passed(through);
        }
        if self.over {
            return None;
        }
        loop {
            if self.taken_over.is_cancelled() {
                return self.last(RunEvent::TakenOver);
            }
            if self.draining.is_cancelled() {
                return self.last(RunEvent::Draining);
            }
            if let Some(warning) = self.next_warning() {
                return Some(RunEvent::Warning(warning));
            }
            if (self.untold >= PROGRESS_RECORDS || self.told_at.elapsed() >= PROGRESS_INTERVAL)
                && let Some(progress) = self.changed_progress()
            {
                return Some(RunEvent::Progress(progress));
            }
            // The ending is looked at before the records: what is durable by then is read below.
            let ending = *self.ending.borrow_and_update();
            let limit =
                Limit { records: PROGRESS_RECORDS.saturating_sub(self.untold).max(1), bytes: BATCH_BYTES };
            match self.cursor.try_next(limit).await {
                Ok(Some(records)) => return Some(self.give(records)),
                Ok(None) => {}
                Err(error) => return Some(self.fail(&error)),
            }
            if let Some(ending) = ending {
                if let Some(progress) = self.changed_progress() {
                    return Some(RunEvent::Progress(progress));
                }
                let end = self.run.end(ending, self.trace_id.clone());
                return self.last(RunEvent::End(end));
            }
            self.wait().await;
        }
    }

    fn give(&mut self, records: Vec<Record>) -> RunEvent {
        self.untold += records.len();
        if let Some(last) = records.last().map(|record| record.position) {
            self.in_hand = Some(last);
            let now = Instant::now();
            for committed_at in records.iter().filter_map(|record| record.committed_at) {
                let waited = now.saturating_duration_since(committed_at);
                metrics::histogram!("pagewire_commit_to_socket_seconds").record(waited.as_secs_f64());
            }
        }
        RunEvent::Records(records)
    }

    fn fail(&mut self, error: &CursorError) -> RunEvent {
        tracing::error!(run = %self.run.id.hex(), error = error as &dyn std::error::Error, "a stream's journal cannot be read");
        self.over = true;
        RunEvent::Failed
    }

    fn last(&mut self, event: RunEvent) -> Option<RunEvent> {
        self.over = true;
        Some(event)
    }

    fn next_warning(&mut self) -> Option<Warning> {
        let warning = self.warnings.borrow_and_update().get(self.warnings_told).cloned();
        self.warnings_told += usize::from(warning.is_some());
        warning
    }

    fn changed_progress(&mut self) -> Option<Progress> {
        let progress = self.run.progress();
        self.told_at = Instant::now();
        self.untold = 0;
        (self.told.as_ref() != Some(&progress)).then(|| {
            self.told = Some(progress.clone());
            progress
        })
    }

    /// Until there may be something to tell.
    async fn wait(&mut self) {
        let behind = self.told.as_ref().is_none_or(|told| told.done != self.cursor.tip().tally.total());
        let progress_due = self.told_at + PROGRESS_INTERVAL;
        tokio::select! {
            moved = self.cursor.moved() => {
                // The run holds the journal, so it cannot be gone; a closed watch would only end the wait.
                drop(moved);
            }
            () = tokio::time::sleep_until(progress_due.into()), if behind => {}
            changed = self.warnings.changed() => drop(changed),
            changed = self.ending.changed() => drop(changed),
            () = self.taken_over.cancelled() => {}
            () = self.draining.cancelled() => {}
        }
    }
}
