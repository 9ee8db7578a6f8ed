//! Tells "this host is down" from "our network is down".
//!
//! A host that cannot be reached while others can is down itself. When one host after the other cannot be reached, and
//! none in between can, it is us: everything is held, no source is blamed, and one poll at a time is let through as a
//! probe, until one reaches its host. What was held is then to be spread out by who held it.
//!
//! | state | a host is reached | a host is not |
//! |---|---|---|
//! | closed | the count is begun anew | counted, each host once; at [`HOSTS`] within [`WINDOW`]: open |
//! | open | closed | the network is to blame; the next probe is later |

use std::time::{Duration, Instant};

use pagewire_types::TargetErrorCode;

use super::between;

/// So many hosts in a row that cannot be reached make it our network. Were every tenth host dead, four in a row of
/// different ones were one case in ten thousand; a false alarm ends with the first probe.
const HOSTS: usize = 4;
/// Within so long, in which even a few sources that are asked now and then are all asked once. Hosts that fail hours apart
/// say nothing of the network.
const WINDOW: Duration = Duration::from_secs(3_600);
/// The pause between probes, which doubles.
const PROBE_FIRST: Duration = Duration::from_secs(5);
const PROBE_LAST: Duration = Duration::from_secs(60);
/// A probe that has told nothing for so long was given up by whoever made it.
const PROBE_MAX: Duration = Duration::from_secs(180);

/// What a poll says of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A host answered, in whatever way.
    Reached,
    /// No connection came about.
    Unreached,
    /// The poll says nothing about it: it was refused before a connection was tried.
    Untold,
}

impl Reach {
    /// What a failed poll says. A host that is reached too slowly may be the network too.
    #[must_use]
    pub fn of_failure(code: TargetErrorCode) -> Self {
        use TargetErrorCode as Code;
        match code {
            Code::DnsFailed | Code::ConnectFailed | Code::Timeout => Self::Unreached,
            Code::BlockedTarget
            | Code::RobotsDisallowed
            | Code::Cancelled
            | Code::ProxyFailed
            | Code::NoProxyAvailable => Self::Untold,
            Code::TlsFailed
            | Code::TooManyRedirects
            | Code::BodyTooLarge
            | Code::DecompressionBomb
            | Code::UnsupportedContent
            | Code::HttpError
            | Code::BlockedByTarget
            | Code::RenderFailed
            | Code::ExtractionInvalid
            | Code::InvalidUrl => Self::Reached,
        }
    }
}

/// Whether a poll may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Go,
    /// It may, as the one that finds out whether the network is back; its end is to be told by [`Breaker::observe`].
    Probe,
    /// The network is down: ask again after so long.
    Hold(Duration),
}

/// Who is to blame for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The host: the source's streak counts.
    Host,
    /// Our network: the source's streak stays as it is.
    Network,
}

/// What an observation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Same,
    /// The network is down, from now on.
    Opened,
    /// It is back: what was held is to be spread out.
    Closed,
}

/// The breaker. One for all sources.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Hosts that were not reached since one was, and when.
    unreached: Vec<(Box<str>, Instant)>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    /// Until when no probe is made.
    next_probe: Instant,
    pause: Duration,
    /// When the probe that is under way was let through.
    probing_since: Option<Instant>,
}

impl Breaker {
    /// Whether a poll that is due may be made. `chance` is any number.
    pub fn admit(&mut self, now: Instant, chance: u64) -> Gate {
        let Some(open) = &mut self.open else { return Gate::Go };
        let given_up = open.probing_since.is_none_or(|since| now.duration_since(since) >= PROBE_MAX);
        if given_up && now >= open.next_probe {
            open.probing_since = Some(now);
            return Gate::Probe;
        }
        let until_probe = open.next_probe.saturating_duration_since(now);
        Gate::Hold(until_probe + between(open.pause / 2, open.pause, chance))
    }

    /// Takes in how a poll of a host ended: who is to blame if it failed, and whether that changed what polls may be made.
    pub fn observe(&mut self, host: &str, reach: Reach, now: Instant) -> (Blame, Turn) {
        match (reach, &mut self.open) {
            (Reach::Untold, None) => (Blame::Host, Turn::Same),
            (Reach::Untold, Some(open)) => {
                // As a probe it found nothing out, so another is let through at once.
                open.probing_since = None;
                (Blame::Host, Turn::Same)
            }
            (Reach::Reached, open) => {
                let turn = if open.take().is_some() { Turn::Closed } else { Turn::Same };
                self.unreached.clear();
                (Blame::Host, turn)
            }
            (Reach::Unreached, Some(open)) => {
                if open.probing_since.take().is_some() {
                    open.next_probe = now + open.pause;
                    open.pause = (open.pause * 2).min(PROBE_LAST);
                }
                (Blame::Network, Turn::Same)
            }
            (Reach::Unreached, None) => self.count(host, now),
        }
    }

    /// Whether the network is held to be down.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn count(&mut self, host: &str, now: Instant) -> (Blame, Turn) {
        self.unreached.retain(|(name, at)| **name != *host && now.duration_since(*at) < WINDOW);
        self.unreached.push((host.into(), now));
        if self.unreached.len() < HOSTS {
            return (Blame::Host, Turn::Same);
        }
        self.unreached.clear();
        self.open = Some(Open { next_probe: now + PROBE_FIRST, pause: PROBE_FIRST, probing_since: None });
        (Blame::Network, Turn::Opened)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for host in ["a", "b", "c"] {
            assert_eq!(breaker.observe(host, Reach::Unreached, now), (Blame::Host, Turn::Same));
        }
        assert_eq!(breaker.observe("d", Reach::Unreached, now), (Blame::Network, Turn::Opened));
        breaker
    }

    #[test]
    fn one_host_that_is_down_is_to_blame_itself_however_often_it_fails() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(breaker.observe("down.example", Reach::Unreached, now), (Blame::Host, Turn::Same));
        }
        assert_eq!(breaker.admit(now, 0), Gate::Go);
    }

    #[test]
    fn hosts_that_are_down_while_others_answer_are_to_blame_themselves() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for number in 0..100 {
            let host = number.to_string();
            assert_eq!(breaker.observe(&host, Reach::Unreached, now).0, Blame::Host);
            if number % 3 == 2 {
                breaker.observe("up.example", Reach::Reached, now);
            }
        }
        assert!(!breaker.is_open());
    }

    #[test]
    fn hosts_that_fail_far_apart_say_nothing_of_the_network() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        for number in 0..20_u32 {
            let turn =
                breaker.observe(&number.to_string(), Reach::Unreached, start + seconds(1_200) * number);
            assert_eq!(turn, (Blame::Host, Turn::Same));
        }
    }

    #[test]
    fn a_few_hosts_that_are_asked_now_and_then_tell_of_the_network_too() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        let turns: Vec<Turn> = (0..4_u32)
            .map(|n| breaker.observe(&n.to_string(), Reach::Unreached, start + seconds(900) * n).1)
            .collect();
        assert_eq!(turns, [Turn::Same, Turn::Same, Turn::Same, Turn::Opened]);
    }

    #[test]
    fn many_hosts_at_once_are_our_network_and_all_polls_are_held_but_one_probe() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(matches!(breaker.admit(now, 3), Gate::Hold(wait) if wait >= PROBE_FIRST));
        assert_eq!(breaker.observe("e", Reach::Unreached, now), (Blame::Network, Turn::Same));
        let later = now + PROBE_FIRST;
        assert_eq!(breaker.admit(later, 0), Gate::Probe);
        assert!(matches!(breaker.admit(later, 0), Gate::Hold(_)), "one at a time");
        assert_eq!(breaker.observe("e", Reach::Unreached, later), (Blame::Network, Turn::Same));
        assert!(matches!(breaker.admit(later + seconds(4), 0), Gate::Hold(_)));
        assert_eq!(breaker.admit(later + seconds(5), 0), Gate::Probe);
    }

    #[test]
    fn the_first_answer_ends_the_hold_even_of_a_poll_that_was_under_way() {
        let now = Instant::now();
        for probed in [true, false] {
            let mut breaker = opened(now);
            if probed {
                assert_eq!(breaker.admit(now + PROBE_FIRST, 0), Gate::Probe);
            }
            assert_eq!(breaker.observe("f", Reach::Reached, now + PROBE_FIRST), (Blame::Host, Turn::Closed));
            assert_eq!(breaker.admit(now + PROBE_FIRST, 0), Gate::Go);
        }
    }

    #[test]
    fn a_probe_that_was_given_up_or_found_nothing_out_does_not_hold_all_for_ever() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let probe = now + PROBE_FIRST;
        assert_eq!(breaker.admit(probe, 0), Gate::Probe);
        assert_eq!(breaker.admit(probe + PROBE_MAX, 0), Gate::Probe);
        breaker.observe("g", Reach::Untold, probe + PROBE_MAX);
        assert_eq!(breaker.admit(probe + PROBE_MAX, 0), Gate::Probe);
    }

    proptest! {
        #[test]
        fn whatever_happens_a_poll_is_let_through_in_the_end(
            history in proptest::collection::vec((0..8_u8, 0..3_u8, 0..100_u64), 0..200), chance in any::<u64>(),
        ) {
            let (mut breaker, mut now) = (Breaker::default(), Instant::now());
            for (host, reach, pause) in history {
                now += seconds(pause);
                let admitted = breaker.admit(now, chance);
                if !matches!(admitted, Gate::Hold(_)) {
                    let reach = [Reach::Reached, Reach::Unreached, Reach::Untold][usize::from(reach)];
                    breaker.observe(&host.to_string(), reach, now);
                }
            }
            now += PROBE_MAX;
            prop_assert!(!matches!(breaker.admit(now, chance), Gate::Hold(_)));
        }

        #[test]
        fn a_hold_is_short(chance in any::<u64>(), failed_probes in 0..20_u32) {
            let mut now = Instant::now();
            let mut breaker = opened(now);
            for _ in 0..failed_probes {
                now += PROBE_LAST;
                prop_assert_eq!(breaker.admit(now, chance), Gate::Probe);
                breaker.observe("a", Reach::Unreached, now);
            }
            let Gate::Hold(wait) = breaker.admit(now, chance) else { panic!("held") };
            prop_assert!(wait <= PROBE_LAST * 2);
        }
    }
}
