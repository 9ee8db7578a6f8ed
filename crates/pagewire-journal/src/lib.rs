//! Journals and cursors.
//!
//! Everything that can be observed is a record in a journal; every way of observing it is a [`Cursor`] on that journal.
//! This crate knows nothing of pages, HTTP or SQL: a record is a kind, a weight, a key and a body of bytes.
//!
//! Invariants (docs/invariants.md): **J1** a record is durable before it is visible; **J2** a position never means
//! another record than before; **J3** a key appears at most once; **J4** a stale fence appends nothing; **J5** what a
//! reader misses is told (`Expired`), never skipped.

pub mod conformance;
pub mod cursor;
pub mod group;
pub mod journal;
mod keys;
pub mod memory;
pub mod record;
mod ring;
pub mod segment;

pub use cursor::{Cursor, CursorError};
pub use group::{GroupCommit, GroupPolicy};
pub use journal::{AppendError, Appended, Journal, Limit, Read, ReadError, Tally, Tip};
pub use keys::{KeySet, KeySpace};
pub use record::{Fence, Key, Kind, NewRecord, Position, Record};
pub use segment::{BODY_BYTES_MAX, Durability, FinishedSegment, SegmentJournal, SegmentOptions};
