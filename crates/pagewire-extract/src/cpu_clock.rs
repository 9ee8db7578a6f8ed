//! What a test's own thread has worked, whatever else runs on the machine: `Instant` tells how long it waited as well.
//!
//! Bounds on it are wide all the same. A neighbour on the same core takes caches away, and an unoptimised build is some
//! ten times as slow: what a bound is to find is work that grows with the square of the input, not a slow day.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The least that is measured at once: below, the work of the clock itself and one miss of a cache are seen.
const MEASURED_MIN: Duration = Duration::from_millis(5);
/// Tries, of which the best counts: what disturbs a measurement only ever makes it longer.
const TRIES: usize = 4;

/// Started where the measured work begins.
pub(crate) struct CpuClock {
    before: Duration,
}

impl CpuClock {
    pub(crate) fn start() -> Self {
        Self { before: of_this_thread() }
    }

    /// Time on a core since then.
    pub(crate) fn elapsed(&self) -> Duration {
        of_this_thread().saturating_sub(self.before)
    }
}

fn of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// How many times as long the large work takes as the small: the least of several tries, each of which measures both, one
/// after the other. It is told as soon as it is at most `enough`.
pub(crate) fn growth(small: &dyn Fn(), large: &dyn Fn(), enough: f64) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..TRIES {
        best = best.min(seconds_of(large) / seconds_of(small));
        if best <= enough {
            break;
        }
    }
    best
}

/// What the work takes, done as often as it must be to be measured.
fn seconds_of(work: &dyn Fn()) -> f64 {
    let clock = CpuClock::start();
    for times in 1_u32.. {
        work();
        let taken = clock.elapsed();
        if taken >= MEASURED_MIN {
            return taken.as_secs_f64() / f64::from(times);
        }
    }
    f64::NAN
}

mod tests {
    use std::hint::black_box;

    use super::*;

    fn add_up(numbers: u64) {
        black_box((0..black_box(numbers)).fold(0_u64, |sum, number| sum.wrapping_mul(31) ^ number));
    }

    #[test]
    fn work_that_grows_with_the_square_is_told_from_work_that_does_not() {
        let linear = growth(&|| add_up(2_000), &|| add_up(64_000), 8.0 * 32.0);
        let square = growth(&|| add_up(2_000), &|| add_up(2_000 * 32 * 32), 8.0 * 32.0);
        assert!(linear < 8.0 * 32.0 && square > 8.0 * 32.0, "{linear:.1} and {square:.1}");
    }
}
