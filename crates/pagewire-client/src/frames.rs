//! The frames of one event stream, across as many connections as it takes.
//!
//! What the events mean is told by [`crate::StreamEvents`] and [`crate::JobEvents`]; taking up what dropped is here.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::ClientError;
use crate::sse::{Decoder, Frame, SseError};

/// Where a stream's events are had.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// How they are asked for.
    pub(crate) method: Method,
    /// Where.
    pub(crate) path: String,
    /// What it is, for people.
    pub(crate) what: String,
}

/// Frames, each once. A dropped connection is taken up after the last one that had an id.
#[derive(Debug)]
pub(crate) struct Frames {
    client: Client,
    source: Source,
    last_event_id: Option<String>,
    connection: Option<Incoming>,
    decoder: Decoder,
    backoff: Backoff,
    /// Why the last connection ended.
    fault: Option<ClientError>,
    /// How long to wait before the next connection. Kept here so that a caller who gives up waiting in the middle does
    /// not lose it.
    wait: Duration,
}

impl Frames {
    pub(crate) fn new(
        client: Client,
        source: Source,
        last_event_id: Option<String>,
        connection: Option<Incoming>,
    ) -> Self {
        let decoder = Decoder::new(client.options().page_bytes_max);
        let backoff = Backoff::new(client.options().retry);
        Self {
            client,
            source,
            last_event_id,
            connection,
            decoder,
            backoff,
            fault: None,
            wait: Duration::ZERO,
        }
    }

    /// The id of the last record that was given out.
    pub(crate) fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// The next frame. An error is one that no further attempt can heal.
    ///
    /// Dropping the future before it is done loses no frame.
    pub(crate) async fn next(&mut self) -> Result<Frame, ClientError> {
        loop {
            if let Some(frame) = self.decoder.next_frame() {
                if frame.id.is_some() {
                    self.last_event_id.clone_from(&frame.id);
                }
                self.backoff.reset();
                return Ok(frame);
            }
            self.advance().await?;
        }
    }

    /// Reads on, or connects anew. What passes is remembered and tried again; the rest is the end.
    async fn advance(&mut self) -> Result<(), ClientError> {
        let outcome = match &mut self.connection {
            Some(connection) => {
                read_on(connection, &mut self.decoder, self.client.options().idle_timeout).await
            }
            None => self.connect().await,
        };
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => self.dropped(None),
            Err(error) if error.passes() => self.dropped(Some(error)),
            Err(error) => Err(error),
        }
    }

    async fn connect(&mut self) -> Result<bool, ClientError> {
        tokio::time::sleep(self.wait).await;
        let connection = self.client.reopen(&self.source, self.last_event_id.as_deref()).await?;
        self.decoder = Decoder::new(self.client.options().page_bytes_max);
        self.connection = Some(connection);
        Ok(true)
    }

    fn dropped(&mut self, fault: Option<ClientError>) -> Result<(), ClientError> {
        // A connection that ended may carry the server's own wish; an attempt that failed, its `Retry-After`.
        let hint = self.connection.take().and(self.decoder.retry_ms()).map(Duration::from_millis);
        let asked = fault.as_ref().and_then(ClientError::retry_after).or(hint);
        let fault = fault.or_else(|| self.fault.take());
        match self.backoff.failed(asked) {
            Some(wait) => {
                self.wait = wait;
                self.fault = fault;
                Ok(())
            }
            None => Err(ClientError::Lost {
                what: self.source.what.clone(),
                attempts: self.backoff.failures(),
                source: fault.map(Box::new),
            }),
        }
    }
}

/// Feeds the decoder with what comes next. False when the body has ended.
async fn read_on(
    connection: &mut Incoming,
    decoder: &mut Decoder,
    idle_timeout: Duration,
) -> Result<bool, ClientError> {
    let next = tokio::time::timeout(idle_timeout, connection.frame());
    let Some(frame) = next.await.map_err(|_| ClientError::Timeout(idle_timeout))? else { return Ok(false) };
    if let Ok(bytes) = frame.map_err(ClientError::Broken)?.into_data() {
        decoder.feed(&bytes).map_err(|error| match error {
            SseError::TooLarge(bytes_max) => ClientError::TooLarge(bytes_max),
            SseError::NotUtf8 => ClientError::Unreadable { what: error.to_string(), source: None },
        })?;
    }
    Ok(true)
}
