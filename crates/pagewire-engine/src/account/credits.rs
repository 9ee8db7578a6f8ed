//! What a workspace may still spend: a view of the ledger in memory, corrected by the ledger itself.
//!
//! The ledger is charged from the journals, so what is here may be wrong by what is under way, never by more: a
//! workspace can go over its allowance by the records of the fetches that had begun.

use std::sync::atomic::{AtomicU64, Ordering};

use super::plan::CreditAllowance;

/// The credits of a workspace.
#[derive(Debug)]
pub struct CreditAccount {
    allowance: CreditAllowance,
    spent: AtomicU64,
}

impl CreditAccount {
    pub(super) fn new(allowance: CreditAllowance, spent: u64) -> Self {
        Self { allowance, spent: AtomicU64::new(spent) }
    }

    /// Whether anything is left to spend.
    #[must_use]
    pub fn may_spend(&self) -> bool {
        self.balance().is_none_or(|balance| balance > 0)
    }

    /// Notes what a record costs.
    pub fn spent(&self, credits: u64) {
        self.spent.fetch_add(credits, Ordering::AcqRel);
    }

    /// What is left; `None` without a bound.
    #[must_use]
    pub fn balance(&self) -> Option<u64> {
        let spent = self.spent.load(Ordering::Acquire);
        self.allowance.credits().map(|allowed| allowed.saturating_sub(spent))
    }

    /// The balance, where it is low.
    #[must_use]
    pub fn low_balance(&self) -> Option<u64> {
        self.balance().filter(|balance| self.allowance.is_low(*balance))
    }

    /// What has been spent of the allowance.
    #[must_use]
    pub fn spent_so_far(&self) -> u64 {
        self.spent.load(Ordering::Acquire)
    }

    /// The allowance.
    #[must_use]
    pub fn allowance(&self) -> CreditAllowance {
        self.allowance
    }

    /// A new day has begun.
    pub(super) fn reset(&self, spent: u64) {
        self.spent.store(spent, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_gone_and_little_is_told() {
        let credits = CreditAccount::new(CreditAllowance::InAll(100), 89);
        assert_eq!((credits.balance(), credits.low_balance()), (Some(11), None));
        credits.spent(5);
        assert_eq!(credits.low_balance(), Some(6));
        credits.spent(10);
        assert!(!credits.may_spend());
        assert!(CreditAccount::new(CreditAllowance::Unlimited, u64::MAX).may_spend());
    }
}
