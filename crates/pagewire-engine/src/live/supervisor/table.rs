//! The sources that are watched, with what was seen of each, and when each is due. Owned by the supervisor; those who
//! change sources put and remove them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagewire_store::{SourceOutcome, SourceReport};
use pagewire_types::{SourceHealth, SourceLife};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::schedule::{Bounds, Breaker, Gate, Pace, Reach, Rhythm, Turn};
use super::super::sources::Watched;
use super::super::watch::{Link, Polled, Verdict};
use super::note::{self, Circumstances};
use super::queue::Queue;

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
            match self.breaker.admit(std_now(now), chance) {
                Gate::Go | Gate::Probe => {}
                Gate::Hold(wait) => {
                    self.queue.give_back(&life, now + wait, now);
                    continue;
                }
            }
            if let Some(entry) = self.entries.get(&life) {
                return Some(Start::Poll(entry.task()));
            }
            self.queue.give_back(&life, now, now);
        }
        None
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
        let (blame, turn) = self.breaker.observe(&entry.host, reach, std_now(now));
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
