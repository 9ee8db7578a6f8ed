//! Workspaces: the tenants.

use jiff::Timestamp;
use pagewire_types::WorkspaceId;

use super::Answer;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// The name of its plan in the configuration.
    pub plan: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Workspaces.
pub trait Workspaces: Send + Sync {
    /// Makes the workspace unless it is there; one that is there stays as it is.
    fn ensure_workspace(&self, workspace: Workspace) -> Answer<'_, ()>;

    /// The workspace of that id.
    fn workspace(&self, id: WorkspaceId) -> Answer<'_, Option<Workspace>>;
}
