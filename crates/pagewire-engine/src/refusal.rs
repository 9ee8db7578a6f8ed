//! Why the engine does not do what was asked.

use pagewire_journal::ReadError;
use pagewire_store::{BlobError, StoreError};
use pagewire_types::Problem;

use crate::envelope::Failure;
use crate::webhook::VaultError;

/// Why the engine does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request is at fault.
    #[error("{}", .0.detail)]
    Invalid(Box<Problem>),
    /// The workspace has no credits left.
    #[error("the workspace's credits are used up")]
    CreditsExhausted,
    /// More than this server can take.
    #[error("the server is overloaded: {0}")]
    Overloaded(&'static str),
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Draining,
    /// No such run in the workspace.
    #[error("there is no such stream")]
    NotFound,
    /// The run's window is over.
    #[error("the stream's window for resuming is over")]
    StreamExpired,
    /// The position to resume from lies past the end.
    #[error("the id lies past the newest record of the stream, {tip}")]
    CursorPastEnd {
        /// The newest record.
        tip: u64,
    },
    /// What came after the position to resume from is not held any more.
    #[error("what came after that id is no longer held; the oldest id that is: {oldest}")]
    CursorExpired {
        /// The oldest that is held.
        oldest: u64,
    },
    /// The state failed.
    #[error("the state could not be read or written")]
    Store(#[from] StoreError),
    /// The blobs failed.
    #[error("the files could not be read or written")]
    Blob(#[from] BlobError),
    /// The journal failed.
    #[error("the journal could not be opened")]
    Journal(#[from] ReadError),
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Refusal {
    /// Whether it is for want of room on the disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Store(StoreError::Full(_)) | Self::Blob(BlobError::Full(_)) => true,
            Self::Journal(ReadError::Io(error)) => error.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

impl From<Box<Problem>> for Refusal {
    fn from(problem: Box<Problem>) -> Self {
        Self::Invalid(problem)
    }
}

/// Why a scrape gave no page.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeFailure {
    /// The target is at fault.
    #[error("{}", .0.message)]
    Target(Failure),
    /// The request was not taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Something stored that cannot be read back.
pub(crate) fn damaged(what: &'static str) -> Refusal {
    Refusal::Store(StoreError::damaged(what))
}
