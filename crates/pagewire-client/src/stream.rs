//! A stream's events, across as many connections as it takes.

use std::time::Duration;

use futures_util::Stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::ClientError;
use crate::event::StreamEvent;
use crate::sse::{Decoder, Frame, SseError};

/// The events of one stream. Each record comes once; a dropped connection is taken up after the last one.
#[derive(Debug)]
pub struct StreamEvents {
    client: Client,
    stream_id: String,
    last_event_id: Option<String>,
    connection: Option<Incoming>,
    decoder: Decoder,
    backoff: Backoff,
    /// Why the last connection ended.
    fault: Option<ClientError>,
    /// How long to wait before the next connection. Kept here so that a caller who gives up waiting in the middle does
    /// not lose it.
    wait: Duration,
    finished: bool,
}

impl StreamEvents {
    pub(crate) fn new(
        client: Client,
        stream_id: String,
        last_event_id: Option<String>,
        connection: Option<Incoming>,
    ) -> Self {
        let decoder = Decoder::new(client.options().page_bytes_max);
        let backoff = Backoff::new(client.options().retry);
        Self {
            client,
            stream_id,
            last_event_id,
            connection,
            decoder,
            backoff,
            fault: None,
            wait: Duration::ZERO,
            finished: false,
        }
    }

    /// The stream's id.
    #[must_use]
    pub fn stream_id(&self) -> &str {
        &self.stream_id
    }

    /// The id of the last record that was given out: what [`Client::resume`] takes, in another process if need be.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// The next event. After `end`, or an error that no further attempt can heal, there is none.
    ///
    /// Dropping the future before it is done loses no event.
    pub async fn next(&mut self) -> Option<Result<StreamEvent, ClientError>> {
        while !self.finished {
            let step = match self.decoder.next_frame() {
                Some(frame) => self.deliver(frame),
                None => self.advance().await.map(|()| None),
            };
            match step {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) => {}
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

    fn deliver(&mut self, frame: Frame) -> Result<Option<StreamEvent>, ClientError> {
        let id = frame.id.clone();
        let event = StreamEvent::of(frame)?;
        if id.is_some() {
            self.last_event_id = id;
        }
        self.backoff.reset();
        self.finished = matches!(event, Some(StreamEvent::End(_)));
        Ok(event)
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
        let connection = self.client.reopen(&self.stream_id, self.last_event_id.as_deref()).await?;
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
                stream_id: self.stream_id.clone(),
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
