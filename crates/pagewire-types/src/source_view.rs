//! What is told of sources: `/v1/sources`.

use serde::{Deserialize, Serialize};

use crate::job::RefusedLine;
use crate::source::{SourceSpec, SourceType};
use crate::source_request::MASKED;
use crate::target_error::TargetErrorCode;

/// How a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceStatus {
    /// It has not been asked yet.
    #[default]
    Pending,
    /// The last answer could be read.
    Ok,
    /// What came is not to be believed, and nothing was told of it.
    Degraded,
    /// It could not be fetched or read.
    Failing,
    /// It said that it is gone for good, and is not asked any more.
    Retired,
    /// It is not to be watched.
    Disabled,
}

impl SourceStatus {
    /// Every status.
    pub const ALL: &'static [Self] =
        &[Self::Pending, Self::Ok, Self::Degraded, Self::Failing, Self::Retired, Self::Disabled];

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
            Self::Retired => "retired",
            Self::Disabled => "disabled",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == name)
    }
}

/// What was seen of a source so far. Times are RFC 3339, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceHealth {
    /// How it is.
    pub status: SourceStatus,
    /// Why it is so, for people.
    pub reason: Option<String>,
    /// What failed.
    pub error_code: Option<TargetErrorCode>,
    /// Failures in a row.
    pub error_streak: u32,
    /// When it was last fetched from; of a firehose, when it was last connected to.
    pub last_fetch_at: Option<String>,
    /// When it was last fetched from and could be read.
    pub last_success_at: Option<String>,
    /// The status of its last answer.
    pub http_status: Option<u16>,
    /// How long the last poll took.
    pub latency_ms: Option<u64>,
    /// When it is polled next.
    pub next_poll_at: Option<String>,
    /// Events that it has given.
    pub events: u64,
    /// When it last gave one.
    pub last_event_at: Option<String>,
    /// Where it has moved for good.
    pub moved_to: Option<String>,
    /// What its document turned out to be, where that is told by it.
    pub found_type: Option<SourceType>,
}

/// Where a source was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredIn {
    /// By a request, and so by requests it is changed.
    Api,
    /// In the configuration file, and so it is changed there alone.
    Config,
}

/// A source, and how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// As it was declared; the values of its headers are masked.
    #[serde(flatten)]
    pub spec: SourceSpec,
    /// Where.
    pub declared_in: DeclaredIn,
    /// When it was made.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
    /// How it is.
    pub health: SourceHealth,
}

impl Source {
    /// A source as it may be shown.
    #[must_use]
    pub fn masked(mut self) -> Self {
        for value in self.spec.headers.values_mut() {
            MASKED.clone_into(value);
        }
        self
    }
}

/// A page of sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceList {
    /// By id.
    pub sources: Vec<Source>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceImport {
    /// Sources that were made.
    pub imported: u64,
    /// Feeds that were sources already, by their URL.
    pub already_there: u64,
    /// Lines that could not be taken.
    pub refused: u64,
    /// The first of them.
    pub invalid: Vec<RefusedLine>,
}

/// What came of a test: nothing of it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTest {
    /// How the source would be.
    pub status: SourceStatus,
    /// Why, for people.
    pub reason: Option<String>,
    /// What failed.
    pub error_code: Option<TargetErrorCode>,
    /// The status of the answer.
    pub http_status: Option<u16>,
    /// How long it took.
    pub latency_ms: u64,
    /// Where it has moved for good.
    pub moved_to: Option<String>,
    /// What the document turned out to be.
    pub found_type: Option<SourceType>,
    /// What would be told, the newest last.
    pub events: Vec<TestedEvent>,
    /// Where it is no feed but was to be one: the feeds that the page leads to, the one that it names first at the head.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<TestedFeed>,
}

/// A feed that a page leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestedFeed {
    /// What it is.
    pub source_type: SourceType,
    /// Where it is.
    pub url: String,
    /// What it calls itself.
    pub title: Option<String>,
    /// How many entries it has.
    pub entries: usize,
}

/// An event that a test has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestedEvent {
    /// The event's name.
    pub source_type: SourceType,
    /// Where to read it.
    pub url: String,
    /// What it is called.
    pub title: String,
    /// What it says.
    pub content: String,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The source's tags, and its own.
    pub tags: Vec<String>,
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// Another whenever what it says is another.
    pub content_hash: String,
}
