//! Ids of events: UUIDs of version 7 (RFC 9562, section 5.7) whose random bits say where the event stands.
//!
//! ```text
//! milliseconds 48 | version 4 | epoch 12 | variant 2 | sequence 46 | check 16
//! ```
//!
//! The epoch is the log's, drawn when it was made: a log that was begun anew is told from this one. The check is keyed with
//! what only this server knows, so that a cursor is validated and located without a look into the log, and nobody can make
//! one up.

use std::fmt;
use std::hash::Hasher as _;

use aws_lc_rs::digest::{SHA256, digest};
use pagewire_journal::Position;
use siphasher::sip::SipHasher24;
use uuid::Uuid;

const EPOCH_BITS: u32 = 12;
const SEQUENCE_BITS: u32 = 46;
const MS_BITS: u32 = 48;

/// An event's id, as text: 36 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId([u8; 36]);

impl EventId {
    /// The id as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only hexadecimal digits and hyphens are ever put there.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an id says that it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The event's position.
    pub position: Position,
    /// When it was committed, in milliseconds since 1970.
    pub ms: u64,
}

/// Why a text is no id of this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdFault {
    /// It never was one of this server's.
    #[error("it is not the id of an event of this stream")]
    Invalid,
    /// It is from before the log was begun anew.
    #[error("it is from before the stream was begun anew")]
    OtherEpoch,
}

/// Makes and reads the ids of one log.
#[derive(Clone)]
pub struct EventIds {
    epoch: u16,
    check: SipHasher24,
}

impl fmt::Debug for EventIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventIds").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl EventIds {
    /// The ids of the log of that name and epoch; of the epoch, the lowest 12 bits count.
    #[must_use]
    pub fn new(secret: &[u8], log: &str, epoch: u16) -> Self {
        let mut seed = secret.to_vec();
        seed.extend_from_slice(log.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest(&SHA256, &seed).as_ref()[..16]);
        Self { epoch: epoch & ((1 << EPOCH_BITS) - 1), check: SipHasher24::new_with_key(&key) }
    }

    /// The id of the event at a place.
    #[must_use]
    pub fn id(&self, place: Place) -> EventId {
        let ms = place.ms & ((1 << MS_BITS) - 1);
        let sequence = place.position.0 & ((1 << SEQUENCE_BITS) - 1);
        let check = self.check(ms, self.epoch, sequence);
        let bits = u128::from(ms) << 80
            | 7 << 76
            | u128::from(self.epoch) << 64
            | 0b10 << 62
            | u128::from(sequence) << 16
            | u128::from(check);
        let mut text = [0; 36];
        Uuid::from_u128(bits).hyphenated().encode_lower(&mut text);
        EventId(text)
    }

    /// Where the event of that id stands, or would.
    pub fn place(&self, text: &str) -> Result<Place, IdFault> {
        if text.len() != 36 {
            return Err(IdFault::Invalid);
        }
        let bits = Uuid::try_parse(text).map_err(|_| IdFault::Invalid)?.as_u128();
        let part = |at: u32, bits_wide: u32| (bits >> at) as u64 & ((1 << bits_wide) - 1);
        let (ms, epoch, sequence) = (part(80, 48), part(64, 12) as u16, part(16, SEQUENCE_BITS));
        let form = part(76, 4) == 7 && part(62, 2) == 0b10;
        if !form || self.check(ms, epoch, sequence) != part(0, 16) as u16 {
            return Err(IdFault::Invalid);
        }
        if epoch != self.epoch {
            return Err(IdFault::OtherEpoch);
        }
        Ok(Place { position: Position(sequence), ms })
    }

    fn check(&self, ms: u64, epoch: u16, sequence: u64) -> u16 {
        let mut hasher = self.check;
        hasher.write_u64(ms);
        hasher.write_u16(epoch);
        hasher.write_u64(sequence);
        // The lowest bits are as good as any of a keyed hash.
        hasher.finish() as u16
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(epoch: u16) -> EventIds {
        EventIds::new(b"secret", "default", epoch)
    }

    proptest! {
        #[test]
        fn an_id_is_a_uuid_of_version_7_and_is_read_back(ms in 0_u64..1 << 48, position in 0_u64..1 << 46, epoch in 0_u16..4096) {
            let place = Place { position: Position(position), ms };
            let id = ids(epoch).id(place);
            let uuid = Uuid::parse_str(id.as_str()).expect("a UUID");
            prop_assert_eq!(uuid.get_version_num(), 7);
            prop_assert_eq!(ids(epoch).place(id.as_str()), Ok(place));
            prop_assert_eq!(ids(epoch).place(&id.as_str().to_uppercase()), Ok(place));
            prop_assert_eq!(ids(epoch ^ 1).place(id.as_str()), Err(IdFault::OtherEpoch));
        }

        #[test]
        fn ids_sort_as_their_events_were_committed(ms in 0_u64..1 << 47, position in 0_u64..1 << 45, later in 0_u64..1000) {
            let first = ids(7).id(Place { position: Position(position), ms });
            let next = ids(7).id(Place { position: Position(position + 1), ms: ms + later });
            prop_assert!(first.as_str() < next.as_str());
        }

        #[test]
        fn no_text_is_an_id_by_itself(text in "\\PC{0,40}") {
            prop_assert_eq!(ids(7).place(&text), Err(IdFault::Invalid));
        }
    }

    #[test]
    fn what_was_changed_by_a_digit_fails_its_check() {
        let id = ids(7).id(Place { position: Position(41), ms: 1_800_000_000_000 });
        let mut taken = 0;
        for at in (0..36).filter(|at| id.as_str().as_bytes()[*at] != b'-') {
            for digit in "0123456789abcdef".chars().filter(|digit| !id.as_str()[at..].starts_with(*digit)) {
                let changed: String =
                    id.as_str().chars().enumerate().map(|(i, c)| if i == at { digit } else { c }).collect();
                taken += usize::from(ids(7).place(&changed) != Err(IdFault::Invalid));
            }
        }
        // One of 65,536 passes by chance, of 480.
        assert!(taken <= 1, "{taken} changed ids were taken");
    }

    #[test]
    fn another_log_s_ids_and_another_server_s_are_none_here() {
        let id = ids(7).id(Place { position: Position(41), ms: 5 });
        assert_eq!(EventIds::new(b"secret", "other", 7).place(id.as_str()), Err(IdFault::Invalid));
        assert_eq!(EventIds::new(b"another", "default", 7).place(id.as_str()), Err(IdFault::Invalid));
    }
}
