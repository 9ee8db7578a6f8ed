//! How fast, and over how many connections, a workspace may ask. Limits are the workspace's, whichever key is used.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::plan::Plan;

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// What the rate limit says of a request that it lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateState {
    /// Requests that one window may have.
    pub quota: u32,
    /// Requests that may still come at once.
    pub remaining: u32,
}

/// The rate limit of a workspace (GCRA).
pub struct RequestRate {
    limiter: Option<Limiter>,
    quota: u32,
}

impl RequestRate {
    pub(super) fn new(plan: &Plan) -> Self {
        let per_second = plan.requests_per_s.and_then(NonZeroU32::new);
        let Some(per_second) = per_second else { return Self { limiter: None, quota: 0 } };
        let burst = u64::from(per_second.get()) * u64::from(100 + plan.burst_percent) / 100;
        let burst = u32::try_from(burst).ok().and_then(NonZeroU32::new).unwrap_or(per_second);
        let limiter = RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst))
            .with_middleware::<StateInformationMiddleware>();
        Self { limiter: Some(limiter), quota: burst.get() }
    }

    /// Counts a request. `Ok(None)` where there is no limit; `Err` has the time to wait.
    pub fn check(&self) -> Result<Option<RateState>, Duration> {
        let Some(limiter) = &self.limiter else { return Ok(None) };
        match limiter.check() {
            Ok(snapshot) => {
                Ok(Some(RateState { quota: self.quota, remaining: snapshot.remaining_burst_capacity() }))
            }
            Err(not_until) => Err(not_until.wait_time_from(DefaultClock::default().now())),
        }
    }

    /// Requests that one window may have, where there is a limit.
    #[must_use]
    pub fn quota(&self) -> Option<u32> {
        self.limiter.as_ref().map(|_| self.quota)
    }
}

/// The event streams that a workspace has open.
#[derive(Debug, Clone)]
pub struct Connections {
    open: Arc<AtomicU32>,
    cap: Option<u32>,
}

impl Connections {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { open: Arc::default(), cap: plan.connections_max }
    }

    /// Takes a connection, if one is left.
    #[must_use]
    pub fn acquire(&self) -> Option<ConnectionPermit> {
        let cap = self.cap.unwrap_or(u32::MAX);
        self.open
            .try_update(Ordering::AcqRel, Ordering::Acquire, |open| (open < cap).then(|| open + 1))
            .ok()
            .map(|_| ConnectionPermit(self.open.clone()))
    }

    /// Connections open now.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.open.load(Ordering::Acquire)
    }

    /// Connections at most, where there is a limit.
    #[must_use]
    pub fn cap(&self) -> Option<u32> {
        self.cap
    }
}

/// One open connection; given back when dropped.
#[derive(Debug)]
pub struct ConnectionPermit(Arc<AtomicU32>);

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_through_and_the_next_waits() {
        let rate = RequestRate::new(&Plan { requests_per_s: Some(10), burst_percent: 50, ..Plan::UNLIMITED });
        for remaining in (0..15).rev() {
            assert_eq!(rate.check(), Ok(Some(RateState { quota: 15, remaining })));
        }
        assert!(rate.check().is_err_and(|wait| wait <= Duration::from_millis(100)));
        assert_eq!(RequestRate::new(&Plan::UNLIMITED).check(), Ok(None));
    }

    #[test]
    fn a_connection_is_given_back_when_it_ends() {
        let connections = Connections::new(&Plan { connections_max: Some(1), ..Plan::UNLIMITED });
        let first = connections.acquire();
        assert!(first.is_some() && connections.acquire().is_none());
        drop(first);
        assert!(connections.acquire().is_some());
    }
}
