//! Which proxy is next: by turns according to their weights, or the same one for the same key; none beyond its
//! concurrency, none that rests, and of those whose rest is over one now and then, as a trial.
//!
//! Trials are requests of the traffic, so they are few: at most one in a hundred, unless nothing else is to be had.
//! Deciding alone: no clock, no socket.

use std::{
    collections::HashMap,
    hash::{Hash as _, Hasher as _},
    time::{Duration, Instant},
};

use super::counts::ProxyCounts;
use super::health::{Health, Standing, Target, Told};

/// What each request adds to the trials that may be made.
const TRIAL_SHARE: f64 = 0.01;
/// Trials that may have been saved up.
const TRIALS_SAVED_MAX: f64 = 3.0;
/// For how long it is remembered that a target was reached.
const REACHED_FOR: Duration = Duration::from_secs(60);
/// Targets that are remembered.
const REACHED_MAX: usize = 4_096;

/// All proxies, by their place in the configuration.
#[derive(Debug)]
pub(super) struct Balance {
    seats: Vec<Seat>,
    trials: f64,
    /// Targets that were reached, through which proxy, and when.
    reached: HashMap<u64, (usize, Instant)>,
}

#[derive(Debug)]
struct Seat {
    weight: u32,
    in_flight_max: u32,
    /// What it has done. Its requests under way are those that it has no more room for at `in_flight_max`.
    done: ProxyCounts,
    /// What it has saved up by being passed over (smooth weighted round robin).
    credit: i64,
    health: Health,
}

/// A proxy that was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) place: usize,
    pub(super) is_trial: bool,
}

/// Why none was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unpicked {
    /// Those that can be used have as many requests as they may have.
    Busy,
    /// All of them rest; the first comes back after so long.
    Resting(Duration),
}

impl Balance {
    /// Proxies by weight and concurrency.
    pub(super) fn new(proxies: impl Iterator<Item = (u32, u32)>) -> Self {
        let seat = |(weight, in_flight_max)| Seat {
            weight,
            in_flight_max,
            done: ProxyCounts::default(),
            credit: 0,
            health: Health::default(),
        };
        Self { seats: proxies.map(seat).collect(), trials: TRIALS_SAVED_MAX, reached: HashMap::new() }
    }

    /// Picks one of those at the places; `key` names who always wants the same.
    pub(super) fn pick(
        &mut self,
        places: &[usize],
        key: Option<u64>,
        now: Instant,
    ) -> Result<Picked, Unpicked> {
        let picked = self.look(places, key, now)?;
        if picked.is_trial {
            self.trials = (self.trials - 1.0).max(0.0);
            self.seats[picked.place].health.try_it();
        } else {
            self.trials = (self.trials + TRIAL_SHARE).min(TRIALS_SAVED_MAX);
            if key.is_none() {
                self.give_turn(places, picked.place, now);
            }
        }
        let done = &mut self.seats[picked.place].done;
        done.requests += 1;
        done.under_way += 1;
        Ok(picked)
    }

    /// What [`Balance::pick`] would pick.
    pub(super) fn look(&self, places: &[usize], key: Option<u64>, now: Instant) -> Result<Picked, Unpicked> {
        let (mut is_any_awake, mut back) = (false, None::<Instant>);
        let (mut awake, mut due) = (None::<Choice>, None::<Choice>);
        for place in places.iter().copied() {
            let seat = &self.seats[place];
            let rank = key.map_or_else(|| seat.turn(), |key| seat.affinity(key, place));
            let choice = Choice { place, rank, is_free: seat.done.under_way < u64::from(seat.in_flight_max) };
            match seat.health.standing(now) {
                Standing::Awake => {
                    is_any_awake = true;
                    // Who wants the same one waits for it; the others take whichever is free.
                    if choice.is_free || key.is_some() {
                        awake = Some(choice.better_of(awake));
                    }
                }
                Standing::Due if choice.is_free => due = Some(choice.better_of(due)),
                Standing::Due => is_any_awake = true,
                Standing::Resting(until) => back = Some(back.map_or(until, |back| back.min(until))),
                // What it ends in is not known yet: soon.
                Standing::OnTrial => back = Some(now + Duration::from_secs(1)),
            }
        }
        let trial = |choice: Choice| Ok(Picked { place: choice.place, is_trial: true });
        match (awake, due) {
            (Some(awake), Some(due)) => {
                let may_try =
                    self.trials >= 1.0 && (key.is_none() || due.rank > awake.rank) || !awake.is_free;
                if may_try { trial(due) } else { Ok(Picked { place: awake.place, is_trial: false }) }
            }
            (Some(awake), None) if awake.is_free => Ok(Picked { place: awake.place, is_trial: false }),
            (None, Some(due)) => trial(due),
            (Some(_), None) => Err(Unpicked::Busy),
            (None, None) if is_any_awake => Err(Unpicked::Busy),
            (None, None) => {
                let wait = back.map_or(Duration::ZERO, |back| back.saturating_duration_since(now));
                Err(Unpicked::Resting(wait))
            }
        }
    }

    /// A request through it is over.
    pub(super) fn settle(
        &mut self,
        picked: Picked,
        target: u64,
        told: Told,
        now: Instant,
    ) -> Option<Duration> {
        let earlier = self.reached.get(&target).copied();
        let reached_elsewhere =
            earlier.is_some_and(|(place, at)| place != picked.place && now.duration_since(at) < REACHED_FOR);
        if told == Told::Good {
            self.remember(target, picked.place, now);
        }
        let seat = self.seats.get_mut(picked.place)?;
        seat.done.under_way = seat.done.under_way.saturating_sub(1);
        match told {
            Told::Bad => seat.done.failed += 1,
            Told::Doubtful => seat.done.doubtful += 1,
            Told::Good | Told::Nothing => {}
        }
        seat.health.told(told, picked.is_trial, Target { id: target, reached_elsewhere }, now)
    }

    /// What the proxy at a place has done, and whether it rests.
    pub(super) fn counts(&self, place: usize, now: Instant) -> (ProxyCounts, bool) {
        let seat = &self.seats[place];
        (seat.done, seat.health.standing(now) != Standing::Awake)
    }

    fn remember(&mut self, target: u64, place: usize, now: Instant) {
        if self.reached.len() >= REACHED_MAX && !self.reached.contains_key(&target) {
            self.reached.retain(|_, (_, at)| now.duration_since(*at) < REACHED_FOR);
            if self.reached.len() >= REACHED_MAX {
                self.reached.clear();
            }
        }
        self.reached.insert(target, (place, now));
    }

    /// Smooth weighted round robin: all save up by their weight, the one that goes pays for all.
    fn give_turn(&mut self, places: &[usize], taken: usize, now: Instant) {
        let mut paid = 0;
        for place in places.iter().copied() {
            let seat = &mut self.seats[place];
            if seat.health.standing(now) == Standing::Awake {
                seat.credit += i64::from(seat.weight);
                paid += i64::from(seat.weight);
            }
        }
        self.seats[taken].credit -= paid;
    }
}

impl Seat {
    fn turn(&self) -> f64 {
        // Credits are sums of weights of at most a few digits each: no precision is lost.
        (self.credit + i64::from(self.weight)) as f64
    }

    /// Rendezvous hashing, by weight: each key has an order of its own of all proxies, which does not change when one of
    /// them is gone for a while.
    fn affinity(&self, key: u64, place: usize) -> f64 {
        let mut hasher = std::hash::DefaultHasher::new();
        (key, place).hash(&mut hasher);
        let unit = ((hasher.finish() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        -f64::from(self.weight) / unit.ln()
    }
}

#[derive(Debug, Clone, Copy)]
struct Choice {
    place: usize,
    rank: f64,
    is_free: bool,
}

impl Choice {
    fn better_of(self, other: Option<Self>) -> Self {
        other.filter(|other| other.rank >= self.rank).unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn equal(count: usize) -> (Balance, Vec<usize>) {
        (Balance::new((0..count).map(|_| (1, 8))), (0..count).collect())
    }

    #[test]
    fn turns_are_given_by_weight_and_evenly() {
        let mut balance = Balance::new([(5, 100), (1, 100), (1, 100)].into_iter());
        let order: Vec<usize> =
            (0..7).map(|_| balance.pick(&[0, 1, 2], None, Instant::now()).expect("a proxy").place).collect();
        assert_eq!(order.iter().filter(|place| **place == 0).count(), 5, "{order:?}");
        assert!(order[1..4].iter().any(|place| *place != 0), "not five times in a row: {order:?}");
    }

    #[test]
    fn the_same_key_gets_the_same_proxy_and_another_while_that_one_rests() {
        let (mut balance, places) = equal(10);
        let now = Instant::now();
        let mut used = std::collections::BTreeSet::new();
        for key in 0..100 {
            let first = balance.pick(&places, Some(key), now).expect("a proxy");
            balance.settle(first, 1, Told::Good, now);
            let again = balance.pick(&places, Some(key), now).expect("a proxy");
            assert_eq!(first, again);
            balance.settle(again, 1, Told::Good, now);
            used.insert(first.place);
        }
        assert_eq!(used.len(), 10, "keys are spread");
        let mine = balance.pick(&places, Some(1), now).expect("a proxy");
        balance.settle(mine, 1, Told::Bad, now);
        let other = balance.pick(&places, Some(1), now).expect("another");
        assert_ne!(mine.place, other.place);
    }

    #[test]
    fn none_has_more_under_way_than_it_may_and_who_wants_the_same_one_waits() {
        let (mut balance, places) = equal(2);
        let now = Instant::now();
        for _ in 0..8 {
            balance.pick(&places, Some(3), now).expect("a proxy");
        }
        assert_eq!(balance.pick(&places, Some(3), now), Err(Unpicked::Busy));
        for _ in 0..8 {
            balance.pick(&places, None, now).expect("the other one");
        }
        assert_eq!(balance.pick(&places, None, now), Err(Unpicked::Busy));
    }

    #[test]
    fn when_all_rest_it_is_told_for_how_long_and_then_one_request_tries() {
        let (mut balance, places) = equal(2);
        let now = Instant::now();
        for place in 0..2 {
            let picked = Picked { place, is_trial: false };
            balance.settle(picked, 1, Told::Bad, now);
        }
        assert_eq!(balance.pick(&places, None, now), Err(Unpicked::Resting(Duration::from_secs(1))));
        let later = now + Duration::from_secs(1);
        let trials = [0, 1].map(|_| balance.pick(&places, None, later).expect("a trial"));
        assert!(trials.iter().all(|trial| trial.is_trial) && trials[0].place != trials[1].place);
        assert!(matches!(balance.pick(&places, None, later), Err(Unpicked::Resting(_))), "one trial each");
        balance.settle(trials[0], 1, Told::Good, later);
        let back = balance.pick(&places, None, later).expect("it is back");
        assert_eq!(back, Picked { place: trials[0].place, is_trial: false });
    }

    /// The row that the pool is measured by, with time as it would pass at two rates.
    #[test]
    fn proxies_that_fail_get_less_than_two_percent_after_the_first_minute() {
        for per_second in [10_u64, 80] {
            let (mut balance, places) = equal(100);
            let (start, mut to_failing, mut late) = (Instant::now(), 0, 0);
            for request in 0..10_000_u64 {
                let now = start + Duration::from_millis(request * 1_000 / per_second);
                let picked = balance.pick(&places, None, now).expect("most work");
                let told = match picked.place {
                    0..15 => Told::Bad,
                    15..30 => Told::Doubtful,
                    _ => Told::Good,
                };
                if now.duration_since(start) > Duration::from_secs(60) {
                    late += 1;
                    to_failing += u32::from(picked.place < 30);
                }
                balance.settle(picked, 1, told, now);
            }
            assert!(late > 4_000 && to_failing * 50 < late, "{to_failing} of {late} at {per_second}/s");
            assert!(to_failing > 0, "they are tried again");
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_a_proxy_is_to_be_had_in_the_end(
            history in proptest::collection::vec((0..3_u8, 0..4_u64, 0..5_000_u64, any::<bool>()), 0..300),
        ) {
            let (mut balance, places) = equal(3);
            let mut now = Instant::now();
            for (told, target, pause, keyed) in history {
                now += Duration::from_millis(pause);
                if let Ok(picked) = balance.pick(&places, keyed.then_some(target), now) {
                    let told = [Told::Good, Told::Bad, Told::Doubtful][usize::from(told)];
                    balance.settle(picked, target, told, now);
                }
            }
            prop_assert!(balance.seats.iter().all(|seat| seat.done.under_way == 0));
            prop_assert!(balance.pick(&places, None, now + Duration::from_secs(600)).is_ok());
        }
    }
}
