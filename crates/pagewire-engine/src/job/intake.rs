//! A job's list is read from its object store: once, by the same reader as an upload, and kept as an upload of the job's
//! workspace. From then on the job goes on as one of an upload.
//!
//! The job is accepted and waits while this goes on. A process that dies here leaves nothing that counts: the next one
//! reads the list anew, under the same name.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use pagewire_store::blob::ForeignReader;
use pagewire_store::{BlobError, BlobKey, ChunkRange, StoreError, UploadRow};
use pagewire_types::UploadId;
use pagewire_types::job_request::JOB_URLS_MAX;

use super::Job;
use super::object_input::ObjectInput;
use super::supervisor::Surroundings;
use crate::patience::Passing;
use crate::upload::{
    OnInvalid, UNPACKED_BYTES_MAX, UploadCoding, UploadError, UploadFailure, UploadForm, UploadSpec,
    UploadSummary, WIRE_BYTES_MAX, store,
};

/// How long the reading of a list may take.
const TIME_MAX: Duration = Duration::from_secs(3_600);
/// What gzip begins with (RFC 1952, section 2.3.1).
const GZIP_MARK: &[u8] = b"\x1f\x8b";

/// Why a job has no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum IntakeError {
    #[error("`{0}` may not be read any more: {1}")]
    Refused(String, String),
    #[error("there is no object `{0}`")]
    Missing(String),
    #[error("the object store does not let this server read `{0}`")]
    Denied(String, #[source] BlobError),
    #[error("`{0}` was changed while it was read; nothing was taken of it")]
    Changed(String),
    #[error("`{0}` could not be read from its object store")]
    Unreadable(String, #[source] BlobError),
    #[error("reading `{0}` took longer than an hour")]
    TooSlow(String),
    #[error("`{0}` is no list of URLs for a job: {1}")]
    List(String, UploadError),
    #[error("the list could not be kept")]
    Store(#[from] StoreError),
    #[error("the list could not be kept")]
    Blob(#[from] BlobError),
}

/// What fails here may pass; what is wrong with the list will not.
impl Passing for IntakeError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::Blob(error) => error.may_pass(),
            Self::Refused(..)
            | Self::Missing(_)
            | Self::Denied(..)
            | Self::Changed(_)
            | Self::Unreadable(..)
            | Self::TooSlow(_)
            | Self::List(..) => false,
        }
    }
}

/// Reads the list of a job, and makes it the job's input.
pub(super) async fn read(job: &Job, input: &ObjectInput, around: &Surroundings) -> Result<(), IntakeError> {
    let run = &job.run;
    // Named after the job, so that what is read anew replaces what was read before.
    let name = format!("upl_{}", run.id().hex());
    let id: UploadId = name.parse().map_err(|_| StoreError::damaged("a run id"))?;
    let key: BlobKey = format!("uploads/{name}").parse().map_err(|_| StoreError::damaged("a run id"))?;
    let form = form_of(input.uri());
    let reading = tokio::time::timeout(TIME_MAX, fill(job, input, form, &key, around));
    let summary = match reading.await {
        Ok(Ok(summary)) => summary,
        Ok(Err(error)) => return Err(error),
        Err(_) => return Err(IntakeError::TooSlow(input.uri().to_owned())),
    };
    let row = UploadRow {
        id,
        workspace: run.account().id.clone(),
        blob: key.as_str().to_owned(),
        urls: summary.urls,
        bytes: summary.bytes,
        format: form.name().to_owned(),
        created_at: Timestamp::now(),
    };
    let chunks = summary.chunks.iter();
    let chunks = chunks.map(|range| ChunkRange { start: range.start, bytes: range.end - range.start });
    around.store.set_job_input(run.id(), run.fence(), row, chunks.collect()).await?;
    job.set_input(key, summary.urls);
    Ok(())
}

async fn fill(
    job: &Job,
    input: &ObjectInput,
    form: UploadForm,
    key: &BlobKey,
    around: &Surroundings,
) -> Result<UploadSummary, IntakeError> {
    let uri = || input.uri().to_owned();
    let of_store = |error: BlobError| match error {
        BlobError::Missing(_) => IntakeError::Missing(uri()),
        BlobError::Denied(_) => IntakeError::Denied(uri(), error),
        BlobError::Changed(_) => IntakeError::Changed(uri()),
        BlobError::Full(_) | BlobError::Range(_) | BlobError::Failed(_) => {
            IntakeError::Unreadable(uri(), error)
        }
    };
    // What the operator allows may have changed since the job was accepted.
    let (inputs, run) = (&around.inputs, &job.run);
    if let Err(fault) = inputs.check(run.mode(), input) {
        return Err(IntakeError::Refused(uri(), fault.detail));
    }
    let mut object = inputs.open(input, &run.account().id).await.map_err(of_store)?;
    if object.object_bytes() > WIRE_BYTES_MAX {
        return Err(IntakeError::List(uri(), UploadError::TooLarge { max: WIRE_BYTES_MAX }));
    }
    let first = object.next().await.map_err(of_store)?.unwrap_or_default();
    let packed = first.starts_with(GZIP_MARK);
    let spec = UploadSpec {
        form,
        coding: if packed { UploadCoding::Gzip } else { UploadCoding::Identity },
        // Nobody waits for an answer that could name the lines: they become errors of the job, as its records tell.
        on_invalid: OnInvalid::Record,
        urls_max: JOB_URLS_MAX,
        unpacked_bytes_max: UNPACKED_BYTES_MAX,
    };
    let body = stream::iter([Ok(first)]).chain(rest_of(object));
    match store(&around.blobs, key, spec, Box::pin(body)).await {
        Ok(summary) => Ok(summary),
        Err(UploadFailure::Body(error)) => Err(of_store(error)),
        Err(UploadFailure::List(UploadError::Blob(error))) => Err(IntakeError::Blob(error)),
        Err(UploadFailure::List(error)) => Err(IntakeError::List(uri(), error)),
    }
}

fn rest_of(object: ForeignReader) -> impl Stream<Item = Result<Bytes, BlobError>> {
    stream::try_unfold(
        object,
        |mut object| async move { Ok(object.next().await?.map(|bytes| (bytes, object))) },
    )
}

/// CSV by its name; anything else has to be NDJSON.
fn form_of(uri: &str) -> UploadForm {
    let name = uri.to_ascii_lowercase();
    match name.strip_suffix(".gz").unwrap_or(&name).rsplit('.').next() {
        Some("csv") => UploadForm::Csv,
        _ => UploadForm::Ndjson,
    }
}

/// Reads of lists that may go on at once, each with a batch of its list in memory.
pub(super) fn turns() -> Arc<tokio::sync::Semaphore> {
    const READS_MAX: usize = 4;
    Arc::new(tokio::sync::Semaphore::new(READS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_csv_by_its_name() {
        for uri in ["s3://b/a.csv", "s3://b/a.CSV.gz", "gs://b.c/d.e.csv"] {
            assert_eq!(form_of(uri), UploadForm::Csv, "{uri}");
        }
        for uri in ["s3://b/a.ndjson", "s3://b/a", "s3://b/csv", "s3://b/a.csv/b", "s3://b/a.jsonl.gz"] {
            assert_eq!(form_of(uri), UploadForm::Ndjson, "{uri}");
        }
    }
}
