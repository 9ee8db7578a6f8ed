//! A subscriber: a cursor on the log with a filter. It pulls; it is told what it missed, and where it stands.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use pagewire_journal::{Position, ReadError};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::block::Block;
use super::body::Fields;
use super::class::Class;
use super::filter::Filter;
use super::id::{EventId, Place};
use super::log::{Found, LiveLog};

/// Bytes of events that are given at once, roughly.
const GIVE_BYTES: usize = 128 * 1024;
/// Events that are given at once of those that a filter took.
const GIVE_EVENTS: usize = 256;

/// What a subscriber is told next.
#[derive(Debug)]
pub enum LiveNews {
    /// Events, in order.
    Events(Vec<Run>),
    /// Everything up to that id has been looked at: the filter was quiet, or the stream begins there.
    Checkpoint(EventId),
    /// Retention has overtaken the subscriber.
    Gap(Gap),
    /// The server is going down; the subscriber goes on with the next one.
    Draining,
    /// The log cannot be read.
    Failed,
}

/// Events that stand together in a block.
#[derive(Debug, Clone)]
pub struct Run {
    /// The block.
    pub block: Arc<Block>,
    /// Which of its events.
    pub events: Range<usize>,
}

/// What a subscriber has missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The last event before it.
    pub from: EventId,
    /// The last event in it: those after it follow.
    pub to: EventId,
    /// How many there are between them, the second included, whatever the filter.
    pub missed: u64,
}

/// One subscriber.
pub struct Subscription {
    log: Arc<LiveLog>,
    /// Whose filter it has; `None` where it takes everything.
    class: Option<Arc<Class>>,
    /// The last event that it was given or that its filter did not take.
    after: Place,
    published: watch::Receiver<Place>,
    moved: Option<watch::Receiver<Position>>,
    /// After how long a silence it is told where it stands.
    checkpoint: Duration,
    told: Instant,
    /// Fires when that may be due. It is set anew when it fires, not with each event.
    silence: Option<Pin<Box<Sleep>>>,
    /// It is told at once where it begins: one that is cut off before its first event goes on from there.
    is_new: bool,
    draining: CancellationToken,
    drained: Pin<Box<WaitForCancellationFutureOwned>>,
    over: bool,
}

impl Subscription {
    pub(super) fn new(
        log: Arc<LiveLog>,
        filter: Filter,
        after: Place,
        checkpoint: Duration,
        draining: CancellationToken,
    ) -> Self {
        let class = (!filter.is_everything()).then(|| log.join(filter));
        let moved = class.as_ref().map(|class| class.moved());
        let published = log.published();
        let silence = class.is_some().then(|| Box::pin(tokio::time::sleep(checkpoint)));
        metrics::gauge!("pagewire_live_subscribers").increment(1);
        Self {
            log,
            class,
            after,
            published,
            moved,
            checkpoint,
            told: Instant::now(),
            silence,
            is_new: false,
            drained: Box::pin(draining.clone().cancelled_owned()),
            draining,
            over: false,
        }
    }

    /// The same, told first where it begins.
    pub(super) fn announced(mut self) -> Self {
        self.is_new = true;
        self
    }

    /// The next news; `None` after the last. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<LiveNews> {
        loop {
            if self.over {
                return None;
            }
            if self.draining.is_cancelled() {
                return Some(self.last(LiveNews::Draining));
            }
            if std::mem::take(&mut self.is_new) {
                return Some(self.checkpoint());
            }
            match self.pull().await {
                Ok(Pulled::Events(runs, after)) => {
                    self.after = after;
                    self.told = Instant::now();
                    return Some(LiveNews::Events(runs));
                }
                Ok(Pulled::Passed(after)) => {
                    self.after = after;
                    if self.is_quiet() {
                        return Some(self.checkpoint());
                    }
                    // Looking at what was long ago must not keep others from their turn.
                    tokio::task::yield_now().await;
                }
                Ok(Pulled::Expired(oldest)) => return Some(self.gap(oldest)),
                Ok(Pulled::Nothing) if self.is_quiet() => return Some(self.checkpoint()),
                Ok(Pulled::Nothing) => self.wait().await,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the live log cannot be read");
                    return Some(self.last(LiveNews::Failed));
                }
            }
        }
    }

    async fn pull(&mut self) -> Result<Pulled, ReadError> {
        // Seen before the read, so that what comes after the read wakes `wait`.
        let published = *self.published.borrow_and_update();
        if let Some(moved) = &mut self.moved {
            moved.borrow_and_update();
        }
        match self.class.clone() {
            None => self.pull_all().await,
            Some(class) => match class.after(self.after.position, GIVE_EVENTS) {
                Some(hits) => self.pull_hits(hits, published).await,
                None => self.pull_looking(class.filter()).await,
            },
        }
    }

    /// Everything that comes next.
    async fn pull_all(&self) -> Result<Pulled, ReadError> {
        let blocks = match self.log.after(self.after.position, GIVE_BYTES).await? {
            Found::Blocks(blocks) => blocks,
            Found::AtTip => return Ok(Pulled::Nothing),
            Found::Expired { oldest } => return Ok(Pulled::Expired(oldest)),
        };
        let Some(after) = end_of(blocks.last()) else { return Ok(Pulled::Nothing) };
        let runs = blocks.into_iter().map(|block| {
            let events = block.index_after(self.after.position)..block.events().len();
            Run { block, events }
        });
        Ok(Pulled::Events(runs.filter(|run| !run.events.is_empty()).collect(), after))
    }

    /// What the class took: nothing else has to be looked at.
    async fn pull_hits(&self, hits: Vec<Position>, published: Place) -> Result<Pulled, ReadError> {
        let mut hits: VecDeque<Position> = hits.into();
        let (mut runs, mut bytes) = (Vec::<Run>::new(), 0);
        let mut after = self.after;
        while let Some(hit) = hits.front().copied() {
            if bytes >= GIVE_BYTES {
                return Ok(Pulled::Events(runs, after));
            }
            let block = match self.log.block_at(hit).await? {
                Found::Blocks(blocks) => blocks.into_iter().next(),
                // What is behind the tip is read when it is published.
                Found::AtTip => None,
                Found::Expired { .. } if !runs.is_empty() => None,
                Found::Expired { oldest } => return Ok(Pulled::Expired(oldest)),
            };
            let Some(block) = block else { break };
            while let Some(index) = hits.front().and_then(|hit| index_of(&block, *hit)) {
                hits.pop_front();
                let event = &block.events()[index];
                bytes += event.body.len();
                after = Place { position: event.position, ms: event.ms };
                extend(&mut runs, &block, index);
            }
        }
        // A class has taken what it takes of all that is published.
        let looked_at_all = hits.front().is_none_or(|hit| *hit > published.position);
        Ok(match runs.is_empty() {
            false => Pulled::Events(runs, after),
            true if looked_at_all && published.position > after.position => Pulled::Passed(published),
            true => Pulled::Nothing,
        })
    }

    /// What lies further back than the class was there: each event is looked at.
    async fn pull_looking(&self, filter: &Filter) -> Result<Pulled, ReadError> {
        let block = match self.log.after(self.after.position, 1).await? {
            Found::Blocks(blocks) => blocks.into_iter().next(),
            Found::AtTip => None,
            Found::Expired { oldest } => return Ok(Pulled::Expired(oldest)),
        };
        let Some(block) = block else { return Ok(Pulled::Nothing) };
        let Some(after) = end_of(Some(&block)) else { return Ok(Pulled::Nothing) };
        let mut runs = Vec::new();
        let first = block.index_after(self.after.position);
        for (index, event) in block.events().iter().enumerate().skip(first) {
            if Fields::read(&event.body).is_some_and(|fields| filter.matches(&fields)) {
                extend(&mut runs, &block, index);
            }
        }
        Ok(if runs.is_empty() { Pulled::Passed(after) } else { Pulled::Events(runs, after) })
    }

    /// Until there may be something new, or the filter has been quiet for long.
    async fn wait(&mut self) {
        let due = self.told + self.checkpoint;
        // The log and its classes are there for as long as this subscriber, so that their watches do not close.
        match (&mut self.moved, &mut self.silence) {
            (Some(moved), Some(silence)) => tokio::select! {
                _ = moved.changed() => {}
                () = self.drained.as_mut() => {}
                () = silence.as_mut() => {
                    let now = Instant::now();
                    silence.as_mut().reset(if due > now { due } else { now + self.checkpoint });
                }
            },
            _ => tokio::select! {
                _ = self.published.changed() => {}
                () = self.drained.as_mut() => {}
            },
        }
    }

    /// Whether a filter has taken nothing for so long that the subscriber is to be told where it stands.
    fn is_quiet(&self) -> bool {
        self.class.is_some() && self.told.elapsed() >= self.checkpoint
    }

    fn checkpoint(&mut self) -> LiveNews {
        self.told = Instant::now();
        LiveNews::Checkpoint(self.log.id(self.after))
    }

    fn gap(&mut self, oldest: Position) -> LiveNews {
        let from = self.log.id(self.after);
        let before = Position(oldest.0.saturating_sub(1));
        let ms = self.log.committed_ms(oldest).unwrap_or(self.after.ms);
        let missed = before.0.saturating_sub(self.after.position.0);
        self.after = Place { position: before, ms };
        self.told = Instant::now();
        metrics::counter!("pagewire_live_gaps_total").increment(1);
        LiveNews::Gap(Gap { from, to: self.log.id(self.after), missed })
    }

    fn last(&mut self, news: LiveNews) -> LiveNews {
        self.over = true;
        news
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        metrics::gauge!("pagewire_live_subscribers").decrement(1);
    }
}

/// What a pull gives.
enum Pulled {
    /// Events, and the place of the last that was looked at.
    Events(Vec<Run>, Place),
    /// Nothing of what was looked at, which ends there; there may be more.
    Passed(Place),
    /// Nothing more.
    Nothing,
    Expired(Position),
}

fn end_of(block: Option<&Arc<Block>>) -> Option<Place> {
    let event = block?.events().last()?;
    Some(Place { position: event.position, ms: event.ms })
}

fn index_of(block: &Block, position: Position) -> Option<usize> {
    let index = usize::try_from(position.0.checked_sub(block.before().0 + 1)?).ok()?;
    (index < block.events().len()).then_some(index)
}

/// Adds an event to the run that ends before it, or begins another.
fn extend(runs: &mut Vec<Run>, block: &Arc<Block>, index: usize) {
    match runs.last_mut() {
        Some(run) if Arc::ptr_eq(&run.block, block) && run.events.end == index => run.events.end += 1,
        _ => runs.push(Run { block: block.clone(), events: index..index + 1 }),
    }
}
