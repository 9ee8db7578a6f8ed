//! What workspaces have spent, by day (UTC), and what they may spend.

use jiff::Timestamp;
use pagewire_types::WorkspaceId;

use super::Answer;

/// Under this part of its allowance a workspace is told that little is left.
const LOW_PERCENT: u64 = 10;

/// How many credits a workspace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditAllowance {
    /// No bound.
    Unlimited,
    /// So many, once.
    InAll(u64),
    /// So many a day (UTC).
    PerDay(u64),
}

impl CreditAllowance {
    /// The credits of its period; `None` without a bound.
    #[must_use]
    pub fn credits(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::InAll(credits) | Self::PerDay(credits) => Some(credits),
        }
    }

    /// Whether a balance is low.
    #[must_use]
    pub fn is_low(self, balance: u64) -> bool {
        let low = |credits: u64| balance.saturating_mul(100) < credits.saturating_mul(LOW_PERCENT);
        self.credits().is_some_and(low)
    }
}

/// The ledger.
pub trait Credits: Send + Sync {
    /// Adds to what a workspace has spent on the day of `at`. The charge with which the balance becomes low, and the one
    /// with which nothing is left, has its event: once, until the allowance begins anew or is raised.
    fn charge(
        &self,
        workspace: WorkspaceId,
        credits: u64,
        allowance: CreditAllowance,
        at: Timestamp,
    ) -> Answer<'_, ()>;

    /// What a workspace has spent on the day of `at`.
    fn spent_on(&self, workspace: WorkspaceId, at: Timestamp) -> Answer<'_, u64>;

    /// What a workspace has ever spent.
    fn spent_in_all(&self, workspace: WorkspaceId) -> Answer<'_, u64>;
}
