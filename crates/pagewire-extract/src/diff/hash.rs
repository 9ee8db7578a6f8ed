//! FNV-1a over 64 bits (draft-eastlake-fnv), with a last stir: what is kept of a page is compared by it in later polls,
//! so it may never change, whatever the compiler or the machine. A page that makes two of its own texts collide hides
//! its own change and nothing else.

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// A hash that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hash(u64);

impl Hash {
    pub(super) const fn new() -> Self {
        Self(OFFSET)
    }

    /// Goes on from a hash that was made before.
    pub(super) const fn after(made: u64) -> Self {
        Self(made ^ OFFSET)
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
        // Where a part ends counts.
        self.0 = (self.0 ^ 0xff).wrapping_mul(PRIME);
    }

    pub(super) fn with(mut self, bytes: &[u8]) -> Self {
        self.add(bytes);
        self
    }

    pub(super) fn number(self, number: u64) -> Self {
        self.with(&number.to_le_bytes())
    }

    pub(super) const fn end(self) -> u64 {
        let stirred = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        stirred ^ (stirred >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_and_a_hash_is_the_same_for_ever() {
        let of =
            |parts: &[&str]| parts.iter().fold(Hash::new(), |hash, part| hash.with(part.as_bytes())).end();
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&[]), of(&[""]));
        assert_eq!(of(&["page"]), of(&["page"]));
    }
}
