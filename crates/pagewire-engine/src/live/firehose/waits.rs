//! How long until an upstream is connected to again: pure policy, chance is passed in.
//!
//! | the connection | the next wait |
//! |---|---|
//! | was up for a while, or ended in order after it brought something | the first one |
//! | broke, or was not to be had | doubled for each in a row, up to the longest |
//! | was answered with `Retry-After` | at least that, within its bound |
//!
//! `retry:` of an event stream takes the place of the first wait, within bounds. All are jittered, from half to the whole.

use std::time::Duration;

/// The bounds of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitBounds {
    /// The first wait.
    pub first: Duration,
    /// The shortest first wait that an upstream may ask for.
    pub least: Duration,
    /// The longest of our own.
    pub longest: Duration,
    /// The longest that an upstream may ask for.
    pub asked_longest: Duration,
}

impl Default for WaitBounds {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            least: Duration::from_millis(200),
            longest: Duration::from_mins(5),
            asked_longest: Duration::from_hours(1),
        }
    }
}

/// The waits between connections.
#[derive(Debug)]
pub(super) struct Waits {
    bounds: WaitBounds,
    failures: u32,
    /// What the stream itself asked for.
    hint: Option<Duration>,
}

impl Waits {
    pub(super) fn new(bounds: WaitBounds) -> Self {
        Self { bounds, failures: 0, hint: None }
    }

    /// Hears what a stream asks for.
    pub(super) fn hint(&mut self, hint: Option<Duration>) {
        self.hint = hint.or(self.hint);
    }

    /// The wait after a connection that was well.
    pub(super) fn after_success(&mut self, chance: u64) -> Duration {
        self.failures = 0;
        jittered(self.first(), chance)
    }

    /// The wait after one that was not. `asked` is what the answer asked for.
    pub(super) fn after_failure(&mut self, asked: Option<Duration>, chance: u64) -> Duration {
        let doubled = self.first().saturating_mul(1 << self.failures.min(20)).min(self.bounds.longest);
        self.failures = self.failures.saturating_add(1);
        let asked = asked.unwrap_or_default().min(self.bounds.asked_longest);
        jittered(doubled, chance).max(asked)
    }

    fn first(&self) -> Duration {
        let WaitBounds { first, least, longest, .. } = self.bounds;
        self.hint.map_or(first, |hint| hint.clamp(least, longest))
    }
}

fn jittered(wait: Duration, chance: u64) -> Duration {
    let half = wait / 2;
    half + super::super::schedule::spread(wait - half, chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut waits = Waits::new(WaitBounds::default());
        for whole in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let wait = waits.after_failure(None, 12_345_678_901);
            assert!(wait >= S(whole) / 2 && wait <= S(whole), "{wait:?} of {whole} s");
        }
        assert!(waits.after_success(7) <= S(1));
        assert!(waits.after_failure(None, 7) <= S(1));
    }

    #[test]
    fn what_an_upstream_asks_for_is_granted_within_bounds() {
        let mut waits = Waits::new(WaitBounds::default());
        assert_eq!(waits.after_failure(Some(S(90)), 0), S(90));
        assert_eq!(waits.after_failure(Some(S(90_000)), 0), S(3_600));
        waits.hint(Some(S(10)));
        waits.hint(None);
        assert!(waits.after_success(u64::MAX - 1) >= S(5));
        waits.hint(Some(Duration::ZERO));
        assert!(waits.after_success(0) >= Duration::from_millis(100), "never at once");
    }
}
