//! What a test's own thread has worked, whatever else runs on the machine: `Instant` tells how long it waited as well.

use std::time::{Duration, Instant};

/// Started where the measured work begins.
pub(crate) struct CpuClock {
    before: Option<Duration>,
    started: Instant,
}

impl CpuClock {
    pub(crate) fn start() -> Self {
        Self { before: of_this_thread(), started: Instant::now() }
    }

    /// Time on a core since then; where the system does not tell it, time on the wall.
    pub(crate) fn elapsed(&self) -> Duration {
        match (self.before, of_this_thread()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.started.elapsed(),
        }
    }
}

/// Linux tells nanoseconds on a core first.
fn of_this_thread() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
