//! Opening a journal: walking its batches, and telling a torn end from damage.
//!
//! Batches are synced one after the other, so a crash can tear only the last one. A batch that cannot be read and is
//! followed by one that can is damage, and said so instead of cutting off what was shown.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::BatchPlace;
use super::format::{BatchHeader, HEADER_BYTES, RecordEntry};
use crate::journal::{ReadError, Tip};
use crate::keys::{KeySet, KeySpace};
use crate::record::{Fence, Position};

/// What a directory holds.
pub(super) struct Found {
    pub(super) keys: KeySet,
    pub(super) index: Vec<BatchPlace>,
    pub(super) tip: Tip,
    pub(super) fence: Fence,
    pub(super) last_segment: Position,
    pub(super) last_length: u64,
}

pub(super) fn scan(directory: &Path, space: KeySpace) -> Result<Found, ReadError> {
    let mut found = Found {
        keys: KeySet::new(space),
        index: Vec::new(),
        tip: Tip::default(),
        fence: Fence::default(),
        last_segment: Position::START,
        last_length: 0,
    };
    let segments = segments(directory)?;
    for (at, (first, path)) in segments.iter().enumerate() {
        let newest = at + 1 == segments.len();
        if found.index.is_empty() {
            // What came before was trimmed, in whole segments.
            found.tip.position = Position(first.0.saturating_sub(1));
        }
        scan_segment(&mut found, *first, path, newest)?;
    }
    Ok(found)
}

fn segments(directory: &Path) -> Result<Vec<(Position, PathBuf)>, ReadError> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let first = path
            .extension()
            .filter(|extension| *extension == "pwj")
            .and_then(|_| path.file_stem()?.to_str()?.parse::<u64>().ok());
        if let Some(first) = first {
            segments.push((Position(first), path));
        }
    }
    segments.sort();
    Ok(segments)
}

fn scan_segment(found: &mut Found, segment: Position, path: &Path, newest: bool) -> Result<(), ReadError> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut offset = 0;
    while offset < length {
        let expected = found.tip.position.next();
        let read = read_head(&file, offset, length)?.filter(|(header, _)| header.first == expected);
        let last = read.as_ref().is_none_or(|(header, _)| offset + header.batch_bytes() >= length);
        let whole = match &read {
            Some((header, entries)) if last => bodies_are_whole(&file, offset, header, entries)?,
            Some(_) => true,
            None => false,
        };
        let Some((header, entries)) = read.filter(|_| whole) else {
            if !newest || followed_by_a_batch(&file, offset + 1, length)? {
                return Err(ReadError::Damaged { position: expected.0, what: "the batch cannot be read" });
            }
            file.set_len(offset)?;
            file.sync_all()?;
            break;
        };
        let committed_us = header.committed_us;
        found.index.push(BatchPlace { first: header.first, segment, offset, committed_us });
        for entry in entries {
            found.keys.insert(entry.key);
            found.tip.position = found.tip.position.next();
            found.tip.tally.add(entry.kind, entry.weight);
        }
        found.fence = found.fence.max(header.fence);
        offset += header.batch_bytes();
    }
    found.last_segment = segment;
    found.last_length = offset;
    Ok(())
}

fn read_head(
    file: &File,
    offset: u64,
    length: u64,
) -> std::io::Result<Option<(BatchHeader, Vec<RecordEntry>)>> {
    if length - offset < HEADER_BYTES as u64 {
        return Ok(None);
    }
    let mut raw = [0; HEADER_BYTES];
    file.read_exact_at(&mut raw, offset)?;
    let Some(header) = BatchHeader::decode(&raw) else { return Ok(None) };
    if header.batch_bytes() > length - offset {
        return Ok(None);
    }
    let mut table = vec![0; header.table_bytes()];
    file.read_exact_at(&mut table, offset + HEADER_BYTES as u64)?;
    Ok(header.decode_table(&table).map(|entries| (header, entries)))
}

fn bodies_are_whole(
    file: &File,
    offset: u64,
    header: &BatchHeader,
    entries: &[RecordEntry],
) -> std::io::Result<bool> {
    let mut at = offset + (HEADER_BYTES + header.table_bytes()) as u64;
    for entry in entries {
        let mut body = vec![0; entry.body_bytes as usize];
        file.read_exact_at(&mut body, at)?;
        if crc32c::crc32c(&body) != entry.body_crc {
            return Ok(false);
        }
        at += body.len() as u64;
    }
    Ok(true)
}

/// Whether a readable batch begins anywhere after a place.
fn followed_by_a_batch(file: &File, from: u64, length: u64) -> std::io::Result<bool> {
    const WINDOW: usize = 64 * 1024;
    let mut window = vec![0; WINDOW];
    let mut start = from;
    while start + (HEADER_BYTES as u64) < length {
        let wanted = usize::try_from(length - start).unwrap_or(WINDOW).min(WINDOW);
        file.read_exact_at(&mut window[..wanted], start)?;
        for at in window[..wanted].windows(4).enumerate().filter(|(_, w)| *w == b"PWB1").map(|(at, _)| at) {
            if read_head(file, start + at as u64, length)?.is_some() {
                return Ok(true);
            }
        }
        // Windows overlap, so that no magic is cut in two.
        start += (wanted.saturating_sub(3)).max(1) as u64;
    }
    Ok(false)
}

/// The tables of a segment, one after the other.
pub(super) fn entries_of(path: &Path) -> std::io::Result<Vec<RecordEntry>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let (mut offset, mut all) = (0, Vec::new());
    while let Some((header, entries)) = if offset < length { read_head(&file, offset, length)? } else { None }
    {
        all.extend(entries);
        offset += header.batch_bytes();
    }
    Ok(all)
}

/// The newest segment's path, for tests that damage it.
#[cfg(test)]
pub(super) fn newest_segment(directory: &Path) -> PathBuf {
    segments(directory).expect("readable").pop().expect("a segment").1
}
