//! One origin's file, read for one product, or what stands for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{RobotsVerdict, Unreachable};

/// How long a file that was had goes on to hold while it cannot be had anew (RFC 9309, section 2.3.1.4).
const STALE_MAX: Duration = Duration::from_secs(30 * 86_400);

/// What is kept for an origin. Clones share the rules.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) rules: Rules,
    /// What it takes in memory, roughly: what it counts in the table.
    pub(super) bytes: usize,
    /// When the rules came.
    pub(super) since: Instant,
    /// When it is to be fetched again.
    pub(super) until: Instant,
    /// Fetches that have failed in a row.
    pub(super) failures: u32,
}

/// What is said.
#[derive(Debug, Clone)]
pub(super) enum Rules {
    Text(Arc<robotxt::Robots>),
    Unreachable(Unreachable),
}

impl File {
    /// What an origin said.
    pub(super) fn said(robots: robotxt::Robots, bytes: usize, holds: Duration) -> Self {
        let since = Instant::now();
        Self { rules: Rules::Text(Arc::new(robots)), bytes, since, until: since + holds, failures: 0 }
    }

    /// An origin that said nothing. What it said before holds on, for a while.
    pub(super) fn unreachable(
        why: Unreachable,
        before: Option<&Self>,
        holds: impl FnOnce(u32) -> Duration,
    ) -> Self {
        let (now, failures) = (Instant::now(), before.map_or(0, |file| file.failures) + 1);
        let until = now + holds(failures);
        match before {
            Some(file) if matches!(file.rules, Rules::Text(_)) && now - file.since < STALE_MAX => {
                Self { until, failures, ..file.clone() }
            }
            _ => Self { rules: Rules::Unreachable(why), bytes: 0, since: now, until, failures },
        }
    }

    /// What is said of a path with its query.
    pub(super) fn verdict(&self, path: &str) -> RobotsVerdict {
        let robots = match &self.rules {
            Rules::Text(robots) => robots,
            Rules::Unreachable(why) => return RobotsVerdict::Unreachable(why.clone()),
        };
        if robots.is_allowed(path) {
            return RobotsVerdict::Allowed { crawl_delay: robots.crawl_delay() };
        }
        let pattern = robots.matching_rule(path).map_or("/", robotxt::Rule::pattern);
        RobotsVerdict::Disallowed { line: format!("Disallow: {pattern}") }
    }
}
