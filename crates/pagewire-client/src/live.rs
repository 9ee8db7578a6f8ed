//! The live stream: what is new at the sources of a workspace, each event once, for as long as one reads.

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::Client;
use crate::error::ClientError;
use crate::event::{parse, raw};
use crate::frames::{Frames, Source};
use crate::sse::Frame;

/// Which events are wanted: values of one name are alternatives, different names must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveQuery {
    /// Ids of sources, or beginnings of some with `.*` behind them.
    pub sources: Vec<String>,
    /// Types of sources.
    pub source_types: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Words that all stand in the title or the content; a phrase in quotes.
    pub keywords: Vec<String>,
}

/// What the live stream tells.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// Something new.
    Event {
        /// Its id, which is its place in the stream.
        id: String,
        /// The type of its source.
        name: String,
        /// The event, unread; `pagewire_types::StreamEvent` is its type.
        data: Box<RawValue>,
    },
    /// Nothing up to that place was wanted.
    Checkpoint {
        /// The place.
        id: String,
    },
    /// Retention was faster: events were missed.
    Gap(Gap),
}

/// Events that were missed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Gap {
    /// The last event before them.
    pub from: String,
    /// The last of them.
    pub to: String,
    /// How many there were, whatever the filter.
    pub missed: u64,
}

/// The live stream. A dropped connection is taken up after the last event.
#[derive(Debug)]
pub struct LiveEvents {
    frames: Frames,
    failed: bool,
}

impl Client {
    /// Reads along with what is new, after the event of that id or from now on.
    #[must_use]
    pub fn tail(&self, query: &LiveQuery, last_event_id: Option<String>) -> LiveEvents {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        let given = [
            ("source", &query.sources),
            ("source_type", &query.source_types),
            ("tag", &query.tags),
            ("keyword", &query.keywords),
        ];
        for (name, values) in given {
            for value in values {
                pairs.append_pair(name, value);
            }
        }
        let path = format!("/v1/stream?{}", pairs.finish());
        let source = Source { method: Method::GET, path, what: "the live stream".to_owned() };
        LiveEvents { frames: Frames::new(self.clone(), source, last_event_id, None), failed: false }
    }
}

impl LiveEvents {
    /// The next event. After an error that no further attempt can heal, there is none.
    ///
    /// Dropping the future before it is done loses no event.
    pub async fn next(&mut self) -> Option<Result<LiveEvent, ClientError>> {
        if self.failed {
            return None;
        }
        let next = self.frames.next().await.and_then(LiveEvent::of);
        self.failed = next.is_err();
        Some(next)
    }

    /// The last place that was told: what [`Client::tail`] takes, in another process if need be.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.frames.last_event_id()
    }
}

impl LiveEvent {
    fn of(frame: Frame) -> Result<Self, ClientError> {
        let Frame { event, data, id } = frame;
        Ok(match event.as_str() {
            "checkpoint" => Self::Checkpoint { id: id.unwrap_or_default() },
            "gap" => Self::Gap(parse(&data, "a gap event")?),
            _ => Self::Event { id: id.unwrap_or_default(), name: event, data: raw(data)? },
        })
    }
}
