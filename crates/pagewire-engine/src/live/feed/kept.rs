//! What is kept of a feed between polls.
//!
//! Constraints: a few KiB for an ordinary feed, a bound for any other, and nothing that cannot be had again.
//!
//! Format: JSON; the entries seen stand in it as Base64 of records of [`RECORD_BYTES`], the one seen last at the end:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | identity |
//! | 8 | hash of what the entry said when it was last told or marked as seen |
//! | 4 | when it was published, in seconds of Unix time; 0 for unknown |
//! | 2 | version: how often a change of it was told |
//!
//! Entries that the document holds are all kept; of those that it held once, the [`PAST_MAX`] seen last.

use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use pagewire_types::TargetUrl;
use serde::{Deserialize, Serialize};

use super::hash;

/// What hashes are made of changes with this; kept ones of another version are replaced, and nothing is told for it.
const HASHED_AS: u8 = 1;
/// Entries that are remembered beside those of the document.
pub(super) const PAST_MAX: usize = 3_000;
/// Identities that are remembered as shared.
const SHARED_MAX: usize = 1_000;
/// Bytes of an entry's record.
const RECORD_BYTES: usize = 22;
/// Bytes of a validator; one that is longer is not worth its place.
const VALIDATOR_BYTES_MAX: usize = 1_024;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(rename = "v", default)]
    hashed_as: u8,
    /// The URL that the validators are of.
    #[serde(rename = "u", default)]
    url: u64,
    #[serde(flatten)]
    validators: Validators,
    /// The document's hash; 0 for none.
    #[serde(rename = "body", default, skip_serializing_if = "is_zero")]
    pub(super) body: u64,
    /// How long the document asks not to be read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ttl_s: Option<u64>,
    /// Whether only a part of the first document has been seen.
    #[serde(rename = "partial", default, skip_serializing_if = "is_false")]
    pub(super) is_partial: bool,
    #[serde(with = "packed_records", default)]
    pub(super) seen: Vec<Seen>,
    /// Identities that are not used.
    #[serde(with = "packed_hashes", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) shared: Vec<u64>,
}

/// What a conditional request is made with (RFC 9110, section 13.1).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Validators {
    /// `ETag`, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    /// `Last-Modified`, as it came.
    #[serde(rename = "modified", default, skip_serializing_if = "Option::is_none")]
    pub(super) last_modified: Option<String>,
}

/// An entry that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) identity: u64,
    pub(super) said: u64,
    pub(super) published_s: u32,
    pub(super) version: u16,
}

impl Kept {
    /// Reads what was kept; `None` for what nobody can read, so that the feed is begun anew.
    pub(super) fn read(state: &str) -> Option<Self> {
        serde_json::from_str(state).ok()
    }

    /// What is to be kept of a document.
    pub(super) fn new(url: &TargetUrl, validators: Validators, body: &[u8]) -> Self {
        let short = |value: Option<String>| value.filter(|value| value.len() <= VALIDATOR_BYTES_MAX);
        Self {
            hashed_as: HASHED_AS,
            url: hash::of(&[url.as_str()]),
            validators: Validators {
                etag: short(validators.etag),
                last_modified: short(validators.last_modified),
            },
            body: hash::of_bytes(body),
            ttl_s: None,
            is_partial: false,
            seen: Vec::new(),
            shared: Vec::new(),
        }
    }

    /// Such that the next document is read whatever its validators say.
    pub(super) fn without_validators(self) -> Self {
        Self { validators: Validators::default(), body: 0, ..self }
    }

    /// The validators, for a request to the URL that they are of.
    pub(super) fn validators(&self, url: &TargetUrl) -> Option<&Validators> {
        (self.url == hash::of(&[url.as_str()])).then_some(&self.validators)
    }

    /// Whether what entries said was hashed as it is now.
    pub(super) fn is_comparable(&self) -> bool {
        self.hashed_as == HASHED_AS
    }

    /// Keeps the entries of the document, and of those before the ones seen last.
    pub(super) fn remember(
        &mut self,
        past: Vec<Seen>,
        present: Vec<Seen>,
        mut shared: Vec<u64>,
        past_max: usize,
    ) {
        let over = past.len().saturating_sub(past_max);
        self.seen = past.into_iter().skip(over).chain(present).collect();
        shared.sort_unstable();
        shared.truncate(SHARED_MAX);
        self.shared = shared;
    }

    /// With the entries that another document has left.
    pub(super) fn with_entries_of(&self, other: Self) -> Self {
        Self { hashed_as: other.hashed_as, seen: other.seen, shared: other.shared, ..self.clone() }
    }

    /// As it is kept.
    pub(super) fn to_state(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }
}

impl Seen {
    fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&self.identity.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.said.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.published_s.to_le_bytes());
        bytes[20..].copy_from_slice(&self.version.to_le_bytes());
        bytes
    }

    fn of_bytes(bytes: &[u8; RECORD_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
        let [i, j, k, l, m, n, o, p, rest @ ..] = rest;
        let [q, r, s, t, version @ ..] = rest;
        Self {
            identity: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            said: u64::from_le_bytes([i, j, k, l, m, n, o, p]),
            published_s: u32::from_le_bytes([q, r, s, t]),
            version: u16::from_le_bytes(version),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(hash: &u64) -> bool {
    *hash == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

mod packed_records {
    use super::{BASE64, RECORD_BYTES, Seen};
    use base64::Engine as _;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(seen: &[Seen], to: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = seen.iter().flat_map(|seen| seen.to_bytes()).collect();
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Seen>, D::Error> {
        let bytes = BASE64.decode(String::deserialize(from)?).map_err(D::Error::custom)?;
        let (records, []) = bytes.as_chunks::<RECORD_BYTES>() else {
            return Err(D::Error::custom("the records are not whole"));
        };
        Ok(records.iter().map(Seen::of_bytes).collect())
    }
}

mod packed_hashes {
    use super::BASE64;
    use base64::Engine as _;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hashes: &[u64], to: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
        let bytes = BASE64.decode(String::deserialize(from)?).map_err(D::Error::custom)?;
        let (hashes, []) = bytes.as_chunks::<8>() else {
            return Err(D::Error::custom("the hashes are not whole"));
        };
        Ok(hashes.iter().map(|hash| u64::from_le_bytes(*hash)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> TargetUrl {
        TargetUrl::parse(text).expect("a url")
    }

    fn seen(number: u64) -> Seen {
        Seen { identity: number, said: !number, published_s: 7, version: 3 }
    }

    fn kept(present: u64, past: u64) -> Kept {
        let validators = Validators {
            etag: Some("W/\"33a64df551425fcc55e4d42a148795d9f25f89d4\"".to_owned()),
            last_modified: Some("Tue, 03 Feb 2026 09:30:00 GMT".to_owned()),
        };
        let mut kept = Kept::new(&url("https://s.example/feed"), validators, b"body");
        kept.remember(
            (0..past).map(seen).collect(),
            (past..past + present).map(seen).collect(),
            vec![5, 4],
            PAST_MAX,
        );
        kept
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let mut kept = kept(20, 10);
        kept.ttl_s = Some(60);
        kept.is_partial = true;
        assert_eq!(Kept::read(&kept.to_state()), Some(kept));
    }

    #[test]
    fn an_ordinary_feed_takes_little_and_no_feed_much() {
        assert!(kept(50, 0).to_state().len() < 2_048);
        let kept = kept(10_000, 1_000_000);
        assert_eq!((kept.seen.len(), kept.seen[0]), (10_000 + PAST_MAX, seen(1_000_000 - PAST_MAX as u64)));
        assert!(kept.to_state().len() < 400 * 1_024);
    }

    #[test]
    fn validators_are_for_their_own_url() {
        let kept = kept(1, 0);
        assert!(kept.validators(&url("https://s.example/feed")).is_some());
        assert!(kept.validators(&url("https://s.example/other")).is_none());
    }

    #[test]
    fn what_is_no_state_is_none() {
        for state in ["", "{", "[]", r#"{"seen":"AAAA"}"#, r#"{"seen":"?"}"#, r#"{"seen":7}"#] {
            assert_eq!(Kept::read(state), None, "{state}");
        }
    }
}
