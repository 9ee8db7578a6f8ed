//! A lane: the URLs of one run that wait for their turn, by host, and how many of the run may be under way.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use super::politeness::{Hosts, Room};

/// Who goes first. A higher class is served before a lower one whenever it has work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Somebody waits for one answer.
    Scrape,
    /// Somebody reads along.
    Stream,
    /// Nobody waits.
    Job,
}

impl Class {
    pub(super) const ALL: [Self; 3] = [Self::Scrape, Self::Stream, Self::Job];
}

/// One attempt at one URL of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The URL's position in the run's input.
    pub ordinal: u32,
    /// Attempts made before this one.
    pub attempts: u32,
}

/// How much of a run may be under way.
#[derive(Debug, Clone, Copy)]
pub struct LaneLimits {
    /// Fetches at once.
    pub concurrency: u32,
    /// Fetches under way and records not yet taken off, together.
    pub open_max: u32,
    /// Bytes of records not yet taken off; past this no fetch starts.
    pub bytes_max: usize,
}

/// The waiting URLs of a run.
#[derive(Debug)]
pub(super) struct Lane {
    limits: LaneLimits,
    hosts: VecDeque<HostQueue>,
    delayed: BinaryHeap<Reverse<(Instant, Item, Arc<str>)>>,
    waiting: usize,
    in_flight: u32,
    open: u32,
    bytes: usize,
    pub(super) paused: bool,
    pub(super) winding_down: bool,
    /// Told when the lane could use more URLs than it has.
    hunger: Arc<Notify>,
}

/// Under so many waiting URLs a lane asks for more.
const WAITING_LOW: usize = 1_000;

#[derive(Debug)]
struct HostQueue {
    host: Arc<str>,
    items: VecDeque<Item>,
}

/// What a lane has to give.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// This, now.
    Take(Item, Arc<str>),
    /// Nothing before that time.
    Later(Instant),
    /// Nothing until something ends, is taken off or is added.
    Nothing,
}

impl Lane {
    pub(super) fn new(limits: LaneLimits) -> Self {
        Self {
            limits,
            hosts: VecDeque::new(),
            delayed: BinaryHeap::new(),
            waiting: 0,
            in_flight: 0,
            open: 0,
            bytes: 0,
            paused: false,
            winding_down: false,
            hunger: Arc::new(Notify::new()),
        }
    }

    /// Adds URLs, each with its host, behind those that wait.
    pub(super) fn extend(&mut self, inputs: impl Iterator<Item = (Item, Arc<str>)>) {
        let mut places: HashMap<Arc<str>, usize> =
            self.hosts.iter().zip(0..).map(|(queue, place)| (queue.host.clone(), place)).collect();
        for (item, host) in inputs {
            let place = *places.entry(host.clone()).or_insert_with(|| {
                self.hosts.push_back(HostQueue { host, items: VecDeque::new() });
                self.hosts.len() - 1
            });
            self.hosts[place].items.push_back(item);
            self.waiting += 1;
        }
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// URLs that wait for their turn, retries included.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn hunger(&self) -> &Arc<Notify> {
        &self.hunger
    }

    /// The hosts that have URLs waiting, with how many.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        self.hosts.iter().map(|queue| (&queue.host, queue.items.len()))
    }

    /// The next URL of a host that has room, if there is room for the URL too; hosts take turns.
    pub(super) fn turn(&mut self, hosts: &Hosts, now: Instant, has_room: impl Fn(Item) -> bool) -> Turn {
        self.wake_delayed(now);
        let full = self.in_flight >= self.limits.concurrency
            || self.open >= self.limits.open_max
            || self.bytes >= self.limits.bytes_max;
        if self.paused || self.winding_down || full {
            return Turn::Nothing;
        }
        let mut earliest = self.delayed.peek().map(|Reverse((at, ..))| *at);
        for _ in 0..self.hosts.len() {
            let Some(mut queue) = self.hosts.pop_front() else { break };
            match hosts.room(&queue.host, now) {
                Room::Yes if queue.items.front().is_some_and(|item| !has_room(*item)) => {}
                Room::Yes => {
                    let Some(item) = queue.items.pop_front() else { continue };
                    let host = queue.host.clone();
                    if !queue.items.is_empty() {
                        self.hosts.push_back(queue);
                    }
                    self.waiting -= 1;
                    if self.waiting < WAITING_LOW {
                        self.hunger.notify_one();
                    }
                    return Turn::Take(item, host);
                }
                Room::Later(at) => earliest = Some(earliest.map_or(at, |e| e.min(at))),
                Room::Busy => {}
            }
            self.hosts.push_back(queue);
        }
        // There is room, and no host that waits here has any: URLs of other hosts could go first.
        self.hunger.notify_one();
        earliest.map_or(Turn::Nothing, Turn::Later)
    }

    fn wake_delayed(&mut self, now: Instant) {
        while self.delayed.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            if let Some(Reverse((_, item, host))) = self.delayed.pop() {
                self.add(item, host);
            }
        }
    }

    fn add(&mut self, item: Item, host: Arc<str>) {
        match self.hosts.iter_mut().find(|queue| queue.host == host) {
            Some(queue) => queue.items.push_back(item),
            None => self.hosts.push_back(HostQueue { host, items: VecDeque::from([item]) }),
        }
    }

    pub(super) fn started(&mut self) {
        self.in_flight += 1;
        self.open += 1;
    }

    /// A fetch ended in a record, which stays open until it is taken off.
    pub(super) fn recorded(&mut self, bytes: usize) {
        self.in_flight -= 1;
        self.bytes += bytes;
    }

    /// A fetch ended in nothing: it will be tried again.
    pub(super) fn delay(&mut self, item: Item, host: Arc<str>, until: Instant) {
        self.in_flight -= 1;
        self.open -= 1;
        self.waiting += 1;
        self.delayed.push(Reverse((until, item, host)));
    }

    /// A fetch ended in nothing, for good.
    pub(super) fn abandoned(&mut self) {
        self.in_flight -= 1;
        self.open -= 1;
    }

    pub(super) fn taken_off(&mut self, records: u32, bytes: usize) {
        self.open = self.open.saturating_sub(records);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Takes out all that waits.
    pub(super) fn drain(&mut self) -> Vec<Item> {
        self.waiting = 0;
        let mut items: Vec<Item> = self.delayed.drain().map(|Reverse((_, item, _))| item).collect();
        items.extend(self.hosts.drain(..).flat_map(|queue| queue.items));
        items.sort_unstable();
        items
    }
}
