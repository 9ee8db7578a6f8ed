//! The text of API keys: `pw_live_` or `pw_test_`, 26 random base62 characters, and 6 that check them.
//!
//! The check is the CRC-32 of what stands before it, so that a typo is told from an unknown key without a look-up and
//! secret scanners can match keys. It is no proof of anything; only the stored hash is.

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use pagewire_store::KeyMode;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARS: usize = 26;
const CHECK_CHARS: usize = 6;
const LIVE: &str = "pw_live_";
const TEST: &str = "pw_test_";

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct NoEntropy;

/// A key that was just made. Its text is shown once.
pub struct MintedKey {
    /// The whole key.
    pub text: String,
    /// What is stored.
    pub hash: [u8; 32],
    /// The first characters, to be told apart in lists.
    pub shown: String,
}

impl MintedKey {
    /// Makes a key of 154 random bits.
    pub fn mint(mode: KeyMode) -> Result<Self, NoEntropy> {
        let prefix = match mode {
            KeyMode::Live => LIVE,
            KeyMode::Test => TEST,
        };
        let mut text = String::with_capacity(prefix.len() + RANDOM_CHARS + CHECK_CHARS);
        text.push_str(prefix);
        let random = SystemRandom::new();
        let mut byte = [0_u8];
        while text.len() < prefix.len() + RANDOM_CHARS {
            random.fill(&mut byte).map_err(|_| NoEntropy)?;
            // 248 is the largest multiple of 62 in a byte: what lies above would make some characters likelier.
            if byte[0] < 248 {
                text.push(char::from(ALPHABET[usize::from(byte[0] % 62)]));
            }
        }
        let check = check_of(&text);
        text.push_str(&check);
        let hash = sha256(&text);
        let shown = text[..prefix.len() + 4].to_owned();
        Ok(Self { text, hash, shown })
    }
}

/// A key as a caller presents it: well-formed, not yet known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PresentedKey {
    hash: [u8; 32],
}

impl PresentedKey {
    /// Reads the text of a key. `None` for what no key looks like.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(LIVE).or_else(|| text.strip_prefix(TEST))?;
        let well_formed =
            rest.len() == RANDOM_CHARS + CHECK_CHARS && rest.bytes().all(|b| b.is_ascii_alphanumeric());
        if !well_formed {
            return None;
        }
        let (body, check) = text.split_at(text.len() - CHECK_CHARS);
        (check_of(body) == check).then(|| Self { hash: sha256(text) })
    }

    /// What is stored of the key.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

fn sha256(text: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

fn check_of(body: &str) -> String {
    let mut crc = crc32(body.as_bytes());
    let mut check = [b'0'; CHECK_CHARS];
    for place in check.iter_mut().rev() {
        *place = ALPHABET[(crc % 62) as usize];
        crc /= 62;
    }
    check.iter().copied().map(char::from).collect()
}

/// CRC-32 as in IEEE 802.3 and zip, bit by bit: it runs over forty bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_check_is_the_usual_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_minted_key_is_read_back_and_a_typo_is_not() {
        let key = MintedKey::mint(KeyMode::Live).expect("entropy");
        assert_eq!(key.text.len(), 8 + 32);
        assert_eq!(PresentedKey::parse(&key.text).map(|key| key.hash()), Some(key.hash));
        let mut typo = key.text.clone().into_bytes();
        typo[12] = if typo[12] == b'a' { b'b' } else { b'a' };
        assert_eq!(PresentedKey::parse(&String::from_utf8(typo).expect("ascii")), None);
    }

    proptest! {
        #[test]
        fn nothing_random_is_a_key(text in "\\PC{0,60}") {
            prop_assert!(PresentedKey::parse(&text).is_none());
        }
    }
}
