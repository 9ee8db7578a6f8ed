//! The names of blobs. A key cannot leave the store's root, hide a file or collide with one that is being written.

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;

/// Bytes of a key as a whole.
const KEY_BYTES_MAX: usize = 512;

/// A blob's name: segments of `[a-z0-9][a-z0-9._-]*` between single slashes.
///
/// Whatever a client calls his things stands in a row; the key is made from ids of this server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey(Box<str>);

/// The text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no blob's name")]
pub struct ParseBlobKeyError(String);

impl BlobKey {
    /// The text of the key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key below this one.
    pub fn join(&self, segments: &str) -> Result<Self, ParseBlobKeyError> {
        format!("{self}/{segments}").parse()
    }

    pub(super) fn path(&self) -> Path {
        // Of these characters none is escaped.
        Path::from(self.0.as_ref())
    }
}

impl FromStr for BlobKey {
    type Err = ParseBlobKeyError;

    fn from_str(text: &str) -> Result<Self, ParseBlobKeyError> {
        if text.len() <= KEY_BYTES_MAX && text.split('/').all(is_segment) {
            Ok(Self(text.into()))
        } else {
            Err(ParseBlobKeyError(text.chars().take(80).collect()))
        }
    }
}

fn is_segment(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_leaves_its_root() {
        for text in [
            "", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/.b", "A", "a#1", "a\\b", "a\0", "å", "c:x",
            "%2e",
        ] {
            assert!(text.parse::<BlobKey>().is_err(), "{text:?}");
        }
        assert!("a".repeat(513).parse::<BlobKey>().is_err());
        let key: BlobKey = "exports/job_01/part-00001.csv.gz".parse().expect("a key");
        assert_eq!(key.path().as_ref(), key.as_str());
        assert!(key.join("..").is_err());
    }
}
