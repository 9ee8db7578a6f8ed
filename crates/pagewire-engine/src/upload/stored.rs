//! The form in which a list is kept: JSON arrays of entries, a chunk each, one behind the other. An entry stands in the
//! words in which it came; a line that was none is an object with `invalid`, which no entry may have.

use std::ops::Range;

use pagewire_types::request::CHUNK_URLS;
use pagewire_types::{Problem, ProblemCode, UrlEntry};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An entry of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum UploadedEntry {
    /// A URL to fetch.
    Url(Box<UrlEntry>),
    /// A line that was no entry, and is to become an error.
    Invalid {
        /// The URL, as far as the line had one.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marked {
    invalid: Invalid,
}

#[derive(Serialize, Deserialize)]
struct Invalid {
    url: String,
    detail: String,
}

/// Reads the entries of a chunk, which were judged when they were stored.
pub fn read_chunk(bytes: &[u8]) -> Result<Vec<UploadedEntry>, Box<Problem>> {
    let damaged = || Box::new(Problem::new(ProblemCode::Internal, "a stored chunk of an upload is damaged"));
    let items: Vec<&RawValue> = serde_json::from_slice(bytes).map_err(|_| damaged())?;
    let mut entries = Vec::with_capacity(items.len());
    for item in items {
        if let Ok(Marked { invalid }) = serde_json::from_str(item.get()) {
            entries.push(UploadedEntry::Invalid { url: invalid.url, detail: invalid.detail });
            continue;
        }
        let value = serde_json::from_str(item.get()).map_err(|_| damaged())?;
        let entry =
            UrlEntry::read_stored(serde_json::Value::Array(vec![value]))?.pop().ok_or_else(damaged)?;
        entries.push(UploadedEntry::Url(Box::new(entry)));
    }
    Ok(entries)
}

/// Writes entries into chunks.
#[derive(Debug, Default)]
pub(super) struct ChunkWriter {
    out: Vec<u8>,
    /// Bytes that were taken out already.
    taken: u64,
    entries_in_chunk: usize,
    chunk_start: u64,
    chunks: Vec<Range<u64>>,
}

impl ChunkWriter {
    /// Adds an entry as JSON text.
    pub(super) fn push(&mut self, entry: &str) {
        self.out.push(if self.entries_in_chunk == 0 { b'[' } else { b',' });
        self.out.extend_from_slice(entry.as_bytes());
        self.entries_in_chunk += 1;
        if self.entries_in_chunk == CHUNK_URLS {
            self.end_chunk();
        }
    }

    /// Adds a line that is no entry.
    pub(super) fn push_invalid(&mut self, url: &str, detail: &str) {
        let marked = Marked { invalid: Invalid { url: url.to_owned(), detail: detail.to_owned() } };
        // Plain data into text: it cannot fail.
        self.push(&serde_json::to_string(&marked).unwrap_or_default());
    }

    /// What has been written since it was last taken.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.taken += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }

    /// The rest, and where the chunks stand.
    pub(super) fn finish(mut self) -> (Vec<u8>, Vec<Range<u64>>) {
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
