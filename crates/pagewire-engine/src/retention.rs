//! What is older than it is kept for goes: runs with their journals and files, uploads, keys of requests, events,
//! deliveries.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use pagewire_store::{BlobError, BlobKey, RunKind, UploadRow};
use pagewire_types::RunId;

use crate::engine::Engine;
use crate::job::files_of;
use crate::refusal::{Refusal, damaged};

/// Half-written blobs of writers that died are removed when they are so old.
const UNFINISHED_BLOBS: Duration = Duration::from_secs(86_400);
/// How long events of workspaces are kept: as long as a webhook may be replayed.
const KEEP_EVENTS: Duration = Duration::from_secs(30 * 86_400);
/// How long deliveries of webhooks are kept once they have ended: for so long they can be replayed.
const KEEP_DELIVERIES: Duration = Duration::from_secs(30 * 86_400);
/// Events that are dropped at once, so that no other writer waits for long.
const EVENTS_DROPPED_AT_ONCE: u32 = 10_000;

impl Engine {
    /// One sweep. A thing that cannot be dropped is left for the next one.
    pub(crate) async fn drop_what_is_old(&self) -> Result<(), Refusal> {
        let now = Timestamp::now();
        self.store.forget_idempotency_keys(now).await?;
        while self.store.trim_events(before(now, KEEP_EVENTS), EVENTS_DROPPED_AT_ONCE).await? > 0 {}
        while self.store.forget_deliveries(before(now, KEEP_DELIVERIES)).await? > 0 {}
        for (kind, keep) in
            [(RunKind::Stream, self.settings.keep_runs), (RunKind::Job, self.settings.keep_jobs)]
        {
            let mut old = self.store.runs_finished_before(kind, before(now, keep)).await?;
            if !old.is_empty() {
                let read = self.archives_being_read().await?;
                old.retain(|id| !read.contains(id));
            }
            for id in old {
                if let Err(error) = self.drop_run(id).await {
                    tracing::warn!(run = %id.hex(), error = &error as &dyn std::error::Error, "an old run could not be dropped");
                }
            }
        }
        for upload in self.store.uploads_unused_since(before(now, self.settings.keep_jobs)).await? {
            self.drop_upload(&upload).await?;
        }
        if let Some(unfinished) = SystemTime::now().checked_sub(UNFINISHED_BLOBS) {
            self.blobs.sweep_unfinished(unfinished).await?;
        }
        Ok(())
    }

    /// Drops an upload, unless there is a job of it.
    pub(crate) async fn drop_upload(&self, upload: &UploadRow) -> Result<(), Refusal> {
        let blob: BlobKey = upload.blob.parse().map_err(|_| damaged("an upload's name"))?;
        if self.store.delete_upload(upload.id.clone()).await? {
            self.blobs.delete(&blob).await?;
        }
        Ok(())
    }

    /// The journal and the files go first: a row without them is swept again, they without a row never.
    async fn drop_run(&self, id: RunId) -> Result<(), Refusal> {
        match tokio::fs::remove_dir_all(self.journal_directory(id)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Refusal::Blob(BlobError::from(error)));
            }
            _ => {}
        }
        self.blobs.delete_all(&files_of(id)?).await?;
        Ok(self.store.delete_run(id).await?)
    }
}

fn before(now: Timestamp, keep: Duration) -> Timestamp {
    now - SignedDuration::try_from(keep).unwrap_or(SignedDuration::ZERO)
}
