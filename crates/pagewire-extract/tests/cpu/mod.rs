//! Time on a core of the test's own thread, whatever else runs on the machine.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long this thread has worked.
pub(crate) fn time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
