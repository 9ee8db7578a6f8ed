//! When a delivery that failed is tried again: by a list of waits, each a little shorter by chance, so that what failed
//! together does not come back together.

use std::time::Duration;

/// The share of a wait that chance may take off, in percent.
const JITTER_PERCENT: u64 = 15;
/// The longest wait that a receiver's `Retry-After` is granted where the list would have it come sooner.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// The waits between tries.
pub(super) struct Schedule(Vec<Duration>);

impl Schedule {
    pub(super) fn new(delays: Vec<Duration>) -> Self {
        Self(delays)
    }

    /// How long to wait after a try that failed, `tries` having failed before it; `None` after the last. `asked` is the
    /// receiver's `Retry-After`, `chance` any number.
    pub(super) fn wait(&self, tries: u32, asked: Option<Duration>, chance: u64) -> Option<Duration> {
        let listed = *self.0.get(usize::try_from(tries).ok()?)?;
        let millis = u64::try_from(listed.as_millis()).unwrap_or(u64::MAX);
        let off = millis.saturating_mul(JITTER_PERCENT) / 100;
        let jittered = Duration::from_millis(millis - chance % (off + 1));
        Some(asked.unwrap_or_default().min(RETRY_AFTER_MAX).max(jittered))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(list: &[u64]) -> Schedule {
        Schedule::new(list.iter().map(|seconds| Duration::from_secs(*seconds)).collect())
    }

    #[test]
    fn a_list_of_two_waits_makes_three_tries() {
        let schedule = seconds(&[10, 60]);
        assert_eq!(schedule.wait(0, None, 0), Some(Duration::from_secs(10)));
        assert_eq!(schedule.wait(1, None, 0), Some(Duration::from_secs(60)));
        assert_eq!(schedule.wait(2, None, 0), None);
        assert_eq!(seconds(&[]).wait(0, None, 0), None);
    }

    #[test]
    fn retry_after_is_granted_for_an_hour_at_most_and_makes_nothing_sooner() {
        let schedule = seconds(&[10, 7_200]);
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(schedule.wait(0, asked(120), 0), asked(120));
        assert_eq!(schedule.wait(0, asked(1_000_000), 0), asked(3_600));
        assert_eq!(schedule.wait(0, asked(0), 0), asked(10));
        assert_eq!(schedule.wait(1, asked(5), 0), asked(7_200));
        assert_eq!(schedule.wait(2, asked(5), 0), None);
    }

    proptest! {
        #[test]
        fn chance_takes_off_its_share_and_no_more(wait_s in 0_u64..1_000_000, chance in any::<u64>()) {
            let wait = seconds(&[wait_s]).wait(0, None, chance).expect("listed").as_millis();
            prop_assert!(wait <= u128::from(wait_s) * 1_000 && wait >= u128::from(wait_s) * 850);
        }
    }
}
