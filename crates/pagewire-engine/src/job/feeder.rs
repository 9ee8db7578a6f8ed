//! Loads a job's input as it is worked off: leases the next chunk, reads it from where it is stored, and gives it to the
//! run.

use jiff::Timestamp;
use pagewire_store::{BlobError, BlobKey, Blobs, ChunkRange, Store, StoreError, StoredChunk};
use pagewire_types::{Problem, StoredEntry};

use super::Job;
use crate::engine::{LEASE, lease_owner};
use crate::patience::{PAUSE, Passing, persist};

/// Bytes of one chunk of an upload, which bounds what is read at once.
pub(super) const CHUNK_BYTES_MAX: usize = 64 << 20;
/// Chunks that have ended are given back so many at a time.
const RELEASE_AT: usize = 16;

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

impl Passing for FeedError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::Blob(error) => error.may_pass(),
            Self::Damaged(_) => false,
        }
    }
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
        let entries = persist("loading a chunk of a job", || load(job, chunk, store, blobs)).await?;
        run.feed(chunk, entries);
        held.push(chunk);
        if held.len() >= RELEASE_AT {
            let (open, ended): (_, Vec<u32>) = held.into_iter().partition(|chunk| run.is_chunk_open(*chunk));
            persist("giving back chunks of a job", || {
                store.release_chunks(run.id(), run.fence(), ended.clone())
            })
            .await?;
            held = open;
        }
    }
    Ok(())
}

/// Leases the chunk, waiting while somebody else holds it, and reads its entries.
async fn load(
    job: &Job,
    chunk: u32,
    store: &dyn Store,
    blobs: &Blobs,
) -> Result<Vec<StoredEntry>, FeedError> {
    let run = &job.run;
    let leased = loop {
        let now = Timestamp::now();
        match store.lease_chunk(run.id(), run.fence(), chunk, lease_owner(), now, LEASE).await? {
            Some(leased) => break leased,
            None => tokio::time::sleep(PAUSE).await,
        }
    };
    let entries = match leased {
        StoredChunk::Items(items) => read_items(&items),
        StoredChunk::Range(range) => read_range(job.upload.get(), range, blobs).await,
    };
    if entries.is_err() {
        // Held, it could not be leased for another attempt.
        store.release_chunks(run.id(), run.fence(), vec![chunk]).await?;
    }
    entries
}

fn read_items(items: &str) -> Result<Vec<StoredEntry>, FeedError> {
    let items = serde_json::from_str(items).map_err(|_| StoreError::damaged("a stored chunk"))?;
    Ok(StoredEntry::read_chunk(items)?)
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
