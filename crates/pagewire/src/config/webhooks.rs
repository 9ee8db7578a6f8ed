//! `[webhooks]`: how often what happens is told, and for how long.

use std::time::Duration;

use super::judge::Judge;
use super::raw;

/// Waits between the tries of a delivery.
const RETRIES_MAX: usize = 50;

/// `[webhooks]`
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    /// How long one try may take.
    pub(crate) attempt_timeout: Duration,
    /// How long is waited after each try that fails.
    pub(crate) retry_delays: Vec<Duration>,
    /// Tries at once.
    pub(crate) at_once: usize,
}

impl Judge {
    pub(super) fn webhooks(&mut self, raw: &raw::Webhooks) -> Webhooks {
        let delays = raw.retry_delays_s.as_deref().unwrap_or_default();
        if delays.len() > RETRIES_MAX {
            let allowed = format!("a list of at most {RETRIES_MAX} waits");
            self.fault("webhooks.retry_delays_s", format!("{} waits", delays.len()), allowed);
        }
        let key = "webhooks.retry_delays_s";
        Webhooks {
            attempt_timeout: self.seconds("webhooks.attempt_timeout_s", raw.attempt_timeout_s, 1, 60),
            retry_delays: delays.iter().map(|wait| self.seconds(key, Some(*wait), 0, 604_800)).collect(),
            at_once: self.whole("webhooks.at_once", raw.at_once, 2, 10_000),
        }
    }
}
