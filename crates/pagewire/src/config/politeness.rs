//! `[politeness]` and `[scheduler]`: what one host may be asked, and how much is done at once.

use std::time::Duration;

use pagewire_types::RobotsRule;

use super::judge::Judge;
use super::raw;

/// `[politeness]`
#[derive(Debug, Clone)]
pub(crate) struct Politeness {
    /// Requests at once to a host.
    pub(crate) requests_per_host_max: u32,
    /// The least time between two.
    pub(crate) delay: Duration,
    /// The longest rest that a `Retry-After` is granted.
    pub(crate) rest_max: Duration,
    /// Failures in a row after which a host is not asked for a while.
    pub(crate) host_failures_max: u32,
    /// What robots.txt means where a request says nothing.
    pub(crate) robots: RobotsRule,
    /// The longest delay between two requests that a robots.txt is granted.
    pub(crate) crawl_delay_max: Duration,
}

/// `[scheduler]`
#[derive(Debug, Clone)]
pub(crate) struct Scheduler {
    /// Fetches at once.
    pub(crate) fetches_max: usize,
    /// Runs at once.
    pub(crate) runs_max: usize,
}

impl Judge {
    pub(super) fn politeness(&mut self, raw: &raw::Politeness) -> Politeness {
        Politeness {
            crawl_delay_max: self.seconds("politeness.crawl_delay_max_s", raw.crawl_delay_max_s, 0, 3_600),
            requests_per_host_max: self.whole(
                "politeness.requests_per_host_max",
                raw.requests_per_host_max,
                1,
                10_000,
            ),
            delay: self.millis("politeness.delay_ms", raw.delay_ms, 0, 600_000),
            rest_max: self.seconds("politeness.rest_max_s", raw.rest_max_s, 0, 86_400),
            host_failures_max: self.whole(
                "politeness.host_failures_max",
                raw.host_failures_max,
                0,
                1_000_000,
            ),
            robots: self.one_of(
                "politeness.robots",
                raw.robots.as_deref(),
                [("respect", RobotsRule::Respect), ("ignore", RobotsRule::Ignore)],
            ),
        }
    }

    pub(super) fn scheduler(&mut self, raw: &raw::Scheduler) -> Scheduler {
        Scheduler {
            fetches_max: self.whole("scheduler.fetches_max", raw.fetches_max, 1, 65_536),
            runs_max: self.whole("scheduler.runs_max", raw.runs_max, 1, 100_000),
        }
    }
}
