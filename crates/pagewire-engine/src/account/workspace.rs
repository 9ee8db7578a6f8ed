//! A workspace as the rest of the engine knows it.

use pagewire_store::KeyMode;
use pagewire_types::WorkspaceId;

use super::credits::CreditAccount;
use super::limits::{Connections, RequestRate};
use super::plan::Plan;

/// What all keys of a workspace share.
pub struct WorkspaceAccount {
    /// Its id.
    pub id: WorkspaceId,
    /// The name of its plan.
    pub plan_name: String,
    /// How fast it may ask.
    pub rate: RequestRate,
    /// How many event streams it may have open.
    pub connections: Connections,
    /// What it may spend.
    pub credits: CreditAccount,
}

impl WorkspaceAccount {
    pub(super) fn new(id: WorkspaceId, plan_name: String, plan: &Plan, spent: u64) -> Self {
        Self {
            id,
            plan_name,
            rate: RequestRate::new(plan),
            connections: Connections::new(plan),
            credits: CreditAccount::new(plan.credits, spent),
        }
    }

    /// Whether a page may be had. What the sandbox gives costs nothing, so that it needs no credits.
    #[must_use]
    pub fn may_spend(&self, mode: KeyMode) -> bool {
        match mode {
            KeyMode::Live => self.credits.may_spend(),
            KeyMode::Test => true,
        }
    }
}
