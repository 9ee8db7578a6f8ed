//! How a run ends, and why it may end before its last URL was fetched.

use jiff::Timestamp;
use pagewire_store::RunStatus;
use pagewire_types::Warning;

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Completed, cancelled or failed.
    pub status: RunStatus,
    /// When.
    pub at: Timestamp,
}

impl Ending {
    /// Milliseconds from the run's acceptance to its end.
    #[must_use]
    pub fn elapsed_ms(&self, created_at: Timestamp) -> u64 {
        u64::try_from(self.at.as_millisecond() - created_at.as_millisecond()).unwrap_or(0)
    }
}

/// Why the rest of a run's URLs are not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyEnd {
    /// The workspace has no credits left.
    CreditsExhausted,
    /// The run has gone on for as long as a run may.
    MaxWallTime,
}

impl EarlyEnd {
    pub(super) fn warning(self) -> Warning {
        match self {
            Self::CreditsExhausted => Warning::CreditsExhausted,
            Self::MaxWallTime => Warning::MaxWallTime,
        }
    }

    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::CreditsExhausted => "the workspace's credits are used up, so this URL was not fetched",
            Self::MaxWallTime => "the run reached its longest time before this URL was fetched",
        }
    }
}
