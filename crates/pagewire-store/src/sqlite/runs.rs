//! The tables `runs` and `run_chunks`.

use std::time::Duration;

use jiff::Timestamp;
use pagewire_types::{RunEventData, RunId, WebhookEvent, WorkspaceId, event};
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::SqliteStore;
use super::credits::charge_in;
use super::events::{NewEvent, append_in};
use super::jobs::insert_files;
use super::row::{micros, mode, mode_text, parsed, signed, timestamp, unsigned};
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::credits::CreditAllowance;
use crate::state::keys::KeyMode;
use crate::state::runs::{Chunk, NewRun, RunEnd, RunKind, RunRow, RunStatus, Runs};

const FIRST_FENCE: u64 = 1;
/// Rows of one statement, far under SQLite's bound on parameters.
const ROWS_PER_INSERT: usize = 200;

fn kind_text(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Stream => "stream",
        RunKind::Job => "job",
    }
}

pub(super) fn status_text(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "queued",
        RunStatus::Running => "running",
        RunStatus::Completed => "completed",
        RunStatus::Cancelled => "cancelled",
        RunStatus::Failed => "failed",
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct StoredRun {
    id: String,
    workspace: String,
    kind: String,
    mode: String,
    status: String,
    defaults: String,
    concurrency: i64,
    urls_total: i64,
    created_at: i64,
    finished_at: Option<i64>,
    cancel_requested: Option<i64>,
    trace_id: String,
    fence: i64,
    credits_charged: i64,
}

impl StoredRun {
    pub(super) fn read(self) -> Result<RunRow, StoreError> {
        let kind = [RunKind::Stream, RunKind::Job].into_iter().find(|kind| kind_text(*kind) == self.kind);
        let status = [
            RunStatus::Queued,
            RunStatus::Running,
            RunStatus::Completed,
            RunStatus::Cancelled,
            RunStatus::Failed,
        ]
        .into_iter()
        .find(|status| status_text(*status) == self.status);
        Ok(RunRow {
            id: RunId::parse_hex(&self.id).map_err(|_| StoreError::damaged("a run id"))?,
            workspace: parsed(&self.workspace, "a workspace id")?,
            kind: kind.ok_or(StoreError::damaged("the kind of a run"))?,
            mode: mode(&self.mode)?,
            status: status.ok_or(StoreError::damaged("the status of a run"))?,
            defaults: self.defaults,
            concurrency: u32::try_from(self.concurrency).map_err(|_| StoreError::damaged("a concurrency"))?,
            urls_total: unsigned(self.urls_total)?,
            created_at: timestamp(self.created_at)?,
            finished_at: self.finished_at.map(timestamp).transpose()?,
            cancel_requested: self.cancel_requested.map(timestamp).transpose()?,
            trace_id: self.trace_id,
            fence: unsigned(self.fence)?,
            credits_charged: unsigned(self.credits_charged)?,
        })
    }
}

pub(super) fn lease_end(now: Timestamp, lease: Duration) -> i64 {
    micros(now).saturating_add(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX))
}

/// Adds a run; one that is running is leased to its owner.
pub(super) async fn insert_run(
    transaction: &mut Transaction<'static, Sqlite>,
    run: &NewRun,
    status: RunStatus,
) -> Result<(), StoreError> {
    let leased = status == RunStatus::Running;
    sqlx::query(
        "INSERT INTO runs (id, workspace, kind, mode, status, defaults, concurrency, urls_total, created_at, \
         trace_id, fence, owner, lease_until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(run.id.hex())
    .bind(run.workspace.as_str())
    .bind(kind_text(run.kind))
    .bind(mode_text(run.mode))
    .bind(status_text(status))
    .bind(&run.defaults)
    .bind(i64::from(run.concurrency))
    .bind(signed(run.urls_total))
    .bind(micros(run.created_at))
    .bind(&run.trace_id)
    .bind(signed(FIRST_FENCE))
    .bind(leased.then_some(&run.owner))
    .bind(leased.then(|| lease_end(run.created_at, run.lease)))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(super) async fn insert_chunks(
    transaction: &mut Transaction<'static, Sqlite>,
    run: RunId,
    chunks: &[Chunk],
) -> Result<(), StoreError> {
    let run = run.hex();
    for rows in chunks.chunks(ROWS_PER_INSERT) {
        let mut insert: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO run_chunks (run, chunk, first_ordinal, items) ");
        insert.push_values(rows, |mut row, chunk| {
            row.push_bind(&run)
                .push_bind(i64::from(chunk.index))
                .push_bind(signed(chunk.first_ordinal))
                .push_bind(&chunk.items);
        });
        insert.build().execute(&mut **transaction).await?;
    }
    Ok(())
}

/// Appends where a run stands; a run that has not ended has just been started.
pub(super) async fn tell(
    transaction: &mut Transaction<'static, Sqlite>,
    run: &RunRow,
    end: Option<&RunEnd>,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let status = end.map_or(run.status, |end| end.status);
    let (subject, stream_id) = (run.id.job_id(), run.id.stream_id());
    let data = RunEventData {
        job_id: subject.clone(),
        stream_id: (run.kind == RunKind::Stream).then_some(stream_id),
        status: status_text(status).to_owned(),
        urls_total: run.urls_total,
        urls_done: end.map_or(0, |end| end.urls_done),
        urls_errored: end.map_or(0, |end| end.urls_errored),
        credits_used: run.credits_charged,
        error: end.and_then(|end| end.error.clone()),
    };
    let event = NewEvent {
        workspace: run.workspace.as_str(),
        mode: run.mode,
        kind: event_of(run.kind, status),
        subject: &subject,
        at,
        data: event::to_json(&data),
    };
    append_in(transaction, event).await
}

fn event_of(kind: RunKind, status: RunStatus) -> WebhookEvent {
    match (kind, status) {
        (RunKind::Stream, _) => WebhookEvent::StreamCompleted,
        (RunKind::Job, RunStatus::Queued | RunStatus::Running) => WebhookEvent::JobStarted,
        (RunKind::Job, RunStatus::Completed) => WebhookEvent::JobCompleted,
        (RunKind::Job, RunStatus::Cancelled) => WebhookEvent::JobCancelled,
        (RunKind::Job, RunStatus::Failed) => WebhookEvent::JobFailed,
    }
}

impl Runs for SqliteStore {
    fn create_run(&self, run: NewRun, chunks: Vec<Chunk>) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            insert_run(&mut transaction, &run, RunStatus::Running).await?;
            insert_chunks(&mut transaction, run.id, &chunks).await?;
            transaction.commit().await?;
            Ok(FIRST_FENCE)
        })
    }

    fn run(&self, workspace: WorkspaceId, mode: KeyMode, id: RunId) -> Answer<'_, Option<RunRow>> {
        Box::pin(async move {
            let row: Option<StoredRun> =
                sqlx::query_as("SELECT * FROM runs WHERE id = $1 AND workspace = $2 AND mode = $3")
                    .bind(id.hex())
                    .bind(workspace.as_str())
                    .bind(mode_text(mode))
                    .fetch_optional(&self.readers)
                    .await?;
            row.map(StoredRun::read).transpose()
        })
    }

    fn is_run_of(&self, workspace: WorkspaceId, id: RunId) -> Answer<'_, bool> {
        Box::pin(async move {
            let found = sqlx::query("SELECT 1 FROM runs WHERE id = $1 AND workspace = $2")
                .bind(id.hex())
                .bind(workspace.as_str())
                .fetch_optional(&self.readers)
                .await?;
            Ok(found.is_some())
        })
    }

    fn unfinished_streams(&self) -> Answer<'_, Vec<RunRow>> {
        Box::pin(async move {
            let rows: Vec<StoredRun> = sqlx::query_as(
                "SELECT * FROM runs WHERE kind = 'stream' AND status IN ('queued', 'running') ORDER BY created_at, id",
            )
            .fetch_all(&self.readers)
            .await?;
            rows.into_iter().map(StoredRun::read).collect()
        })
    }

    fn chunks(&self, id: RunId) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            Ok(sqlx::query_scalar("SELECT items FROM run_chunks WHERE run = $1 ORDER BY chunk")
                .bind(id.hex())
                .fetch_all(&self.readers)
                .await?)
        })
    }

    fn lease_run(&self, id: RunId, owner: String, now: Timestamp, lease: Duration) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let fence: Option<i64> = sqlx::query_scalar(
                "UPDATE runs SET fence = fence + 1, owner = $2, lease_until = $3 \
                 WHERE id = $1 AND status IN ('queued', 'running') RETURNING fence",
            )
            .bind(id.hex())
            .bind(&owner)
            .bind(lease_end(now, lease))
            .fetch_optional(&mut *transaction)
            .await?;
            transaction.commit().await?;
            unsigned(fence.ok_or(StoreError::Missing("unfinished run"))?)
        })
    }

    fn renew_run(&self, id: RunId, fence: u64, now: Timestamp, lease: Duration) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let done = sqlx::query("UPDATE runs SET lease_until = $3 WHERE id = $1 AND fence = $2")
                .bind(id.hex())
                .bind(signed(fence))
                .bind(lease_end(now, lease))
                .execute(&mut *transaction)
                .await?;
            refuse_stale(done.rows_affected())?;
            sqlx::query("UPDATE chunk_leases SET lease_until = $3 WHERE run = $1 AND fence = $2")
                .bind(id.hex())
                .bind(signed(fence))
                .bind(lease_end(now, lease))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    fn release_run(&self, id: RunId, fence: u64) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let done =
                sqlx::query("UPDATE runs SET owner = NULL, lease_until = NULL WHERE id = $1 AND fence = $2")
                    .bind(id.hex())
                    .bind(signed(fence))
                    .execute(&mut *transaction)
                    .await?;
            refuse_stale(done.rows_affected())?;
            sqlx::query("DELETE FROM chunk_leases WHERE run = $1 AND fence = $2")
                .bind(id.hex())
                .bind(signed(fence))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    fn finish_run(&self, id: RunId, fence: u64, end: RunEnd) -> Answer<'_, ()> {
        Box::pin(async move {
            let run = id.hex();
            let mut transaction = self.begin().await?;
            let row: Option<StoredRun> = sqlx::query_as(
                "UPDATE runs SET status = $3, finished_at = $4, urls_done = $5, urls_errored = $6, error = $7, \
                 owner = NULL, lease_until = NULL \
                 WHERE id = $1 AND fence = $2 AND status IN ('queued', 'running') RETURNING *",
            )
            .bind(&run)
            .bind(signed(fence))
            .bind(status_text(end.status))
            .bind(micros(end.at))
            .bind(signed(end.urls_done))
            .bind(signed(end.urls_errored))
            .bind(&end.error)
            .fetch_optional(&mut *transaction)
            .await?;
            let row = row.ok_or(StoreError::StaleFence)?.read()?;
            sqlx::query("DELETE FROM chunk_leases WHERE run = $1")
                .bind(&run)
                .execute(&mut *transaction)
                .await?;
            insert_files(&mut transaction, &run, &end.files).await?;
            let told = tell(&mut transaction, &row, Some(&end), end.at).await?;
            self.commit_events(transaction, Some(told)).await
        })
    }

    fn charge_run(
        &self,
        id: RunId,
        fence: u64,
        credits: u64,
        allowance: CreditAllowance,
        at: Timestamp,
    ) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let row: Option<(String, i64)> =
                sqlx::query_as("SELECT workspace, credits_charged FROM runs WHERE id = $1 AND fence = $2")
                    .bind(id.hex())
                    .bind(signed(fence))
                    .fetch_optional(&mut *transaction)
                    .await?;
            let (workspace, charged) = row.ok_or(StoreError::StaleFence)?;
            let owed = credits.saturating_sub(unsigned(charged)?);
            if owed == 0 {
                return Ok(0);
            }
            sqlx::query("UPDATE runs SET credits_charged = $2 WHERE id = $1")
                .bind(id.hex())
                .bind(signed(credits))
                .execute(&mut *transaction)
                .await?;
            let told = charge_in(&mut transaction, &workspace, owed, allowance, at).await?;
            self.commit_events(transaction, told).await?;
            Ok(owed)
        })
    }

    fn runs_finished_before(&self, kind: RunKind, at: Timestamp) -> Answer<'_, Vec<RunId>> {
        Box::pin(async move {
            let ids: Vec<String> = sqlx::query_scalar(
                "SELECT id FROM runs WHERE status IN ('completed', 'cancelled', 'failed') AND finished_at < $1 AND kind = $2 \
                 ORDER BY finished_at LIMIT 1000",
            )
            .bind(micros(at))
            .bind(kind_text(kind))
            .fetch_all(&self.readers)
            .await?;
            ids.iter().map(|id| RunId::parse_hex(id).map_err(|_| StoreError::damaged("a run id"))).collect()
        })
    }

    fn delete_run(&self, id: RunId) -> Answer<'_, ()> {
        Box::pin(async move {
            sqlx::query("DELETE FROM runs WHERE id = $1").bind(id.hex()).execute(&self.writer).await?;
            Ok(())
        })
    }
}

pub(super) fn refuse_stale(rows: u64) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::StaleFence) } else { Ok(()) }
}
