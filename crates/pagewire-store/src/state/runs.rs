//! Runs, their inputs in chunks, and the lease that gives one process the right to work one off.
//!
//! A lease carries a fencing token that grows with each new holder. Whatever changes a run names its token, and a token
//! that is not the newest changes nothing.

use std::time::Duration;

use jiff::Timestamp;
use pagewire_types::{RunId, WorkspaceId};

use super::Answer;
use super::credits::CreditAllowance;
use super::keys::KeyMode;

/// What kind of run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// With a consumer.
    Stream,
    /// Without one.
    Job,
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Accepted.
    Queued,
    /// Being worked off.
    Running,
    /// Every URL has its record.
    Completed,
    /// Given up by its owner, or because nobody came back for it.
    Cancelled,
    /// Given up because of a fault of this server.
    Failed,
}

impl RunStatus {
    /// Whether the run has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Completed | Self::Cancelled | Self::Failed => true,
        }
    }
}

/// A run to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its name.
    pub id: RunId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What kind it is.
    pub kind: RunKind,
    /// What it reaches: what the key that made it reaches.
    pub mode: KeyMode,
    /// The request's scrape parameters, as JSON text.
    pub defaults: String,
    /// Fetches at once.
    pub concurrency: u32,
    /// How many URLs it has.
    pub urls_total: u64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The request that made it.
    pub trace_id: String,
    /// Who works it off.
    pub owner: String,
    /// How long that holds.
    pub lease: Duration,
}

/// A part of a run's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its place among the chunks.
    pub index: u32,
    /// The position of its first URL in the input.
    pub first_ordinal: u64,
    /// Its entries, as the text of a JSON array.
    pub items: String,
}

/// A run as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its name.
    pub id: RunId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What kind it is.
    pub kind: RunKind,
    /// What it reaches: what the key that made it reaches.
    pub mode: KeyMode,
    /// Where it is in its life.
    pub status: RunStatus,
    /// The request's scrape parameters, as JSON text.
    pub defaults: String,
    /// Fetches at once.
    pub concurrency: u32,
    /// How many URLs it has.
    pub urls_total: u64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When somebody asked to end it.
    pub cancel_requested: Option<Timestamp>,
    /// The request that made it.
    pub trace_id: String,
    /// The newest fencing token.
    pub fence: u64,
    /// Credits that the workspace has been charged for it.
    pub credits_charged: u64,
}

/// How a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// Completed, cancelled or failed.
    pub status: RunStatus,
    /// When.
    pub at: Timestamp,
    /// URLs that have their record.
    pub urls_done: u64,
    /// Those of them that failed.
    pub urls_errored: u64,
    /// Why it failed.
    pub error: Option<String>,
    /// What it leaves behind.
    pub files: Vec<FileRow>,
}

/// A file that a run leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its place among the files.
    pub part: u32,
    /// What it is called when it is downloaded.
    pub name: String,
    /// Where it is.
    pub blob: String,
    /// Its size.
    pub bytes: u64,
    /// URLs in it.
    pub rows: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

/// Runs.
pub trait Runs: Send + Sync {
    /// Accepts a run with its whole input, all or nothing, leased to its owner. Gives the first fencing token.
    fn create_run(&self, run: NewRun, chunks: Vec<Chunk>) -> Answer<'_, u64>;

    /// The run of that id in that workspace and of that mode; another workspace's run is not there, nor one of the
    /// sandbox for a live key, nor the reverse.
    fn run(&self, workspace: WorkspaceId, mode: KeyMode, id: RunId) -> Answer<'_, Option<RunRow>>;

    /// Whether there is a run of that id in that workspace, of whichever mode.
    fn is_run_of(&self, workspace: WorkspaceId, id: RunId) -> Answer<'_, bool>;

    /// The streams that have not ended, oldest first.
    fn unfinished_streams(&self) -> Answer<'_, Vec<RunRow>>;

    /// The texts of a run's chunks, in order.
    fn chunks(&self, id: RunId) -> Answer<'_, Vec<String>>;

    /// Takes the run over, whoever has it. Gives the new fencing token; older ones are stale from then on.
    fn lease_run(&self, id: RunId, owner: String, now: Timestamp, lease: Duration) -> Answer<'_, u64>;

    /// Holds the run, and the chunks of it that are leased, for longer.
    fn renew_run(&self, id: RunId, fence: u64, now: Timestamp, lease: Duration) -> Answer<'_, ()>;

    /// Gives the run back unfinished, and its chunks with it.
    fn release_run(&self, id: RunId, fence: u64) -> Answer<'_, ()>;

    /// Ends the run, lists its files and appends its event, in one. Its chunks are nobody's from then on.
    fn finish_run(&self, id: RunId, fence: u64, end: RunEnd) -> Answer<'_, ()>;

    /// Charges the workspace what the run has cost beyond what was charged before. `credits` is the run's whole sum,
    /// so that repeating a charge charges nothing. Gives what was charged now. Events are those of
    /// [`Credits::charge`](super::credits::Credits::charge).
    fn charge_run(
        &self,
        id: RunId,
        fence: u64,
        credits: u64,
        allowance: CreditAllowance,
        at: Timestamp,
    ) -> Answer<'_, u64>;

    /// The runs of a kind that ended before a time, oldest first, at most a thousand.
    fn runs_finished_before(&self, kind: RunKind, at: Timestamp) -> Answer<'_, Vec<RunId>>;

    /// Forgets a run and its input.
    fn delete_run(&self, id: RunId) -> Answer<'_, ()>;
}
