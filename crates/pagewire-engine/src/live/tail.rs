//! The hot tail of the log: its newest blocks, within a bound of bytes. Readers that keep up never touch the disk.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use pagewire_journal::Position;

use super::block::Block;

/// The newest blocks. All events after `floor` are there.
#[derive(Debug)]
pub(super) struct Tail {
    held: RwLock<Held>,
    bytes_max: usize,
}

#[derive(Debug)]
struct Held {
    blocks: VecDeque<Arc<Block>>,
    floor: Position,
    bytes: usize,
}

impl Tail {
    /// An empty tail, of a log that ends at `floor`.
    pub(super) fn new(floor: Position, bytes_max: usize) -> Self {
        Self { held: RwLock::new(Held { blocks: VecDeque::new(), floor, bytes: 0 }), bytes_max }
    }

    /// Adds the next blocks; the oldest give way, but for the very newest.
    pub(super) fn push(&self, blocks: impl IntoIterator<Item = Arc<Block>>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for block in blocks {
            held.bytes += block.cost();
            held.blocks.push_back(block);
        }
        while held.bytes > self.bytes_max && held.blocks.len() > 1 {
            let Some(oldest) = held.blocks.pop_front() else { break };
            held.bytes -= oldest.cost();
            held.floor = oldest.last();
        }
    }

    /// The blocks from the event after a position on, up to some bytes of bodies; `None` if it is not here.
    pub(super) fn after(&self, after: Position, bytes_max: usize) -> Option<Vec<Arc<Block>>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        if after < held.floor {
            return None;
        }
        let first = held.blocks.partition_point(|block| block.last() <= after);
        let mut bytes = 0;
        let blocks: Vec<Arc<Block>> = held
            .blocks
            .range(first..)
            .take_while(|block| {
                let fits = bytes < bytes_max;
                bytes += block.cost();
                fits
            })
            .cloned()
            .collect();
        (!blocks.is_empty()).then_some(blocks)
    }

    /// The block in which the event at a position stands; `None` if it is not here.
    pub(super) fn at(&self, position: Position) -> Option<Arc<Block>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        if position <= held.floor {
            return None;
        }
        let block = held.blocks.partition_point(|block| block.last() < position);
        held.blocks.get(block).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::block::tests::records;
    use crate::live::id::EventIds;

    fn blocks(positions: std::ops::RangeInclusive<u64>) -> Vec<Arc<Block>> {
        let ids = EventIds::new(b"secret", "default", 1);
        Block::of(records(positions, 100), &ids).into_iter().map(Arc::new).collect()
    }

    #[test]
    fn the_oldest_blocks_give_way_and_what_is_not_here_is_told() {
        let cost = blocks(1..=3)[0].cost();
        let tail = Tail::new(Position(0), 2 * cost);
        assert!(tail.after(Position(0), usize::MAX).is_none());
        for first in [1, 4, 7] {
            tail.push(blocks(first..=first + 2));
        }
        let found = |after| {
            let blocks = tail.after(Position(after), usize::MAX)?;
            Some(blocks.iter().map(|block| block.last().0).collect::<Vec<_>>())
        };
        assert_eq!(found(2), None);
        assert_eq!(found(3), Some(vec![6, 9]));
        assert_eq!(found(5), Some(vec![6, 9]));
        assert_eq!(found(6), Some(vec![9]));
        assert_eq!(found(9), None);
        assert_eq!(tail.after(Position(3), 1).expect("one at least").len(), 1);
        let last = |position| tail.at(Position(position)).map(|block| block.last().0);
        assert_eq!([3, 4, 6, 7, 9, 10].map(last), [None, Some(6), Some(6), Some(9), Some(9), None]);
    }
}
