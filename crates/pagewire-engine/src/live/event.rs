//! An event on its way into the log.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use pagewire_journal::Key;
use pagewire_types::{Diff, SourceType};

/// What makes repeating an event safe: unique among all events of its source, the same whenever the same thing is found
/// again from the same kept state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventKey(u128);

impl EventKey {
    /// The key of what these parts say together, such as an entry's identity, its version and its hash.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        Self(hash(parts))
    }

    /// The key in the log, where events of all sources stand: `source` is what no other source has ever been called,
    /// nor this one before it was deleted and made again.
    #[must_use]
    pub fn in_log(self, source: &[u8]) -> Key {
        Key(hash(&[source, &self.0.to_le_bytes()]))
    }
}

/// The first half of a SHA-256 over the parts, each with its length before it.
fn hash(parts: &[&[u8]]) -> u128 {
    let mut text = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_le_bytes());
        text.extend_from_slice(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&digest(&SHA256, &text).as_ref()[..16]);
    u128::from_le_bytes(half)
}

/// An event that has no id yet. The source's id and its tags are added by whoever emits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What makes repeating it safe.
    pub key: EventKey,
    /// What the source turned out to be, which is the event's name.
    pub source_type: SourceType,
    /// Where to read it: absolute.
    pub url: String,
    /// What it is called; may be empty.
    pub title: String,
    /// What it says, as text; may be empty.
    pub content: String,
    /// Who wrote it.
    pub author: Option<String>,
    /// Tags beside the source's own.
    pub tags: Vec<String>,
    /// When it was published: RFC 3339, in UTC.
    pub published_at: Option<String>,
    /// When it was fetched.
    pub fetched_at: Timestamp,
    /// Of a page, what came and what went.
    pub diff: Option<Diff>,
}

impl NewEvent {
    /// Another whenever what the event says is another: URL, title, content, author and diff.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut parts: Vec<&[u8]> = vec![
            self.url.as_bytes(),
            self.title.as_bytes(),
            self.content.as_bytes(),
            self.author.as_deref().unwrap_or_default().as_bytes(),
        ];
        if let Some(diff) = &self.diff {
            parts.push(b"diff");
            parts.extend(diff.added.iter().map(String::as_bytes));
            parts.push(b"removed");
            parts.extend(diff.removed.iter().map(String::as_bytes));
        }
        format!("{:032x}", hash(&parts))
    }
}
