//! A block: events that follow each other, shared by all who read them, and written out once for each form of the wire.

use std::sync::OnceLock;

use bytes::Bytes;
use pagewire_journal::{Kind, Position, Record};
use pagewire_types::SourceType;

use super::id::{EventId, EventIds, Place};

/// Events of a block at most.
pub(super) const EVENTS_MAX: usize = 256;
/// Bytes of a block's bodies at most, unless its only event is larger: what a reader that has stopped can hold on to.
pub(super) const BYTES_MAX: usize = 64 * 1024;
/// What an event costs beside its body and its frame.
const OVERHEAD_BYTES: usize = 160;

/// An event that is durable.
#[derive(Debug, Clone)]
pub struct LiveEvent {
    /// Where it stands.
    pub position: Position,
    /// The same for clients.
    pub id: EventId,
    /// When it was committed, in milliseconds since 1970.
    pub ms: u64,
    /// What its source is, which is its name.
    pub source_type: SourceType,
    /// Its JSON object, but for `id` and `emitted_at`.
    pub body: Bytes,
}

impl LiveEvent {
    /// When it was committed: RFC 3339, in UTC.
    #[must_use]
    pub fn emitted_at(&self) -> String {
        let ms = i64::try_from(self.ms).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX).to_string()
    }
}

/// The forms in which events go over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Frames of Server-Sent Events.
    Sse,
    /// Lines of NDJSON.
    Ndjson,
}

/// The events of a block, written out one after the other.
#[derive(Debug, Clone)]
pub struct Written {
    /// All of them.
    pub bytes: Bytes,
    /// Where each ends.
    pub ends: Vec<u32>,
}

impl Written {
    /// The bytes of some of the events, which stand together.
    #[must_use]
    pub fn slice(&self, events: std::ops::Range<usize>) -> Bytes {
        let end = |event: usize| self.ends.get(event).map_or(self.bytes.len(), |end| *end as usize);
        let from = events.start.checked_sub(1).map_or(0, end);
        let to = events.end.checked_sub(1).map_or(0, end);
        if from < to { self.bytes.slice(from..to) } else { Bytes::new() }
    }
}

/// Events that follow each other; at least one.
#[derive(Debug)]
pub struct Block {
    events: Vec<LiveEvent>,
    written: [OnceLock<Written>; 2],
}

impl Block {
    /// The blocks of records that follow each other.
    pub(super) fn of(records: impl IntoIterator<Item = Record>, ids: &EventIds) -> Vec<Self> {
        let mut blocks = Vec::new();
        let (mut events, mut bytes) = (Vec::new(), 0);
        for record in records {
            let full = events.len() >= EVENTS_MAX || bytes + record.body.len() > BYTES_MAX;
            if full && !events.is_empty() {
                blocks.push(Self::new(std::mem::take(&mut events)));
                bytes = 0;
            }
            bytes += record.body.len();
            events.push(event(record, ids));
        }
        if !events.is_empty() {
            blocks.push(Self::new(events));
        }
        blocks
    }

    fn new(events: Vec<LiveEvent>) -> Self {
        Self { events, written: [OnceLock::new(), OnceLock::new()] }
    }

    /// Its events, in order.
    #[must_use]
    pub fn events(&self) -> &[LiveEvent] {
        &self.events
    }

    /// The position of its last event.
    pub(super) fn last(&self) -> Position {
        self.events.last().map_or(Position::START, |event| event.position)
    }

    /// The position before its first event.
    pub(super) fn before(&self) -> Position {
        self.events.first().map_or(Position::START, |event| Position(event.position.0 - 1))
    }

    /// Where in the block the event after a position stands.
    pub(super) fn index_after(&self, after: Position) -> usize {
        // A block is short, and its length is far below what a `usize` holds.
        usize::try_from(after.0.saturating_sub(self.before().0)).unwrap_or(usize::MAX).min(self.events.len())
    }

    /// Its events in a form of the wire: written by whoever asks first, shared by all others.
    pub fn written(&self, form: Form, write: impl FnOnce(&[LiveEvent]) -> Written) -> &Written {
        self.written[form as usize].get_or_init(|| write(&self.events))
    }

    /// What it costs to keep it, with its events written out in one form.
    pub(super) fn cost(&self) -> usize {
        self.events.iter().map(|event| 2 * event.body.len() + OVERHEAD_BYTES).sum()
    }
}

fn event(record: Record, ids: &EventIds) -> LiveEvent {
    let ms = record.committed_us / 1000;
    LiveEvent {
        id: ids.id(Place { position: record.position, ms }),
        position: record.position,
        ms,
        source_type: type_of(record.kind),
        body: record.body,
    }
}

/// The kind of a source's records.
pub(super) fn kind_of(source_type: SourceType) -> Kind {
    // There are fewer types than kinds.
    Kind::new(source_type as u8).unwrap_or(Kind::FIRST)
}

fn type_of(kind: Kind) -> SourceType {
    SourceType::ALL.get(usize::from(kind.number())).copied().unwrap_or(SourceType::Html)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn records(positions: std::ops::RangeInclusive<u64>, body_bytes: usize) -> Vec<Record> {
        positions
            .map(|position| Record {
                position: Position(position),
                kind: kind_of(SourceType::Rss),
                weight: 0,
                body: Bytes::from(vec![b'x'; body_bytes]),
                committed_us: position * 1_000_000,
                committed_at: None,
            })
            .collect()
    }

    fn ids() -> EventIds {
        EventIds::new(b"secret", "default", 1)
    }

    #[test]
    fn blocks_are_bounded_by_events_and_bytes_and_hold_what_is_larger_alone() {
        let shape = |blocks: &[Block]| blocks.iter().map(|block| block.events().len()).collect::<Vec<_>>();
        assert_eq!(shape(&Block::of(records(1..=600, 10), &ids())), [256, 256, 88]);
        assert_eq!(shape(&Block::of(records(1..=5, 30_000), &ids())), [2, 2, 1]);
        assert_eq!(shape(&Block::of(records(1..=2, 100_000), &ids())), [1, 1]);
        assert!(Block::of(Vec::new(), &ids()).is_empty());
    }

    #[test]
    fn a_part_of_a_block_is_a_part_of_its_bytes() {
        let block = Block::of(records(11..=14, 3), &ids()).remove(0);
        assert_eq!((block.before(), block.last()), (Position(10), Position(14)));
        assert_eq!([9, 10, 12, 14, 20].map(|after| block.index_after(Position(after))), [0, 0, 2, 4, 4]);
        let write = |events: &[LiveEvent]| {
            let text: String = events.iter().map(|event| format!("{};", event.position)).collect();
            Written { bytes: text.into(), ends: vec![3, 6, 9, 12] }
        };
        assert_eq!(block.written(Form::Sse, write).slice(1..3), "12;13;");
        assert_eq!(block.written(Form::Sse, |_| panic!("written once")).slice(0..4), "11;12;13;14;");
        assert_eq!(block.written(Form::Sse, write).slice(2..2), "");
    }

    #[test]
    fn every_type_of_source_has_a_kind_of_its_own() {
        for source_type in SourceType::ALL {
            assert_eq!(type_of(kind_of(*source_type)), *source_type);
        }
    }
}
