//! Uploads: lists of URLs for jobs. The list itself is a blob; here is whose it is and where its chunks stand.

use jiff::Timestamp;
use pagewire_types::{UploadId, WorkspaceId};

use super::Answer;

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRow {
    /// Its name.
    pub id: UploadId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Where the list is.
    pub blob: String,
    /// Its entries.
    pub urls: u64,
    /// Bytes that came over the wire.
    pub bytes: u64,
    /// The form in which it came: `ndjson` or `csv`.
    pub format: String,
    /// When it came.
    pub created_at: Timestamp,
}

/// Where a chunk stands in the blob of its upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRange {
    /// Its first byte.
    pub start: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// Uploads.
pub trait Uploads: Send + Sync {
    /// Stores an upload with the places of its chunks, in order.
    fn insert_upload(&self, upload: UploadRow, chunks: Vec<ChunkRange>) -> Answer<'_, ()>;

    /// The upload of that id in that workspace; another workspace's is not there.
    fn upload(&self, workspace: WorkspaceId, id: UploadId) -> Answer<'_, Option<UploadRow>>;

    /// The uploads that came before a time and of which there is no job, oldest first, at most a thousand.
    fn uploads_unused_since(&self, at: Timestamp) -> Answer<'_, Vec<UploadRow>>;

    /// Forgets an upload of which there is no job. Whether it is gone now.
    fn delete_upload(&self, id: UploadId) -> Answer<'_, bool>;
}
