//! Reading along with all jobs of a workspace: how those under way move, and how each ends. It never ends by itself.
//!
//! Ends are events of the workspace journal, read by a cursor: each is told once, in order, and a reader who was away
//! goes on after the last one. Progress is no record: it is looked at about every second, and what moved is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pagewire_store::{EventRead, EventRow, KeyMode, RunStatus};
use pagewire_types::{JobCompleted, JobFailed, JobMoved, RunEventData, RunId, WebhookEvent, WorkspaceId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::watch::spoken_status;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::Refusal;

/// How often jobs under way are looked at.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// Events that are read at once.
const BATCH: u32 = 256;
/// The least between two reads, so that a busy server is not asked by each reader for each event.
const READ_INTERVAL: Duration = Duration::from_millis(50);

/// What a reader is told next.
#[derive(Debug)]
pub enum WorkspaceNews {
    /// Jobs that moved.
    Progress(Vec<JobMoved>),
    /// Jobs that ended, in the order of their positions.
    Ended(Vec<JobEnded>),
    /// The server is going down; the reader goes on with the next one.
    Draining,
    /// The events cannot be read.
    Failed,
}

/// The end of a job, and its position in the workspace journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnded {
    /// All was worked off, or it was cancelled.
    Completed(u64, JobCompleted),
    /// It was given up because of a fault.
    Failed(u64, JobFailed),
}

/// One reader of a workspace.
pub struct WorkspaceWatch {
    engine: Arc<Engine>,
    workspace: WorkspaceId,
    mode: KeyMode,
    /// The last event that was read.
    position: u64,
    moved: watch::Receiver<u64>,
    /// There may be events after the position.
    unread: bool,
    read_at: Option<Instant>,
    /// Of jobs under way, what was last told of them.
    told: HashMap<RunId, Told>,
    looked_at: Option<Instant>,
    draining: CancellationToken,
    over: bool,
}

/// What a reader knows of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// So many of its URLs were finished.
    Completed(u64),
    /// That it has ended: nothing more is told of it.
    Ended,
}

impl Engine {
    /// Reads along with the jobs of the caller's workspace and mode, from the event after `after`, or from now on.
    pub async fn watch_workspace(
        self: &Arc<Self>,
        caller: &Caller,
        after: Option<u64>,
    ) -> Result<WorkspaceWatch, Refusal> {
        if self.draining.is_cancelled() {
            return Err(Refusal::Draining);
        }
        let (workspace, mode) = (caller.workspace.id.clone(), caller.mode);
        let moved = self.store.events_moved();
        let position = match after {
            None => self.store.event_tip().await?,
            Some(after) => match self.store.events_after(workspace.clone(), mode, after, 1).await? {
                EventRead::Events(_) => after,
                EventRead::PastTip { tip } => return Err(Refusal::CursorPastEnd { tip }),
                EventRead::Expired { oldest } => return Err(Refusal::CursorExpired { oldest }),
            },
        };
        Ok(WorkspaceWatch {
            engine: self.clone(),
            workspace,
            mode,
            position,
            moved,
            unread: true,
            read_at: None,
            told: HashMap::new(),
            looked_at: None,
            draining: self.draining.clone(),
            over: false,
        })
    }
}

impl WorkspaceWatch {
    /// The next news; `None` after the last. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<WorkspaceNews> {
        if self.over {
            return None;
        }
        loop {
            if self.draining.is_cancelled() {
                return self.last(WorkspaceNews::Draining);
            }
            // Before the read: what is committed while it goes on is looked for again.
            self.unread |= self.moved.has_changed().unwrap_or(false);
            self.moved.mark_unchanged();
            if self.unread && is_due(self.read_at, READ_INTERVAL) {
                match self.read().await {
                    Ok(ended) if ended.is_empty() => {}
                    Ok(ended) => return Some(WorkspaceNews::Ended(ended)),
                    Err(error) => {
                        tracing::error!(workspace = %self.workspace, error = &error as &dyn std::error::Error, "the events of a workspace cannot be read");
                        return self.last(WorkspaceNews::Failed);
                    }
                }
            }
            if is_due(self.looked_at, PROGRESS_INTERVAL) {
                let moved = self.look();
                if !moved.is_empty() {
                    return Some(WorkspaceNews::Progress(moved));
                }
            }
            self.wait().await;
        }
    }

    fn last(&mut self, news: WorkspaceNews) -> Option<WorkspaceNews> {
        self.over = true;
        Some(news)
    }

    /// Reads the next events; gives those that are told of.
    async fn read(&mut self) -> Result<Vec<JobEnded>, Refusal> {
        let (workspace, after) = (self.workspace.clone(), self.position);
        let events = match self.engine.store.events_after(workspace, self.mode, after, BATCH).await? {
            EventRead::Events(events) => events,
            EventRead::PastTip { tip } => return Err(Refusal::CursorPastEnd { tip }),
            EventRead::Expired { oldest } => return Err(Refusal::CursorExpired { oldest }),
        };
        self.unread = events.len() >= BATCH as usize;
        // Who is behind goes on at once.
        self.read_at = (!self.unread).then(Instant::now);
        self.position = events.last().map_or(after, |event| event.position);
        let ended: Vec<(RunId, JobEnded)> = events.iter().filter_map(ended).collect();
        Ok(ended
            .into_iter()
            .map(|(id, end)| {
                self.told.insert(id, Told::Ended);
                end
            })
            .collect())
    }

    /// Looks at the jobs under way; gives those that moved since they were last told of.
    fn look(&mut self) -> Vec<JobMoved> {
        self.looked_at = Some(Instant::now());
        let runs = self.engine.jobs.under_way(&self.workspace, self.mode);
        let mut told = HashMap::with_capacity(runs.len());
        let mut moved = Vec::new();
        for run in runs {
            let (id, progress) = (run.id(), run.progress());
            let before = self.told.get(&id).copied();
            if before == Some(Told::Ended) {
                told.insert(id, Told::Ended);
                continue;
            }
            told.insert(id, Told::Completed(progress.done));
            if before != Some(Told::Completed(progress.done)) {
                moved.push(JobMoved {
                    job_id: progress.job_id,
                    status: spoken_status(RunStatus::Running).into(),
                    completed: progress.done,
                    total: progress.total,
                });
            }
        }
        // What is not under way any more is forgotten.
        self.told = told;
        moved
    }

    /// Until there may be something to tell.
    async fn wait(&mut self) {
        let look = sleep_until_due(self.looked_at, PROGRESS_INTERVAL);
        let (unread, read) = (self.unread, sleep_until_due(self.read_at, READ_INTERVAL));
        tokio::select! {
            () = self.draining.cancelled() => {}
            () = look => {}
            () = read, if unread => {}
            // The store is there for as long as the engine, so that its watch cannot close.
            _ = self.moved.changed(), if !unread => self.unread = true,
        }
    }
}

fn is_due(last: Option<Instant>, interval: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= interval)
}

async fn sleep_until_due(last: Option<Instant>, interval: Duration) {
    if let Some(last) = last {
        tokio::time::sleep_until((last + interval).into()).await;
    }
}

/// The end of a job, where the event is one.
fn ended(event: &EventRow) -> Option<(RunId, JobEnded)> {
    let is_failure = match event.kind {
        WebhookEvent::JobCompleted | WebhookEvent::JobCancelled => false,
        WebhookEvent::JobFailed => true,
        WebhookEvent::JobStarted
        | WebhookEvent::StreamCompleted
        | WebhookEvent::CreditsLow
        | WebhookEvent::CreditsExhausted
        | WebhookEvent::KeyCreated
        | WebhookEvent::KeyRevoked => return None,
    };
    let (Ok(id), Ok(data)) =
        (RunId::parse_job_id(&event.subject), serde_json::from_str::<RunEventData>(&event.data))
    else {
        tracing::error!(position = event.position, "an event cannot be read; it is passed over");
        return None;
    };
    let end = if is_failure {
        let error = data.error.unwrap_or_default();
        JobEnded::Failed(event.position, JobFailed { job_id: data.job_id, error })
    } else {
        let completed = JobCompleted {
            job_id: data.job_id,
            status: data.status.into(),
            completed: data.urls_done,
            total: data.urls_total,
            credits_used: data.credits_used,
        };
        JobEnded::Completed(event.position, completed)
    };
    Some((id, end))
}
