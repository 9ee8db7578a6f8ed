//! The events of a stream, typed.

use pagewire_types::{End, Progress};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::ClientError;
use crate::sse::Frame;

/// One event. What has an id is a record, and is what a stream is resumed after.
#[derive(Debug, Clone)]
pub enum StreamEvent {
    /// A URL became a page.
    Page {
        /// Its position in the stream.
        id: String,
        /// The page envelope, unread: [`StreamEvent::read`] gives it a type.
        data: Box<RawValue>,
    },
    /// A URL failed for good.
    Error {
        /// Its position in the stream.
        id: String,
        /// The error record, unread; `pagewire_types::ErrorRecord` is its type.
        data: Box<RawValue>,
    },
    /// How far the stream is.
    Progress(Progress),
    /// Something to know; its `code` says what.
    Warning(Value),
    /// All is done; nothing follows.
    End(End),
}

impl StreamEvent {
    /// Reads a record's data as a type.
    pub fn read<T: DeserializeOwned>(data: &RawValue) -> Result<T, ClientError> {
        parse(data.get(), "a record")
    }

    /// `None` for events that this version does not know.
    pub(crate) fn of(frame: Frame) -> Result<Option<Self>, ClientError> {
        let Frame { event, data, id } = frame;
        Ok(Some(match event.as_str() {
            "page" => Self::Page { id: id.unwrap_or_default(), data: raw(data)? },
            "error" => Self::Error { id: id.unwrap_or_default(), data: raw(data)? },
            "progress" => Self::Progress(parse(&data, "a progress event")?),
            "warning" => Self::Warning(parse(&data, "a warning event")?),
            "end" => Self::End(parse(&data, "the end event")?),
            _ => return Ok(None),
        }))
    }
}

pub(crate) fn raw(data: String) -> Result<Box<RawValue>, ClientError> {
    RawValue::from_string(data)
        .map_err(|source| ClientError::Unreadable { what: "a record".to_owned(), source: Some(source) })
}

pub(crate) fn parse<T: DeserializeOwned>(data: &str, what: &str) -> Result<T, ClientError> {
    serde_json::from_str(data)
        .map_err(|source| ClientError::Unreadable { what: what.to_owned(), source: Some(source) })
}
