//! `[journal]`: what records survive, and how long they are kept.

use std::time::Duration;

use pagewire_journal::Durability;

use super::byte_size::ByteSize;
use super::judge::Judge;
use super::raw;

/// `[journal]`
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    /// What a record survives before it is shown.
    pub(crate) durability: Durability,
    /// The oldest that a record gets before its commit.
    pub(crate) commit_interval: Duration,
    /// Where a segment ends.
    pub(crate) segment_bytes: ByteSize,
    /// The hot tail of each journal.
    pub(crate) ring_bytes: ByteSize,
    /// How long the records of an ended run are kept.
    pub(crate) keep_runs: Duration,
}

impl Judge {
    pub(super) fn journal(&mut self, raw: &raw::Journal) -> Journal {
        let hours: u64 = self.whole("journal.keep_runs_h", raw.keep_runs_h, 1, 8_760);
        Journal {
            durability: self.one_of(
                "journal.durability",
                raw.durability.as_deref(),
                [("full", Durability::Full), ("normal", Durability::Process)],
            ),
            commit_interval: self.millis("journal.commit_interval_ms", raw.commit_interval_ms, 0, 1_000),
            segment_bytes: self.bytes("journal.segment_bytes", raw.segment_bytes, 1 << 20, 4 << 30),
            ring_bytes: self.bytes("journal.ring_bytes", raw.ring_bytes, 64 << 10, 1 << 30),
            keep_runs: Duration::from_secs(hours * 3_600),
        }
    }
}
