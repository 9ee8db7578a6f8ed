//! How fast a job goes: what was finished in the last minute, from which the time that is left is told.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How far back the pace looks.
const WINDOW: Duration = Duration::from_secs(60);
/// How often it is measured.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// Under this the pace is a guess, and nothing is told.
const SPAN_MIN: Duration = Duration::from_secs(2);

/// Counts of finished URLs over the last minute.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    samples: Mutex<VecDeque<(Instant, u64)>>,
}

impl Pace {
    /// Notes how many URLs are finished now.
    pub(super) fn note(&self, now: Instant, done: u64) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        while samples.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            samples.pop_front();
        }
        samples.push_back((now, done));
    }

    /// Seconds until `remaining` URLs are finished at the present pace. Nothing where nothing has been finished in the
    /// last minute: then nobody knows.
    pub(super) fn seconds_for(&self, remaining: u64) -> Option<u64> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let ((from, before), (to, after)) = (samples.front()?, samples.back()?);
        let span = to.duration_since(*from);
        let finished = after.saturating_sub(*before);
        if span < SPAN_MIN || finished == 0 {
            return None;
        }
        let seconds = u128::from(remaining) * span.as_millis() / u128::from(finished) / 1_000;
        u64::try_from(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_the_last_minute_says() {
        let (pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.seconds_for(100), None);
        for second in 0..200 {
            // Slow at first, ten a second in the last minute.
            let done = if second < 100 { second } else { 100 + (second - 100) * 10 };
            pace.note(start + Duration::from_secs(second), done);
        }
        assert_eq!(pace.seconds_for(1_000), Some(100));
    }

    #[test]
    fn nothing_is_told_of_a_job_that_stands_still() {
        let (pace, start) = (Pace::default(), Instant::now());
        for second in 0..10 {
            pace.note(start + Duration::from_secs(second), 5);
        }
        assert_eq!(pace.seconds_for(1), None);
    }
}
