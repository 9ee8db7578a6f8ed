//! The embedded journal: append-only segment files in one directory, which is dropped by removing the directory.
//!
//! # Constraints
//! One process writes; any number of its tasks read. A batch is durable as a whole or not there. A record costs about
//! one copy into the page cache and its share of one `fdatasync`: nothing is written twice. Opening costs a read of
//! the tables, not of the bodies.
//!
//! # Format
//! A directory holds segments named by their first position, `00000000000000000001.pwj`. A segment is a sequence of
//! batches (see [`format`]): header, table of records, bodies. All integers are little-endian.
//!
//! # Operation
//! `append` writes a batch at the end of the newest segment with one vectored write, makes it durable by `fdatasync`,
//! then shows it: keys, index, ring, tip, in that order under one lock. After a failed write the file is cut back to
//! where it was, and the journal goes on; after a failed sync nobody knows what the disk holds, so the journal closes.
//! Opening walks the batches; the last one may be torn by a crash and is cut off, which loses nothing that was shown.

mod format;
mod read;
mod recover;

use std::fs::{File, OpenOptions};
use std::io::{IoSlice, Seek, SeekFrom, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;
use rustix::fs::Advice;
use tokio::sync::{OwnedMutexGuard, watch};

use crate::journal::{AppendError, Appended, Journal, Limit, Read, ReadError, Tip};
use crate::keys::{KeySet, KeySpace};
use crate::record::{Fence, Key, Kind, NewRecord, Position, Record};
use crate::ring::Ring;
use format::RecordEntry;

/// A body larger than this is refused; the product's largest record is far below.
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How a journal in segments behaves.
#[derive(Debug, Clone, Copy)]
pub struct SegmentOptions {
    /// What its keys are.
    pub keys: KeySpace,
    /// A segment that reached this size is followed by a new one.
    pub segment_bytes: u64,
    /// A segment whose first record is that old is followed by a new one, so that what is trimmed by its age is not kept
    /// much longer than that. `None` where nothing is.
    pub segment_age: Option<Duration>,
    /// Bytes of the newest records that are kept in memory.
    pub ring_bytes: usize,
    /// Whether a commit waits for the disk.
    pub durability: Durability,
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: each batch is synced.
    Full,
    /// A crash of this process, but not of the machine: the page cache holds what was written.
    Process,
}

/// A segment that is written no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedSegment {
    /// Its last record.
    pub last: Position,
    /// When that was written, in microseconds since 1970.
    pub committed_us: u64,
    /// Where it ends: its length in bytes.
    pub offset: u64,
}

/// A journal in segment files.
#[derive(Debug, Clone)]
pub struct SegmentJournal {
    shared: Arc<Shared>,
    writer: Arc<tokio::sync::Mutex<Writer>>,
}

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    options: SegmentOptions,
    state: Mutex<State>,
    tip: watch::Sender<Tip>,
}

/// What readers see. Changed only under the lock, and only after the disk has it.
#[derive(Debug)]
struct State {
    keys: KeySet,
    ring: Ring,
    /// Every batch held, oldest first.
    index: Vec<BatchPlace>,
    tip: Tip,
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy)]
struct BatchPlace {
    first: Position,
    /// The first position of its segment, which names the file.
    segment: Position,
    offset: u64,
    committed_us: u64,
}

/// The end that is written to. One append at a time holds it, and keeps it until its batch is shown.
#[derive(Debug)]
struct Writer {
    file: Option<File>,
    segment: Position,
    /// When the segment's first batch was written.
    segment_since_us: u64,
    length: u64,
    next: Position,
    /// When the newest batch was written.
    committed_us: u64,
    fence: Fence,
    closed: bool,
}

impl SegmentJournal {
    /// Opens the journal in a directory, which is made if it is missing. Cuts off a torn last batch.
    ///
    /// Blocking: call it off the runtime's I/O threads.
    pub fn open(directory: &Path, options: SegmentOptions) -> Result<Self, ReadError> {
        std::fs::create_dir_all(directory)?;
        let found = recover::scan(directory, options.keys)?;
        let tip = found.tip;
        let since = found.index.iter().find(|place| place.segment == found.last_segment);
        let writer = Writer {
            file: None,
            segment: found.last_segment,
            segment_since_us: since.map_or(0, |place| place.committed_us),
            length: found.last_length,
            next: tip.position.next(),
            committed_us: found.index.last().map_or(0, |place| place.committed_us),
            fence: found.fence,
            closed: false,
        };
        let state = State { keys: found.keys, ring: Ring::new(options.ring_bytes), index: found.index, tip };
        Ok(Self {
            shared: Arc::new(Shared {
                directory: directory.to_owned(),
                options,
                state: Mutex::new(state),
                tip: watch::Sender::new(tip),
            }),
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
        })
    }

    /// Whether a record with that key is there. Keys of run journals tell what is done.
    #[must_use]
    pub fn contains(&self, key: Key) -> bool {
        self.shared.lock().keys.contains(key)
    }
}

impl SegmentJournal {
    /// The keys of the records of a kind. Costs a read of the tables, not of the bodies.
    pub async fn keys_of_kind(&self, kind: Kind) -> Result<KeySet, ReadError> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || shared.keys_of_kind(kind))
            .await
            .map_err(|error| ReadError::Io(std::io::Error::other(error)))?
    }

    /// When the record was written, in microseconds since 1970; `None` where it is not held.
    #[must_use]
    pub fn committed_us(&self, position: Position) -> Option<u64> {
        let state = self.shared.lock();
        if position > state.tip.position {
            return None;
        }
        let batch = state.index.partition_point(|place| place.first <= position).checked_sub(1)?;
        Some(state.index[batch].committed_us)
    }

    /// The oldest record that is held, or the one that comes next where none is.
    #[must_use]
    pub fn oldest(&self) -> Position {
        let state = self.shared.lock();
        state.index.first().map_or(state.tip.position.next(), |place| place.first)
    }

    /// The segments but the newest, oldest first: what [`Journal::trim`] can forget. The length of each is asked of its
    /// file: a last batch may be longer than all before it.
    #[must_use]
    pub fn finished_segments(&self) -> Vec<FinishedSegment> {
        let ends: Vec<(BatchPlace, Position)> = {
            let state = self.shared.lock();
            let pairs = state.index.windows(2).filter(|pair| pair[0].segment != pair[1].segment);
            pairs.map(|pair| (pair[0], Position(pair[1].first.0 - 1))).collect()
        };
        let finished = |(place, last): (BatchPlace, Position)| {
            let file = segment_path(&self.shared.directory, place.segment);
            let offset = std::fs::metadata(file).map_or(place.offset, |file| file.len());
            FinishedSegment { last, committed_us: place.committed_us, offset }
        };
        ends.into_iter().map(finished).collect()
    }

    /// Gives the memory of the hot tail back, where nobody is expected to read along any more.
    pub fn cool(&self) {
        self.shared.lock().ring.clear();
    }
}

impl Journal for SegmentJournal {
    fn append(
        &self,
        fence: Fence,
        batch: Vec<NewRecord>,
    ) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move {
            let writer = self.writer.clone().lock_owned().await;
            let shared = self.shared.clone();
            // The closure owns all it needs, so that dropping this future cannot part the write from its showing.
            tokio::task::spawn_blocking(move || append_batch(&shared, writer, fence, batch))
                .await
                .unwrap_or(Err(AppendError::Closed))
        })
    }

    fn read(&self, after: Position, limit: Limit) -> BoxFuture<'_, Result<Read, ReadError>> {
        Box::pin(async move {
            let place = match self.shared.locate(after, limit) {
                Located::Here(read) => return Ok(read),
                Located::OnDisk(place) => place,
            };
            let shared = self.shared.clone();
            tokio::task::spawn_blocking(move || read::records(&shared, place, after, limit))
                .await
                .map_err(|error| ReadError::Io(std::io::Error::other(error)))?
        })
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.shared.tip.subscribe()
    }

    fn trim(&self, through: Position) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            let writer = self.writer.clone().lock_owned().await;
            let shared = self.shared.clone();
            tokio::task::spawn_blocking(move || shared.trim(&writer, through))
                .await
                .unwrap_or(Err(AppendError::Closed))
        })
    }
}

enum Located {
    Here(Read),
    OnDisk(BatchPlace),
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locate(&self, after: Position, limit: Limit) -> Located {
        let state = self.lock();
        let tip = state.tip.position;
        if after > tip {
            return Located::Here(Read::PastTip { tip });
        }
        if after == tip {
            return Located::Here(Read::AtTip);
        }
        if let Some(records) = state.ring.read(after, limit) {
            return Located::Here(Read::Records(records));
        }
        let next = after.next();
        match state.index.partition_point(|place| place.first <= next).checked_sub(1) {
            Some(at) => Located::OnDisk(state.index[at]),
            None => {
                let oldest = state.index.first().map_or(tip.next(), |place| place.first);
                Located::Here(Read::Expired { oldest })
            }
        }
    }

    fn keys_of_kind(&self, kind: Kind) -> Result<KeySet, ReadError> {
        let segments: Vec<Position> = {
            let state = self.lock();
            let mut segments: Vec<Position> = state.index.iter().map(|place| place.segment).collect();
            segments.dedup();
            segments
        };
        let mut keys = KeySet::new(self.options.keys);
        for segment in segments {
            for entry in recover::entries_of(&segment_path(&self.directory, segment))? {
                if entry.kind == kind {
                    keys.insert(entry.key);
                }
            }
        }
        Ok(keys)
    }

    /// Unlinks whole segments whose records are all trimmed; the newest segment stays.
    fn trim(&self, writer: &Writer, through: Position) -> Result<(), AppendError> {
        loop {
            let (segment, end) = {
                let state = self.lock();
                let Some(oldest) = state.index.first().map(|place| place.segment) else { return Ok(()) };
                let end = state.index.partition_point(|place| place.segment == oldest);
                match state.index.get(end) {
                    Some(next) if next.first <= through.next() && oldest != writer.segment => (oldest, end),
                    _ => return Ok(()),
                }
            };
            let path = segment_path(&self.directory, segment);
            let forgotten = recover::entries_of(&path).map_err(AppendError::Write)?;
            {
                let mut state = self.lock();
                for entry in forgotten {
                    state.keys.forget(entry.key);
                }
                state.index.drain(..end);
            }
            std::fs::remove_file(&path).map_err(AppendError::Write)?;
        }
    }
}

fn segment_path(directory: &Path, first: Position) -> PathBuf {
    directory.join(format!("{:020}.pwj", first.0))
}

fn append_batch(
    shared: &Shared,
    mut writer: OwnedMutexGuard<Writer>,
    fence: Fence,
    batch: Vec<NewRecord>,
) -> Result<Vec<Appended>, AppendError> {
    if writer.closed {
        return Err(AppendError::Closed);
    }
    if fence < writer.fence {
        return Err(AppendError::StaleFence { given: fence.0, newest: writer.fence.0 });
    }
    let (outcome, fresh) = sort_out(&shared.lock().keys, batch, writer.next)?;
    if fresh.is_empty() {
        return Ok(outcome);
    }
    let place = write_batch(shared, &mut writer, fence, &fresh)?;
    writer.fence = fence;

    let tip = {
        let now = Instant::now();
        let mut state = shared.lock();
        state.index.push(place);
        for (position, record) in (place.first.0..).map(Position).zip(fresh) {
            state.keys.insert(record.key);
            state.tip.position = position;
            state.tip.tally.add(record.kind, record.weight);
            let NewRecord { kind, weight, body, .. } = record;
            let committed_us = place.committed_us;
            state.ring.push(Record { position, kind, weight, body, committed_us, committed_at: Some(now) });
        }
        writer.next = state.tip.position.next();
        state.tip
    };
    shared.tip.send_replace(tip);
    Ok(outcome)
}

/// Parts what is new from what is there, and gives the new ones their places.
fn sort_out(
    keys: &KeySet,
    batch: Vec<NewRecord>,
    first: Position,
) -> Result<(Vec<Appended>, Vec<NewRecord>), AppendError> {
    let mut outcome = Vec::with_capacity(batch.len());
    let mut fresh: Vec<NewRecord> = Vec::with_capacity(batch.len());
    let mut seen = std::collections::HashSet::with_capacity(batch.len());
    for record in batch {
        if !keys.admits(record.key) {
            return Err(AppendError::Refused("its key is outside the key space"));
        }
        if record.body.len() > BODY_BYTES_MAX {
            return Err(AppendError::Refused("its body is over 64 MiB"));
        }
        if keys.contains(record.key) || !seen.insert(record.key) {
            outcome.push(Appended::Duplicate);
        } else {
            outcome.push(Appended::At(Position(first.0 + fresh.len() as u64)));
            fresh.push(record);
        }
    }
    Ok((outcome, fresh))
}

fn write_batch(
    shared: &Shared,
    writer: &mut Writer,
    fence: Fence,
    records: &[NewRecord],
) -> Result<BatchPlace, AppendError> {
    let committed_us = now_us().max(writer.committed_us);
    let full = writer.length >= shared.options.segment_bytes || is_old(shared.options, writer, committed_us);
    if writer.file.is_none() || full {
        open_segment(shared, writer, full, committed_us).map_err(AppendError::Write)?;
    }
    let (segment, offset, first) = (writer.segment, writer.length, writer.next);
    let entries: Vec<RecordEntry> = records.iter().map(RecordEntry::of).collect();
    let head = format::encode_head(first, fence, committed_us, &entries);

    // `open_segment` has put a file there.
    let Some(file) = writer.file.as_mut() else { return Err(AppendError::Closed) };
    let mut slices: Vec<IoSlice<'_>> = Vec::with_capacity(records.len() + 1);
    slices.push(IoSlice::new(&head));
    slices.extend(records.iter().map(|record| IoSlice::new(&record.body)));
    let length: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
    if let Err(error) = write_all_vectored(file, &mut slices) {
        // Cut back what was written in part, so that the next batch follows the last whole one.
        let cut = file.set_len(offset).and_then(|()| file.seek(SeekFrom::Start(offset)));
        writer.closed = cut.is_err();
        return Err(AppendError::Write(error));
    }
    if shared.options.durability == Durability::Full {
        if let Err(error) = file.sync_data() {
            writer.closed = true;
            return Err(AppendError::Sync(error));
        }
        let_go_of_pages(file, offset, length);
    }
    writer.length += length;
    writer.committed_us = committed_us;
    Ok(BatchPlace { first, segment, offset, committed_us })
}

/// The system's clock, in microseconds since 1970.
fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Whether the segment has grown too old to be added to.
fn is_old(options: SegmentOptions, writer: &Writer, now_us: u64) -> bool {
    let age = Duration::from_micros(now_us.saturating_sub(writer.segment_since_us));
    writer.length > 0 && options.segment_age.is_some_and(|max| age >= max)
}

/// Gives the page cache's copy of what is durable back: readers that keep up have the ring. The next batch is written
/// into the same warm pages instead of fresh ones, which halves what a record costs.
fn let_go_of_pages(file: &File, offset: u64, length: u64) {
    // Only advice: without it everything works, and costs more.
    let _ = rustix::fs::fadvise(file, offset, NonZeroU64::new(length), Advice::DontNeed);
}

/// Opens the newest segment, or begins the next one, whose name is made durable before anything is in it.
fn open_segment(shared: &Shared, writer: &mut Writer, full: bool, now_us: u64) -> std::io::Result<()> {
    if full || writer.segment == Position::START {
        writer.segment = writer.next;
        writer.length = 0;
    }
    if writer.length == 0 {
        writer.segment_since_us = now_us;
    }
    let path = segment_path(&shared.directory, writer.segment);
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    file.set_len(writer.length)?;
    file.seek(SeekFrom::Start(writer.length))?;
    if shared.options.durability == Durability::Full {
        File::open(&shared.directory)?.sync_all()?;
    }
    writer.file = Some(file);
    Ok(())
}

fn write_all_vectored(file: &mut File, mut slices: &mut [IoSlice<'_>]) -> std::io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
