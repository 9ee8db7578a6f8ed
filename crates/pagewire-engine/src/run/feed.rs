//! Feeding a run whose input is too large to be held: how much of it is loaded when, and what becomes of the rest when the
//! run ends early.

use pagewire_types::StoredEntry;
use pagewire_types::request::CHUNK_URLS;

use super::{Run, key_of};

/// URLs that may wait at most, so that a host that answers slowly cannot hold back the others: as long as hosts are
/// busy, more is loaded, up to here.
const WINDOW_URLS: usize = 20_000;
/// Under so many waiting URLs more is loaded in any case.
const WAITING_LOW: usize = 2 * CHUNK_URLS;
/// Records that may wait for their commit while the rest of a run is written off.
const UNCOMMITTED_MAX: usize = 4 * CHUNK_URLS;

impl Run {
    /// How many chunks its input has.
    pub(crate) fn chunks(&self) -> u32 {
        u32::try_from(self.total().div_ceil(CHUNK_URLS as u64)).unwrap_or(u32::MAX)
    }

    /// Whether every entry of a chunk has its record.
    pub(crate) fn is_chunk_done(&self, chunk: u32) -> bool {
        let first = u64::from(chunk) * CHUNK_URLS as u64;
        let end = self.total().min(first + CHUNK_URLS as u64);
        (first..end).all(|ordinal| self.journal.contains(key_of(u32::try_from(ordinal).unwrap_or(u32::MAX))))
    }

    /// Whether entries of a chunk that was fed have no record yet.
    pub(crate) fn is_chunk_open(&self, chunk: u32) -> bool {
        self.input().is_some_and(|input| input.is_loaded(chunk))
    }

    /// Until the lane has use for another chunk, or, where the rest of the run is written off, the commits have kept up.
    pub(crate) async fn room_for_more(&self) {
        let Some(lane) = self.lane.get().copied() else { return };
        let Some(hunger) = self.scheduler.hunger(lane) else { return };
        let mut tip = pagewire_journal::Journal::tip(self.journal.as_ref());
        loop {
            if self.group.pending() >= UNCOMMITTED_MAX {
                // The run holds the journal, so its watch cannot close.
                let _ = tip.changed().await;
                continue;
            }
            if self.ended_early.get().is_some() || self.scheduler.waiting(lane) < WAITING_LOW {
                return;
            }
            hunger.notified().await;
            if self.scheduler.waiting(lane) < WINDOW_URLS {
                return;
            }
        }
    }

    /// Loads a chunk and gives its URLs to the lane; when the run has ended early, they get their records at once.
    pub(crate) fn feed(&self, chunk: u32, entries: Vec<StoredEntry>) {
        let (Some(input), Some(lane)) = (self.input(), self.lane.get().copied()) else { return };
        input.load_stored(chunk, entries);
        let waiting = self.unfinished(&input, chunk);
        self.scheduler.extend(lane, waiting.into_iter());
        // Looked at after they were given, so that none slips through between the two.
        if let Some(reason) = self.ended_early.get().copied() {
            self.write_off_waiting(reason);
        }
    }

    /// Starts nothing more and waits for what is under way; what waits gets no record.
    pub(crate) async fn wind_down(&self) {
        let Some(lane) = self.lane.get().copied() else { return };
        let Some(settled) = self.scheduler.hunger(lane) else { return };
        loop {
            self.scheduler.wind_down(lane);
            if self.scheduler.in_flight(lane) == 0 {
                return;
            }
            settled.notified().await;
        }
    }
}
