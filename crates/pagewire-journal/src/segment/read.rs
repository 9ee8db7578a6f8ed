//! Reading records back from segments: batch after batch, through a window over the file, so that many small batches cost
//! about as much as one large one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use super::format::{BatchHeader, HEADER_BYTES, RecordEntry};
use super::{BatchPlace, Shared, segment_path};
use crate::journal::{Limit, Read, ReadError};
use crate::record::{Position, Record};

/// What is read of a file at once, at least.
const WINDOW_BYTES_MIN: usize = 8 * 1024;
/// What is read of a file at once, unless a batch's table or a body is larger.
const WINDOW_BYTES_MAX: usize = 256 * 1024;

/// The records after a position, from the batch at `place` on, which holds the first of them. Ends with its segment.
pub(super) fn records(
    shared: &Shared,
    place: BatchPlace,
    after: Position,
    limit: Limit,
) -> Result<Read, ReadError> {
    let file = match File::open(segment_path(&shared.directory, place.segment)) {
        Ok(file) => file,
        // Trimmed since the index was asked.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let oldest = shared.lock().index.first().map_or(shared.tip.borrow().position.next(), |p| p.first);
            return Ok(Read::Expired { oldest });
        }
        Err(error) => return Err(error.into()),
    };
    // What lies behind the tip may be half written.
    let tip = shared.tip.borrow().position;
    let mut window = Window::new(&file, limit.bytes.clamp(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX));
    let mut found = Found { after, limit, records: Vec::new(), bytes: 0 };
    let (mut first, mut offset) = (place.first, place.offset);
    loop {
        let batch = read_batch(&mut window, first, offset)?;
        if !found.take(&mut window, &batch)? {
            break;
        }
        first = Position(first.0 + batch.entries.len() as u64);
        offset = batch.bodies_at + batch.header.bodies_bytes;
        if first > tip || window.is_end(offset)? {
            break;
        }
    }
    if found.records.is_empty() {
        return Err(ReadError::Damaged {
            position: after.next().0,
            what: "the batch ends before the record",
        });
    }
    Ok(Read::Records(found.records))
}

struct Batch {
    header: BatchHeader,
    entries: Vec<RecordEntry>,
    bodies_at: u64,
}

fn read_batch(window: &mut Window<'_>, first: Position, offset: u64) -> Result<Batch, ReadError> {
    let damaged = |what| ReadError::Damaged { position: first.0, what };
    let head = window.bytes(offset, HEADER_BYTES)?;
    let header = head.first_chunk().and_then(BatchHeader::decode);
    let header =
        header.filter(|header| header.first == first).ok_or_else(|| damaged("the header is not one"))?;
    let table_at = offset + HEADER_BYTES as u64;
    let table = window.bytes(table_at, header.table_bytes())?;
    let entries = header.decode_table(&table).ok_or_else(|| damaged("the table's checksum differs"))?;
    Ok(Batch { bodies_at: table_at + table.len() as u64, header, entries })
}

/// What a read has found so far.
struct Found {
    after: Position,
    limit: Limit,
    records: Vec<Record>,
    bytes: usize,
}

impl Found {
    /// Takes what is wanted of a batch. Whether more may be taken.
    fn take(&mut self, window: &mut Window<'_>, batch: &Batch) -> Result<bool, ReadError> {
        let mut offset = batch.bodies_at;
        for (position, entry) in (batch.header.first.0..).map(Position).zip(&batch.entries) {
            let length = entry.body_bytes as usize;
            if position > self.after {
                let full = self.records.len() >= self.limit.records.max(1)
                    || self.bytes.saturating_add(length) > self.limit.bytes;
                if full && !self.records.is_empty() {
                    return Ok(false);
                }
                let body = window.bytes(offset, length)?;
                if crc32c::crc32c(&body) != entry.body_crc {
                    let what = "the body's checksum differs";
                    return Err(ReadError::Damaged { position: position.0, what });
                }
                self.bytes += length;
                self.records.push(Record {
                    position,
                    kind: entry.kind,
                    weight: entry.weight,
                    body,
                    committed_us: batch.header.committed_us,
                    committed_at: None,
                });
            }
            offset += length as u64;
        }
        Ok(self.records.len() < self.limit.records.max(1) && self.bytes < self.limit.bytes)
    }
}

/// A part of a file in memory, whose bytes are shared with what is read of it.
struct Window<'f> {
    file: &'f File,
    size: usize,
    start: u64,
    bytes: Bytes,
    length: Option<u64>,
}

impl<'f> Window<'f> {
    fn new(file: &'f File, size: usize) -> Self {
        Self { file, size, start: 0, bytes: Bytes::new(), length: None }
    }

    /// The bytes at a place. What is larger than the window is read by itself.
    fn bytes(&mut self, at: u64, length: usize) -> io::Result<Bytes> {
        if let Some(bytes) = self.held(at, length) {
            return Ok(bytes);
        }
        if length >= self.size {
            let mut bytes = vec![0; length];
            self.file.read_exact_at(&mut bytes, at)?;
            return Ok(bytes.into());
        }
        let mut bytes = vec![0; self.size];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read_at(&mut bytes[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        self.start = at;
        self.bytes = bytes.into();
        self.held(at, length).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn held(&self, at: u64, length: usize) -> Option<Bytes> {
        let from = usize::try_from(at.checked_sub(self.start)?).ok()?;
        let to = from.checked_add(length)?;
        (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }

    /// Whether the file ends there. It may grow meanwhile; what comes later is read later.
    fn is_end(&mut self, at: u64) -> io::Result<bool> {
        let length = match self.length {
            Some(length) => length,
            None => *self.length.insert(self.file.metadata()?.len()),
        };
        Ok(at >= length)
    }
}
