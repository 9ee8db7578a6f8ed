//! API keys. Only their hashes are stored.

use ipnet::IpNet;
use jiff::Timestamp;
use pagewire_types::{KeyId, Scopes, WorkspaceId};

use super::Answer;

/// What a key reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyMode {
    /// Real targets.
    Live,
    /// Fixture pages; no outbound traffic, no credits.
    Test,
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public name.
    pub id: KeyId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What its maker called it.
    pub name: String,
    /// The first characters of the secret, to be told apart in lists.
    pub shown: String,
    /// What it reaches.
    pub mode: KeyMode,
    /// What it may do.
    pub scopes: Scopes,
    /// Where it may be used from; empty for anywhere.
    pub allow_ips: Vec<IpNet>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What a revocation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// The key is revoked from now on.
    Revoked,
    /// It was before.
    AlreadyRevoked,
    /// No such key in the workspace.
    NotFound,
}

/// Keys.
pub trait Keys: Send + Sync {
    /// Stores a key and appends its event. The epoch grows with it.
    fn insert_key(&self, key: ApiKey, hash: [u8; 32]) -> Answer<'_, ()>;

    /// The key with that hash, revoked and expired ones included.
    fn key_by_hash(&self, hash: [u8; 32]) -> Answer<'_, Option<ApiKey>>;

    /// The keys of a workspace, or all, oldest first.
    fn keys(&self, workspace: Option<WorkspaceId>) -> Answer<'_, Vec<ApiKey>>;

    /// Revokes a key, of any workspace where none is named, and appends its event. The epoch grows with it.
    fn revoke_key(&self, workspace: Option<WorkspaceId>, id: KeyId, at: Timestamp) -> Answer<'_, Revocation>;

    /// Grows with each change to a key, whichever process makes it.
    fn key_epoch(&self) -> Answer<'_, u64>;
}
