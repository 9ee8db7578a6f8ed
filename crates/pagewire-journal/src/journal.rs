//! The one trait: all that the product needs of a journal, and the laws that every backend keeps.

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::record::{Fence, Kind, NewRecord, Position, Record};

/// An append-only sequence of records.
pub trait Journal: Send + Sync + 'static {
    /// Appends the records in order, as one unit.
    ///
    /// When this returns `Ok`, the records are durable, and only then does any reader or [`Tip`] show them. A record
    /// whose key is already there is left out and told as [`Appended::Duplicate`], so repeating an append after an
    /// error or a crash is safe. A fence lower than one that has appended before is refused, and nothing is written.
    /// Dropping the future neither tears the batch nor undoes it.
    fn append(
        &self,
        fence: Fence,
        batch: Vec<NewRecord>,
    ) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>>;

    /// Reads records in order, beginning with the one after `after`. At least one record is given if there is one,
    /// however large; beyond that the limit holds.
    fn read(&self, after: Position, limit: Limit) -> BoxFuture<'_, Result<Read, ReadError>>;

    /// A watch on the newest durable record and the sums up to it.
    fn tip(&self) -> watch::Receiver<Tip>;

    /// Forgets records up to and including `through`, as far as the backend's units allow: it may keep more, never less.
    fn trim(&self, through: Position) -> BoxFuture<'_, Result<(), AppendError>>;
}

/// What became of one record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It stands there now.
    At(Position),
    /// Its key was there already; the first record stays.
    Duplicate,
}

/// How much one read may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Records at most.
    pub records: usize,
    /// Bytes of bodies at most, but for the first record.
    pub bytes: usize,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// The next records, at least one.
    Records(Vec<Record>),
    /// Nothing newer is there yet.
    AtTip,
    /// Retention has moved past the position.
    Expired {
        /// The oldest record that is still held.
        oldest: Position,
    },
    /// The position lies past the newest record.
    PastTip {
        /// The newest record.
        tip: Position,
    },
}

/// Sums over all records that a journal ever took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    counts: [u64; Kind::COUNT],
    /// The sum of the weights.
    pub weight: u64,
}

impl Tally {
    /// Records of that kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts[kind.index()]
    }

    /// Records of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(crate) fn add(&mut self, kind: Kind, weight: u32) {
        self.counts[kind.index()] += 1;
        self.weight += u64::from(weight);
    }
}

/// The newest durable record, and the sums up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tip {
    /// The newest record's place.
    pub position: Position,
    /// The sums.
    pub tally: Tally,
}

/// Why an append was refused.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody with a newer lease appends here now.
    #[error("fence {given} is stale: {newest} has appended since")]
    StaleFence {
        /// The fence of this append.
        given: u64,
        /// The newest fence seen.
        newest: u64,
    },
    /// A key outside the journal's key space, or a body over the format's bound.
    #[error("the record cannot be taken: {0}")]
    Refused(&'static str),
    /// Nothing was written; the same append may succeed once there is room.
    #[error("the journal could not be written")]
    Write(#[source] std::io::Error),
    /// What was written may or may not be durable, so this journal takes nothing more until it is opened again.
    #[error("the journal could not be made durable; it is closed until it is opened again")]
    Sync(#[source] std::io::Error),
    /// An earlier failure closed the journal.
    #[error("the journal was closed by an earlier failure")]
    Closed,
}

impl AppendError {
    /// Whether the journal takes nothing more until it is opened again.
    #[must_use]
    pub fn closes(&self) -> bool {
        matches!(self, Self::Sync(_) | Self::Closed)
    }
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The storage failed.
    #[error("the journal could not be read")]
    Io(#[from] std::io::Error),
    /// What is stored is not what was written.
    #[error("the journal is damaged: {what} at record {position}")]
    Damaged {
        /// The first record that cannot be read.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
}
