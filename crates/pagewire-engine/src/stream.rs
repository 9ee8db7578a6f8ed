//! The Stream door: a run with a consumer, started, resumed, and taken up again after a crash or a restart.

use std::sync::Arc;

use jiff::Timestamp;
use pagewire_journal::{Fence, Position};
use pagewire_store::{Chunk, NewRun, RunKind, RunRow, RunStatus};
use pagewire_types::{RunId, ScrapeParams, StoredEntry, StreamRequest};

use crate::account::Caller;
use crate::engine::{Engine, LEASE, lease_owner};
use crate::refusal::{Refusal, damaged};
use crate::run::attachment::Attachment;
use crate::run::{Ending, Run, RunInput, RunParts, supervisor};

impl Engine {
    /// Makes a run of the request, durably, and attaches its first consumer.
    pub async fn start_stream(
        &self,
        caller: &Caller,
        request: StreamRequest,
        trace_id: String,
    ) -> Result<Attachment, Refusal> {
        self.admit(caller)?;
        self.check_means(&request.params, &request.entries)?;
        let total = request.entries.len() as u64;
        let input = RunInput::of_request(request.params, request.entries, self.settings.robots)?;
        if self.lock().len() >= self.settings.runs_max {
            return Err(Refusal::Overloaded("as many runs as it can hold are under way"));
        }
        let id = RunId::generate();
        let created_at = Timestamp::now();
        let new_run = NewRun {
            id,
            workspace: caller.workspace.id.clone(),
            kind: RunKind::Stream,
            mode: caller.mode,
            defaults: request.params_json,
            concurrency: request.concurrency,
            urls_total: total,
            created_at,
            trace_id: trace_id.clone(),
            owner: lease_owner(),
            lease: LEASE,
        };
        let fence = self.store.create_run(new_run, chunks_of(request.chunks_json)).await?;
        let run = self.make_run(RunParts {
            id,
            kind: RunKind::Stream,
            account: caller.workspace.clone(),
            mode: caller.mode,
            input: Some(input),
            total,
            concurrency: request.concurrency,
            created_at,
            journal: self.open_journal(id, total).await?,
            fence: Fence(fence),
            ending: None,
        });
        let attachment = run.attach(Position::START, trace_id, self.draining.clone());
        run.schedule();
        self.supervise(run);
        Ok(attachment)
    }

    /// Attaches a consumer to a run of the caller's workspace and mode, after the record that it has.
    pub async fn resume_stream(
        &self,
        caller: &Caller,
        id: RunId,
        after: Position,
        trace_id: String,
    ) -> Result<Attachment, Refusal> {
        if self.draining.is_cancelled() {
            return Err(Refusal::Draining);
        }
        let held = self.lock().get(&id).cloned();
        let run = match held {
            Some(run) if run.account().id == caller.workspace.id && run.mode() == caller.mode => run,
            Some(_) => return Err(Refusal::NotFound),
            None => self.bring_back(caller, id).await?,
        };
        if run.ending().is_some_and(|ending| ending.status != RunStatus::Completed) {
            return Err(Refusal::StreamExpired);
        }
        let tip = run.progress().done;
        if after.0 > tip {
            return Err(Refusal::CursorPastEnd { tip });
        }
        Ok(run.attach(after, trace_id, self.draining.clone()))
    }

    /// A run that ended, but whose consumer may not have read its end.
    async fn bring_back(&self, caller: &Caller, id: RunId) -> Result<Arc<Run>, Refusal> {
        let row = self.store.run(caller.workspace.id.clone(), caller.mode, id).await?;
        let row = row.ok_or(Refusal::NotFound)?;
        let ended_at = row.finished_at.ok_or(Refusal::Overloaded("the run belongs to another process"))?;
        let since = Timestamp::now().as_millisecond() - ended_at.as_millisecond();
        let window = i64::try_from(self.settings.run.resume_window.as_millis()).unwrap_or(i64::MAX);
        if row.status != RunStatus::Completed || since > window {
            return Err(Refusal::StreamExpired);
        }
        let run = self.make_run(RunParts {
            id,
            kind: RunKind::Stream,
            account: caller.workspace.clone(),
            mode: row.mode,
            input: None,
            total: row.urls_total,
            concurrency: row.concurrency,
            created_at: row.created_at,
            journal: self.open_journal(id, row.urls_total).await?,
            fence: Fence(row.fence),
            ending: Some(Ending { status: row.status, at: ended_at }),
        });
        Ok(self.lock().entry(id).or_insert(run).clone())
    }

    pub(crate) async fn recover_streams(&self) -> Result<(), Refusal> {
        for row in self.store.unfinished_streams().await? {
            let id = row.id;
            match self.take_up(row).await {
                Ok(run) => {
                    let progress = run.progress();
                    tracing::info!(run = %id.hex(), done = progress.done, total = progress.total, "took up a run");
                    self.supervise(run);
                }
                // One run that cannot be read must not keep the server from starting.
                Err(error) => {
                    tracing::error!(run = %id.hex(), error = &error as &dyn std::error::Error, "a run could not be taken up");
                }
            }
        }
        Ok(())
    }

    async fn take_up(&self, row: RunRow) -> Result<Arc<Run>, Refusal> {
        let fence = self.store.lease_run(row.id, lease_owner(), Timestamp::now(), LEASE).await?;
        let defaults = serde_json::from_str(&row.defaults).map_err(|_| damaged("stored parameters"))?;
        let input = RunInput::new(ScrapeParams::read_stored(defaults), self.settings.robots)?;
        for (items, chunk) in self.store.chunks(row.id).await?.into_iter().zip(0..) {
            let items = serde_json::from_str(&items).map_err(|_| damaged("a stored chunk"))?;
            input.load(chunk, StoredEntry::read_chunk(items)?)?;
        }
        let account = self.accounts.workspace(&row.workspace).await?;
        let run = self.make_run(RunParts {
            id: row.id,
            kind: RunKind::Stream,
            account,
            mode: row.mode,
            input: Some(input),
            total: row.urls_total,
            concurrency: row.concurrency,
            created_at: row.created_at,
            journal: self.open_journal(row.id, row.urls_total).await?,
            fence: Fence(fence),
            ending: None,
        });
        run.schedule();
        run.wait_for_consumer();
        if row.cancel_requested.is_some() {
            run.cancel();
        }
        Ok(run)
    }

    fn supervise(&self, run: Arc<Run>) {
        self.lock().insert(run.id(), run.clone());
        self.tasks.spawn(supervisor::supervise(run, self.store.clone(), self.stopping.clone()));
    }
}

pub(crate) fn chunks_of(items: Vec<String>) -> Vec<Chunk> {
    items
        .into_iter()
        .zip(0_u32..)
        .map(|(items, index)| Chunk {
            index,
            first_ordinal: u64::from(index) * pagewire_types::request::CHUNK_URLS as u64,
            items,
        })
        .collect()
}
