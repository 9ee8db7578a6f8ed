//! Whether, and when, a failed attempt is repeated: one policy for every door.

use std::time::Duration;

use pagewire_types::Retry;

use crate::scrape::{AttemptFailure, FailedAttempt};

/// The pause before the second attempt; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause of our own.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A target that asks for a longer rest than this is not waited for.
pub(crate) const REST_MAX: Duration = Duration::from_secs(120);

/// When to try again, or `None` for never. `attempts` counts those made, the failed one included; `jitter` is a number
/// from 0 to 1 by which the pause is shortened (full jitter): that keeps many URLs of one host from coming back at the
/// same moment.
pub(crate) fn pause(retry: &Retry, attempts: u32, failed: &FailedAttempt, jitter: f64) -> Option<Duration> {
    let wanted = match failed.kind {
        AttemptFailure::Network | AttemptFailure::Proxy(_) => retry.on.network,
        // It would be told the same again, unless the next attempt goes another way.
        AttemptFailure::HostDown => retry.on.network && retry.escalate,
        AttemptFailure::ServerError => retry.on.server_error,
        AttemptFailure::TooManyRequests => retry.on.too_many_requests,
        AttemptFailure::Permanent | AttemptFailure::Deferred(_) => false,
    };
    let rest = match failed.kind {
        AttemptFailure::Proxy(rest) => Some(rest),
        _ => failed.retry_after,
    };
    if !wanted || attempts > retry.max || rest.is_some_and(|rest| rest > REST_MAX) {
        return None;
    }
    let doubled = FIRST_PAUSE * 2_u32.saturating_pow(attempts.saturating_sub(1).min(16));
    let own = doubled.min(PAUSE_MAX).mul_f64(jitter.clamp(0.0, 1.0));
    Some(rest.map_or(own, |rest| rest.max(own)))
}

/// A number from 0 to 1, by chance.
pub(crate) fn chance() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    let random = RandomState::new().hash_one(std::time::Instant::now());
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use pagewire_types::TargetErrorCode;

    use super::*;
    use crate::envelope::Failure;

    fn failed(kind: AttemptFailure, retry_after_s: Option<u64>) -> FailedAttempt {
        FailedAttempt {
            failure: Failure {
                code: TargetErrorCode::HttpError,
                message: String::new(),
                http_status: None,
                retryable: true,
                unsatisfied: None,
                tried: None,
            },
            kind,
            retry_after: retry_after_s.map(Duration::from_secs),
        }
    }

    #[test]
    fn pauses_double_are_jittered_and_end() {
        let retry = Retry { max: 2, ..Retry::default() };
        let failed = failed(AttemptFailure::Network, None);
        assert_eq!(pause(&retry, 1, &failed, 1.0), Some(Duration::from_millis(500)));
        assert_eq!(pause(&retry, 2, &failed, 1.0), Some(Duration::from_secs(1)));
        assert_eq!(pause(&retry, 2, &failed, 0.0), Some(Duration::ZERO));
        assert_eq!(pause(&retry, 3, &failed, 0.0), None);
    }

    #[test]
    fn a_dead_host_is_tried_again_only_by_another_way_and_proxies_when_one_is_back() {
        let retry = Retry::default();
        assert_eq!(pause(&retry, 1, &failed(AttemptFailure::HostDown, None), 0.5), None);
        let escalating = Retry { escalate: true, ..retry };
        assert!(pause(&escalating, 1, &failed(AttemptFailure::HostDown, None), 0.5).is_some());
        let rest = Duration::from_secs(4);
        assert_eq!(pause(&retry, 1, &failed(AttemptFailure::Proxy(rest), None), 0.5), Some(rest));
    }

    #[test]
    fn a_targets_own_wish_is_honoured_within_bounds() {
        let retry = Retry::default();
        assert_eq!(
            pause(&retry, 1, &failed(AttemptFailure::TooManyRequests, Some(7)), 0.5),
            Some(Duration::from_secs(7))
        );
        assert_eq!(pause(&retry, 1, &failed(AttemptFailure::TooManyRequests, Some(3_600)), 0.5), None);
        assert_eq!(pause(&retry, 1, &failed(AttemptFailure::Permanent, None), 0.5), None);
    }
}
