//! Whether a proxy can be used: one that fails rests, for longer each time, and is then tried by one request of the
//! traffic before it counts again.
//!
//! | what came of a request | a proxy that is used | one that rests |
//! |---|---|---|
//! | good | all is forgotten | is used again |
//! | bad: the proxy's own failure | rests | rests for twice as long, if it was the trial |
//! | doubtful: its failure or the target's | rests with the third in a row | rests for as long again, if it was the trial |
//!
//! Doubtful failures of one target count once, unless the target was reached through another proxy meanwhile.

use std::time::{Duration, Instant};

/// The first rest; it doubles from there.
const REST_FIRST: Duration = Duration::from_secs(1);
/// The longest.
const REST_LAST: Duration = Duration::from_secs(600);
/// So many doubtful failures in a row are the proxy's.
const DOUBTS: u32 = 3;

/// What came of a request through a proxy, as far as the proxy is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The target answered.
    Good,
    /// The proxy failed.
    Bad,
    /// The proxy failed, or the target did.
    Doubtful,
    /// Nothing can be said.
    Nothing,
}

/// Where a proxy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is used.
    Awake,
    /// It may be tried.
    Due,
    /// It rests until then.
    Resting(Instant),
    /// It is being tried.
    OnTrial,
}

#[derive(Debug, Default)]
pub(super) struct Health {
    failures: u32,
    rests_until: Option<Instant>,
    on_trial: bool,
    doubts: u32,
    doubted_for: u64,
}

impl Health {
    pub(super) fn standing(&self, now: Instant) -> Standing {
        match self.rests_until {
            None => Standing::Awake,
            Some(_) if self.on_trial => Standing::OnTrial,
            Some(until) if until <= now => Standing::Due,
            Some(until) => Standing::Resting(until),
        }
    }

    pub(super) fn try_it(&mut self) {
        self.on_trial = true;
    }

    /// Takes in what came of a request to a target; whether the proxy rests from now on, and for how long.
    pub(super) fn told(
        &mut self,
        told: Told,
        is_trial: bool,
        target: Target,
        now: Instant,
    ) -> Option<Duration> {
        if is_trial {
            self.on_trial = false;
        }
        let rests = self.rests_until.is_some();
        match told {
            Told::Good => {
                *self = Self { on_trial: self.on_trial, ..Self::default() };
                None
            }
            // What was under way when the rest began says nothing new.
            Told::Bad | Told::Doubtful if rests && !is_trial => None,
            Told::Bad => self.rest(1, now),
            Told::Doubtful if is_trial => self.rest(0, now),
            Told::Doubtful => {
                if target.reached_elsewhere || self.doubts == 0 || target.id != self.doubted_for {
                    self.doubts += 1;
                }
                self.doubted_for = target.id;
                if self.doubts >= DOUBTS { self.rest(1, now) } else { None }
            }
            Told::Nothing => None,
        }
    }

    fn rest(&mut self, more: u32, now: Instant) -> Option<Duration> {
        self.failures = self.failures.saturating_add(more).max(1);
        self.doubts = 0;
        let rest = REST_FIRST.saturating_mul(1 << (self.failures - 1).min(16)).min(REST_LAST);
        self.rests_until = Some(now + rest);
        Some(rest)
    }
}

/// A target, as far as blame is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) id: u64,
    /// Whether it was reached through another proxy not long ago.
    pub(super) reached_elsewhere: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: u64) -> Target {
        Target { id, reached_elsewhere: false }
    }

    #[test]
    fn a_proxy_that_fails_rests_twice_as_long_each_time_and_comes_back_at_the_first_success() {
        let (mut health, mut now) = (Health::default(), Instant::now());
        for seconds in [1, 2, 4, 8] {
            let is_trial = seconds > 1;
            let rest = health.told(Told::Bad, is_trial, target(1), now).expect("a rest");
            assert_eq!(rest, Duration::from_secs(seconds));
            assert_eq!(health.standing(now), Standing::Resting(now + rest));
            now += rest;
            assert_eq!(health.standing(now), Standing::Due);
            health.try_it();
            assert_eq!(health.standing(now), Standing::OnTrial);
        }
        assert_eq!(health.told(Told::Good, true, target(1), now), None);
        assert_eq!(health.standing(now), Standing::Awake);
        assert_eq!(health.told(Told::Bad, false, target(1), now), Some(REST_FIRST), "it begins anew");
        for _ in 0..40 {
            health.told(Told::Bad, true, target(1), now);
        }
        assert_eq!(health.told(Told::Bad, true, target(1), now), Some(REST_LAST));
    }

    #[test]
    fn one_dead_target_makes_no_proxy_rest() {
        let (mut health, now) = (Health::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(health.told(Told::Doubtful, false, target(7), now), None);
        }
        assert_eq!(health.told(Told::Doubtful, false, target(8), now), None);
        assert_eq!(health.told(Told::Doubtful, false, target(9), now), Some(REST_FIRST));
    }

    #[test]
    fn a_target_that_others_reach_is_not_to_blame() {
        let (mut health, now) = (Health::default(), Instant::now());
        let reached = Target { id: 7, reached_elsewhere: true };
        assert_eq!(health.told(Told::Doubtful, false, reached, now), None);
        assert_eq!(health.told(Told::Doubtful, false, reached, now), None);
        assert_eq!(health.told(Told::Doubtful, false, reached, now), Some(REST_FIRST));
    }

    #[test]
    fn what_was_under_way_when_a_rest_began_does_not_make_it_longer() {
        let (mut health, now) = (Health::default(), Instant::now());
        health.told(Told::Bad, false, target(1), now);
        assert_eq!(health.told(Told::Bad, false, target(1), now), None);
        assert_eq!(health.standing(now), Standing::Resting(now + REST_FIRST));
    }
}
