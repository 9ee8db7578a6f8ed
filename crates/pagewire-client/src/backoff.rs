//! When to try again: after waits that double, spread by chance, within bounds; or when the server says.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

/// The bounds of trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in a row that may fail. A stream counts anew after each event that it brought.
    pub attempts_max: u32,
    /// The longest first wait; it doubles from there.
    pub wait_first: Duration,
    /// The longest wait of its own choice.
    pub wait_max: Duration,
    /// The longest wait that the server may ask for; a longer one ends the call.
    pub retry_after_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 10,
            wait_first: Duration::from_millis(200),
            wait_max: Duration::from_secs(15),
            retry_after_max: Duration::from_secs(120),
        }
    }
}

/// The attempts of one call.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: RetryPolicy,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self { policy, failures: 0 }
    }

    /// Attempts in a row that failed.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// What failed goes on.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure. How long to wait before the next attempt, or that there is none.
    pub(crate) fn failed(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failures += 1;
        if self.failures >= self.policy.attempts_max {
            return None;
        }
        match asked {
            Some(asked) if asked > self.policy.retry_after_max => None,
            // At least what was asked for; spread, so that all who were asked at once do not come back at once.
            Some(asked) => Some(asked + spread(asked / 10)),
            None => {
                let doubled = self.policy.wait_first.saturating_mul(1 << (self.failures - 1).min(20));
                let longest = doubled.min(self.policy.wait_max);
                Some(longest / 2 + spread(longest / 2))
            }
        }
    }
}

/// Anything up to `most`. Chance comes from the hasher's keys, which are drawn anew each time: no generator is needed.
fn spread(most: Duration) -> Duration {
    let chance = RandomState::new().hash_one(0_u8) % 1_001;
    most.mul_f64(chance as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts_max: 8,
        wait_first: Duration::from_millis(100),
        wait_max: Duration::from_millis(1_000),
        retry_after_max: Duration::from_secs(5),
    };

    #[test]
    fn waits_double_up_to_their_bound_and_end() {
        let mut backoff = Backoff::new(POLICY);
        for longest in [100, 200, 400, 800, 1_000, 1_000, 1_000] {
            let wait = backoff.failed(None).expect("another attempt");
            let longest = Duration::from_millis(longest);
            assert!(wait >= longest / 2 && wait <= longest, "{wait:?} of {longest:?}");
        }
        assert_eq!(backoff.failed(None), None);
        backoff.reset();
        assert!(backoff.failed(None).is_some());
    }

    #[test]
    fn what_the_server_asks_for_is_granted_up_to_a_bound() {
        let mut backoff = Backoff::new(POLICY);
        let asked = Duration::from_secs(4);
        assert!(backoff.failed(Some(asked)).expect("granted") >= asked);
        assert_eq!(backoff.failed(Some(Duration::from_secs(6))), None);
    }
}
