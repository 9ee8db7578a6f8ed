//! An event's body as it is kept: its JSON without what only the log can give, `id` and `emitted_at`.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use pagewire_types::live_event::SCHEMA_VERSION;
use pagewire_types::{Diff, SourceId, SourceSpec, SourceType};
use serde::{Deserialize, Serialize};

use super::event::NewEvent;

/// Bytes of an event's text that are kept; the rest is cut off.
const CONTENT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a title, of an author and of a URL that are kept.
const LINE_BYTES_MAX: usize = 16 * 1024;

#[derive(Serialize)]
struct Body<'a> {
    schema_version: u32,
    source_id: &'a SourceId,
    source_type: SourceType,
    url: &'a str,
    title: &'a str,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    tags: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published_at: Option<&'a str>,
    fetched_at: Timestamp,
    content_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Diff>,
}

/// The body of an event of that source. Texts that are too long are cut at a character, lists where they are too long.
#[must_use]
pub fn encode(source: &SourceSpec, event: &NewEvent) -> Bytes {
    let mut tags: Vec<&str> = source.tags.iter().chain(&event.tags).map(String::as_str).collect();
    let mut seen = std::collections::HashSet::new();
    tags.retain(|tag| seen.insert(*tag));
    let body = Body {
        schema_version: SCHEMA_VERSION,
        source_id: &source.id,
        source_type: event.source_type,
        url: cut(&event.url, LINE_BYTES_MAX),
        title: cut(&event.title, LINE_BYTES_MAX),
        content: cut(&event.content, CONTENT_BYTES_MAX),
        author: event.author.as_deref().map(|author| cut(author, LINE_BYTES_MAX)),
        tags,
        published_at: event.published_at.as_deref(),
        fetched_at: event.fetched_at,
        content_hash: event.content_hash(),
        diff: event.diff.as_ref().map(bounded),
    };
    // Plain data with string keys always serialises.
    Bytes::from(serde_json::to_vec(&body).unwrap_or_else(|_| b"{}".to_vec()))
}

fn bounded(diff: &Diff) -> Diff {
    let mut room = CONTENT_BYTES_MAX;
    let mut blocks = |blocks: &[String]| {
        let fits = |block: &&String| {
            let fits = block.len() <= room;
            room = room.saturating_sub(block.len() + 8);
            fits
        };
        blocks.iter().take_while(fits).cloned().collect()
    };
    Diff { added: blocks(&diff.added), removed: blocks(&diff.removed) }
}

fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// What filters look at.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub(super) source_id: Cow<'a, str>,
    pub(super) source_type: SourceType,
    #[serde(borrow, default)]
    pub(super) tags: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) title: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) content: Cow<'a, str>,
}

impl<'a> Fields<'a> {
    /// Reads them from a body; `None` where it is none of [`encode`]'s.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::event::EventKey;

    #[test]
    fn a_body_is_the_contract_s_event_but_for_its_id_and_its_time() {
        let source: SourceSpec = serde_json::from_value(serde_json::json!({
            "id": "town.news", "source_type": "rss", "url": "http://a.example/feed", "tags": ["a", "b"],
        }))
        .expect("a source");
        let event = NewEvent {
            key: EventKey::of(&[b"1"]),
            source_type: SourceType::Atom,
            url: "http://a.example/1".into(),
            title: "One\nand a half".into(),
            content: "é".repeat(CONTENT_BYTES_MAX),
            author: None,
            tags: vec!["b".into(), "c".into()],
            published_at: None,
            fetched_at: Timestamp::UNIX_EPOCH,
            diff: None,
        };
        let body = encode(&source, &event);
        assert!(!body.contains(&b'\n'));
        let mut value: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        value["id"] = "0".into();
        value["emitted_at"] = "1970-01-01T00:00:00Z".into();
        let read: pagewire_types::StreamEvent = serde_json::from_value(value).expect("an event");
        assert_eq!(read.tags, ["a", "b", "c"]);
        assert_eq!(read.content.len(), CONTENT_BYTES_MAX);
        let fields = Fields::read(&body).expect("fields");
        assert_eq!((fields.source_id.as_ref(), fields.source_type), ("town.news", SourceType::Atom));
    }
}
