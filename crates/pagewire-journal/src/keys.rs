//! Which keys a journal holds. Run journals number their inputs, which a bitmap holds in an eighth of a byte a key;
//! others use hashes, bounded by what retention lets them hold.

use std::collections::HashSet;

use crate::record::Key;

/// What the keys of a journal are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySpace {
    /// Ordinals under this bound.
    Ordinals(u64),
    /// 128-bit hashes.
    Hashes,
}

/// Some of the keys of a journal.
#[derive(Debug)]
pub struct KeySet(Keys);

#[derive(Debug)]
enum Keys {
    Ordinals { bits: Vec<u64>, bound: u64 },
    Hashes(HashSet<Key>),
}

impl KeySet {
    pub(crate) fn new(space: KeySpace) -> Self {
        match space {
            KeySpace::Ordinals(bound) => Self(Keys::Ordinals { bits: Vec::new(), bound }),
            KeySpace::Hashes => Self(Keys::Hashes(HashSet::new())),
        }
    }

    pub(crate) fn admits(&self, key: Key) -> bool {
        match &self.0 {
            Keys::Ordinals { bound, .. } => key.0 < u128::from(*bound),
            Keys::Hashes(_) => true,
        }
    }

    /// Whether the key is one of them.
    #[must_use]
    pub fn contains(&self, key: Key) -> bool {
        match &self.0 {
            Keys::Ordinals { bits, .. } => {
                let (word, bit) = place(key);
                bits.get(word).is_some_and(|bits| bits & bit != 0)
            }
            Keys::Hashes(keys) => keys.contains(&key),
        }
    }

    pub(crate) fn insert(&mut self, key: Key) {
        match &mut self.0 {
            Keys::Ordinals { bits, .. } => {
                let (word, bit) = place(key);
                if bits.len() <= word {
                    bits.resize(word + 1, 0);
                }
                bits[word] |= bit;
            }
            Keys::Hashes(keys) => drop(keys.insert(key)),
        }
    }

    /// Forgets a key whose record was trimmed. Ordinals are never forgotten: an input is worked off once.
    pub(crate) fn forget(&mut self, key: Key) {
        if let Keys::Hashes(keys) = &mut self.0 {
            keys.remove(&key);
        }
    }
}

/// The word and bit of an ordinal; `admits` has bounded it before.
fn place(key: Key) -> (usize, u64) {
    let ordinal = usize::try_from(key.0).unwrap_or(usize::MAX);
    (ordinal / 64, 1 << (ordinal % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_holds_what_was_inserted_and_nothing_else() {
        let mut keys = KeySet::new(KeySpace::Ordinals(1_000));
        keys.insert(Key(64));
        assert!(keys.contains(Key(64)) && !keys.contains(Key(0)) && !keys.contains(Key(999)));
        assert!(keys.admits(Key(999)) && !keys.admits(Key(1_000)));
    }
}
