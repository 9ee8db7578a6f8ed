//! A new job of the URLs of an ended one that failed.
//!
//! Those have an error record. What a cancel skipped has no record: it did not fail, it was not wanted, and is not retried.
//!
//! Which they are is in the tables of the run's journal; their entries, in the words in which they came, are in the
//! chunks of its input. They go to the blobs chunk by chunk, as an upload that nobody else knows of, and the new job is
//! one of that upload. A crash before the job is stored leaves an upload without a job, which retention drops; a crash
//! after it leaves the job.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use pagewire_journal::{Key, KeySet};
use pagewire_store::{
    BlobHeaders, BlobKey, BlobWriter, ChunkRange, JobRow, NewInput, StoreError, StoredChunk, UploadRow,
};
use pagewire_types::request::CHUNK_URLS;
use pagewire_types::{OutputSpec, ProblemCode, RunId, ScrapeParams, UploadId};
use serde_json::value::RawValue;

use super::accept::{Accepted, Draft, IdempotentRequest, under_defaults};
use super::ended::{Lack, Opened};
use super::feeder::CHUNK_BYTES_MAX;
use super::reextract::archive_of;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::{Refusal, damaged};
use crate::run::{ERROR, RunInput};
use crate::upload::ChunkWriter;

impl Engine {
    /// Takes a job of the URLs that failed in an ended one, with its parameters, its output and its webhook. A stream
    /// that has ended is a job as well. The webhook's secret is not in the answer: whoever brought it has it, and whoever
    /// may retry a job need not.
    pub async fn retry_job(
        self: &Arc<Self>,
        caller: &Caller,
        id: RunId,
        idempotent: Option<IdempotentRequest>,
        trace_id: String,
    ) -> Result<Accepted, Refusal> {
        let row = match self.open_ended(caller, id, idempotent.as_ref(), failures_of).await? {
            Opened::Ended(row) => *row,
            Opened::Repeated(earlier) => return Ok(earlier),
        };
        self.check_stored_params(&row)?;
        let upload = self.upload_failed(caller, &row).await?;
        let (old, new) = (row.run.id, RunId::generate());
        let webhook = self.webhook_for_retry(old, new).await?;
        let draft = Draft { webhook, ..draft_of(new, row, &upload)? };
        let accepted = self.accept(caller, draft, idempotent, trace_id).await;
        if !accepted.as_ref().is_ok_and(|accepted| accepted.id == new)
            && let Err(error) = self.drop_upload(&upload).await
        {
            tracing::warn!(upload = %upload.id, error = &error as &dyn std::error::Error, "an upload that no job reads is left for the next sweep");
        }
        accepted
    }

    /// The parameters were good when they came; what this server can do may have changed since.
    fn check_stored_params(&self, row: &JobRow) -> Result<(), Refusal> {
        let defaults = serde_json::from_str(&row.run.defaults).map_err(|_| damaged("stored parameters"))?;
        let params = ScrapeParams::read_stored(defaults);
        self.check_means(&params, &[]).map_err(under_defaults)?;
        RunInput::new(params, self.settings.robots).map_err(under_defaults)?;
        Ok(())
    }

    /// Makes an upload of the entries that failed.
    async fn upload_failed(&self, caller: &Caller, row: &JobRow) -> Result<UploadRow, Refusal> {
        let run = self.run_of_job(caller, row.run.id).await?;
        let failed = run.journal().keys_of_kind(ERROR).await?;
        let id = UploadId::generate();
        let key: BlobKey = format!("uploads/{id}").parse().map_err(|_| damaged("an upload's name"))?;
        let mut writer = self.blobs.write(&key, BlobHeaders::default());
        let (urls, chunks) = match self.write_failed(row, &failed, &mut writer).await {
            Ok(written) => written,
            Err(error) => {
                writer.abort().await;
                return Err(error);
            }
        };
        let bytes = writer.written();
        writer.finish().await?;
        let upload = UploadRow {
            id,
            workspace: row.run.workspace.clone(),
            blob: key.as_str().to_owned(),
            urls,
            bytes,
            format: "ndjson".to_owned(),
            created_at: Timestamp::now(),
        };
        self.store.insert_upload(upload.clone(), chunks).await?;
        Ok(upload)
    }

    /// Writes the entries that failed, a chunk of the input at a time. Gives how many they are, and where their own
    /// chunks stand.
    async fn write_failed(
        &self,
        row: &JobRow,
        failed: &KeySet,
        writer: &mut BlobWriter,
    ) -> Result<(u64, Vec<ChunkRange>), Refusal> {
        let has_failed = |ordinal: u64| failed.contains(Key(u128::from(ordinal)));
        let blob = row.job.as_ref().and_then(|job| job.upload_blob.as_deref());
        let blob: Option<BlobKey> =
            blob.map(str::parse).transpose().map_err(|_| damaged("an upload's name"))?;
        let (mut list, mut urls) = (ChunkWriter::default(), 0);
        for (chunk, first) in (0..).zip((0..row.run.urls_total).step_by(CHUNK_URLS)) {
            let ordinals = first..row.run.urls_total.min(first + CHUNK_URLS as u64);
            if !ordinals.clone().any(has_failed) {
                continue;
            }
            let bytes = self.stored_bytes(row.run.id, chunk, blob.as_ref()).await?;
            let entries: Vec<&RawValue> =
                serde_json::from_slice(&bytes).map_err(|_| damaged("a stored chunk"))?;
            for (_, entry) in ordinals.zip(entries).filter(|(ordinal, _)| has_failed(*ordinal)) {
                list.push(entry.get());
                urls += 1;
            }
            writer.write(list.take().into()).await?;
        }
        let (rest, chunks) = list.finish();
        writer.write(rest.into()).await?;
        let places =
            chunks.iter().map(|range| ChunkRange { start: range.start, bytes: range.end - range.start });
        // What its row counts as failed has its record in the journal.
        if urls == row.urls_errored { Ok((urls, places.collect())) } else { Err(damaged("a job's failures")) }
    }

    /// A chunk of the input, as the text of a JSON array.
    async fn stored_bytes(&self, id: RunId, chunk: u32, blob: Option<&BlobKey>) -> Result<Bytes, Refusal> {
        match self.store.chunk(id, chunk).await? {
            StoredChunk::Items(items) => Ok(items.into()),
            StoredChunk::Range(range) => {
                let blob = blob.ok_or(StoreError::damaged("a job without its upload"))?;
                let reader = self.blobs.read(blob, Some(range.start..range.start + range.bytes)).await?;
                Ok(reader.bytes(CHUNK_BYTES_MAX).await?)
            }
        }
    }
}

fn failures_of(row: &JobRow) -> Result<(), Lack> {
    let detail = if row.job.as_ref().is_some_and(|part| archive_of(part).is_some()) {
        "the job read archived pages, which stay as they are: read them in other words with POST /v1/jobs/{id}/reextract of the first job, or retry that one"
    } else if row.urls_errored > 0 {
        return Ok(());
    } else if row.urls_done < row.run.urls_total {
        "no URL of the job failed, so there is nothing to retry; those that were skipped are had by a new job"
    } else {
        "no URL of the job failed, so there is nothing to retry"
    };
    Err((ProblemCode::ValidationFailed, detail))
}

/// The job that a retry is: as the first one, but for its URLs.
fn draft_of(id: RunId, row: JobRow, upload: &UploadRow) -> Result<Draft, Refusal> {
    let (name, output) = match row.job {
        Some(job) => (job.name, job.output),
        // A stream makes no files; its retry makes those of a job that says nothing of them.
        None => (None, serde_json::to_string(&OutputSpec::default()).map_err(|_| damaged("an output"))?),
    };
    Ok(Draft {
        id,
        name,
        defaults: row.run.defaults,
        concurrency: row.run.concurrency,
        output,
        webhook: None,
        input: NewInput::Upload(upload.id.clone()),
        total: upload.urls,
    })
}
