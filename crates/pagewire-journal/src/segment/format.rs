//! The bytes of a batch: a header of 48 bytes, a table of 32 bytes a record, then the bodies one after the other.
//!
//! | header | bytes | | table entry | bytes |
//! |---|---|---|---|---|
//! | magic `PWB1` | 4 | | key | 16 |
//! | CRC-32C of the rest of the header and of the table | 4 | | body length | 4 |
//! | records | 4 | | CRC-32C of the body | 4 |
//! | zero | 4 | | weight | 4 |
//! | first position | 8 | | kind | 1 |
//! | fence | 8 | | zero | 3 |
//! | bytes of all bodies | 8 | | | |
//! | commit time, microseconds since 1970 | 8 | | | |

use crate::record::{Fence, Key, Kind, NewRecord, Position};

pub(super) const HEADER_BYTES: usize = 48;
pub(super) const ENTRY_BYTES: usize = 32;
/// Records in one batch; a header that says more is not one.
const RECORDS_MAX: u32 = 1 << 20;
const MAGIC: [u8; 4] = *b"PWB1";

/// The head of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHeader {
    crc: u32,
    pub(super) records: u32,
    pub(super) first: Position,
    pub(super) fence: Fence,
    pub(super) bodies_bytes: u64,
    pub(super) committed_us: u64,
    raw: [u8; HEADER_BYTES],
}

/// What the table says of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordEntry {
    pub(super) key: Key,
    pub(super) body_bytes: u32,
    pub(super) body_crc: u32,
    pub(super) weight: u32,
    pub(super) kind: Kind,
}

impl RecordEntry {
    pub(super) fn of(record: &NewRecord) -> Self {
        Self {
            key: record.key,
            // Bodies are bounded far below 4 GiB before they come here.
            body_bytes: u32::try_from(record.body.len()).unwrap_or(u32::MAX),
            body_crc: crc32c::crc32c(&record.body),
            weight: record.weight,
            kind: record.kind,
        }
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.0.to_le_bytes());
        out.extend_from_slice(&self.body_bytes.to_le_bytes());
        out.extend_from_slice(&self.body_crc.to_le_bytes());
        out.extend_from_slice(&self.weight.to_le_bytes());
        out.extend_from_slice(&[self.kind.number(), 0, 0, 0]);
    }

    fn decode(bytes: &[u8; ENTRY_BYTES]) -> Option<Self> {
        let mut key = [0; 16];
        key.copy_from_slice(&bytes[..16]);
        Some(Self {
            key: Key(u128::from_le_bytes(key)),
            body_bytes: u32_at(bytes, 16),
            body_crc: u32_at(bytes, 20),
            weight: u32_at(bytes, 24),
            kind: Kind::new(bytes[28])?,
        })
    }
}

/// Header and table of a batch.
pub(super) fn encode_head(
    first: Position,
    fence: Fence,
    committed_us: u64,
    entries: &[RecordEntry],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + ENTRY_BYTES * entries.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&first.0.to_le_bytes());
    out.extend_from_slice(&fence.0.to_le_bytes());
    let bodies: u64 = entries.iter().map(|entry| u64::from(entry.body_bytes)).sum();
    out.extend_from_slice(&bodies.to_le_bytes());
    out.extend_from_slice(&committed_us.to_le_bytes());
    for entry in entries {
        entry.encode(&mut out);
    }
    let crc = crc32c::crc32c(&out[8..]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    out
}

impl BatchHeader {
    /// Reads a header; its checksum is known only with the table.
    pub(super) fn decode(raw: &[u8; HEADER_BYTES]) -> Option<Self> {
        let records = u32_at(raw, 8);
        let plausible = raw[..4] == MAGIC && records > 0 && records <= RECORDS_MAX;
        plausible.then(|| Self {
            crc: u32_at(raw, 4),
            records,
            first: Position(u64_at(raw, 16)),
            fence: Fence(u64_at(raw, 24)),
            bodies_bytes: u64_at(raw, 32),
            committed_us: u64_at(raw, 40),
            raw: *raw,
        })
    }

    pub(super) fn table_bytes(&self) -> usize {
        self.records as usize * ENTRY_BYTES
    }

    /// Bytes of the whole batch.
    pub(super) fn batch_bytes(&self) -> u64 {
        (HEADER_BYTES + self.table_bytes()) as u64 + self.bodies_bytes
    }

    /// Reads the table, if header and table are what was written.
    pub(super) fn decode_table(&self, table: &[u8]) -> Option<Vec<RecordEntry>> {
        if crc32c::crc32c_append(crc32c::crc32c(&self.raw[8..]), table) != self.crc {
            return None;
        }
        let (entries, _) = table.as_chunks::<ENTRY_BYTES>();
        entries.iter().map(RecordEntry::decode).collect()
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn head(count: usize) -> Vec<u8> {
        let entries: Vec<RecordEntry> = (0..count)
            .map(|ordinal| {
                RecordEntry::of(&NewRecord {
                    key: Key(ordinal as u128),
                    kind: Kind::SECOND,
                    weight: 3,
                    body: Bytes::from(vec![b'x'; ordinal]),
                })
            })
            .collect();
        encode_head(Position(7), Fence(2), 1, &entries)
    }

    proptest! {
        #[test]
        fn a_flipped_bit_anywhere_is_noticed(count in 1_usize..20, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut bytes = head(count);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let (raw, table) = bytes.split_first_chunk::<HEADER_BYTES>().expect("a whole header");
            let read = BatchHeader::decode(raw).and_then(|header| {
                (header.table_bytes() == table.len()).then(|| header.decode_table(table)).flatten()
            });
            prop_assert!(read.is_none());
        }
    }

    #[test]
    fn a_head_is_read_back() {
        let bytes = head(3);
        let (raw, table) = bytes.split_first_chunk::<HEADER_BYTES>().expect("a whole header");
        let header = BatchHeader::decode(raw).expect("a header");
        assert_eq!((header.first, header.fence, header.bodies_bytes), (Position(7), Fence(2), 3));
        assert_eq!(header.decode_table(table).expect("a table").len(), 3);
    }
}
