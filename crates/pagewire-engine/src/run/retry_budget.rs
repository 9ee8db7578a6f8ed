//! The retries of a run: at most a fifth of its requests, so that a site in trouble is not asked twice as much for it.
//!
//! Counted from when the run was taken up by this process: requests that are sent to targets, first attempts and retries
//! alike. A small run has a floor of retries, whatever it has sent. What failed at a proxy has reached no target: trying
//! that again is not counted.

use std::sync::{Mutex, PoisonError};

/// Of so many requests one may be a retry.
const REQUESTS_A_RETRY: u64 = 5;
/// So many retries a run may have in any case.
const FLOOR: u64 = 20;

/// What a run has sent.
#[derive(Debug, Default)]
pub(super) struct RetryBudget {
    sent: Mutex<Sent>,
}

/// Counts of a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) requests: u64,
    pub(super) retries: u64,
}

impl RetryBudget {
    /// A request is made.
    pub(super) fn request(&self) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).requests += 1;
    }

    /// Whether another retry may follow, which is counted then.
    pub(super) fn grant(&self) -> Result<(), Sent> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        // The retry will be a request itself.
        if sent.retries < FLOOR || (sent.retries + 1) * REQUESTS_A_RETRY <= sent.requests + 1 {
            sent.retries += 1;
            return Ok(());
        }
        Err(*sent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_small_run_may_retry_each_of_its_urls() {
        let budget = RetryBudget::default();
        for _ in 0..FLOOR {
            budget.request();
            assert_eq!(budget.grant(), Ok(()));
        }
        assert_eq!(budget.grant(), Err(Sent { requests: FLOOR, retries: FLOOR }));
    }

    proptest! {
        #[test]
        fn retries_are_never_more_than_a_fifth_above_the_floor(failing in proptest::collection::vec(any::<bool>(), 0..2_000)) {
            let (budget, mut owed) = (RetryBudget::default(), 0_u32);
            for fails in failing {
                budget.request();
                owed += u32::from(fails && budget.grant().is_ok());
                if owed > 0 && !fails {
                    budget.request();
                    owed -= 1;
                }
            }
            for _ in 0..owed {
                budget.request();
            }
            let sent = *budget.sent.lock().expect("not poisoned");
            prop_assert!(sent.retries <= FLOOR.max(sent.requests / 5), "{sent:?}");
        }
    }
}
