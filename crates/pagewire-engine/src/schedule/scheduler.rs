//! The one scheduler of a process. It gives the next URL by class, then to workspaces in turn, then to their runs in
//! turn, then to hosts that have room, and it starts workers for as long as there is something to give.
//!
//! A worker asks for the next URL itself when it is done with one, so that under load no task is started for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use pagewire_types::WorkspaceId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lane::{Class, Item, Lane, LaneLimits, Turn};
use super::politeness::{Hosts, Politeness};

/// What does the fetching of a lane.
pub trait Work: Send + Sync + 'static {
    /// One attempt at one URL. Its end is the outcome; what it leaves behind is its own affair.
    fn attempt(self: Arc<Self>, item: Item) -> BoxFuture<'static, Outcome>;

    /// Whether an attempt that began now would find what it needs beside its host, such as a proxy that is free. What is
    /// needed comes free when an attempt ends, and then this is asked again. Called while the scheduler decides: it may
    /// not call back.
    fn has_room(&self, item: Item) -> bool;
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// In a record of that many bytes, which counts as open until [`Scheduler::taken_off`].
    Recorded {
        /// Bytes of the record.
        bytes: usize,
        /// How long the host asked to be left alone.
        host_rest: Option<Duration>,
    },
    /// In a failure that is tried again.
    Retry {
        /// How long to wait before.
        after: Duration,
        /// How long the host asked to be left alone.
        host_rest: Option<Duration>,
    },
    /// In nothing: the host wants to be asked later. It was no attempt.
    Deferred {
        /// When it is asked again.
        until: Instant,
    },
    /// In nothing: the run is over.
    Abandoned,
}

impl Outcome {
    /// The same, where the host asked to be left alone for so long.
    pub(crate) fn resting(self, rest: Option<Duration>) -> Self {
        match self {
            Self::Recorded { bytes, .. } => Self::Recorded { bytes, host_rest: rest },
            Self::Retry { after, .. } => Self::Retry { after, host_rest: rest },
            Self::Deferred { .. } | Self::Abandoned => self,
        }
    }
}

/// Names a lane for as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(u64);

/// Decides what is fetched next.
pub struct Scheduler {
    state: Mutex<State>,
    changed: Notify,
    workers: TaskTracker,
    fetches_max: usize,
}

struct State {
    lanes: HashMap<LaneId, Entry>,
    classes: HashMap<Class, VecDeque<WorkspaceTurn>>,
    hosts: Hosts,
    active: usize,
    next_id: u64,
    draining: bool,
}

struct Entry {
    lane: Lane,
    work: Arc<dyn Work>,
}

/// A workspace's runs of one class, in the order of their turns.
struct WorkspaceTurn {
    workspace: WorkspaceId,
    lanes: VecDeque<LaneId>,
}

/// A URL to fetch.
struct Dispatch {
    id: LaneId,
    item: Item,
    host: Arc<str>,
    work: Arc<dyn Work>,
}

enum Decision {
    Start(Dispatch),
    Wait(Option<Instant>),
}

impl Scheduler {
    /// A scheduler that has at most `fetches_max` fetches under way.
    #[must_use]
    pub fn new(fetches_max: usize, politeness: Politeness) -> Self {
        let state = State {
            lanes: HashMap::new(),
            classes: HashMap::new(),
            hosts: Hosts::new(politeness),
            active: 0,
            next_id: 0,
            draining: false,
        };
        Self { state: Mutex::new(state), changed: Notify::new(), workers: TaskTracker::new(), fetches_max }
    }

    /// Adds a run's URLs, each with its host; more may follow by [`Scheduler::extend`].
    pub fn add(
        &self,
        class: Class,
        workspace: &WorkspaceId,
        limits: LaneLimits,
        inputs: impl Iterator<Item = (Item, Arc<str>)>,
        work: Arc<dyn Work>,
    ) -> LaneId {
        let mut lane = Lane::new(limits);
        lane.extend(inputs);
        let id = {
            let mut state = self.lock();
            state.next_id += 1;
            let id = LaneId(state.next_id);
            state.lanes.insert(id, Entry { lane, work });
            let turns = state.classes.entry(class).or_default();
            match turns.iter_mut().find(|turn| turn.workspace == *workspace) {
                Some(turn) => turn.lanes.push_back(id),
                None => turns
                    .push_back(WorkspaceTurn { workspace: workspace.clone(), lanes: VecDeque::from([id]) }),
            }
            id
        };
        self.changed.notify_one();
        id
    }

    /// Adds more URLs to a lane.
    pub fn extend(&self, id: LaneId, inputs: impl Iterator<Item = (Item, Arc<str>)>) {
        if let Some(entry) = self.lock().lanes.get_mut(&id) {
            entry.lane.extend(inputs);
        }
        self.changed.notify_one();
    }

    /// URLs that wait in a lane, retries included.
    #[must_use]
    pub fn waiting(&self, id: LaneId) -> usize {
        self.lock().lanes.get(&id).map_or(0, |entry| entry.lane.waiting())
    }

    /// Told whenever a lane could use more URLs than wait in it: they are few, or their hosts are busy.
    #[must_use]
    pub fn hunger(&self, id: LaneId) -> Option<Arc<Notify>> {
        self.lock().lanes.get(&id).map(|entry| entry.lane.hunger().clone())
    }

    /// The hosts of a lane that politeness gives less at once than the lane could use, with what they get.
    #[must_use]
    pub fn trimmed_hosts(&self, id: LaneId, concurrency: u32) -> Vec<(Arc<str>, u32)> {
        let state = self.lock();
        let allowed = state.hosts.rules().requests_per_host_max;
        let Some(entry) = state.lanes.get(&id) else { return Vec::new() };
        entry
            .lane
            .hosts()
            .filter(|(_, waiting)| concurrency > allowed && *waiting > allowed as usize)
            .map(|(host, _)| (host.clone(), allowed))
            .collect()
    }

    /// Takes a lane out and gives back what still waited. Fetches under way end on their own.
    pub fn remove(&self, id: LaneId) -> Vec<Item> {
        let mut state = self.lock();
        for turns in state.classes.values_mut() {
            for turn in turns.iter_mut() {
                turn.lanes.retain(|lane| *lane != id);
            }
            turns.retain(|turn| !turn.lanes.is_empty());
        }
        state.lanes.remove(&id).map_or_else(Vec::new, |mut entry| entry.lane.drain())
    }

    /// Takes out what still waits in a lane; the lane stays.
    pub fn drain_lane(&self, id: LaneId) -> Vec<Item> {
        self.lock().lanes.get_mut(&id).map_or_else(Vec::new, |entry| entry.lane.drain())
    }

    /// Fetches of a lane that are under way.
    #[must_use]
    pub fn in_flight(&self, id: LaneId) -> u32 {
        self.lock().lanes.get(&id).map_or(0, |entry| entry.lane.in_flight())
    }

    /// Drops what waits in a lane and starts no more of it; from then on its hunger is told whenever a fetch ends.
    pub fn wind_down(&self, id: LaneId) {
        if let Some(entry) = self.lock().lanes.get_mut(&id) {
            entry.lane.drain();
            entry.lane.winding_down = true;
        }
    }

    /// Starts no more of a lane.
    pub fn pause(&self, id: LaneId) {
        if let Some(entry) = self.lock().lanes.get_mut(&id) {
            entry.lane.paused = true;
        }
    }

    /// Starts again what was paused.
    pub fn resume(&self, id: LaneId) {
        if let Some(entry) = self.lock().lanes.get_mut(&id) {
            entry.lane.paused = false;
        }
        self.changed.notify_one();
    }

    /// Records were taken off a lane's hands: by its consumer, or by the commit where there is none.
    pub fn taken_off(&self, id: LaneId, records: u32, bytes: usize) {
        if let Some(entry) = self.lock().lanes.get_mut(&id) {
            entry.lane.taken_off(records, bytes);
        }
        self.changed.notify_one();
    }

    /// Whether a request to a host whose robots.txt asks for a delay may start now, or when it may ask again.
    pub fn crawl_turn(&self, host: &Arc<str>, delay: Duration) -> Result<(), Instant> {
        self.lock().hosts.crawl_turn(host, delay, Instant::now())
    }

    /// Fetches that are under way.
    #[must_use]
    pub fn active(&self) -> usize {
        self.lock().active
    }

    /// Starts workers until the token is cancelled, then waits for those under way.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            let wake_at = self.start_workers();
            let timer = async {
                match wake_at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.changed.notified() => {}
                () = timer => {}
            }
        }
        self.lock().draining = true;
        self.workers.close();
        self.workers.wait().await;
    }

    fn start_workers(self: &Arc<Self>) -> Option<Instant> {
        loop {
            match self.next(None) {
                Decision::Start(dispatch) => {
                    let scheduler = self.clone();
                    self.workers.spawn(async move { scheduler.work(dispatch).await });
                }
                Decision::Wait(until) => return until,
            }
        }
    }

    async fn work(self: Arc<Self>, first: Dispatch) {
        let mut next = Some(first);
        while let Some(dispatch) = next.take() {
            let mut under_way = UnderWay { scheduler: &self, dispatch: Some(dispatch) };
            let Some(Dispatch { work, item, .. }) = &under_way.dispatch else { break };
            let outcome = work.clone().attempt(*item).await;
            let Some(dispatch) = under_way.dispatch.take() else { break };
            match self.next(Some((dispatch, outcome))) {
                Decision::Start(dispatch) => next = Some(dispatch),
                // The timer of `run` is set anew; without a time there is nothing to set.
                Decision::Wait(Some(_)) => self.changed.notify_one(),
                Decision::Wait(None) => {}
            }
        }
    }

    /// Settles what ended and decides what starts, under one lock.
    fn next(&self, ended: Option<(Dispatch, Outcome)>) -> Decision {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some((dispatch, outcome)) = ended {
            state.settle(dispatch, outcome, now);
        }
        if state.draining || state.active >= self.fetches_max {
            return Decision::Wait(None);
        }
        state.decide(now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fetch under way. Dropped unsettled, by a panic, it gives its place back, so that nothing waits for it for ever.
struct UnderWay<'s> {
    scheduler: &'s Scheduler,
    dispatch: Option<Dispatch>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(dispatch) = self.dispatch.take() {
            self.scheduler.lock().settle(dispatch, Outcome::Abandoned, Instant::now());
        }
    }
}

impl State {
    fn settle(&mut self, dispatch: Dispatch, outcome: Outcome, now: Instant) {
        self.active -= 1;
        self.hosts.finish(&dispatch.host);
        if let Outcome::Retry { host_rest: Some(rest), .. }
        | Outcome::Recorded { host_rest: Some(rest), .. } = outcome
        {
            self.hosts.rest(&dispatch.host, rest, now);
        }
        let Some(entry) = self.lanes.get_mut(&dispatch.id) else { return };
        match outcome {
            Outcome::Recorded { bytes, .. } => entry.lane.recorded(bytes),
            Outcome::Abandoned => entry.lane.abandoned(),
            Outcome::Retry { after, .. } => {
                let item = Item { attempts: dispatch.item.attempts + 1, ..dispatch.item };
                entry.lane.delay(item, dispatch.host, now + after);
            }
            Outcome::Deferred { until } => entry.lane.delay(dispatch.item, dispatch.host, until),
        }
        if entry.lane.winding_down {
            entry.lane.hunger().notify_one();
        }
    }

    fn decide(&mut self, now: Instant) -> Decision {
        let mut wake_at: Option<Instant> = None;
        for class in Class::ALL {
            let Some(turns) = self.classes.get_mut(&class) else { continue };
            for _ in 0..turns.len() {
                let Some(mut turn) = turns.pop_front() else { break };
                let mut given = None;
                for _ in 0..turn.lanes.len() {
                    let Some(id) = turn.lanes.pop_front() else { break };
                    turn.lanes.push_back(id);
                    let Some(entry) = self.lanes.get_mut(&id) else { continue };
                    let work = &entry.work;
                    match entry.lane.turn(&self.hosts, now, |item| work.has_room(item)) {
                        Turn::Take(item, host) => {
                            entry.lane.started();
                            given = Some(Dispatch { id, item, host, work: entry.work.clone() });
                            break;
                        }
                        Turn::Later(at) => wake_at = Some(wake_at.map_or(at, |w| w.min(at))),
                        Turn::Nothing => {}
                    }
                }
                turns.push_back(turn);
                if let Some(dispatch) = given {
                    self.active += 1;
                    self.hosts.start(&dispatch.host, now);
                    return Decision::Start(dispatch);
                }
            }
        }
        Decision::Wait(wake_at)
    }
}

#[cfg(test)]
mod tests;
