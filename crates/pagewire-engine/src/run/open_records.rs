//! The records of a run that are durable and not yet with its consumer: what back-pressure counts.

use std::collections::VecDeque;

use pagewire_journal::{Appended, Position};

#[derive(Debug, Clone, Copy)]
struct OpenRecord {
    position: Position,
    bytes: usize,
}

/// In the order of their positions, without gaps.
#[derive(Debug)]
pub(super) struct OpenRecords {
    records: VecDeque<OpenRecord>,
    passed: Position,
}

impl OpenRecords {
    /// What was durable before this process is nobody's permit.
    pub(super) fn new(passed: Position) -> Self {
        Self { records: VecDeque::new(), passed }
    }

    /// Notes a commit. A record that was there already, or that the consumer has seen since, is off at once: how many
    /// those are, and their bytes.
    pub(super) fn committed(&mut self, settled: &[(Appended, usize)]) -> (u32, usize) {
        let (mut off, mut off_bytes) = (0, 0);
        for (appended, bytes) in settled.iter().copied() {
            match appended {
                Appended::At(position) if position > self.passed => {
                    self.records.push_back(OpenRecord { position, bytes });
                }
                Appended::At(_) | Appended::Duplicate => {
                    off += 1;
                    off_bytes += bytes;
                }
            }
        }
        (off, off_bytes)
    }

    /// The consumer has everything up to there: how many records that takes off, and their bytes.
    pub(super) fn passed(&mut self, through: Position) -> (u32, usize) {
        self.passed = self.passed.max(through);
        let (mut off, mut off_bytes) = (0, 0);
        while self.records.front().is_some_and(|record| record.position <= through) {
            if let Some(record) = self.records.pop_front() {
                off += 1;
                off_bytes += record.bytes;
            }
        }
        (off, off_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> (Appended, usize) {
        (Appended::At(Position(position)), 10)
    }

    #[test]
    fn a_record_is_open_from_its_commit_until_the_consumer_has_it() {
        let mut open = OpenRecords::new(Position::START);
        assert_eq!(open.committed(&[at(1), at(2), at(3)]), (0, 0));
        assert_eq!(open.passed(Position(2)), (2, 20));
        assert_eq!(open.passed(Position(2)), (0, 0));
        assert_eq!(open.passed(Position(3)), (1, 10));
    }

    #[test]
    fn a_consumer_that_is_faster_than_the_commits_return_leaves_nothing_open() {
        let mut open = OpenRecords::new(Position::START);
        assert_eq!(open.passed(Position(2)), (0, 0));
        assert_eq!(open.committed(&[at(1), at(2), (Appended::Duplicate, 10)]), (3, 30));
    }
}
