//! Records, and the words for where they stand.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;

/// Where a record stands in its journal: 1 for the first, then one more for each. 0 is the place before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Position(pub u64);

impl Position {
    /// The place before the first record.
    pub const START: Self = Self(0);

    /// The next place.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The idempotency key of a record, unique in its journal: an input's ordinal, or a 128-bit hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub u128);

/// The fencing token of a lease: who holds a newer one has the right to append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Fence(pub u64);

/// What sort of record it is, in the words of the journal's owner. Journals count records by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(u8);

impl Kind {
    /// How many kinds one journal can tell apart.
    pub const COUNT: usize = 8;

    /// The kind of that number, which must be under [`Kind::COUNT`].
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if (number as usize) < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// The first kind.
    pub const FIRST: Self = Self(0);
    /// The second kind.
    pub const SECOND: Self = Self(1);

    /// The kind's number, under [`Kind::COUNT`].
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A record on its way into a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// What makes repeating the append safe.
    pub key: Key,
    /// What sort it is.
    pub kind: Kind,
    /// What the journal sums up over its records; a run sums up credits.
    pub weight: u32,
    /// The final bytes, encoded once.
    pub body: Bytes,
}

/// A record that is durable.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where it stands.
    pub position: Position,
    /// What sort it is.
    pub kind: Kind,
    /// Its share of the journal's sum.
    pub weight: u32,
    /// The bytes that were appended.
    pub body: Bytes,
    /// When its batch was written: microseconds since 1970, never less than of the record before it.
    pub committed_us: u64,
    /// When it became durable, where that was seen by this process and is still remembered.
    pub committed_at: Option<Instant>,
}

/// Records are what was appended; when, is only remembered.
impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.position == other.position
            && self.kind == other.kind
            && self.weight == other.weight
            && self.body == other.body
    }
}

impl Eq for Record {}
