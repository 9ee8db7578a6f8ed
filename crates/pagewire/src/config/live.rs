//! `[live]`: what the live stream keeps, and how it is read.

use std::time::Duration;

use super::byte_size::ByteSize;
use super::checked::Judge;
use super::raw;

/// `[live]`
#[derive(Debug, Clone, Copy)]
pub(crate) struct Live {
    /// How long events are kept.
    pub(crate) keep: Duration,
    /// Bytes of events that are kept.
    pub(crate) keep_bytes: ByteSize,
    /// Bytes of the newest events that stay in memory.
    pub(crate) ring_bytes: ByteSize,
    /// Values of a filter.
    pub(crate) filter_values_max: usize,
}

impl Judge {
    pub(super) fn live(&mut self, raw: &raw::Live) -> Live {
        let hours: u64 = self.whole("live.keep_h", raw.keep_h, 1, 8_760);
        Live {
            keep: Duration::from_secs(hours * 3_600),
            keep_bytes: self.bytes("live.keep_bytes", raw.keep_bytes, 64 << 10, 1 << 40),
            ring_bytes: self.bytes("live.ring_bytes", raw.ring_bytes, 64 << 10, 1 << 30),
            filter_values_max: self.whole("live.filter_values_max", raw.filter_values_max, 1, 1_000),
        }
    }
}
