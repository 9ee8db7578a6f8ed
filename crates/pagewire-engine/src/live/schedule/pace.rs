//! How long to wait after a poll.
//!
//! | the poll | declared interval | none declared |
//! |---|---|---|
//! | was answered | as declared | by the rhythm, within the bounds, jittered in full |
//! | was answered, and the source asks for a wait | as declared | the same, no sooner than asked |
//! | failed | doubled with each failure in a row, up to a day, up to half off | the same |
//! | failed, and the host asks for a wait (429, 503) | the same, no sooner than asked | the same, no sooner than asked |
//!
//! Who declares an interval has decided it: what a document says of itself (`ttl`, `max-age`) does not change that. What
//! a host asks for that turns a poll away (`Retry-After`) is granted always. No request is granted beyond a day.

use std::time::Duration;

use super::{between, rhythm::Rhythm};

/// The longest wait, whatever is asked for and however often a source has failed.
const WAIT_MAX: Duration = Duration::from_secs(86_400);
/// The wait before the second try of a source that is asked more seldom than this.
const FIRST_BACKOFF_MAX: Duration = Duration::from_secs(3_600);
/// Doublings after which any wait is over its cap: a second becomes a day in 17.
const DOUBLINGS_MAX: u32 = 24;

/// Between what an adaptive interval stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    min: Duration,
    max: Duration,
}

impl Bounds {
    /// The bounds; one that is on the wrong side of the other counts as the other.
    #[must_use]
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min) }
    }
}

/// How often a source is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As its declaration says.
    Declared(Duration),
    /// As often as something is new, within these bounds.
    Adaptive(Bounds),
}

/// How a poll ended, as far as the next is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The source answered, with something new or without.
    Answered,
    /// It failed.
    Failed {
        /// How often in a row, with this: 1 and up.
        streak: u32,
    },
}

impl Pace {
    /// How long to wait until the next poll. `asked` is how long the source asks not to be polled, `chance` any number.
    #[must_use]
    pub fn wait(&self, rhythm: &Rhythm, outcome: Outcome, asked: Option<Duration>, chance: u64) -> Duration {
        let asked = asked.unwrap_or_default().min(WAIT_MAX);
        match (outcome, self) {
            (Outcome::Answered, Self::Declared(interval)) => *interval,
            (Outcome::Answered, Self::Adaptive(bounds)) => bounds.jittered(rhythm, chance).max(asked),
            (Outcome::Failed { streak }, _) => self.backoff(rhythm, streak, chance).max(asked),
        }
    }

    /// How long to wait until the first poll of a source that stands beside others since the server's start: anywhere in
    /// its interval.
    #[must_use]
    pub fn phase(&self, rhythm: &Rhythm, chance: u64) -> Duration {
        super::spread(self.interval(rhythm), chance)
    }

    fn interval(&self, rhythm: &Rhythm) -> Duration {
        match self {
            Self::Declared(interval) => *interval,
            Self::Adaptive(bounds) => rhythm.interval().clamp(bounds.min, bounds.max),
        }
    }

    /// Twice as long with each failure in a row; chance takes up to half of it, and never more than the shortest interval
    /// leaves.
    fn backoff(&self, rhythm: &Rhythm, streak: u32, chance: u64) -> Duration {
        let doublings = streak.saturating_sub(1).min(DOUBLINGS_MAX);
        let first = self.interval(rhythm).min(FIRST_BACKOFF_MAX);
        let most = first.saturating_mul(1 << doublings).min(WAIT_MAX);
        let least = match self {
            Self::Declared(_) => Duration::ZERO,
            Self::Adaptive(bounds) => bounds.min.min(most),
        };
        between(least.max(most / 2), most, chance)
    }
}

impl Bounds {
    /// Full jitter that keeps the mean: from the lower bound to as far above the interval, within the bounds.
    fn jittered(&self, rhythm: &Rhythm, chance: u64) -> Duration {
        let interval = rhythm.interval().clamp(self.min, self.max);
        let reach = (interval - self.min).min(self.max - interval);
        between(interval - reach, interval + reach, chance)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Numbers of which none is like the one before.
    fn scattered(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn adaptive(min: u64, max: u64) -> Pace {
        Pace::Adaptive(Bounds::new(seconds(min), seconds(max)))
    }

    fn wait(pace: Pace, outcome: Outcome, asked: Option<u64>, chance: u64) -> Duration {
        pace.wait(&Rhythm::default(), outcome, asked.map(seconds), chance)
    }

    #[test]
    fn a_declared_interval_is_kept_and_what_the_document_asks_does_not_change_it() {
        let pace = Pace::Declared(seconds(300));
        assert_eq!(wait(pace, Outcome::Answered, None, 7), seconds(300));
        assert_eq!(wait(pace, Outcome::Answered, Some(3_600), 7), seconds(300));
    }

    #[test]
    fn what_a_source_asks_for_is_granted_up_to_a_day() {
        let pace = adaptive(60, 600);
        assert_eq!(wait(pace, Outcome::Answered, Some(3_600), 1), seconds(3_600));
        assert!(wait(pace, Outcome::Answered, Some(1), 1) >= seconds(60));
        for pace in [pace, Pace::Declared(seconds(60))] {
            let turned_away = Outcome::Failed { streak: 1 };
            assert_eq!(wait(pace, turned_away, Some(7_200), 1), seconds(7_200));
            assert_eq!(wait(pace, turned_away, Some(u64::MAX), 1), seconds(86_400));
        }
    }

    #[test]
    fn each_failure_in_a_row_doubles_the_wait_until_a_day_and_it_never_gives_up() {
        let pace = Pace::Declared(seconds(300));
        let longest = |streak| {
            (0..2_000)
                .map(|n| wait(pace, Outcome::Failed { streak }, None, scattered(n)))
                .max()
                .expect("waits")
        };
        for (streak, most) in [(1, 300), (2, 600), (5, 4_800), (9, 76_800), (10, 86_400), (u32::MAX, 86_400)]
        {
            let longest = longest(streak);
            assert!(longest <= seconds(most) && longest > seconds(most) * 9 / 10, "{streak}: {longest:?}");
        }
    }

    #[test]
    fn a_source_that_is_asked_once_a_week_is_tried_again_the_same_day() {
        let pace = Pace::Declared(seconds(7 * 86_400));
        assert!(wait(pace, Outcome::Failed { streak: 1 }, None, 5) <= seconds(3_600));
        assert_eq!(wait(pace, Outcome::Answered, None, 5), seconds(7 * 86_400));
    }

    #[test]
    fn sources_that_start_together_are_spread_over_their_interval() {
        let pace = Pace::Declared(seconds(300));
        let phases = (0..10_000).map(|n| pace.phase(&Rhythm::default(), scattered(n)));
        let mut buckets = [0; 10];
        for phase in phases {
            assert!(phase <= seconds(300));
            buckets[usize::try_from(phase.as_secs() / 31).expect("a bucket")] += 1;
        }
        assert!(buckets.iter().all(|count| (500..2_000).contains(count)), "{buckets:?}");
    }

    proptest! {
        #[test]
        fn an_adaptive_wait_stays_within_its_bounds(
            min in 1_u64..10_000, more in 0_u64..100_000, chance in any::<u64>(),
            polls in proptest::collection::vec((1_u64..100_000, any::<bool>()), 0..30),
        ) {
            let mut rhythm = Rhythm::default();
            for (since, found) in polls {
                rhythm.observe(seconds(since), found);
            }
            let wait = adaptive(min, min + more).wait(&rhythm, Outcome::Answered, None, chance);
            prop_assert!(wait >= seconds(min) && wait <= seconds(min + more));
        }

        #[test]
        fn a_failed_source_is_asked_again_within_a_day_and_not_at_once(
            min in 1_u64..10_000, more in 0_u64..1_000_000, streak in any::<u32>(), chance in any::<u64>(),
            asked in proptest::option::of(any::<u64>()),
        ) {
            let wait = wait(adaptive(min, min + more), Outcome::Failed { streak }, asked, chance);
            prop_assert!(wait >= seconds(min.min(3_600)) && wait <= WAIT_MAX);
        }

        #[test]
        fn bounds_hold_however_they_are_given(min in any::<u32>(), max in any::<u32>(), chance in any::<u64>()) {
            let wait = wait(adaptive(min.into(), max.into()), Outcome::Answered, None, chance);
            prop_assert!(wait >= seconds(min.into()) && wait <= seconds(max.max(min).into()));
        }
    }
}
