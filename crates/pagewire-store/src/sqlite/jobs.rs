//! The tables `jobs`, `chunk_leases`, `run_files` and `idempotency_keys`.

use std::time::Duration;

use jiff::Timestamp;
use pagewire_types::{RunId, WorkspaceId};
use sqlx::{FromRow as _, QueryBuilder, Row as _, Sqlite, SqliteConnection, sqlite::SqliteRow};

use super::SqliteStore;
use super::row::{micros, mode_text, signed, timestamp, unsigned};
use super::runs::{StoredRun, insert_chunks, insert_run, lease_end, refuse_stale, status_text, tell};
use super::uploads::insert_upload_in;
use super::webhooks::write_webhook;
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::jobs::{
    Acceptance, Cancellation, IdempotencyKey, JobFilter, JobPart, JobRow, Jobs, NewInput, NewJob, StoredChunk,
};
use crate::state::keys::KeyMode;
use crate::state::runs::{FileRow, RunStatus};
use crate::state::uploads::{ChunkRange, UploadRow};

/// A run, and what it has as a job where it is one.
const SELECT_JOB: &str = "SELECT runs.*, jobs.run AS job, jobs.name, jobs.output, jobs.started_at, \
                          jobs.object_input, uploads.blob AS upload_blob FROM runs \
                          LEFT JOIN jobs ON jobs.run = runs.id LEFT JOIN uploads ON uploads.id = jobs.upload ";

fn read_job(row: &SqliteRow) -> Result<JobRow, StoreError> {
    let time = |name: &str| -> Result<Option<Timestamp>, StoreError> {
        row.try_get::<Option<i64>, _>(name)?.map(timestamp).transpose()
    };
    let is_job = row.try_get::<Option<String>, _>("job")?.is_some();
    let job = if is_job {
        Some(JobPart {
            name: row.try_get("name")?,
            output: row.try_get("output")?,
            upload_blob: row.try_get("upload_blob")?,
            object_input: row.try_get("object_input")?,
            started_at: time("started_at")?,
        })
    } else {
        None
    };
    Ok(JobRow {
        job,
        urls_done: unsigned(row.try_get("urls_done")?)?,
        urls_errored: unsigned(row.try_get("urls_errored")?)?,
        error: row.try_get("error")?,
        run: StoredRun::from_row(row)?.read()?,
    })
}

/// What the key stands for already; a key that has expired stands for nothing.
async fn earlier_answer(
    connection: &mut SqliteConnection,
    workspace: &WorkspaceId,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<Acceptance>, StoreError> {
    let row: Option<(Vec<u8>, String, String)> = sqlx::query_as(
        "SELECT body_sha256, run, answer FROM idempotency_keys \
         WHERE workspace = $1 AND key = $2 AND expires_at > $3",
    )
    .bind(workspace.as_str())
    .bind(&key.key)
    .bind(micros(now))
    .fetch_optional(connection)
    .await?;
    let Some((body_sha256, run, answer)) = row else { return Ok(None) };
    if body_sha256 != key.body_sha256 {
        return Ok(Some(Acceptance::OtherBody));
    }
    let run = RunId::parse_hex(&run).map_err(|_| StoreError::damaged("a run id"))?;
    Ok(Some(Acceptance::Repeated { run, answer }))
}

/// A chunk with the request, or its place in the blob of the upload.
async fn stored_chunk(
    connection: &mut SqliteConnection,
    run: &str,
    chunk: u32,
) -> Result<StoredChunk, StoreError> {
    let items: Option<String> =
        sqlx::query_scalar("SELECT items FROM run_chunks WHERE run = $1 AND chunk = $2")
            .bind(run)
            .bind(i64::from(chunk))
            .fetch_optional(&mut *connection)
            .await?;
    if let Some(items) = items {
        return Ok(StoredChunk::Items(items));
    }
    let range: Option<(i64, i64)> = sqlx::query_as(
        "SELECT start, bytes FROM upload_chunks JOIN jobs ON jobs.upload = upload_chunks.upload \
         WHERE jobs.run = $1 AND upload_chunks.chunk = $2",
    )
    .bind(run)
    .bind(i64::from(chunk))
    .fetch_optional(connection)
    .await?;
    let (start, bytes) = range.ok_or(StoreError::damaged("a job without one of its chunks"))?;
    Ok(StoredChunk::Range(ChunkRange { start: unsigned(start)?, bytes: unsigned(bytes)? }))
}

pub(super) async fn insert_files(
    connection: &mut SqliteConnection,
    run: &str,
    files: &[FileRow],
) -> Result<(), StoreError> {
    for file in files {
        sqlx::query(
            "INSERT INTO run_files (run, part, name, blob, bytes, rows, sha256) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(run)
        .bind(i64::from(file.part))
        .bind(&file.name)
        .bind(&file.blob)
        .bind(signed(file.bytes))
        .bind(signed(file.rows))
        .bind(&file.sha256)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

impl Jobs for SqliteStore {
    fn create_job(&self, job: NewJob) -> Answer<'_, Acceptance> {
        Box::pin(async move {
            let NewJob { run, name, output, webhook, input, idempotency } = job;
            let mut transaction = self.begin().await?;
            if let Some(key) = &idempotency
                && let Some(earlier) =
                    earlier_answer(&mut transaction, &run.workspace, key, run.created_at).await?
            {
                return Ok(earlier);
            }
            let (upload, object, chunks) = match input {
                NewInput::Chunks(chunks) => (None, None, chunks),
                NewInput::Object(object) => (None, Some(object), Vec::new()),
                NewInput::Upload(id) => {
                    let found = sqlx::query("SELECT 1 FROM uploads WHERE id = $1 AND workspace = $2")
                        .bind(id.as_str())
                        .bind(run.workspace.as_str())
                        .fetch_optional(&mut *transaction)
                        .await?;
                    if found.is_none() {
                        return Ok(Acceptance::NoSuchUpload);
                    }
                    (Some(id), None, Vec::new())
                }
            };
            insert_run(&mut transaction, &run, RunStatus::Queued).await?;
            insert_chunks(&mut transaction, run.id, &chunks).await?;
            sqlx::query(
                "INSERT INTO jobs (run, name, output, upload, object_input) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(run.id.hex())
            .bind(name)
            .bind(output)
            .bind(upload.as_ref().map(pagewire_types::UploadId::as_str))
            .bind(object)
            .execute(&mut *transaction)
            .await?;
            if let Some(webhook) = webhook {
                write_webhook(&mut transaction, &webhook).await?;
            }
            if let Some(key) = idempotency {
                sqlx::query(
                    "INSERT OR REPLACE INTO idempotency_keys (workspace, key, body_sha256, run, answer, expires_at) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                )
                .bind(run.workspace.as_str())
                .bind(key.key)
                .bind(key.body_sha256.as_slice())
                .bind(run.id.hex())
                .bind(key.answer)
                .bind(micros(key.expires_at))
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await?;
            Ok(Acceptance::Accepted)
        })
    }

    fn job(&self, workspace: WorkspaceId, mode: KeyMode, id: RunId) -> Answer<'_, Option<JobRow>> {
        Box::pin(async move {
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(SELECT_JOB);
            query.push("WHERE runs.id = ").push_bind(id.hex());
            query.push(" AND runs.workspace = ").push_bind(workspace.as_str());
            query.push(" AND runs.mode = ").push_bind(mode_text(mode));
            let row = query.build().fetch_optional(&self.readers).await?;
            row.as_ref().map(read_job).transpose()
        })
    }

    fn jobs(&self, workspace: WorkspaceId, mode: KeyMode, filter: JobFilter) -> Answer<'_, Vec<JobRow>> {
        Box::pin(async move {
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(SELECT_JOB);
            query.push("WHERE runs.workspace = ").push_bind(workspace.as_str());
            query.push(" AND runs.mode = ").push_bind(mode_text(mode));
            if let Some(status) = filter.status {
                query.push(" AND runs.status = ").push_bind(status_text(status));
            }
            if let Some(before) = filter.before {
                query.push(" AND runs.id < ").push_bind(before.hex());
            }
            query.push(" ORDER BY runs.id DESC LIMIT ").push_bind(i64::from(filter.limit));
            let rows = query.build().fetch_all(&self.readers).await?;
            rows.iter().map(read_job).collect()
        })
    }

    fn unfinished_jobs(&self, limit: u32) -> Answer<'_, Vec<JobRow>> {
        Box::pin(async move {
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(SELECT_JOB);
            query.push(
                "WHERE runs.kind = 'job' AND runs.status IN ('queued', 'running') ORDER BY runs.id LIMIT ",
            );
            query.push_bind(i64::from(limit));
            let rows = query.build().fetch_all(&self.readers).await?;
            rows.iter().map(read_job).collect()
        })
    }

    fn queued_jobs(&self, workspace: WorkspaceId) -> Answer<'_, u64> {
        Box::pin(async move {
            let count: i64 =
                sqlx::query_scalar("SELECT count(*) FROM runs WHERE workspace = $1 AND status = 'queued'")
                    .bind(workspace.as_str())
                    .fetch_one(&self.readers)
                    .await?;
            unsigned(count)
        })
    }

    fn set_job_input(
        &self,
        id: RunId,
        fence: u64,
        upload: UploadRow,
        chunks: Vec<ChunkRange>,
    ) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let told = sqlx::query("UPDATE runs SET urls_total = $3 WHERE id = $1 AND fence = $2")
                .bind(id.hex())
                .bind(signed(fence))
                .bind(signed(upload.urls))
                .execute(&mut *transaction)
                .await?;
            refuse_stale(told.rows_affected())?;
            insert_upload_in(&mut transaction, &upload, chunks).await?;
            sqlx::query("UPDATE jobs SET upload = $2 WHERE run = $1")
                .bind(id.hex())
                .bind(upload.id.as_str())
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    fn start_job(&self, id: RunId, fence: u64, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let run: Option<StoredRun> = sqlx::query_as(
                "UPDATE runs SET status = 'running' \
                 WHERE id = $1 AND fence = $2 AND status IN ('queued', 'running') RETURNING *",
            )
            .bind(id.hex())
            .bind(signed(fence))
            .fetch_optional(&mut *transaction)
            .await?;
            let run = run.ok_or(StoreError::StaleFence)?.read()?;
            let started =
                sqlx::query("UPDATE jobs SET started_at = $2 WHERE run = $1 AND started_at IS NULL")
                    .bind(id.hex())
                    .bind(micros(at))
                    .execute(&mut *transaction)
                    .await?;
            if started.rows_affected() == 0 {
                return Ok(());
            }
            let told = tell(&mut transaction, &run, None, at).await?;
            self.commit_events(transaction, Some(told)).await
        })
    }

    fn request_cancel(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        id: RunId,
        at: Timestamp,
    ) -> Answer<'_, Cancellation> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(SELECT_JOB);
            query.push("WHERE runs.id = ").push_bind(id.hex());
            query.push(" AND runs.workspace = ").push_bind(workspace.as_str());
            query.push(" AND runs.mode = ").push_bind(mode_text(mode));
            let row = query.build().fetch_optional(&mut *transaction).await?;
            let Some(job) = row.as_ref().map(read_job).transpose()? else {
                return Ok(Cancellation::NotFound);
            };
            if job.run.status.is_final() {
                return Ok(Cancellation::Ended(job.run.status));
            }
            sqlx::query("UPDATE runs SET cancel_requested = COALESCE(cancel_requested, $2) WHERE id = $1")
                .bind(id.hex())
                .bind(micros(at))
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(Cancellation::Noted(job.run.status))
        })
    }

    fn earlier_job(
        &self,
        workspace: WorkspaceId,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> Answer<'_, Option<Acceptance>> {
        Box::pin(async move {
            let mut connection = self.readers.acquire().await?;
            earlier_answer(&mut connection, &workspace, &key, now).await
        })
    }

    fn chunk(&self, id: RunId, chunk: u32) -> Answer<'_, StoredChunk> {
        Box::pin(async move {
            let mut connection = self.readers.acquire().await?;
            stored_chunk(&mut connection, &id.hex(), chunk).await
        })
    }

    fn lease_chunk(
        &self,
        id: RunId,
        fence: u64,
        chunk: u32,
        owner: String,
        now: Timestamp,
        lease: Duration,
    ) -> Answer<'_, Option<StoredChunk>> {
        Box::pin(async move {
            let run = id.hex();
            let mut transaction = self.begin().await?;
            let current = sqlx::query("SELECT 1 FROM runs WHERE id = $1 AND fence = $2")
                .bind(&run)
                .bind(signed(fence))
                .fetch_optional(&mut *transaction)
                .await?;
            if current.is_none() {
                return Err(StoreError::StaleFence);
            }
            let leased = stored_chunk(&mut transaction, &run, chunk).await?;
            let done = sqlx::query(
                "INSERT INTO chunk_leases (run, chunk, fence, owner, lease_until) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (run, chunk) DO UPDATE SET fence = excluded.fence, owner = excluded.owner, \
                 lease_until = excluded.lease_until \
                 WHERE chunk_leases.fence < excluded.fence OR chunk_leases.lease_until < $6",
            )
            .bind(&run)
            .bind(i64::from(chunk))
            .bind(signed(fence))
            .bind(&owner)
            .bind(lease_end(now, lease))
            .bind(micros(now))
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(None);
            }
            transaction.commit().await?;
            Ok(Some(leased))
        })
    }

    fn release_chunks(&self, id: RunId, fence: u64, chunks: Vec<u32>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut delete: QueryBuilder<Sqlite> = QueryBuilder::new("DELETE FROM chunk_leases WHERE run = ");
            delete.push_bind(id.hex()).push(" AND fence = ").push_bind(signed(fence)).push(" AND chunk IN (");
            let mut list = delete.separated(", ");
            for chunk in chunks {
                list.push_bind(i64::from(chunk));
            }
            delete.push(")");
            delete.build().execute(&self.writer).await?;
            Ok(())
        })
    }

    fn files(&self, id: RunId) -> Answer<'_, Vec<FileRow>> {
        Box::pin(async move {
            let rows: Vec<(i64, String, String, i64, i64, String)> = sqlx::query_as(
                "SELECT part, name, blob, bytes, rows, sha256 FROM run_files WHERE run = $1 ORDER BY part",
            )
            .bind(id.hex())
            .fetch_all(&self.readers)
            .await?;
            rows.into_iter()
                .map(|(part, name, blob, bytes, rows, sha256)| {
                    Ok(FileRow {
                        part: u32::try_from(part).map_err(|_| StoreError::damaged("a part"))?,
                        name,
                        blob,
                        bytes: unsigned(bytes)?,
                        rows: unsigned(rows)?,
                        sha256,
                    })
                })
                .collect()
        })
    }

    fn add_files(&self, id: RunId, files: Vec<FileRow>) -> Answer<'_, ()> {
        Box::pin(async move {
            let run = id.hex();
            let mut transaction = self.begin().await?;
            let ended: Option<i64> = sqlx::query_scalar(
                "SELECT (SELECT count(*) FROM run_files WHERE run = id) FROM runs \
                 WHERE id = $1 AND status IN ('completed', 'cancelled', 'failed')",
            )
            .bind(&run)
            .fetch_optional(&mut *transaction)
            .await?;
            if ended.ok_or(StoreError::Missing("ended run"))? == 0 {
                insert_files(&mut transaction, &run, &files).await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    fn forget_idempotency_keys(&self, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move {
            sqlx::query("DELETE FROM idempotency_keys WHERE expires_at <= $1")
                .bind(micros(now))
                .execute(&self.writer)
                .await?;
            Ok(())
        })
    }
}
