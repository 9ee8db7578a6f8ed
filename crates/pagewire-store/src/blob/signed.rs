//! Links to files of a store that cannot hand them out itself: whoever has one may read that file until it expires.
//!
//! ```text
//! /d/{object}/{filename}?ws={workspace}&exp={seconds}&kid={key id}&sig={base64url of the HMAC}
//! sig = HMAC-SHA256(key, "pagewire-download-v1\nGET\n" object "\n" workspace "\n" exp "\n" filename)
//! ```
//!
//! Everything that is signed stands in the link, so that a link is judged before any row or file is looked at, and a
//! row is looked up by an id, never a path by a name. No part can hold a line feed, so no two links sign the same text.
//! A link that is good for GET is good for HEAD. Keys are a ring: the first signs, all of them verify, so that a key is
//! replaced by putting another before it, and taken away once its last link has expired.

use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

/// The longest that a link may live.
pub const LINK_LIFE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// What a secret must have at least (RFC 2104, section 3: the length of the hash).
pub const SECRET_BYTES_MIN: usize = 32;
/// What is signed says what it is for, so that no other use of the key makes a link.
const PURPOSE: &str = "pagewire-download-v1";
/// Bytes of each part of a link.
const PART_BYTES_MAX: usize = 255;

/// What a link lets its bearer read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The id of the file, in characters of `[A-Za-z0-9._-]`.
    pub object: String,
    /// The workspace that the file is of.
    pub workspace: String,
    /// What the file is called where it is saved.
    pub filename: String,
}

/// The query of a link, as its parts were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkQuery<'a> {
    /// `exp`
    pub expires: &'a str,
    /// `kid`
    pub key_id: &'a str,
    /// `sig`
    pub signature: &'a str,
}

/// Why a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It was not made by this server, or it was changed, or its key has been taken away.
    #[error("the link was not made by this server, or it was changed")]
    Forged,
    /// It was good once.
    #[error("the link has expired")]
    Expired,
}

/// Why no link can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// A part is empty, too long, or has characters that a link does not take.
    #[error("the {0} cannot stand in a link")]
    Part(&'static str),
    /// It would live too long.
    #[error("a link lives 30 days at most")]
    Life,
}

/// Why keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// There is none.
    #[error("links need a key")]
    Empty,
    /// A key can be guessed.
    #[error("a key of links must have at least {SECRET_BYTES_MIN} bytes")]
    Short,
    /// Ids of keys are 1 to 32 of `[a-z0-9]`, each once.
    #[error("the id of a key of links must be 1 to 32 of `[a-z0-9]`, and no other's")]
    Id,
}

/// The keys that links are signed with.
pub struct KeyRing {
    keys: Vec<(Box<str>, hmac::Key)>,
}

impl KeyRing {
    /// Keys by their ids; the first one signs.
    pub fn new(secrets: &[(&str, &[u8])]) -> Result<Self, KeyRingError> {
        let mut keys: Vec<(Box<str>, hmac::Key)> = Vec::with_capacity(secrets.len());
        for (id, secret) in secrets {
            let is_id = (1..=32).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            if !is_id || keys.iter().any(|(known, _)| known.as_ref() == *id) {
                return Err(KeyRingError::Id);
            }
            if secret.len() < SECRET_BYTES_MIN {
                return Err(KeyRingError::Short);
            }
            keys.push(((*id).into(), hmac::Key::new(hmac::HMAC_SHA256, secret)));
        }
        if keys.is_empty() { Err(KeyRingError::Empty) } else { Ok(Self { keys }) }
    }

    /// The path and query of a link that lives from `now` for that long.
    pub fn sign(&self, download: &Download, now: Timestamp, lives: Duration) -> Result<String, SignError> {
        check(&download.object, "id", is_id_byte)?;
        check(&download.workspace, "workspace", is_id_byte)?;
        check(&download.filename, "file name", |b| b >= b' ' && b != 0x7f)?;
        if lives > LINK_LIFE_MAX {
            return Err(SignError::Life);
        }
        let lives = i64::try_from(lives.as_secs()).map_err(|_| SignError::Life)?;
        let expires = now.as_second().saturating_add(lives).to_string();
        let (id, key) = &self.keys[0];
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(key, text(download, &expires).as_bytes()));
        let mut link = format!("/d/{}/", download.object);
        escape_into(&mut link, &download.filename);
        let _ = write!(link, "?ws={}&exp={expires}&kid={id}&sig={signature}", download.workspace);
        Ok(link)
    }

    /// Judges a link whose parts have been unescaped. Whether the file is still there is another question.
    pub fn verify(
        &self,
        download: &Download,
        query: &LinkQuery<'_>,
        now: Timestamp,
    ) -> Result<Timestamp, LinkError> {
        let (_, key) =
            self.keys.iter().find(|(id, _)| id.as_ref() == query.key_id).ok_or(LinkError::Forged)?;
        let signature = URL_SAFE_NO_PAD.decode(query.signature).map_err(|_| LinkError::Forged)?;
        // In constant time, and before anything of the link is believed.
        hmac::verify(key, text(download, query.expires).as_bytes(), &signature)
            .map_err(|_| LinkError::Forged)?;
        let seconds = query.expires.parse().map_err(|_| LinkError::Forged)?;
        let expires = Timestamp::from_second(seconds).map_err(|_| LinkError::Forged)?;
        if now < expires { Ok(expires) } else { Err(LinkError::Expired) }
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.keys.len()).finish()
    }
}

fn check(part: &str, name: &'static str, accepts: fn(u8) -> bool) -> Result<(), SignError> {
    let is_whole = !part.is_empty() && part.len() <= PART_BYTES_MAX && part.bytes().all(accepts);
    if is_whole { Ok(()) } else { Err(SignError::Part(name)) }
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

fn text(download: &Download, expires: &str) -> String {
    let Download { object, workspace, filename } = download;
    format!("{PURPOSE}\nGET\n{object}\n{workspace}\n{expires}\n{filename}")
}

/// Percent-encodes all but the unreserved characters of RFC 3986, section 2.3.
pub(super) fn escape_into(link: &mut String, part: &str) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            link.push(char::from(byte));
        } else {
            let _ = write!(link, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const OTHER: &[u8] = b"fedcba9876543210fedcba9876543210";
    const DAY: Duration = Duration::from_secs(86_400);

    fn ring(secrets: &[(&str, &[u8])]) -> KeyRing {
        KeyRing::new(secrets).expect("a ring")
    }

    fn download() -> Download {
        Download {
            object: "job_0190.part-00001".into(),
            workspace: "default".into(),
            filename: "répriser \"x\".csv".into(),
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).expect("a time")
    }

    /// As a server reads a link that comes in.
    fn verify(ring: &KeyRing, link: &str, now: Timestamp) -> Result<Timestamp, LinkError> {
        let (path, query) = link.split_once('?').ok_or(LinkError::Forged)?;
        let (object, filename) =
            path.strip_prefix("/d/").and_then(|rest| rest.split_once('/')).ok_or(LinkError::Forged)?;
        let part = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap_or_default();
        let download = Download {
            object: object.into(),
            workspace: part("ws=").into(),
            filename: unescape(filename).ok_or(LinkError::Forged)?,
        };
        let query = LinkQuery { expires: part("exp="), key_id: part("kid="), signature: part("sig=") };
        ring.verify(&download, &query, now)
    }

    fn unescape(text: &str) -> Option<String> {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            if *first == b'%' {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &after[2..];
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        String::from_utf8(bytes).ok()
    }

    #[test]
    fn a_link_is_good_until_it_expires() {
        let ring = ring(&[("a", SECRET)]);
        let link = ring.sign(&download(), now(), DAY).expect("signed");
        assert!(
            link.starts_with("/d/job_0190.part-00001/r%C3%A9priser%20%22x%22.csv?ws=default&exp=1800086400")
        );
        let last = now() + Duration::from_secs(86_399);
        assert!(verify(&ring, &link, now()).is_ok());
        assert!(verify(&ring, &link, last).is_ok());
        assert_eq!(verify(&ring, &link, last + Duration::from_secs(1)), Err(LinkError::Expired));
    }

    #[test]
    fn a_key_is_replaced_without_breaking_links_that_are_out() {
        let link = ring(&[("a", SECRET)]).sign(&download(), now(), DAY).expect("signed");
        let rotated = ring(&[("b", OTHER), ("a", SECRET)]);
        assert!(verify(&rotated, &link, now()).is_ok());
        assert!(rotated.sign(&download(), now(), DAY).expect("signed").contains("&kid=b&"));
        assert_eq!(verify(&ring(&[("b", OTHER)]), &link, now()), Err(LinkError::Forged));
        assert_eq!(verify(&ring(&[("a", OTHER)]), &link, now()), Err(LinkError::Forged));
    }

    #[test]
    fn what_cannot_be_signed_is_told() {
        let ring = ring(&[("a", SECRET)]);
        let sign = |change: fn(&mut Download)| {
            let mut download = download();
            change(&mut download);
            ring.sign(&download, now(), DAY)
        };
        assert_eq!(sign(|d| d.object = "../etc/passwd".into()), Err(SignError::Part("id")));
        assert_eq!(sign(|d| d.object = String::new()), Err(SignError::Part("id")));
        assert_eq!(sign(|d| d.workspace = "a\nb".into()), Err(SignError::Part("workspace")));
        assert_eq!(sign(|d| d.filename = "a\r\nb".into()), Err(SignError::Part("file name")));
        assert_eq!(ring.sign(&download(), now(), LINK_LIFE_MAX + DAY), Err(SignError::Life));
        assert!(matches!(KeyRing::new(&[]), Err(KeyRingError::Empty)));
        assert!(matches!(KeyRing::new(&[("a", b"short")]), Err(KeyRingError::Short)));
        assert!(matches!(KeyRing::new(&[("a", SECRET), ("a", OTHER)]), Err(KeyRingError::Id)));
    }

    proptest! {
        #[test]
        fn a_link_of_which_any_byte_is_changed_is_refused(
            filename in "[ -~å]{1,40}", at in any::<prop::sample::Index>(), to in any::<u8>(),
        ) {
            let ring = ring(&[("a", SECRET), ("b", OTHER)]);
            let link = ring.sign(&Download { filename, ..download() }, now(), DAY).expect("signed");
            prop_assert!(verify(&ring, &link, now()).is_ok());
            let mut bytes = link.clone().into_bytes();
            let at = at.index(bytes.len());
            let is_same_digit = bytes[at].eq_ignore_ascii_case(&to) && link[..at].rfind('%').is_some_and(|mark| at - mark <= 2);
            bytes[at] = to;
            if let Ok(changed) = String::from_utf8(bytes)
                && changed != link
                && !is_same_digit
            {
                prop_assert!(verify(&ring, &changed, now()).is_err(), "{changed}");
            }
        }

        #[test]
        fn a_signature_of_other_bytes_is_refused(signature in prop::collection::vec(any::<u8>(), 0..40)) {
            let ring = ring(&[("a", SECRET)]);
            let signature = URL_SAFE_NO_PAD.encode(signature);
            let query = LinkQuery { expires: "1900000000", key_id: "a", signature: &signature };
            prop_assert_eq!(ring.verify(&download(), &query, now()), Err(LinkError::Forged));
        }
    }
}
