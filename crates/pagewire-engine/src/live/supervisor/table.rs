//! The sources that are watched, with what was seen of each, and when each is due. Owned by the supervisor; those who
//! change sources put and remove them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagewire_store::{KeyMode, SourceOutcome, SourceReport};
use pagewire_types::{SourceHealth, SourceLife};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::schedule::{Blame, Bounds, Breaker, Gate, Pace, Reach, Rhythm, Turn};
use super::super::sources::Watched;
use super::super::watch::{Link, Polled, Verdict};
use super::note::{self, Circumstances};
use super::queue::Queue;

/// Sources that are kept in mind as reached.
const REACHED_MAX: usize = 8;

/// What the supervisor is to start.
#[derive(Debug)]
pub(super) enum Start {
    /// A poll.
    Poll(Task),
    /// A connection.
    Connect(Task),
}

/// A source, and the word that ends what is done with it.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) watched: Arc<Watched>,
    pub(super) stop: CancellationToken,
}

/// What a poll came to.
#[derive(Debug)]
pub(super) struct Ended<'p> {
    pub(super) polled: &'p Polled,
    pub(super) at: Timestamp,
    pub(super) took: Duration,
    pub(super) told: usize,
    pub(super) chance: u64,
}

#[derive(Debug)]
struct Entry {
    watched: Arc<Watched>,
    host: Arc<str>,
    health: SourceHealth,
    rhythm: Rhythm,
    /// When it was last answered, as far as this process knows.
    answered: Option<Instant>,
    stop: CancellationToken,
}

/// All sources that are watched.
#[derive(Debug)]
pub(super) struct Table {
    entries: HashMap<SourceLife, Entry>,
    queue: Queue,
    breaker: Breaker,
    adaptive: Bounds,
    to_connect: Vec<SourceLife>,
    /// The last that were reached, the newest last.
    reached: VecDeque<SourceLife>,
}

/// When a source that is put is due.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    /// As soon as may be.
    Now,
    /// After so long.
    In(Duration),
}

impl Table {
    pub(super) fn new(at_once: usize, per_host: usize, adaptive: Bounds) -> Self {
        Self {
            entries: HashMap::new(),
            queue: Queue::new(at_once, per_host),
            breaker: Breaker::default(),
            adaptive,
            to_connect: Vec::new(),
            reached: VecDeque::new(),
        }
    }

    pub(super) fn pace(&self, watched: &Watched) -> Pace {
        pace_of(watched, self.adaptive)
    }

    /// Watches a source from now on. One of the same life goes on as it is declared now.
    pub(super) fn put(
        &mut self,
        watched: Arc<Watched>,
        host: Arc<str>,
        (health, rhythm): (SourceHealth, Rhythm),
        when: When,
        now: Instant,
    ) {
        let life = watched.life.clone();
        let before = self.entries.remove(&life);
        if watched.is_firehose() {
            // What it is connected with may be another.
            if let Some(before) = &before {
                before.stop.cancel();
            }
            self.to_connect.push(life.clone());
        } else {
            let wait = match when {
                When::Now => Duration::ZERO,
                When::In(wait) => wait,
            };
            self.queue.put(life.clone(), host.clone(), now + wait);
        }
        let entry = match before {
            Some(before) if !watched.is_firehose() => Entry { watched, host, ..before },
            Some(Entry { health, rhythm, answered, .. }) => {
                Entry { watched, host, health, rhythm, answered, stop: CancellationToken::new() }
            }
            None => Entry { watched, host, health, rhythm, answered: None, stop: CancellationToken::new() },
        };
        self.entries.insert(life, entry);
    }

    /// Watches a source no more.
    pub(super) fn remove(&mut self, life: &SourceLife) {
        self.queue.remove(life);
        self.reached.retain(|other| other != life);
        if let Some(entry) = self.entries.remove(life) {
            entry.stop.cancel();
        }
    }

    /// Has a source polled as soon as may be. Whether it is watched.
    pub(super) fn hurry(&mut self, life: &SourceLife, now: Instant) -> bool {
        self.queue.hurry(life, now)
    }

    /// The next thing to start, if there is one now.
    pub(super) fn next(&mut self, now: Instant, chance: u64) -> Option<Start> {
        while let Some(life) = self.to_connect.pop() {
            if let Some(entry) = self.entries.get(&life) {
                return Some(Start::Connect(entry.task()));
            }
        }
        while let Some(life) = self.queue.take(now) {
            let Some(entry) = self.entries.get(&life) else {
                self.queue.give_back(&life, now, now);
                continue;
            };
            let gate = if entry.is_of_web() { self.breaker.admit(std_now(now), chance) } else { Gate::Go };
            match gate {
                Gate::Go => return Some(Start::Poll(entry.task())),
                Gate::Probe => return Some(Start::Poll(self.probe(life, now).task())),
                Gate::Hold(wait) => self.queue.give_back(&life, now + wait, now),
            }
        }
        None
    }

    /// Who finds out whether the network is back: one that was reached before, rather than one that is due and may never
    /// have been.
    fn probe(&mut self, due: SourceLife, now: Instant) -> &Entry {
        let reached = self.reached.iter().rev().find(|life| **life == due || self.queue.take_early(life));
        let probe = match reached {
            Some(reached) if *reached != due => {
                let reached = reached.clone();
                self.queue.give_back(&due, now, now);
                reached
            }
            _ => due,
        };
        // What is in the queue has an entry: both are changed together.
        &self.entries[&probe]
    }

    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.queue.wakes_at()
    }

    /// Takes in what a poll found. What is to be stored of it, and when the next is due; `None` where the source is not
    /// watched any more, and nothing is to be kept.
    pub(super) fn note(
        &mut self,
        life: &SourceLife,
        ended: &Ended<'_>,
        now: Instant,
    ) -> Option<(SourceOutcome, Option<Duration>)> {
        let reach = match &ended.polled.verdict {
            Verdict::Failed { code, .. } => Reach::of_failure(*code),
            _ => Reach::Reached,
        };
        let entry = self.entries.get_mut(life)?;
        let (blame, turn) = match entry.is_of_web() {
            true => self.breaker.observe(&entry.host, reach, std_now(now)),
            false => (Blame::Host, Turn::Same),
        };
        remember(&mut self.reached, life, reach == Reach::Reached && entry.is_of_web());
        match turn {
            Turn::Same => {}
            Turn::Opened => tracing::warn!("no host can be reached; polls of sources are held until one can"),
            Turn::Closed => tracing::info!("hosts can be reached again; polls of sources go on"),
        }
        let pace = pace_of(&entry.watched, self.adaptive);
        let seen = Circumstances {
            at: ended.at,
            took: ended.took,
            since_last: entry.answered.map(|last| now - last),
            told: ended.told,
            blame,
            chance: ended.chance,
        };
        let wait = note::note(&mut entry.health, &mut entry.rhythm, pace, ended.polled, seen);
        if matches!(ended.polled.verdict, Verdict::Changed | Verdict::Unchanged) {
            entry.answered = Some(now);
        }
        if let Some(url) = ended.polled.moved_to.clone().filter(|url| *url != entry.watched.url) {
            entry.watched = Arc::new(Watched { url, ..Watched::clone(&entry.watched) });
        }
        let retired = match &ended.polled.verdict {
            Verdict::Retired { reason } => Some(reason.clone()),
            _ => None,
        };
        let next = wait.and_then(|wait| ended.at.checked_add(SignedDuration::try_from(wait).ok()?).ok());
        let outcome = SourceOutcome { state: ended.polled.state.clone(), retired, ..entry.outcome(next) };
        Some((outcome, wait))
    }

    /// Gives a source back that was polled: to be polled again after so long, or never.
    pub(super) fn give_back(&mut self, life: &SourceLife, wait: Option<Duration>, now: Instant) {
        if wait.is_none() {
            self.remove(life);
        }
        self.queue.give_back(life, now + wait.unwrap_or_default(), now);
    }

    /// Takes in events of a firehose, or how its connection is.
    pub(super) fn note_connected(
        &mut self,
        life: &SourceLife,
        told: usize,
        link: Option<&Link>,
        at: Timestamp,
    ) {
        let Some(entry) = self.entries.get_mut(life) else { return };
        note::count(&mut entry.health, told, at);
        if let Some(link) = link {
            note::connection(&mut entry.health, link, at);
        }
    }

    /// What is to be stored of a firehose.
    pub(super) fn connected_outcome(
        &self,
        life: &SourceLife,
        state: Option<String>,
    ) -> Option<SourceOutcome> {
        let entry = self.entries.get(life)?;
        Some(SourceOutcome { state, ..entry.outcome(None) })
    }

    /// Polls under way.
    pub(super) fn polling(&self) -> usize {
        self.queue.taken()
    }

    /// Sources that are watched.
    pub(super) fn watched(&self) -> usize {
        self.entries.len()
    }
}

impl Entry {
    /// Whether its polls say anything of the network.
    fn is_of_web(&self) -> bool {
        self.watched.mode == KeyMode::Live
    }

    fn task(&self) -> Task {
        Task { watched: self.watched.clone(), stop: self.stop.clone() }
    }

    fn outcome(&self, next_poll_at: Option<Timestamp>) -> SourceOutcome {
        SourceOutcome {
            life: self.watched.life.clone(),
            report: SourceReport {
                // Plain data always serialises.
                health: serde_json::to_string(&self.health).unwrap_or_else(|_| "{}".to_owned()),
                rhythm: serde_json::to_string(&self.rhythm).ok(),
                next_poll_at,
            },
            state: None,
            retired: None,
        }
    }
}

/// Keeps in mind which sources were reached last.
fn remember(reached: &mut VecDeque<SourceLife>, life: &SourceLife, is_reached: bool) {
    reached.retain(|other| other != life);
    if is_reached {
        reached.push_back(life.clone());
    }
    if reached.len() > REACHED_MAX {
        reached.pop_front();
    }
}

fn pace_of(watched: &Watched, adaptive: Bounds) -> Pace {
    match watched.spec.interval_s {
        Some(seconds) => Pace::Declared(Duration::from_secs(seconds.into())),
        None => Pace::Adaptive(adaptive),
    }
}

/// The breaker's clock.
fn std_now(now: Instant) -> std::time::Instant {
    now.into_std()
}

#[cfg(test)]
mod tests {
    use pagewire_types::{TargetErrorCode, TargetUrl, WorkspaceId};
    use serde_json::json;

    use super::super::super::sources::source_rules;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn watched(number: usize, mode: KeyMode) -> Arc<Watched> {
        let url = format!("https://h{number}.example/");
        let body = json!({"source_type": "rss", "url": url, "interval_s": 600});
        Arc::new(Watched {
            workspace: WorkspaceId::default_workspace(),
            mode,
            life: format!("src_{number:032x}").parse().expect("a life"),
            spec: source_rules(1..=3_600).read_new(body).expect("a source"),
            url: TargetUrl::parse(&url).expect("a URL"),
        })
    }

    fn table(count: usize, mode: KeyMode, now: Instant) -> Table {
        let mut table = Table::new(100, 2, Bounds::new(HOUR, HOUR));
        for number in 0..count {
            let source = watched(number, mode);
            let host = source.url.host().into();
            table.put(source, host, (SourceHealth::default(), Rhythm::default()), When::Now, now);
        }
        table
    }

    fn poll(table: &mut Table, now: Instant) -> Option<SourceLife> {
        match table.next(now, 0)? {
            Start::Poll(task) => Some(task.watched.life.clone()),
            Start::Connect(task) => panic!("{task:?}"),
        }
    }

    fn end(table: &mut Table, life: &SourceLife, verdict: Verdict, now: Instant) {
        let polled = Polled::of(verdict);
        let ended = Ended { polled: &polled, at: Timestamp::UNIX_EPOCH, took: HOUR, told: 0, chance: 0 };
        let (_, wait) = table.note(life, &ended, now).expect("it is watched");
        table.give_back(life, wait, now);
    }

    fn unreached() -> Verdict {
        Verdict::Failed { code: TargetErrorCode::ConnectFailed, detail: String::new() }
    }

    #[test]
    fn who_imports_dead_hosts_holds_others_up_for_a_few_seconds_only() {
        let mut now = Instant::now();
        let mut table = table(500, KeyMode::Live, now);
        let well = poll(&mut table, now).expect("due");
        end(&mut table, &well, Verdict::Unchanged, now);
        for _ in 0..4 {
            let dead = poll(&mut table, now).expect("due");
            end(&mut table, &dead, unreached(), now);
        }
        assert_eq!(poll(&mut table, now), None, "the network seems down");
        now += Duration::from_secs(10);
        let probe = poll(&mut table, now);
        assert_eq!(probe.as_ref(), Some(&well), "who was reached before finds out");
        end(&mut table, &well, Verdict::Unchanged, now);
        now += Duration::from_secs(20);
        assert!(poll(&mut table, now).is_some());
    }

    #[test]
    fn what_happens_in_the_sandbox_says_nothing_of_the_network() {
        let now = Instant::now();
        let mut table = table(50, KeyMode::Test, now);
        for _ in 0..50 {
            let life = poll(&mut table, now).expect("nobody is held");
            end(&mut table, &life, unreached(), now);
        }
    }

    #[test]
    fn what_is_found_of_a_source_that_is_gone_is_not_kept() {
        let now = Instant::now();
        let mut table = table(1, KeyMode::Live, now);
        let life = poll(&mut table, now).expect("due");
        table.remove(&life);
        let polled = Polled::of(Verdict::Changed);
        let ended = Ended { polled: &polled, at: Timestamp::UNIX_EPOCH, took: HOUR, told: 1, chance: 0 };
        assert_eq!(table.note(&life, &ended, now), None);
        table.give_back(&life, None, now);
        assert_eq!((table.polling(), table.watched(), poll(&mut table, now + HOUR)), (0, 0, None));
    }
}
