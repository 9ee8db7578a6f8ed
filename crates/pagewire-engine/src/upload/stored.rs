//! The form in which a list is kept: JSON arrays of entries, a chunk each, one behind the other. An entry stands in the
//! words in which it came; a line that was none is an object with `invalid`, which no entry may have.

use std::ops::Range;

use pagewire_types::InvalidLine;
use pagewire_types::request::CHUNK_URLS;

/// Writes entries into chunks.
#[derive(Debug, Default)]
pub(crate) struct ChunkWriter {
    out: Vec<u8>,
    /// Bytes that were taken out already.
    taken: u64,
    entries_in_chunk: usize,
    chunk_start: u64,
    chunks: Vec<Range<u64>>,
}

impl ChunkWriter {
    /// Adds an entry as JSON text.
    pub(crate) fn push(&mut self, entry: &str) {
        self.out.push(if self.entries_in_chunk == 0 { b'[' } else { b',' });
        self.out.extend_from_slice(entry.as_bytes());
        self.entries_in_chunk += 1;
        if self.entries_in_chunk == CHUNK_URLS {
            self.end_chunk();
        }
    }

    /// Adds a line that is no entry.
    pub(super) fn push_invalid(&mut self, line: InvalidLine) {
        self.push(&line.into_stored());
    }

    /// What has been written since it was last taken.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.taken += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }

    /// The rest, and where the chunks stand.
    pub(crate) fn finish(mut self) -> (Vec<u8>, Vec<Range<u64>>) {
        if self.entries_in_chunk > 0 {
            self.end_chunk();
        }
        (self.out, self.chunks)
    }

    fn end_chunk(&mut self) {
        self.out.push(b']');
        let end = self.taken + self.out.len() as u64;
        self.chunks.push(self.chunk_start..end);
        self.chunk_start = end;
        self.entries_in_chunk = 0;
    }
}
