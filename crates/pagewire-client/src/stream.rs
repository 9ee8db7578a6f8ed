//! A stream's events, each once, however often its connection drops.

use futures_util::Stream;
use http::Method;
use hyper::body::Incoming;

use crate::client::Client;
use crate::error::ClientError;
use crate::event::StreamEvent;
use crate::frames::{Frames, Source};

/// The events of one stream. Each record comes once; a dropped connection is taken up after the last one.
#[derive(Debug)]
pub struct StreamEvents {
    stream_id: String,
    frames: Frames,
    finished: bool,
}

impl StreamEvents {
    pub(crate) fn new(
        client: Client,
        stream_id: String,
        last_event_id: Option<String>,
        connection: Option<Incoming>,
    ) -> Self {
        let source = Source {
            method: Method::POST,
            path: format!("/v1/stream/{stream_id}"),
            what: format!("the stream {stream_id}"),
        };
        Self { stream_id, frames: Frames::new(client, source, last_event_id, connection), finished: false }
    }

    /// The stream's id.
    #[must_use]
    pub fn stream_id(&self) -> &str {
        &self.stream_id
    }

    /// The id of the last record that was given out: what [`Client::resume`] takes, in another process if need be.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.frames.last_event_id()
    }

    /// The next event. After `end`, or an error that no further attempt can heal, there is none.
    ///
    /// Dropping the future before it is done loses no event.
    pub async fn next(&mut self) -> Option<Result<StreamEvent, ClientError>> {
        while !self.finished {
            match self.frames.next().await.and_then(StreamEvent::of) {
                Ok(None) => {}
                Ok(Some(event)) => {
                    self.finished = matches!(event, StreamEvent::End(_));
                    return Some(Ok(event));
                }
                Err(error) => {
                    self.finished = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }

    /// The events as a `futures` stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<StreamEvent, ClientError>> + Send {
        futures_util::stream::unfold(self, |mut events| async move {
            let event = events.next().await?;
            Some((event, events))
        })
    }
}
