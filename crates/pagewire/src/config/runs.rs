//! `[stream]` and `[jobs]`: the bounds of runs, with a consumer and without one.

use std::time::Duration;

use super::byte_size::ByteSize;
use super::judge::Judge;
use super::raw;

/// `[stream]`
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    /// How long a stream without a reader is kept.
    pub(crate) resume_window: Duration,
    /// The longest that a stream goes on.
    pub(crate) wall_time: Duration,
    /// Between two comments on an idle connection.
    pub(crate) ping: Duration,
    /// Cap on one event.
    pub(crate) event_bytes_max: ByteSize,
    /// Bytes finished and unsent before a stream pauses.
    pub(crate) unwritten_bytes_max: ByteSize,
}

/// `[jobs]`
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    /// Jobs under way at once.
    pub(crate) under_way_max: usize,
    /// The longest that one goes on.
    pub(crate) wall_time: Duration,
    /// How long ended ones are kept.
    pub(crate) keep: Duration,
}

impl Judge {
    pub(super) fn stream(&mut self, raw: &raw::Stream) -> Stream {
        Stream {
            resume_window: self.seconds("stream.resume_window_s", raw.resume_window_s, 1, 86_400),
            wall_time: self.seconds("stream.wall_time_s", raw.wall_time_s, 1, 604_800),
            ping: self.seconds("stream.ping_s", raw.ping_s, 1, 300),
            event_bytes_max: self.bytes("stream.event_bytes_max", raw.event_bytes_max, 64 << 10, 32 << 20),
            unwritten_bytes_max: self.bytes(
                "stream.unwritten_bytes_max",
                raw.unwritten_bytes_max,
                1 << 20,
                1 << 30,
            ),
        }
    }

    pub(super) fn jobs(&mut self, raw: &raw::Jobs) -> Jobs {
        Jobs {
            under_way_max: self.whole("jobs.under_way_max", raw.under_way_max, 1, 1_000),
            wall_time: self.hours("jobs.wall_time_h", raw.wall_time_h, 1, 168),
            keep: self.hours("jobs.keep_h", raw.keep_h, 1, 8_760),
        }
    }
}
