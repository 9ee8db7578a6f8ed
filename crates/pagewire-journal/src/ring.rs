//! The hot tail of a journal: the newest records, shared, within a bound of bytes and of records. Readers that keep up
//! never touch the disk; the others fall through to the segments.

use std::collections::VecDeque;

use crate::journal::Limit;
use crate::record::{Position, Record};

/// What a record costs beside its body: the record itself and the handle of its bytes.
const OVERHEAD_BYTES: usize = 96;
/// Records held, however small: several times what back-pressure lets a reader fall behind, so that a long run holds
/// no more than a short one.
const RECORDS_MAX: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Ring {
    records: VecDeque<Record>,
    bytes: usize,
    bytes_max: usize,
}

impl Ring {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { records: VecDeque::new(), bytes: 0, bytes_max }
    }

    /// Adds the next record; the oldest give way.
    pub(crate) fn push(&mut self, record: Record) {
        self.bytes += cost(&record);
        self.records.push_back(record);
        while self.bytes > self.bytes_max || self.records.len() > RECORDS_MAX {
            let Some(oldest) = self.records.pop_front() else { break };
            self.bytes -= cost(&oldest);
        }
    }

    /// Gives the memory back; readers go to the disk from now on.
    pub(crate) fn clear(&mut self) {
        self.records = VecDeque::new();
        self.bytes = 0;
    }

    /// The records after a position, or `None` if the first of them is no longer here.
    pub(crate) fn read(&self, after: Position, limit: Limit) -> Option<Vec<Record>> {
        let first = self.records.front()?.position;
        let skip = usize::try_from(after.next().0.checked_sub(first.0)?).ok()?;
        let mut bytes = 0;
        let records: Vec<Record> = self
            .records
            .range(skip.min(self.records.len())..)
            .take(limit.records.max(1))
            .take_while(|record| {
                let fits = bytes == 0 || bytes + record.body.len() <= limit.bytes;
                bytes += record.body.len().max(1);
                fits
            })
            .cloned()
            .collect();
        (!records.is_empty()).then_some(records)
    }
}

fn cost(record: &Record) -> usize {
    record.body.len() + OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::record::Kind;

    #[test]
    fn small_records_are_held_up_to_a_number() {
        let mut ring = Ring::new(usize::MAX);
        for position in 1..=RECORDS_MAX as u64 + 5 {
            ring.push(record(position));
        }
        let limit = Limit { records: 1, bytes: 1_000 };
        assert!(ring.read(Position(4), limit).is_none());
        assert_eq!(ring.read(Position(5), limit).expect("held")[0].position, Position(6));
    }

    fn record(position: u64) -> Record {
        Record {
            position: Position(position),
            kind: Kind::FIRST,
            weight: 0,
            body: Bytes::from(vec![b'x'; 10]),
            committed_us: 0,
            committed_at: None,
        }
    }

    #[test]
    fn the_oldest_give_way_and_are_told_from_what_was_never_there() {
        let mut ring = Ring::new(3 * (10 + OVERHEAD_BYTES));
        for position in 1..=5 {
            ring.push(record(position));
        }
        let limit = Limit { records: 10, bytes: 1_000 };
        assert!(ring.read(Position(1), limit).is_none());
        let positions: Vec<u64> =
            ring.read(Position(2), limit).expect("held").iter().map(|r| r.position.0).collect();
        assert_eq!(positions, [3, 4, 5]);
        assert_eq!(ring.read(Position(2), Limit { records: 10, bytes: 1 }).expect("one at least").len(), 1);
        assert!(ring.read(Position(5), limit).is_none());
    }
}
