//! What workspaces have spent, by day (UTC).

use jiff::Timestamp;
use pagewire_types::WorkspaceId;

use super::Answer;

/// The ledger.
pub trait Credits: Send + Sync {
    /// Adds to what a workspace has spent on the day of `at`.
    fn charge(&self, workspace: WorkspaceId, credits: u64, at: Timestamp) -> Answer<'_, ()>;

    /// What a workspace has spent on the day of `at`.
    fn spent_on(&self, workspace: WorkspaceId, at: Timestamp) -> Answer<'_, u64>;

    /// What a workspace has ever spent.
    fn spent_in_all(&self, workspace: WorkspaceId) -> Answer<'_, u64>;
}
