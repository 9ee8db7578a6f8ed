//! The task that owns a run from its acceptance to its end: it commits the records, keeps the lease and the account,
//! and ends the run when all is done, when nobody came back for it, or when its time is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pagewire_journal::AppendError;
use pagewire_store::{RunStatus, Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::{EarlyEnd, Ending, Run, lock};

/// How often the credits of a run under way are charged.
const CHARGE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a run that failed to commit waits before it may be opened again.
const COMMIT_RETRY: Duration = Duration::from_secs(1);

/// Why supervision stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ended(RunStatus),
    /// The process is going down; the next one goes on with the run.
    Interrupted,
}

/// Sees a run through. Returns when the run has ended or the process is shutting down.
pub(crate) async fn supervise(run: Arc<Run>, store: Arc<dyn Store>, shutdown: CancellationToken) {
    let verdict = {
        let committing = commit(&run);
        let watching = async {
            let verdict = watch(&run, store.as_ref(), &shutdown).await;
            run.group.close();
            verdict
        };
        tokio::pin!(committing);
        tokio::pin!(watching);
        tokio::select! {
            verdict = &mut watching => {
                if let Err(error) = committing.await {
                    tracing::error!(run = %run.id.hex(), error = &error as &dyn std::error::Error, "the last records of a run were not committed");
                }
                verdict
            }
            Err(error) = &mut committing => {
                tracing::error!(run = %run.id.hex(), error = &error as &dyn std::error::Error, "a run's journal failed; the run has ended");
                Verdict::Ended(RunStatus::Failed)
            }
        }
    };
    run.stop.cancel();
    if let Some(lane) = run.lane.get() {
        run.scheduler.remove(*lane);
    }
    if let Err(error) = settle(&run, store.as_ref(), verdict).await {
        tracing::error!(run = %run.id.hex(), error = &error as &dyn std::error::Error, "the end of a run could not be stored; it is settled at the next start");
    }
    *lock(&run.input) = None;
    run.journal.cool();
}

/// Commits until the group is closed. A full disk is waited out: records are kept, and fetching stops by itself once
/// the permits are used up.
async fn commit(run: &Run) -> Result<(), AppendError> {
    loop {
        match run.group.commit_to(run.journal.as_ref(), run.fence, |settled| run.committed(settled)).await {
            Err(AppendError::Write(error)) if error.kind() == std::io::ErrorKind::StorageFull => {
                tracing::warn!(run = %run.id.hex(), "the disk is full; the run waits for room");
                tokio::time::sleep(COMMIT_RETRY).await;
            }
            outcome => return outcome,
        }
    }
}

async fn watch(run: &Run, store: &dyn Store, shutdown: &CancellationToken) -> Verdict {
    let mut tip = pagewire_journal::Journal::tip(run.journal.as_ref());
    let age = Timestamp::now().as_millisecond() - run.created_at.as_millisecond();
    let wall = run.limits.wall_time.saturating_sub(Duration::from_millis(u64::try_from(age).unwrap_or(0)));
    let wall_time = tokio::time::sleep(wall);
    tokio::pin!(wall_time);
    let mut time_is_over = false;
    let mut charge = tokio::time::interval(CHARGE_INTERVAL);
    loop {
        if tip.borrow_and_update().tally.total() >= run.total {
            return Verdict::Ended(RunStatus::Completed);
        }
        let expiry = run.expires_at();
        let expired = async {
            match expiry {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return Verdict::Interrupted,
            () = run.consumer_changed.notified() => {}
            () = expired => {
                if run.expires_at().is_some_and(|at| at <= Instant::now()) {
                    return Verdict::Ended(RunStatus::Cancelled);
                }
            }
            () = &mut wall_time, if !time_is_over => {
                time_is_over = true;
                run.end_early(EarlyEnd::MaxWallTime);
            }
            changed = tip.changed() => {
                // The run holds the journal, so its watch cannot close.
                if changed.is_err() { return Verdict::Interrupted; }
            }
            _ = charge.tick() => {
                if let Err(error) = charge_run(run, store).await {
                    tracing::warn!(run = %run.id.hex(), error = &error as &dyn std::error::Error, "credits were not charged; they are with the next charge");
                }
            }
        }
    }
}

async fn charge_run(run: &Run, store: &dyn Store) -> Result<(), StoreError> {
    store.charge_run(run.id, run.fence.0, run.tip().tally.weight, Timestamp::now()).await.map(drop)
}

async fn settle(run: &Run, store: &dyn Store, verdict: Verdict) -> Result<(), StoreError> {
    charge_run(run, store).await?;
    match verdict {
        Verdict::Ended(status) => {
            let ending = Ending { status, at: Timestamp::now() };
            let stored = store.finish_run(run.id, run.fence.0, status, ending.at).await;
            run.ending.send_replace(Some(ending));
            stored
        }
        Verdict::Interrupted => store.release_run(run.id, run.fence.0).await,
    }
}

impl Run {
    /// When a run that nobody reads is given up.
    fn expires_at(&self) -> Option<Instant> {
        let consumer = lock(&self.consumer);
        consumer.attached.is_none().then(|| consumer.detached_at + self.limits.resume_window)
    }
}
