//! A connection to an upstream, whatever it speaks: what has arrived is taken out without a wait, then it is waited for more.

use bytes::Bytes;
use pagewire_fetch::{Heard, RelayBody, WebSocket};

use super::fault::{Fault, end_of};
use super::lines::{Line, LineDecoder};
use super::sse::{Frame, SseDecoder};

/// An open connection.
pub(super) struct Upstream {
    stream: Stream,
    /// All that has come was taken out.
    is_drained: bool,
    /// How it ended, once that is known; told when all has been taken out.
    end: Option<Fault>,
}

enum Stream {
    Sse { body: RelayBody, decoder: SseDecoder },
    Ndjson { body: RelayBody, decoder: LineDecoder },
    WebSocket { socket: Box<WebSocket>, message: Bytes, is_waiting: bool, cap: usize },
}

/// What has arrived.
#[derive(Debug, Clone, Copy)]
pub(super) enum Arrived<'a> {
    /// A message, and the stream's own id of it.
    Message { data: &'a [u8], id: Option<&'a str> },
    /// A message over the cap, which was stepped over.
    TooLarge { id: Option<&'a str> },
    /// A place without a message.
    Id(&'a str),
}

impl Upstream {
    pub(super) fn sse(body: RelayBody, cap: usize) -> Self {
        Self::new(Stream::Sse { body, decoder: SseDecoder::new(cap) })
    }

    pub(super) fn ndjson(body: RelayBody, cap: usize) -> Self {
        Self::new(Stream::Ndjson { body, decoder: LineDecoder::new(cap) })
    }

    pub(super) fn websocket(socket: Box<WebSocket>, cap: usize) -> Self {
        Self::new(Stream::WebSocket { socket, message: Bytes::new(), is_waiting: false, cap })
    }

    fn new(stream: Stream) -> Self {
        Self { stream, is_drained: true, end: None }
    }

    /// The next of what has arrived; none when all is taken out.
    pub(super) fn ready(&mut self) -> Option<Arrived<'_>> {
        self.is_drained = !self.advance();
        if self.is_drained {
            return None;
        }
        Some(match &self.stream {
            Stream::Sse { decoder, .. } => arrived_frame(decoder),
            Stream::Ndjson { decoder, .. } => match decoder.line() {
                Line::Text(data) => Arrived::Message { data, id: None },
                Line::TooLarge => Arrived::TooLarge { id: None },
            },
            Stream::WebSocket { message, cap, .. } if message.len() > *cap => Arrived::TooLarge { id: None },
            Stream::WebSocket { message, .. } => Arrived::Message { data: message, id: None },
        })
    }

    /// Goes to the next message that is there.
    fn advance(&mut self) -> bool {
        match &mut self.stream {
            Stream::Sse { decoder, .. } => decoder.advance(),
            Stream::Ndjson { decoder, .. } => decoder.advance() || (self.end.is_some() && decoder.finish()),
            Stream::WebSocket { is_waiting, .. } if *is_waiting => {
                *is_waiting = false;
                true
            }
            Stream::WebSocket { .. } if self.end.is_some() => false,
            Stream::WebSocket { socket, message, .. } => loop {
                match socket.ready().map(end_of) {
                    Some(Ok(Heard::Message(bytes))) => {
                        *message = bytes;
                        break true;
                    }
                    Some(Ok(_)) => {}
                    Some(Err(fault)) => {
                        self.end = Some(fault);
                        break false;
                    }
                    None => break false,
                }
            },
        }
    }

    /// Waits for more, once all that had come is taken out. Its end is an error. A wait that is dropped loses nothing.
    pub(super) async fn fill(&mut self) -> Result<(), Fault> {
        if !self.is_drained {
            tokio::task::yield_now().await;
            return Ok(());
        }
        if let Some(fault) = &self.end {
            return Err(fault.clone());
        }
        match &mut self.stream {
            Stream::Sse { body, decoder } => match next_of(body).await? {
                Some(chunk) => decoder.feed(chunk),
                None => return Err(Fault::end_of_body()),
            },
            Stream::Ndjson { body, decoder } => match next_of(body).await? {
                Some(chunk) => decoder.feed(chunk),
                // The last line may have come without its end.
                None => self.end = Some(Fault::end_of_body()),
            },
            Stream::WebSocket { socket, message, is_waiting, .. } => {
                if let Heard::Message(bytes) = end_of(socket.next().await)? {
                    *message = bytes;
                    *is_waiting = true;
                }
            }
        }
        Ok(())
    }

    /// How long the stream asks to wait before it is connected to again.
    pub(super) fn retry_hint(&self) -> Option<std::time::Duration> {
        match &self.stream {
            Stream::Sse { decoder, .. } => decoder.retry(),
            Stream::Ndjson { .. } | Stream::WebSocket { .. } => None,
        }
    }

    /// Ends it, as its protocol has it.
    pub(super) async fn close(self) {
        if let Stream::WebSocket { socket, .. } = self.stream {
            socket.close().await;
        }
    }
}

fn arrived_frame(decoder: &SseDecoder) -> Arrived<'_> {
    let id = decoder.own_id();
    match (decoder.frame(), id) {
        (Frame::Message(data), _) => Arrived::Message { data, id },
        (Frame::Id, Some(id)) => Arrived::Id(id),
        (Frame::TooLarge | Frame::Id, _) => Arrived::TooLarge { id },
    }
}

async fn next_of(body: &mut RelayBody) -> Result<Option<Bytes>, Fault> {
    body.next().await.map_err(|error| Fault::of_fetch(&error))
}
