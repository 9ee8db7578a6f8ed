//! A cursor: a reader's place in a journal. It pulls; nothing is ever queued for it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::journal::{Journal, Limit, Read, ReadError, Tip};
use crate::record::{Position, Record};

/// Why a cursor cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// Retention has moved past it.
    #[error("the position has expired; the oldest record held is {oldest}")]
    Expired {
        /// The oldest record that is still held.
        oldest: Position,
    },
    /// It was put past the end.
    #[error("the position lies past the newest record, {tip}")]
    PastTip {
        /// The newest record.
        tip: Position,
    },
    /// The journal failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The journal is gone.
    #[error("the journal was dropped")]
    Dropped,
}

/// A place in a journal, which moves on as records are taken.
pub struct Cursor {
    journal: Arc<dyn Journal>,
    after: Position,
    tip: watch::Receiver<Tip>,
}

impl Cursor {
    /// A cursor that gives what comes after a position.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, after: Position) -> Self {
        let tip = journal.tip();
        Self { journal, after, tip }
    }

    /// The last record given.
    #[must_use]
    pub fn position(&self) -> Position {
        self.after
    }

    /// The newest durable record right now.
    #[must_use]
    pub fn tip(&self) -> Tip {
        *self.tip.borrow()
    }

    /// The next records, or `None` at the tip.
    pub async fn try_next(&mut self, limit: Limit) -> Result<Option<Vec<Record>>, CursorError> {
        // Seen before the read, so that a record that comes after the read wakes `moved`.
        self.tip.borrow_and_update();
        match self.journal.read(self.after, limit).await? {
            Read::Records(records) => {
                if let Some(last) = records.last() {
                    self.after = last.position;
                }
                Ok(Some(records))
            }
            Read::AtTip => Ok(None),
            Read::Expired { oldest } => Err(CursorError::Expired { oldest }),
            Read::PastTip { tip } => Err(CursorError::PastTip { tip }),
        }
    }

    /// Waits until the journal has grown since the last read. Dropping the future loses nothing.
    pub async fn moved(&mut self) -> Result<(), CursorError> {
        self.tip.changed().await.map_err(|_| CursorError::Dropped)
    }
}
