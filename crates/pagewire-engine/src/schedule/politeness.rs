//! What one host may be asked: so many requests at once, so far apart, and nothing while it asks for rest.
//!
//! A host is a name or an address without its port: two servers on one machine share its politeness.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The operator's rules for every host.
#[derive(Debug, Clone, Copy)]
pub struct Politeness {
    /// Requests at once.
    pub requests_per_host_max: u32,
    /// The least time between the starts of two requests.
    pub delay: Duration,
    /// The longest rest that a host's `Retry-After` is granted.
    pub rest_max: Duration,
    /// The longest delay between two requests that a host's robots.txt is granted.
    pub crawl_delay_max: Duration,
}

/// Hosts that are remembered without a request under way, at most.
const IDLE_HOSTS_MAX: usize = 10_000;

#[derive(Debug, Default)]
struct HostState {
    in_flight: u32,
    not_before: Option<Instant>,
    /// When the next request may start that its robots.txt makes wait.
    crawled_until: Option<Instant>,
}

/// All hosts that matter right now.
#[derive(Debug)]
pub(super) struct Hosts {
    rules: Politeness,
    states: HashMap<Arc<str>, HostState>,
}

/// Whether a host may be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It may.
    Yes,
    /// Not before a request under way has ended.
    Busy,
    /// Not before that time.
    Later(Instant),
}

impl Hosts {
    pub(super) fn new(rules: Politeness) -> Self {
        Self { rules, states: HashMap::new() }
    }

    pub(super) fn rules(&self) -> Politeness {
        self.rules
    }

    pub(super) fn room(&self, host: &str, now: Instant) -> Room {
        let Some(state) = self.states.get(host) else { return Room::Yes };
        if state.in_flight >= self.rules.requests_per_host_max {
            return Room::Busy;
        }
        match state.not_before {
            Some(at) if at > now => Room::Later(at),
            _ => Room::Yes,
        }
    }

    pub(super) fn start(&mut self, host: &Arc<str>, now: Instant) {
        if self.states.len() >= IDLE_HOSTS_MAX && !self.states.contains_key(host) {
            self.states.retain(|_, state| state.in_flight > 0 || state.not_before.is_some_and(|at| at > now));
        }
        let state = self.states.entry(host.clone()).or_default();
        state.in_flight += 1;
        if !self.rules.delay.is_zero() {
            state.not_before = Some(now + self.rules.delay);
        }
    }

    pub(super) fn finish(&mut self, host: &str) {
        if let Some(state) = self.states.get_mut(host) {
            state.in_flight -= 1;
        }
    }

    /// A request that is about to start, to a host whose robots.txt asks for a delay: whether it may start now, or when
    /// it may ask again. The delay is known only once the file has been read, when requests may be under way already;
    /// so it is the request that asks, and the others wait behind it.
    pub(super) fn crawl_turn(
        &mut self,
        host: &Arc<str>,
        delay: Duration,
        now: Instant,
    ) -> Result<(), Instant> {
        let delay = delay.min(self.rules.crawl_delay_max);
        if delay.is_zero() {
            return Ok(());
        }
        let state = self.states.entry(host.clone()).or_default();
        let turn = match state.crawled_until {
            Some(until) if until > now => Err(until),
            _ => {
                state.crawled_until = Some(now + delay);
                Ok(())
            }
        };
        state.not_before = state.not_before.max(state.crawled_until);
        turn
    }

    /// The host asked to be left alone for a while.
    pub(super) fn rest(&mut self, host: &str, pause: Duration, now: Instant) {
        if let Some(state) = self.states.get_mut(host) {
            let until = now + pause.min(self.rules.rest_max);
            state.not_before = Some(state.not_before.map_or(until, |at| at.max(until)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(delay_ms: u64) -> Hosts {
        Hosts::new(Politeness {
            requests_per_host_max: 2,
            delay: Duration::from_millis(delay_ms),
            rest_max: Duration::from_secs(10),
            crawl_delay_max: Duration::from_secs(30),
        })
    }

    #[test]
    fn a_host_is_asked_so_often_at_once_and_no_more() {
        let (mut hosts, now, host) = (hosts(0), Instant::now(), Arc::from("a"));
        hosts.start(&host, now);
        assert_eq!(hosts.room("a", now), Room::Yes);
        hosts.start(&host, now);
        assert_eq!(hosts.room("a", now), Room::Busy);
        assert_eq!(hosts.room("b", now), Room::Yes);
        hosts.finish("a");
        assert_eq!(hosts.room("a", now), Room::Yes);
    }

    #[test]
    fn requests_to_a_host_that_asks_for_a_crawl_delay_start_one_by_one_so_far_apart() {
        let (mut hosts, now, host) = (hosts(0), Instant::now(), Arc::from("a"));
        let (two, later) = (Duration::from_secs(2), now + Duration::from_secs(2));
        hosts.start(&host, now);
        hosts.start(&host, now);
        assert_eq!(hosts.crawl_turn(&host, two, now), Ok(()));
        assert_eq!(hosts.crawl_turn(&host, two, now), Err(later));
        hosts.finish("a");
        assert_eq!(hosts.room("a", now), Room::Later(later));
        assert_eq!((hosts.room("a", later), hosts.crawl_turn(&host, two, later)), (Room::Yes, Ok(())));
        let long = Duration::from_secs(86_400);
        let other = Arc::from("b");
        assert_eq!(hosts.crawl_turn(&other, long, now), Ok(()));
        assert_eq!(
            hosts.crawl_turn(&other, long, now),
            Err(now + Duration::from_secs(30)),
            "up to its bound"
        );
        assert_eq!(hosts.crawl_turn(&Arc::from("c"), Duration::ZERO, now), Ok(()));
    }

    #[test]
    fn requests_keep_their_distance_and_a_rest_is_granted_up_to_its_bound() {
        let (mut hosts, now, host) = (hosts(50), Instant::now(), Arc::from("a"));
        hosts.start(&host, now);
        assert_eq!(hosts.room("a", now), Room::Later(now + Duration::from_millis(50)));
        hosts.rest("a", Duration::from_secs(3_600), now);
        assert_eq!(hosts.room("a", now), Room::Later(now + Duration::from_secs(10)));
    }
}
