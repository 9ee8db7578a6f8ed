//! How often something is new at a source, learned from polls.
//!
//! What is counted are polls that found something, not the things they found: ten entries at once call for no more polls
//! than one does. Both the count and the time that it was counted over fade by half in [`HALF_LIFE_S`], so that a source
//! that wakes up, or falls asleep, is asked by what it does now.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// After so long, what was seen counts half. Two days hold the nights.
const HALF_LIFE_S: f64 = 2.0 * 86_400.0;
/// What is believed of a source that nothing is known of: something new in an hour, seen for an hour.
const PRIOR_S: f64 = 3_600.0;
/// Polls for each new thing: with two, one is found half of its own pause late at most, and every other poll is in vain.
const POLLS_PER_CHANGE: f64 = 2.0;

/// What polls have told of a source. Kept with it, as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rhythm {
    /// Polls that found something new, faded.
    changes: f64,
    /// Seconds that they were counted over, faded alike.
    seconds: f64,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { changes: 1.0, seconds: PRIOR_S }
    }
}

impl Rhythm {
    /// Takes in a poll that was answered: the time since the one before, and whether it found something new. The first
    /// poll of a source tells nothing and is left out.
    pub fn observe(&mut self, since_last: Duration, found: bool) {
        let seconds = since_last.as_secs_f64();
        let kept = (-seconds / HALF_LIFE_S).exp2();
        self.changes = self.changes.mul_add(kept, if found { 1.0 } else { 0.0 });
        self.seconds = self.seconds.mul_add(kept, seconds);
    }

    /// How long to wait between polls, were there no bounds.
    #[must_use]
    pub fn interval(&self) -> Duration {
        // What was kept may come from anywhere: no figure in it makes a wait without an end.
        let seconds = self.seconds / (self.changes * POLLS_PER_CHANGE);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// A source that has something new every `every`, asked as the rhythm says within a minute and a day.
    fn learned(every: Duration, polls: u32) -> Duration {
        let (mut rhythm, mut now, mut seen) = (Rhythm::default(), 0.0, 0.0);
        for _ in 0..polls {
            let wait = rhythm.interval().clamp(HOUR / 60, HOUR * 24);
            now += wait.as_secs_f64();
            let newest = (now / every.as_secs_f64()).floor();
            rhythm.observe(wait, newest > seen);
            seen = newest;
        }
        rhythm.interval()
    }

    #[test]
    fn a_source_is_asked_about_twice_for_each_new_thing() {
        for every in [HOUR / 6, HOUR, HOUR * 6, HOUR * 24] {
            let interval = learned(every, 600);
            assert!(interval > every / 4 && interval <= every, "{every:?}: {interval:?}");
        }
    }

    #[test]
    fn a_source_that_wakes_up_is_asked_sooner_within_a_few_polls() {
        let mut rhythm = Rhythm::default();
        for _ in 0..200 {
            rhythm.observe(HOUR, false);
        }
        let asleep = rhythm.interval();
        for _ in 0..5 {
            rhythm.observe(HOUR, true);
        }
        assert!(asleep > HOUR * 24, "{asleep:?}");
        assert!(rhythm.interval() < HOUR * 8, "{:?}", rhythm.interval());
    }

    #[test]
    fn nothing_that_was_kept_breaks_it() {
        for kept in ["{}", r#"{"changes":0.0,"seconds":1e300}"#, r#"{"changes":-1.0,"seconds":5.0}"#] {
            let mut rhythm: Rhythm = serde_json::from_str(kept).expect("a rhythm");
            let _ = rhythm.interval();
            rhythm.observe(HOUR, true);
            let _ = rhythm.interval();
        }
    }

    proptest! {
        #[test]
        fn finding_something_never_makes_the_next_wait_longer(
            polls in proptest::collection::vec((1_u64..100_000, any::<bool>()), 0..50), since in 1_u64..100_000,
        ) {
            let mut rhythm = Rhythm::default();
            for (seconds, found) in polls {
                rhythm.observe(Duration::from_secs(seconds), found);
            }
            let (mut with, mut without) = (rhythm, rhythm);
            with.observe(Duration::from_secs(since), true);
            without.observe(Duration::from_secs(since), false);
            prop_assert!(with.interval() < without.interval());
        }
    }
}
