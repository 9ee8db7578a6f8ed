//! A breaker for each origin: one that could not be reached many times in a row is not asked for a while, and what wants
//! to fetch from it is told at once why. Then one request tries; the others are told until it has ended.
//!
//! | state | reached | not reached |
//! |---|---|---|
//! | closed | forgotten | counted; at the bound: open |
//! | open, its pause over | forgotten | one try at a time; the pause doubles |
//!
//! The table is bounded: at its bound what is not open is forgotten, and past that nothing new is counted.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pagewire_types::TargetErrorCode;

/// The first pause; it doubles from there.
const PAUSE_FIRST: Duration = Duration::from_secs(15);
/// The longest.
const PAUSE_LAST: Duration = Duration::from_secs(300);
/// A try that has told nothing for so long was given up: no attempt takes longer.
const TRY_MAX: Duration = Duration::from_secs(130);
/// Origins in the table.
const ORIGINS_MAX: usize = 10_000;

/// All origins that were not reached of late.
#[derive(Debug)]
pub(crate) struct Breaker {
    failures_max: u32,
    unreached: Mutex<HashMap<Box<str>, Unreached>>,
}

#[derive(Debug)]
struct Unreached {
    failures: u32,
    last: Reason,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    until: Instant,
    pause: Duration,
    tried_since: Option<Instant>,
}

/// Why an origin was not reached the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) code: TargetErrorCode,
    pub(crate) sentence: String,
}

/// How an origin may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// As any.
    Freely,
    /// As the one that finds out whether it is back; its end is to be told.
    AsTry,
}

/// An origin that is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Down {
    /// Failures in a row.
    pub(crate) failures: u32,
    /// The last of them.
    pub(crate) last: Reason,
    /// Until it is tried again.
    pub(crate) wait: Duration,
}

impl Breaker {
    /// Opens with so many failures in a row; never with 0.
    pub(crate) fn new(failures_max: u32) -> Self {
        Self { failures_max, unreached: Mutex::default() }
    }

    /// Whether an origin may be asked.
    pub(crate) fn admit(&self, origin: &str, now: Instant) -> Result<Admitted, Down> {
        let mut unreached = self.lock();
        let Some(state) = unreached.get_mut(origin) else { return Ok(Admitted::Freely) };
        let Some(open) = &mut state.open else { return Ok(Admitted::Freely) };
        let is_tried = open.tried_since.is_some_and(|since| now.duration_since(since) < TRY_MAX);
        if now >= open.until && !is_tried {
            open.tried_since = Some(now);
            return Ok(Admitted::AsTry);
        }
        let wait = open.until.saturating_duration_since(now);
        Err(Down { failures: state.failures, last: state.last.clone(), wait })
    }

    /// A try ended without having asked the origin: another may be made.
    pub(crate) fn not_tried(&self, origin: &str) {
        if let Some(open) = self.lock().get_mut(origin).and_then(|state| state.open.as_mut()) {
            open.tried_since = None;
        }
    }

    /// The origin was reached, whatever it answered.
    pub(crate) fn reached(&self, origin: &str) {
        self.lock().remove(origin);
    }

    /// It was not.
    pub(crate) fn not_reached(&self, origin: &str, reason: Reason, now: Instant) {
        if self.failures_max == 0 {
            return;
        }
        let mut unreached = self.lock();
        if !unreached.contains_key(origin) {
            if unreached.len() >= ORIGINS_MAX {
                unreached.retain(|_, state| state.open.is_some_and(|open| open.until > now));
            }
            if unreached.len() >= ORIGINS_MAX {
                return;
            }
            let state = Unreached { failures: 0, last: reason.clone(), open: None };
            unreached.insert(origin.into(), state);
        }
        let Some(state) = unreached.get_mut(origin) else { return };
        state.failures = state.failures.saturating_add(1);
        state.last = reason;
        let Some(open) = &mut state.open else {
            if state.failures >= self.failures_max {
                state.open = Some(Open { until: now + PAUSE_FIRST, pause: PAUSE_FIRST, tried_since: None });
            }
            return;
        };
        // What was under way when it opened says nothing new.
        if open.tried_since.take().is_some() {
            open.pause = (open.pause * 2).min(PAUSE_LAST);
            open.until = now + open.pause;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Unreached>> {
        self.unreached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAD: &str = "https://dead.example";
    const FREELY: Result<Admitted, Down> = Ok(Admitted::Freely);

    fn reason() -> Reason {
        Reason { code: TargetErrorCode::ConnectFailed, sentence: "refused".to_owned() }
    }

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(3);
        for _ in 0..3 {
            assert_eq!(breaker.admit(DEAD, now), FREELY);
            breaker.not_reached(DEAD, reason(), now);
        }
        breaker
    }

    #[test]
    fn a_dead_origin_is_told_at_once_with_its_reason_and_no_other_is() {
        let now = Instant::now();
        let breaker = opened(now);
        let down = Down { failures: 3, last: reason(), wait: PAUSE_FIRST };
        assert_eq!(breaker.admit(DEAD, now), Err(down));
        assert_eq!(breaker.admit("https://dead.example:8443", now), FREELY);
    }

    #[test]
    fn one_request_at_a_time_tries_and_the_pause_doubles_until_it_is_reached() {
        let mut now = Instant::now();
        let breaker = opened(now);
        for pause in [15, 30, 60, 120, 240, 300, 300] {
            now += Duration::from_secs(pause) - Duration::from_millis(1);
            assert!(breaker.admit(DEAD, now).is_err());
            now += Duration::from_millis(1);
            assert_eq!(breaker.admit(DEAD, now), Ok(Admitted::AsTry));
            assert!(breaker.admit(DEAD, now).is_err(), "one at a time");
            breaker.not_reached(DEAD, reason(), now);
        }
        now += PAUSE_LAST;
        assert_eq!(breaker.admit(DEAD, now), Ok(Admitted::AsTry));
        breaker.reached(DEAD);
        assert_eq!((breaker.admit(DEAD, now), breaker.admit(DEAD, now)), (FREELY, FREELY));
    }

    #[test]
    fn a_try_that_was_given_up_does_not_keep_others_from_trying() {
        let mut now = Instant::now();
        let breaker = opened(now);
        now += PAUSE_FIRST;
        assert_eq!(breaker.admit(DEAD, now), Ok(Admitted::AsTry));
        assert!(breaker.admit(DEAD, now + TRY_MAX / 2).is_err());
        assert_eq!(breaker.admit(DEAD, now + TRY_MAX), Ok(Admitted::AsTry));
        breaker.not_tried(DEAD);
        assert_eq!(
            breaker.admit(DEAD, now + TRY_MAX),
            Ok(Admitted::AsTry),
            "at once, where nothing was asked"
        );
    }

    #[test]
    fn an_answer_in_between_keeps_it_closed_and_zero_never_opens() {
        let now = Instant::now();
        let (breaker, never) = (Breaker::new(3), Breaker::new(0));
        for _ in 0..20 {
            breaker.not_reached(DEAD, reason(), now);
            breaker.not_reached(DEAD, reason(), now);
            breaker.reached(DEAD);
            never.not_reached(DEAD, reason(), now);
        }
        assert_eq!((breaker.admit(DEAD, now), never.admit(DEAD, now)), (FREELY, FREELY));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_what_is_open() {
        let now = Instant::now();
        let breaker = opened(now);
        for number in 0..ORIGINS_MAX * 2 {
            breaker.not_reached(&format!("https://{number}.example"), reason(), now);
        }
        assert!(breaker.lock().len() <= ORIGINS_MAX);
        assert!(breaker.admit(DEAD, now).is_err());
    }
}
