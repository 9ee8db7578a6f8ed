//! Sources: what the live stream is fed by, and what is told of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::SourceId;

/// What a source is, and the name of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceType {
    /// RSS 0.9x to 2.0, RDF.
    Rss,
    /// Atom (RFC 4287).
    Atom,
    /// JSON Feed 1.x.
    JsonFeed,
    /// A page that changes.
    Html,
    /// A stream that is connected to.
    Firehose,
}

impl SourceType {
    /// Every type.
    pub const ALL: &'static [Self] = &[Self::Rss, Self::Atom, Self::JsonFeed, Self::Html, Self::Firehose];

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rss => "rss",
            Self::Atom => "atom",
            Self::JsonFeed => "json_feed",
            Self::Html => "html",
            Self::Firehose => "firehose",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Whether it is a feed, whose very dialect the document itself tells.
    #[must_use]
    pub fn is_feed(self) -> bool {
        matches!(self, Self::Rss | Self::Atom | Self::JsonFeed)
    }
}

/// How a firehose is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirehoseProtocol {
    /// WebSocket (RFC 6455), a JSON text a message.
    Websocket,
    /// Server-Sent Events (WHATWG HTML, section 9.2), JSON as data.
    Sse,
    /// A JSON text a line.
    Ndjson,
}

impl FirehoseProtocol {
    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "websocket" => Some(Self::Websocket),
            "sse" => Some(Self::Sse),
            "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// From where in a firehose's message the fields of an event are taken: JSON pointers (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FirehoseMap {
    /// What tells messages apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The event's URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was published: RFC 3339, or a Unix time in seconds, milliseconds or microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// Tags beside the source's own: a string, or an array of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// Where to go on after a break, where the protocol has no place for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A source, as it was declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSpec {
    /// Its name, unique in the workspace.
    pub id: SourceId,
    /// What it is.
    pub source_type: SourceType,
    /// Where it is: `http` or `https`; for a WebSocket `ws` or `wss` too.
    pub url: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What its events are tagged with.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Seconds between polls; adaptive where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_s: Option<u32>,
    /// How many of the items that the first poll finds are told as events.
    #[serde(default)]
    pub backfill: u32,
    /// Whether it is watched.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Of a page, the parts that are watched (CSS); its main content where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include_selectors: Vec<String>,
    /// Of a page, the parts that are not (CSS).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_selectors: Vec<String>,
    /// Of a page, what is left out of comparisons (regular expressions).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// How a firehose is connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<FirehoseProtocol>,
    /// Headers that are sent along; their values are secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What a firehose's events are made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<FirehoseMap>,
    /// Which of a firehose's messages become events: at each JSON pointer, one of these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, Vec<Value>>,
}

fn yes() -> bool {
    true
}
