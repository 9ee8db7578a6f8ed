//! Loads a job's input as it is worked off: leases the next chunk, reads it from where it is stored, and gives it to the
//! run.

use std::time::Duration;

use jiff::Timestamp;
use pagewire_store::{BlobError, BlobKey, Blobs, ChunkRange, LeasedChunk, Store, StoreError};
use pagewire_types::{Problem, StoredEntry};

use super::Job;
use crate::engine::{LEASE, lease_owner};

/// Bytes of one chunk of an upload, which bounds what is read at once.
const CHUNK_BYTES_MAX: usize = 64 << 20;
/// Chunks that have ended are given back so many at a time.
const RELEASE_AT: usize = 16;
/// How long a chunk that somebody else holds is waited for.
const HELD_PAUSE: Duration = Duration::from_secs(5);

/// Why a job cannot be fed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error("the list of URLs could not be read")]
    Store(#[from] StoreError),
    #[error("the uploaded list of URLs could not be read")]
    Blob(#[from] BlobError),
    #[error("the stored list of URLs is damaged: {0}")]
    Damaged(String),
}

impl From<Box<Problem>> for FeedError {
    fn from(problem: Box<Problem>) -> Self {
        Self::Damaged(problem.detail)
    }
}

/// Feeds the job until all of its input has been given to the run.
pub(super) async fn feed(job: &Job, store: &dyn Store, blobs: &Blobs) -> Result<(), FeedError> {
    let run = &job.run;
    let mut held = Vec::new();
    for chunk in 0..run.chunks() {
        if run.is_chunk_done(chunk) {
            continue;
        }
        run.room_for_more().await;
        let leased = loop {
            let now = Timestamp::now();
            let asked = store.lease_chunk(run.id(), run.fence(), chunk, lease_owner(), now, LEASE).await?;
            match asked {
                Some(leased) => break leased,
                None => tokio::time::sleep(HELD_PAUSE).await,
            }
        };
        let entries = match leased {
            LeasedChunk::Items(items) => {
                let items =
                    serde_json::from_str(&items).map_err(|_| StoreError::damaged("a stored chunk"))?;
                StoredEntry::read_chunk(items)?
            }
            LeasedChunk::Range(range) => read_range(job.upload.as_ref(), range, blobs).await?,
        };
        run.feed(chunk, entries);
        held.push(chunk);
        if held.len() >= RELEASE_AT {
            let (open, ended) = held.into_iter().partition(|chunk| run.is_chunk_open(*chunk));
            store.release_chunks(run.id(), run.fence(), ended).await?;
            held = open;
        }
    }
    Ok(())
}

/// The entries that stand in that part of the upload.
async fn read_range(
    upload: Option<&BlobKey>,
    range: ChunkRange,
    blobs: &Blobs,
) -> Result<Vec<StoredEntry>, FeedError> {
    let upload = upload.ok_or_else(|| FeedError::Damaged("the upload is gone".to_owned()))?;
    let reader = blobs.read(upload, Some(range.start..range.start + range.bytes)).await?;
    let bytes = reader.bytes(CHUNK_BYTES_MAX).await?;
    let items = serde_json::from_slice(&bytes).map_err(|error| FeedError::Damaged(error.to_string()))?;
    Ok(StoredEntry::read_chunk(items)?)
}
