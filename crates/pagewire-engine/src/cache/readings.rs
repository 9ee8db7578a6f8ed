//! What was read from a page, in memory: the same page asked for in the same words is not read twice.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use pagewire_extract::Facts;
use quick_cache::Weighter;

use super::CachedPage;
use super::key::PageKey;

/// What a reading depends on: the page, when it was fetched, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ReadingKey {
    page: PageKey,
    fetched_at: Timestamp,
    recipe: [u8; 32],
}

impl ReadingKey {
    /// A reading of that page by the recipe of that fingerprint.
    pub(crate) fn new(key: PageKey, page: &CachedPage, recipe: [u8; 32]) -> Self {
        Self { page: key, fetched_at: page.fetched_at(), recipe }
    }
}

/// The `data` of an envelope, and what goes with it.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) data: Bytes,
    pub(crate) facts: Facts,
}

/// What tables in memory count beside the bytes of an entry.
const ENTRY_BYTES: u64 = 512;

/// Counts bytes.
#[derive(Clone)]
pub(super) struct ByBytes;

impl Weighter<PageKey, Arc<CachedPage>> for ByBytes {
    fn weight(&self, _: &PageKey, page: &Arc<CachedPage>) -> u64 {
        page.blob_bytes() + ENTRY_BYTES
    }
}

impl Weighter<ReadingKey, Arc<Reading>> for ByBytes {
    fn weight(&self, _: &ReadingKey, reading: &Arc<Reading>) -> u64 {
        // The report is a part of what is written of the page, and seldom larger than its data.
        2 * reading.data.len() as u64 + ENTRY_BYTES
    }
}
