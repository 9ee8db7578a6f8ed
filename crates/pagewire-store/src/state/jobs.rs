//! Jobs: runs without a consumer, the chunks of their input that are leased, and the files that they leave behind.
//!
//! Every run has a job's view, streams too: what a dropped stream has finished is had as a job.

use std::time::Duration;

use jiff::Timestamp;
use pagewire_types::{RunId, UploadId, WorkspaceId};

use super::Answer;
use super::keys::KeyMode;
use super::runs::{Chunk, FileRow, NewRun, RunRow, RunStatus};
use super::uploads::{ChunkRange, UploadRow};
use super::webhooks::WebhookRow;

/// A job to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its run.
    pub run: NewRun,
    /// What its maker calls it.
    pub name: Option<String>,
    /// What files are made, as JSON text.
    pub output: String,
    /// Who is told of it alone.
    pub webhook: Option<WebhookRow>,
    /// Its URLs.
    pub input: NewInput,
    /// The key that makes repeating the request safe.
    pub idempotency: Option<IdempotencyKey>,
}

/// The URLs of a job to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewInput {
    /// With the request.
    Chunks(Vec<Chunk>),
    /// An upload of the same workspace.
    Upload(UploadId),
    /// A list that is to be read from an object store, as JSON text.
    Object(String),
}

/// An idempotency key and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key, in the words of the client.
    pub key: String,
    /// SHA-256 of the request's body.
    pub body_sha256: [u8; 32],
    /// What the request is answered, now and when it is repeated.
    pub answer: String,
    /// Until when the key is remembered.
    pub expires_at: Timestamp,
}

/// What became of a job to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// It is there now.
    Accepted,
    /// The same request was accepted before, and answered so.
    Repeated {
        /// The run of the first request.
        run: RunId,
        /// The answer.
        answer: String,
    },
    /// The key stands for another body.
    OtherBody,
    /// There is no such upload in the workspace.
    NoSuchUpload,
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// What it has as a run.
    pub run: RunRow,
    /// What a job has beside; streams have none of it.
    pub job: Option<JobPart>,
    /// URLs that have their record, once it has ended.
    pub urls_done: u64,
    /// Those of them that failed.
    pub urls_errored: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a run has as a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPart {
    /// What its maker calls it.
    pub name: Option<String>,
    /// What files are made, as JSON text.
    pub output: String,
    /// The blob of its URLs; absent where they came with the request, or are to be read.
    pub upload_blob: Option<String>,
    /// Where its URLs are, or were, in an object store, as JSON text.
    pub object_input: Option<String>,
    /// When it was first worked on.
    pub started_at: Option<Timestamp>,
}

/// A chunk of a run's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredChunk {
    /// Its entries, as the text of a JSON array.
    Items(String),
    /// Its place in the blob of the job's upload.
    Range(ChunkRange),
}

/// Which jobs a list is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    /// In this state only.
    pub status: Option<RunStatus>,
    /// Made before this one only.
    pub before: Option<RunId>,
    /// So many at most.
    pub limit: u32,
}

/// What a request to cancel found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// The wish is noted; the job was in this state.
    Noted(RunStatus),
    /// It had ended before.
    Ended(RunStatus),
    /// No such run in the workspace.
    NotFound,
}

/// Jobs.
pub trait Jobs: Send + Sync {
    /// Accepts a job with its input, its webhook and its idempotency key, all or nothing. It waits, unleased.
    fn create_job(&self, job: NewJob) -> Answer<'_, Acceptance>;

    /// The job of that id in that workspace and of that mode; another workspace's is not there.
    fn job(&self, workspace: WorkspaceId, mode: KeyMode, id: RunId) -> Answer<'_, Option<JobRow>>;

    /// The jobs of a workspace, newest first.
    fn jobs(&self, workspace: WorkspaceId, mode: KeyMode, filter: JobFilter) -> Answer<'_, Vec<JobRow>>;

    /// The jobs of all workspaces that have not ended, oldest first, at most `limit`.
    fn unfinished_jobs(&self, limit: u32) -> Answer<'_, Vec<JobRow>>;

    /// How many jobs of a workspace wait.
    fn queued_jobs(&self, workspace: WorkspaceId) -> Answer<'_, u64>;

    /// Gives a job the list that was read for it, as an upload of its workspace, under the run's fence, all or nothing.
    fn set_job_input(
        &self,
        id: RunId,
        fence: u64,
        upload: UploadRow,
        chunks: Vec<ChunkRange>,
    ) -> Answer<'_, ()>;

    /// Notes that the job is worked on from now, no longer queued, and appends its event, unless that was noted before.
    fn start_job(&self, id: RunId, fence: u64, at: Timestamp) -> Answer<'_, ()>;

    /// Notes that the job is to end.
    fn request_cancel(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        id: RunId,
        at: Timestamp,
    ) -> Answer<'_, Cancellation>;

    /// What the key stands for, where a request with it was accepted before; `now` tells whether it still holds.
    fn earlier_job(
        &self,
        workspace: WorkspaceId,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> Answer<'_, Option<Acceptance>>;

    /// A chunk of a run's input as it is stored, whoever has leased it; without it, the run is
    /// [damaged](super::StoreError::Damaged).
    fn chunk(&self, id: RunId, chunk: u32) -> Answer<'_, StoredChunk>;

    /// Leases a chunk under the run's fence; `None` where another owner holds it; without the chunk, the job
    /// is [damaged](super::StoreError::Damaged).
    fn lease_chunk(
        &self,
        id: RunId,
        fence: u64,
        chunk: u32,
        owner: String,
        now: Timestamp,
        lease: Duration,
    ) -> Answer<'_, Option<StoredChunk>>;

    /// Gives chunks back that were leased under the fence.
    fn release_chunks(&self, id: RunId, fence: u64, chunks: Vec<u32>) -> Answer<'_, ()>;

    /// The files of a run, in order.
    fn files(&self, id: RunId) -> Answer<'_, Vec<FileRow>>;

    /// Lists files that were made of a run after its end, all or nothing; where it has files, those stay. Without the
    /// run, or before its end, they are nobody's: [`Missing`](super::StoreError::Missing).
    fn add_files(&self, id: RunId, files: Vec<FileRow>) -> Answer<'_, ()>;

    /// Forgets idempotency keys that have expired.
    fn forget_idempotency_keys(&self, now: Timestamp) -> Answer<'_, ()>;
}
