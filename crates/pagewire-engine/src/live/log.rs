//! The live log of a workspace: where events get their ids, and what all who read them read.
//!
//! There is one way in and one way out. In: [`LiveLog::append`] hands events to the committer, which appends what has
//! gathered as one batch; only when that is durable does it show the events to the classes, put them into the tail, and
//! wake who waits. Out: a reader asks for what comes after its position, and gets it from the tail, or below the tail's
//! floor from the journal through a cache that readers share. Nothing is queued for a reader.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use pagewire_journal::{
    AppendError, Appended, Durability, Fence, Journal as _, Key, KeySpace, Limit, NewRecord, Position, Read,
    ReadError, Record, SegmentJournal, SegmentOptions,
};
use pagewire_types::SourceType;
use quick_cache::sync::Cache;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::block::{self, Block};
use super::class::{self, Class, Classes};
use super::filter::Filter;
use super::id::{EventId, EventIds, Place};
use super::tail::Tail;

/// Appends that wait for the commit before theirs.
const WAITING_MAX: usize = 256;
/// One process writes a log, and holds the data directory for that.
const FENCE: Fence = Fence(1);
/// Blocks read from the journal that are kept for the next reader.
const CACHED_BLOCKS: usize = 1_024;
/// The grid on which blocks are read from the journal, so that readers who come from different places meet.
const GRID: u64 = block::EVENTS_MAX as u64;
/// What is done between commit and showing has so long; then the events are shown all the same.
const BETWEEN_MAX: Duration = Duration::from_secs(3);
/// After the journal could not be opened again.
const REOPEN_PAUSE: Duration = Duration::from_secs(5);

/// How logs are kept.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// How long events are kept.
    pub keep: Duration,
    /// Bytes of events that are kept.
    pub keep_bytes: u64,
    /// Bytes of the newest events that stay in memory for readers, and as many of older ones that some read again.
    pub ring_bytes: usize,
    /// Whether commits wait for the disk.
    pub durability: Durability,
}

/// An event on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// What makes repeating it safe.
    pub key: Key,
    /// What its source is.
    pub source_type: SourceType,
    /// Its JSON, by [`super::body::encode`].
    pub body: Bytes,
}

/// Why events were not appended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The journal took nothing; the same may succeed later.
    #[error("the events could not be written")]
    Append(#[source] Arc<AppendError>),
    /// The server is going down.
    #[error("the log is closed")]
    Closed,
}

/// What is done between the commit of events and their showing, given how many of them were new.
pub type Between = Box<dyn FnOnce(usize) -> BoxFuture<'static, ()> + Send>;

struct Append {
    events: Vec<LogEvent>,
    between: Option<Between>,
    done: oneshot::Sender<Result<usize, LogError>>,
}

/// What is found after a position.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// Blocks, of which the first holds the next event.
    Blocks(Vec<Arc<Block>>),
    /// Nothing newer.
    AtTip,
    /// Retention has moved past it.
    Expired {
        /// The oldest event that is held.
        oldest: Position,
    },
}

/// The log of a workspace.
pub struct LiveLog {
    ids: EventIds,
    journal: RwLock<SegmentJournal>,
    directory: PathBuf,
    options: SegmentOptions,
    tail: Tail,
    cache: Cache<Position, Arc<Block>, ByCost>,
    classes: Classes,
    /// The newest event that may be read.
    published: watch::Sender<Place>,
    appends: mpsc::Sender<Append>,
}

#[derive(Debug, Clone, Copy)]
struct ByCost;

impl quick_cache::Weighter<Position, Arc<Block>> for ByCost {
    fn weight(&self, _: &Position, block: &Arc<Block>) -> u64 {
        block.cost() as u64
    }
}

impl std::fmt::Debug for LiveLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveLog").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl LiveLog {
    /// Opens the log in a directory. Gives it with its committer, which has to be run: until it ends, events are appended.
    ///
    /// Blocking: call it off the runtime's I/O threads.
    pub(super) fn open(
        directory: PathBuf,
        ids: EventIds,
        settings: &LogSettings,
        stop: CancellationToken,
    ) -> Result<(Arc<Self>, impl Future<Output = ()> + Send + use<>), ReadError> {
        let options = segment_options(settings);
        let journal = SegmentJournal::open(&directory, options)?;
        let position = journal.tip().borrow().position;
        let ms = journal.committed_us(position).unwrap_or(0) / 1000;
        let (appends, waiting) = mpsc::channel(WAITING_MAX);
        let log = Arc::new(Self {
            ids,
            journal: RwLock::new(journal),
            directory,
            options,
            tail: Tail::new(position, settings.ring_bytes),
            cache: Cache::with_weighter(CACHED_BLOCKS, settings.ring_bytes as u64, ByCost),
            classes: Classes::new(position),
            published: watch::Sender::new(Place { position, ms }),
            appends,
        });
        let committer = Committer { log: log.clone(), waiting, stop };
        Ok((log, committer.run()))
    }

    /// Appends events, in order. Those whose keys are there already are left out; so many were new. When it returns, they
    /// are durable, and can be read. Dropping the future does not undo it.
    pub async fn append(&self, events: Vec<LogEvent>) -> Result<usize, LogError> {
        self.hand_over(events, None).await
    }

    /// The same, and between the commit and the showing something else is done, such as keeping the source's place: whoever
    /// has seen an event knows that its source goes on after it. It has a few seconds.
    pub async fn append_then(&self, events: Vec<LogEvent>, between: Between) -> Result<usize, LogError> {
        self.hand_over(events, Some(between)).await
    }

    async fn hand_over(&self, events: Vec<LogEvent>, between: Option<Between>) -> Result<usize, LogError> {
        let (done, outcome) = oneshot::channel();
        self.appends.send(Append { events, between, done }).await.map_err(|_| LogError::Closed)?;
        outcome.await.unwrap_or(Err(LogError::Closed))
    }

    /// The newest event that may be read.
    pub(super) fn published(&self) -> watch::Receiver<Place> {
        self.published.subscribe()
    }

    /// Who reads with that filter.
    pub(super) fn join(&self, filter: Filter) -> Arc<Class> {
        self.classes.join(filter)
    }

    /// The id of a place.
    pub(super) fn id(&self, place: Place) -> EventId {
        self.ids.id(place)
    }

    /// The ids of this log.
    pub(super) fn ids(&self) -> &EventIds {
        &self.ids
    }

    /// The oldest event that is held, and when it was committed; `None` where none is.
    pub(super) fn oldest(&self) -> Option<Place> {
        let journal = self.journal();
        let position = journal.oldest();
        let ms = journal.committed_us(position)? / 1000;
        Some(Place { position, ms })
    }

    /// When an event was committed, in milliseconds since 1970; `None` where it is not held.
    pub(super) fn committed_ms(&self, position: Position) -> Option<u64> {
        self.journal().committed_us(position).map(|us| us / 1000)
    }

    /// What comes after a position: of the tail up to some bytes, of the journal one block.
    pub(super) async fn after(&self, after: Position, bytes_max: usize) -> Result<Found, ReadError> {
        if after >= self.published.borrow().position {
            return Ok(Found::AtTip);
        }
        if let Some(blocks) = self.tail.after(after, bytes_max) {
            return Ok(Found::Blocks(blocks));
        }
        self.stored_after(after).await
    }

    /// The block in which the event at a position stands.
    pub(super) async fn block_at(&self, position: Position) -> Result<Found, ReadError> {
        match self.tail.at(position) {
            Some(block) => Ok(Found::Blocks(vec![block])),
            None => self.stored_after(Position(position.0.saturating_sub(1))).await,
        }
    }

    /// The block after a position, from the journal, through the cache. Of those who want the same at once, one reads.
    async fn stored_after(&self, after: Position) -> Result<Found, ReadError> {
        let outcome = self
            .cache
            .get_or_insert_async(&after, async {
                match self.read_after(after).await {
                    Ok(Found::Blocks(blocks)) => blocks.into_iter().next().ok_or(Ok(Found::AtTip)),
                    other => Err(other),
                }
            })
            .await;
        match outcome {
            Ok(block) => Ok(Found::Blocks(vec![block])),
            Err(other) => other,
        }
    }

    /// The block after a position, from the journal.
    pub(super) async fn read_after(&self, after: Position) -> Result<Found, ReadError> {
        let published = self.published.borrow().position;
        let to_grid = GRID - after.0 % GRID;
        let records = usize::try_from(to_grid.min(published.0.saturating_sub(after.0))).unwrap_or(1);
        let limit = Limit { records, bytes: block::BYTES_MAX };
        if records == 0 {
            return Ok(Found::AtTip);
        }
        let journal = self.journal();
        Ok(match journal.read(after, limit).await? {
            Read::Records(records) => {
                Found::Blocks(Block::of(records, &self.ids).into_iter().map(Arc::new).collect())
            }
            Read::AtTip | Read::PastTip { .. } => Found::AtTip,
            Read::Expired { oldest } => Found::Expired { oldest },
        })
    }

    /// Forgets what is older, or more, than is kept, as far as whole segments are.
    pub(super) async fn retain(&self, settings: &LogSettings, now_us: u64) -> Result<(), AppendError> {
        let journal = self.journal();
        let finished = journal.finished_segments();
        let keep_us = u64::try_from(settings.keep.as_micros()).unwrap_or(u64::MAX);
        let is_old = |committed_us: u64| now_us.saturating_sub(committed_us) > keep_us;
        let mut bytes = settings.keep_bytes;
        let mut through = None;
        for segment in finished.iter().rev() {
            bytes = bytes.saturating_sub(segment.offset);
            if bytes == 0 || is_old(segment.committed_us) {
                through = Some(segment.last);
                break;
            }
        }
        match through {
            Some(through) => journal.trim(through).await,
            None => Ok(()),
        }
    }

    fn journal(&self) -> SegmentJournal {
        self.journal.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets durable records be read.
    fn publish(&self, records: Vec<Record>) {
        let blocks: Vec<Arc<Block>> = Block::of(records, &self.ids).into_iter().map(Arc::new).collect();
        let Some(last) = blocks.last().and_then(|block| block.events().last()) else { return };
        let place = Place { position: last.position, ms: last.ms };
        let count: usize = blocks.iter().map(|block| block.events().len()).sum();
        metrics::counter!("pagewire_live_events_total").increment(count as u64);
        // Classes first, so that whoever sees the position finds all that they took up to it.
        let hit = self.classes.show(&blocks);
        self.tail.push(blocks);
        self.published.send_replace(place);
        class::wake(hit, place.position);
    }
}

/// How a log's journal behaves.
fn segment_options(settings: &LogSettings) -> SegmentOptions {
    SegmentOptions {
        keys: KeySpace::Hashes,
        // Retention forgets whole segments: of what is kept, an eighth at most is kept for longer.
        segment_bytes: (settings.keep_bytes / 8).clamp(64 << 10, 64 << 20),
        segment_age: Some((settings.keep / 8).max(Duration::from_secs(1))),
        // The tail is what readers read.
        ring_bytes: 0,
        durability: settings.durability,
    }
}

/// Appends what comes in. One a log.
struct Committer {
    log: Arc<LiveLog>,
    waiting: mpsc::Receiver<Append>,
    stop: CancellationToken,
}

impl Committer {
    async fn run(mut self) {
        let mut appends = Vec::new();
        loop {
            let count = tokio::select! {
                count = self.waiting.recv_many(&mut appends, WAITING_MAX) => count,
                () = self.stop.cancelled(), if !self.waiting.is_closed() => {
                    // What was sent is still appended; nothing more is taken.
                    self.waiting.close();
                    continue;
                }
            };
            if count == 0 {
                return;
            }
            self.commit(std::mem::take(&mut appends)).await;
        }
    }

    async fn commit(&self, appends: Vec<Append>) {
        let mut orders = Vec::with_capacity(appends.len());
        let mut records: Vec<NewRecord> = Vec::new();
        for Append { events, between, done } in appends {
            orders.push((events.len(), between, done));
            records.extend(events.into_iter().map(new_record));
        }
        let (outcome, durable) = match self.append(records).await {
            Ok(appended) => appended,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "events could not be written; their sources try again"
                );
                let (must_reopen, error) = (error.closes(), Arc::new(error));
                for (_, _, done) in orders {
                    // Who does not wait any more needs no answer.
                    let _ = done.send(Err(LogError::Append(error.clone())));
                }
                if must_reopen {
                    self.reopen().await;
                }
                return;
            }
        };
        let (mut outcome, mut between, mut answers) = (outcome.iter(), Vec::new(), Vec::new());
        for (events, then, done) in orders {
            let new = outcome.by_ref().take(events).filter(|at| matches!(at, Appended::At(_))).count();
            between.extend(then.map(|then| then(new)));
            answers.push((done, new));
        }
        if !between.is_empty() && tokio::time::timeout(BETWEEN_MAX, join_all(between)).await.is_err() {
            // What is not kept is found again, by the same keys.
            tracing::warn!("the places of sources are kept slowly; their events are shown before");
        }
        self.log.publish(durable);
        for (done, new) in answers {
            let _ = done.send(Ok(new));
        }
    }

    /// Appends records. What became of each, and those that are new, as they are on disk.
    async fn append(&self, records: Vec<NewRecord>) -> Result<(Vec<Appended>, Vec<Record>), AppendError> {
        let journal = self.log.journal();
        // Bodies are shared.
        let outcome = journal.append(FENCE, records.clone()).await?;
        let first = outcome.iter().find_map(|at| match at {
            Appended::At(position) => Some(*position),
            Appended::Duplicate => None,
        });
        let committed_us = first.and_then(|first| journal.committed_us(first)).unwrap_or_default();
        let durable = outcome.iter().zip(records).filter_map(|(at, record)| match at {
            Appended::At(position) => Some(Record {
                position: *position,
                kind: record.kind,
                weight: record.weight,
                body: record.body,
                committed_us,
                committed_at: None,
            }),
            Appended::Duplicate => None,
        });
        let durable = durable.collect();
        Ok((outcome, durable))
    }

    /// After a failed sync nobody knows what the disk holds: the journal is opened again, and what it holds then is
    /// published.
    async fn reopen(&self) {
        loop {
            let (directory, options) = (self.log.directory.clone(), self.log.options);
            let opened = tokio::task::spawn_blocking(move || SegmentJournal::open(&directory, options)).await;
            match opened.map_err(std::io::Error::other) {
                Ok(Ok(journal)) => {
                    *self.log.journal.write().unwrap_or_else(PoisonError::into_inner) = journal;
                    break;
                }
                Ok(Err(error)) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the live log cannot be opened again"
                    );
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the live log cannot be opened again"
                    );
                }
            }
            if self.stop.run_until_cancelled(tokio::time::sleep(REOPEN_PAUSE)).await.is_none() {
                return;
            }
        }
        let journal = self.log.journal();
        loop {
            let after = self.log.published.borrow().position;
            let limit = Limit { records: block::EVENTS_MAX, bytes: 1 << 20 };
            match journal.read(after, limit).await {
                Ok(Read::Records(records)) => self.log.publish(records),
                Ok(_) => return,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the live log cannot be read");
                    return;
                }
            }
        }
    }
}

fn new_record(event: LogEvent) -> NewRecord {
    NewRecord { key: event.key, kind: block::kind_of(event.source_type), weight: 0, body: event.body }
}

#[cfg(test)]
mod tests;
