//! An event of the live stream, as `GET /v1/stream` sends it.

use serde::{Deserialize, Serialize};

use crate::ids::SourceId;
use crate::source::SourceType;

/// The version of [`StreamEvent`].
pub const SCHEMA_VERSION: u32 = 1;

/// Something new. Times are RFC 3339, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEvent {
    /// Its id, a UUIDv7: also its place in the stream.
    pub id: String,
    /// When it was told.
    pub emitted_at: String,
    /// The version of this form.
    pub schema_version: u32,
    /// The source that it is from.
    pub source_id: SourceId,
    /// What the source is.
    pub source_type: SourceType,
    /// Where to read it.
    pub url: String,
    /// What it is called.
    pub title: String,
    /// What it says, as text.
    pub content: String,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The source's tags, and its own.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When it was published, in its source's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// When it was fetched.
    pub fetched_at: String,
    /// Another whenever what it says is another: 32 hexadecimal digits.
    pub content_hash: String,
    /// Of a page, what came and what went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff>,
}

/// What changed on a page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Diff {
    /// Blocks that came.
    pub added: Vec<String>,
    /// Blocks that went.
    pub removed: Vec<String>,
}
