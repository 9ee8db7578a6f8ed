//! The task that owns a run from its acceptance to its end: it commits the records, keeps the lease and the account,
//! and ends the run when all is done, when nobody came back for it, or when its time is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pagewire_journal::AppendError;
use pagewire_store::{FileRow, RunEnd, RunStatus, Store, StoreError};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{ERROR, EarlyEnd, Ending, Run, lock};
use crate::engine::LEASE;
use crate::patience::persist;

/// How often the credits of a run under way are charged.
const CHARGE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a run that failed to commit waits before it may be opened again.
const COMMIT_RETRY: Duration = Duration::from_secs(1);

/// Why work on a run stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has ended.
    Ended(RunStatus),
    /// It has ended by a fault of this server, which is told in a sentence.
    Failed(String),
    /// The process is going down, or another has taken the run over: somebody else goes on with it.
    Interrupted,
}

/// Sees a stream through. Returns when it has ended or the process is shutting down.
pub(crate) async fn supervise(run: Arc<Run>, store: Arc<dyn Store>, shutdown: CancellationToken) {
    let verdict = work_off(&run, watch(&run, store.as_ref(), &shutdown)).await;
    settle(&run, store.as_ref(), verdict, Vec::new(), &shutdown).await;
}

/// Commits the run's records until `watching` has come to a verdict, and everything that was recorded by then.
pub(crate) async fn work_off(run: &Run, watching: impl Future<Output = Verdict>) -> Verdict {
    let committing = commit(run);
    let watching = async {
        let verdict = watching.await;
        run.group.close();
        verdict
    };
    tokio::pin!(committing);
    tokio::pin!(watching);
    let verdict = tokio::select! {
        verdict = &mut watching => {
            if let Err(error) = committing.await {
                tracing::error!(run = %run.id.hex(), error = &error as &dyn std::error::Error, "the last records of a run were not committed");
            }
            verdict
        }
        Err(error) = &mut committing => {
            tracing::error!(run = %run.id.hex(), error = &error as &dyn std::error::Error, "a run's journal failed; the run has ended");
            Verdict::Failed("the run's records could not be written".to_owned())
        }
    };
    run.stop.cancel();
    if let Some(lane) = run.lane.get() {
        run.scheduler.remove(*lane);
    }
    verdict
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
    let wall_time = tokio::time::sleep(run.wall_time_left());
    let keeping = keep(run, store);
    let completed = run.completed();
    let cancelled = async {
        run.cancelled().await;
        run.wind_down().await;
    };
    tokio::pin!(wall_time, keeping, completed, cancelled);
    let mut time_is_over = false;
    loop {
        let expiry = run.expires_at();
        let expired = async {
            match expiry {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = &mut completed => return Verdict::Ended(RunStatus::Completed),
            () = &mut cancelled => return Verdict::Ended(RunStatus::Cancelled),
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
            () = &mut keeping => return Verdict::Interrupted,
        }
    }
}

/// Renews the lease and charges what the run has cost, for as long as the run is ours. Returns when it is not.
pub(crate) async fn keep(run: &Run, store: &dyn Store) {
    let mut charge = tokio::time::interval(CHARGE_INTERVAL);
    let mut renew = tokio::time::interval(LEASE / 3);
    renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let kept = tokio::select! {
            _ = charge.tick() => charge_run(run, store).await,
            _ = renew.tick() => store.renew_run(run.id, run.fence.0, Timestamp::now(), LEASE).await,
        };
        match kept {
            Ok(()) => {}
            Err(StoreError::StaleFence) => {
                tracing::warn!(run = %run.id.hex(), "another process has taken the run over");
                return;
            }
            Err(error) => {
                tracing::warn!(run = %run.id.hex(), error = &error as &dyn std::error::Error, "a run was not charged or its lease not renewed; that is tried again");
            }
        }
    }
}

async fn charge_run(run: &Run, store: &dyn Store) -> Result<(), StoreError> {
    let (credits, allowance) = (run.tip().tally.weight, run.account.credits.allowance());
    store.charge_run(run.id, run.fence.0, credits, allowance, Timestamp::now()).await.map(drop)
}

/// Stores how the run has ended, or gives it back. What may pass is waited out for as long as the process goes on.
pub(crate) async fn settle(
    run: &Run,
    store: &dyn Store,
    verdict: Verdict,
    files: Vec<FileRow>,
    shutdown: &CancellationToken,
) {
    let end = end_of(run, verdict, files);
    let ending = end.as_ref().map(|end| Ending { status: end.status, at: end.at });
    let mut settled = store_end(run, store, end.clone()).await;
    if settled.is_err() {
        tokio::select! {
            () = shutdown.cancelled() => {}
            again = persist("storing the end of a run", || store_end(run, store, end.clone())) => settled = again,
        }
    }
    // What cannot be stored for good is told all the same: a reader would wait for it for ever.
    let told = settled
        .as_ref()
        .err()
        .is_none_or(|error| !error.may_pass() && !matches!(error, StoreError::StaleFence));
    if let Err(error) = settled {
        tracing::error!(run = %run.id.hex(), error = &error as &dyn std::error::Error, "the end of a run could not be stored; it is settled at the next start");
    }
    if let Some(ending) = ending.filter(|_| told) {
        run.ending.send_replace(Some(ending));
    }
    *lock(&run.input) = None;
    run.journal.cool();
}

/// What is stored of a run that has ended; nothing of one that somebody else goes on with.
fn end_of(run: &Run, verdict: Verdict, files: Vec<FileRow>) -> Option<RunEnd> {
    let (status, error) = match verdict {
        Verdict::Ended(status) => (status, None),
        Verdict::Failed(error) => (RunStatus::Failed, Some(error)),
        Verdict::Interrupted => return None,
    };
    let tally = run.tip().tally;
    let at = Timestamp::now();
    Some(RunEnd { status, at, urls_done: tally.total(), urls_errored: tally.count(ERROR), error, files })
}

async fn store_end(run: &Run, store: &dyn Store, end: Option<RunEnd>) -> Result<(), StoreError> {
    charge_run(run, store).await?;
    match end {
        Some(end) => store.finish_run(run.id, run.fence.0, end).await,
        None => store.release_run(run.id, run.fence.0).await,
    }
}

impl Run {
    /// Until every URL has its record.
    pub(crate) async fn completed(&self) {
        let mut tip = pagewire_journal::Journal::tip(self.journal.as_ref());
        // The run holds the journal, so its watch cannot close.
        let _ = tip.wait_for(|tip| tip.tally.total() >= self.total()).await;
    }

    /// How long the run may still go on.
    pub(crate) fn wall_time_left(&self) -> Duration {
        let age = Timestamp::now().as_millisecond() - self.created_at.as_millisecond();
        self.limits.wall_time.saturating_sub(Duration::from_millis(u64::try_from(age).unwrap_or(0)))
    }

    /// When a run that nobody reads is given up.
    fn expires_at(&self) -> Option<Instant> {
        let consumer = lock(&self.consumer);
        consumer.attached.is_none().then(|| consumer.detached_at + self.limits.resume_window)
    }
}
