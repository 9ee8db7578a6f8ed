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
mod recover;

use std::fs::{File, OpenOptions};
use std::io::{IoSlice, Seek, SeekFrom, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rustix::fs::Advice;
use tokio::sync::{OwnedMutexGuard, watch};

use crate::journal::{AppendError, Appended, Journal, Limit, Read, ReadError, Tip};
use crate::keys::{KeySet, KeySpace};
use crate::record::{Fence, Key, Kind, NewRecord, Position, Record};
use crate::ring::Ring;
use format::{BatchHeader, HEADER_BYTES, RecordEntry};

/// A body larger than this is refused; the product's largest record is far below.
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How a journal in segments behaves.
#[derive(Debug, Clone, Copy)]
pub struct SegmentOptions {
    /// What its keys are.
    pub keys: KeySpace,
    /// A segment that reached this size is followed by a new one.
    pub segment_bytes: u64,
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
}

/// The end that is written to. One append at a time holds it, and keeps it until its batch is shown.
#[derive(Debug)]
struct Writer {
    file: Option<File>,
    segment: Position,
    length: u64,
    next: Position,
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
        let state = State { keys: found.keys, ring: Ring::new(options.ring_bytes), index: found.index, tip };
        let writer = Writer {
            file: None,
            segment: found.last_segment,
            length: found.last_length,
            next: tip.position.next(),
            fence: found.fence,
            closed: false,
        };
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
            tokio::task::spawn_blocking(move || shared.read_batch(place, after, limit))
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

    fn read_batch(&self, place: BatchPlace, after: Position, limit: Limit) -> Result<Read, ReadError> {
        let damaged = |what| ReadError::Damaged { position: place.first.0, what };
        let file = match File::open(segment_path(&self.directory, place.segment)) {
            Ok(file) => file,
            // Trimmed since the index was asked.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let oldest = self.lock().index.first().map_or(self.tip.borrow().position.next(), |p| p.first);
                return Ok(Read::Expired { oldest });
            }
            Err(error) => return Err(error.into()),
        };
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, place.offset)?;
        let header = BatchHeader::decode(&header).ok_or_else(|| damaged("the header is not one"))?;
        let mut table = vec![0; header.table_bytes()];
        file.read_exact_at(&mut table, place.offset + HEADER_BYTES as u64)?;
        let entries = header.decode_table(&table).ok_or_else(|| damaged("the table's checksum differs"))?;

        let mut offset = place.offset + (HEADER_BYTES + table.len()) as u64;
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        for (position, entry) in (header.first.0..).map(Position).zip(entries) {
            let length = entry.body_bytes as usize;
            if position > after {
                let full = records.len() >= limit.records.max(1) || bytes + length > limit.bytes;
                if full && !records.is_empty() {
                    break;
                }
                let mut body = vec![0; length];
                file.read_exact_at(&mut body, offset)?;
                if crc32c::crc32c(&body) != entry.body_crc {
                    return Err(ReadError::Damaged {
                        position: position.0,
                        what: "the body's checksum differs",
                    });
                }
                bytes += length;
                records.push(Record {
                    position,
                    kind: entry.kind,
                    weight: entry.weight,
                    body: Bytes::from(body),
                    committed_at: None,
                });
            }
            offset += length as u64;
        }
        if records.is_empty() {
            return Err(damaged("the batch ends before the record"));
        }
        Ok(Read::Records(records))
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
            state.ring.push(Record { position, kind, weight, body, committed_at: Some(now) });
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
    if writer.file.is_none() || writer.length >= shared.options.segment_bytes {
        open_segment(shared, writer).map_err(AppendError::Write)?;
    }
    let (segment, offset, first) = (writer.segment, writer.length, writer.next);
    let entries: Vec<RecordEntry> = records.iter().map(RecordEntry::of).collect();
    let committed_us = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX));
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
    Ok(BatchPlace { first, segment, offset })
}

/// Gives the page cache's copy of what is durable back: readers that keep up have the ring. The next batch is written
/// into the same warm pages instead of fresh ones, which halves what a record costs.
fn let_go_of_pages(file: &File, offset: u64, length: u64) {
    // Only advice: without it everything works, and costs more.
    let _ = rustix::fs::fadvise(file, offset, NonZeroU64::new(length), Advice::DontNeed);
}

/// Opens the newest segment, or begins the next one, whose name is made durable before anything is in it.
fn open_segment(shared: &Shared, writer: &mut Writer) -> std::io::Result<()> {
    if writer.length >= shared.options.segment_bytes || writer.segment == Position::START {
        writer.segment = writer.next;
        writer.length = 0;
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
