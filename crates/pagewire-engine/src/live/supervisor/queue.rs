//! Which source is polled next: those that are due, in the order in which they became so, no more at once than may be, of
//! one host no more than one host is asked, and of one source one. Pure: the time is passed in, and whoever takes a source
//! gives it back.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use pagewire_types::SourceLife;
use tokio::time::Instant;

/// Sources that wait for their time.
#[derive(Debug)]
pub(super) struct Queue {
    at_once: usize,
    per_host: usize,
    places: HashMap<SourceLife, Place>,
    due: BTreeSet<(Instant, SourceLife)>,
    hosts: HashMap<Arc<str>, Host>,
    /// Those that are being polled, and the host that each counts for.
    taken: HashMap<SourceLife, Arc<str>>,
    /// Of those, the ones that are to be polled once more as soon as they are given back.
    again: HashSet<SourceLife>,
}

#[derive(Debug)]
struct Place {
    host: Arc<str>,
    wait: Wait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// For its time.
    Due(Instant),
    /// For its host, since then.
    Host(Instant),
    /// To be given back.
    Taken,
}

#[derive(Debug, Default)]
struct Host {
    asked: usize,
    waiting: VecDeque<SourceLife>,
}

impl Queue {
    pub(super) fn new(at_once: usize, per_host: usize) -> Self {
        Self {
            at_once: at_once.max(1),
            per_host: per_host.max(1),
            places: HashMap::new(),
            due: BTreeSet::new(),
            hosts: HashMap::new(),
            taken: HashMap::new(),
            again: HashSet::new(),
        }
    }

    /// Adds a source. One that is there already is to be polled at that time if that is sooner.
    pub(super) fn put(&mut self, life: SourceLife, host: Arc<str>, at: Instant) {
        if self.taken.contains_key(&life) {
            self.places.insert(life, Place { host, wait: Wait::Taken });
            return;
        }
        let at = match self.places.get(&life).map(|place| place.wait) {
            Some(Wait::Due(due) | Wait::Host(due)) => due.min(at),
            Some(Wait::Taken) | None => at,
        };
        self.remove(&life);
        self.wait_until(life, host, at);
    }

    /// Takes a source out. If it is being polled, that goes on to be counted until it is given back.
    pub(super) fn remove(&mut self, life: &SourceLife) {
        self.again.remove(life);
        match self.places.remove(life) {
            Some(Place { wait: Wait::Due(at), host }) => {
                self.due.remove(&(at, life.clone()));
                // It may have been the one that was called when its host had room.
                self.call_next(&host);
            }
            Some(Place { wait: Wait::Host(_), host }) => {
                if let Some(waiting) = self.hosts.get_mut(&host).map(|host| &mut host.waiting) {
                    waiting.retain(|other| other != life);
                }
            }
            Some(Place { wait: Wait::Taken, .. }) | None => {}
        }
    }

    /// Has a source polled as soon as may be. Whether it is there.
    pub(super) fn hurry(&mut self, life: &SourceLife, now: Instant) -> bool {
        let Some(place) = self.places.get(life) else { return false };
        match place.wait {
            Wait::Due(at) if at > now => {
                let host = place.host.clone();
                self.due.remove(&(at, life.clone()));
                self.wait_until(life.clone(), host, now);
            }
            Wait::Due(_) | Wait::Host(_) => {}
            Wait::Taken => drop(self.again.insert(life.clone())),
        }
        true
    }

    /// Takes the next source that is to be polled now. Whoever gets it gives it [`back`](Self::give_back).
    pub(super) fn take(&mut self, now: Instant) -> Option<SourceLife> {
        while self.taken.len() < self.at_once {
            let (at, life) = self.due.first().filter(|(at, _)| *at <= now)?.clone();
            self.due.pop_first();
            let Some(place) = self.places.get_mut(&life) else { continue };
            let host = self.hosts.entry(place.host.clone()).or_default();
            if host.asked < self.per_host {
                host.asked += 1;
                place.wait = Wait::Taken;
                self.taken.insert(life.clone(), place.host.clone());
                return Some(life);
            }
            place.wait = Wait::Host(at);
            host.waiting.push_back(life);
        }
        None
    }

    /// Takes that very source although it may not be due, where it waits and its host has room.
    pub(super) fn take_early(&mut self, life: &SourceLife) -> bool {
        let Some(Place { host, wait: Wait::Due(at) }) = self.places.get(life) else { return false };
        let (name, at) = (host.clone(), *at);
        let host = self.hosts.entry(name.clone()).or_default();
        if self.taken.len() >= self.at_once || host.asked >= self.per_host {
            return false;
        }
        host.asked += 1;
        self.due.remove(&(at, life.clone()));
        self.places.insert(life.clone(), Place { host: name.clone(), wait: Wait::Taken });
        self.taken.insert(life.clone(), name);
        true
    }

    /// Gives a source back, to be polled next at that time, if it is still to be polled at all.
    pub(super) fn give_back(&mut self, life: &SourceLife, next: Instant, now: Instant) {
        if let Some(host) = self.taken.remove(life) {
            self.free(&host);
        }
        let next = if self.again.remove(life) { now } else { next };
        if let Some(Place { host, wait: Wait::Taken }) = self.places.get(life) {
            let host = host.clone();
            self.wait_until(life.clone(), host, next);
        }
    }

    /// When there may be something to take; `None` where that takes something to be given back, or put.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        if self.taken.len() >= self.at_once { None } else { self.due.first().map(|(at, _)| *at) }
    }

    /// Sources that are being polled.
    pub(super) fn taken(&self) -> usize {
        self.taken.len()
    }

    fn wait_until(&mut self, life: SourceLife, host: Arc<str>, at: Instant) {
        self.due.insert((at, life.clone()));
        self.places.insert(life, Place { host, wait: Wait::Due(at) });
    }

    /// Notes that a host is asked once less.
    fn free(&mut self, name: &Arc<str>) {
        if let Some(host) = self.hosts.get_mut(name) {
            host.asked = host.asked.saturating_sub(1);
        }
        self.call_next(name);
    }

    /// Lets the next one that waits for a host be taken, where the host has room.
    fn call_next(&mut self, name: &Arc<str>) {
        let Some(host) = self.hosts.get_mut(name).filter(|host| host.asked < self.per_host) else { return };
        let next = host.waiting.pop_front();
        if host.asked == 0 && next.is_none() {
            self.hosts.remove(name);
        }
        if let Some((life, Wait::Host(since))) =
            next.and_then(|life| self.places.get(&life).map(|place| place.wait).map(|wait| (life, wait)))
        {
            self.wait_until(life, name.clone(), since);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn life(number: usize) -> SourceLife {
        format!("src_{number:032x}").parse().expect("a life")
    }

    fn host(name: usize) -> Arc<str> {
        format!("h{name}").into()
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn sources_are_taken_when_they_are_due_and_in_that_order() {
        let (mut queue, now) = (Queue::new(10, 10), Instant::now());
        for (number, at) in [(1, 30), (2, 10), (3, 20), (4, 60)] {
            queue.put(life(number), host(number), now + seconds(at));
        }
        assert_eq!((queue.take(now), queue.wakes_at()), (None, Some(now + seconds(10))));
        let later = now + seconds(30);
        let taken: Vec<_> = std::iter::from_fn(|| queue.take(later)).collect();
        assert_eq!(taken, [life(2), life(3), life(1)]);
        queue.give_back(&life(2), later + seconds(5), later);
        assert_eq!(queue.wakes_at(), Some(later + seconds(5)));
    }

    #[test]
    fn one_host_holds_no_other_up() {
        let (mut queue, now) = (Queue::new(10, 2), Instant::now());
        for number in 0..5 {
            queue.put(life(number), host(0), now);
        }
        queue.put(life(9), host(9), now + seconds(1));
        let now = now + seconds(1);
        let taken: Vec<_> = std::iter::from_fn(|| queue.take(now)).collect();
        assert_eq!(taken, [life(0), life(1), life(9)]);
        queue.give_back(&life(1), now + seconds(60), now);
        assert_eq!((queue.take(now), queue.take(now)), (Some(life(2)), None));
    }

    #[test]
    fn what_is_polled_is_not_taken_twice_and_comes_again_when_it_is_hurried() {
        let (mut queue, now) = (Queue::new(10, 2), Instant::now());
        queue.put(life(1), host(1), now);
        assert_eq!(queue.take(now), Some(life(1)));
        queue.put(life(1), host(1), now);
        assert!(queue.hurry(&life(1), now));
        assert_eq!(queue.take(now), None);
        queue.give_back(&life(1), now + seconds(60), now);
        assert_eq!(queue.take(now), Some(life(1)));
        queue.give_back(&life(1), now + seconds(60), now);
        assert_eq!(queue.take(now), None);
        assert!(queue.hurry(&life(1), now) && !queue.hurry(&life(2), now));
        assert_eq!(queue.take(now), Some(life(1)));
    }

    #[test]
    fn a_source_that_is_removed_while_it_is_polled_is_counted_until_it_is_given_back() {
        let (mut queue, now) = (Queue::new(1, 1), Instant::now());
        queue.put(life(1), host(1), now);
        queue.put(life(2), host(1), now);
        assert_eq!(queue.take(now), Some(life(1)));
        queue.remove(&life(1));
        assert_eq!((queue.take(now), queue.wakes_at()), (None, None));
        queue.give_back(&life(1), now, now);
        assert_eq!((queue.take(now), queue.take(now)), (Some(life(2)), None));
    }

    #[test]
    fn one_that_is_removed_when_it_was_called_leaves_its_turn_to_the_next() {
        let (mut queue, now) = (Queue::new(10, 1), Instant::now());
        for number in 1..=3 {
            queue.put(life(number), host(1), now);
        }
        assert_eq!((queue.take(now), queue.take(now)), (Some(life(1)), None));
        queue.give_back(&life(1), now + seconds(60), now);
        queue.remove(&life(2));
        assert_eq!(queue.take(now), Some(life(3)));
    }

    #[test]
    fn a_source_is_taken_early_where_there_is_room_for_it() {
        let (mut queue, now) = (Queue::new(2, 1), Instant::now());
        queue.put(life(1), host(1), now + seconds(60));
        queue.put(life(2), host(1), now + seconds(60));
        assert!(queue.take_early(&life(1)) && !queue.take_early(&life(1)) && !queue.take_early(&life(2)));
        queue.give_back(&life(1), now + seconds(60), now);
        assert!(queue.take_early(&life(2)) && !queue.take_early(&life(3)));
        assert_eq!(queue.take(now), None);
    }

    proptest! {
        #[test]
        fn whatever_happens_the_bounds_hold_and_nobody_is_forgotten(
            history in proptest::collection::vec((0..6_u8, 0..24_usize, 0..4_u64), 0..150),
            at_once in 1..6_usize, per_host in 1..3_usize,
        ) {
            let (mut queue, mut now) = (Queue::new(at_once, per_host), Instant::now());
            let number_of = |life: &SourceLife| usize::from_str_radix(&life.as_str()[4..], 16).expect("digits");
            let (mut wanted, mut running) = (HashSet::new(), Vec::new());
            for (action, number, pause) in history {
                now += seconds(pause);
                match action {
                    0 => {
                        queue.put(life(number), host(number % 3), now + seconds(pause));
                        wanted.insert(life(number));
                    }
                    1 => {
                        queue.remove(&life(number));
                        wanted.remove(&life(number));
                    }
                    2 => prop_assert_eq!(queue.hurry(&life(number), now), wanted.contains(&life(number))),
                    3 => while let Some(taken) = queue.take(now) {
                        prop_assert!(wanted.contains(&taken) && !running.contains(&taken));
                        running.push(taken);
                    },
                    _ => if !running.is_empty() {
                        let done = running.remove(number % running.len());
                        queue.give_back(&done, now + seconds(pause), now);
                    },
                }
                prop_assert!(running.len() <= at_once && queue.taken() == running.len());
                for name in 0..3 {
                    let of_host = running.iter().filter(|run| number_of(run) % 3 == name);
                    prop_assert!(of_host.count() <= per_host);
                }
            }
            // Given time, and with all that is taken given back, each one that is wanted is taken.
            now += seconds(1_000);
            let mut seen = HashSet::new();
            loop {
                while let Some(taken) = queue.take(now) {
                    running.push(taken);
                }
                let Some(done) = running.pop() else { break };
                queue.give_back(&done, now + seconds(5_000), now);
                seen.insert(done);
            }
            prop_assert!(wanted.is_subset(&seen));
        }
    }
}
