//! The body of an event stream. It pulls: the next events are asked for when the connection has taken the last ones,
//! and asking is what lets a run go on.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::encoding::{Encoding, FrameWriter};

/// Something that belongs to the connection and ends with it, such as a permit.
pub type Held = Box<dyn std::any::Any + Send + Sync>;

/// How an event stream is written.
pub struct Writing {
    /// In which form.
    pub encoding: Encoding,
    /// After how long a silence a sign of life is sent.
    pub ping: Duration,
    /// Cancelled when the key may not be used any more.
    pub cut_off: CancellationToken,
    /// Given back when the stream ends.
    pub held: Held,
}

/// What event streams are made of. Asking for the next event and giving up before it comes must lose nothing.
pub trait Events: Send + 'static {
    /// What comes.
    type Event: Send;

    /// The next event; `None` after the last.
    fn next(&mut self) -> impl Future<Output = Option<Self::Event>> + Send;

    /// Writes an event, as no frame, one, or many.
    fn write(&self, event: Self::Event, frames: &mut FrameWriter);
}

struct Pull<E> {
    events: E,
    frames: FrameWriter,
    pieces: VecDeque<Bytes>,
    writing: Writing,
    over: bool,
}

/// The body that gives events to one client.
pub fn events(events: impl Events, writing: Writing) -> Body {
    let mut frames = FrameWriter::new(writing.encoding);
    // At once, so that proxies and clients see that the stream is open.
    frames.comment("open");
    let pieces = frames.take().into();
    let pull = Pull { events, frames, pieces, writing, over: false };
    let frames = stream::unfold(pull, |mut pull| async move {
        let piece = pull.next_piece().await?;
        Some((Ok::<_, Infallible>(Frame::data(piece)), pull))
    });
    Body::new(StreamBody::new(frames))
}

impl<E: Events> Pull<E> {
    async fn next_piece(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Some(piece);
            }
            if self.over {
                return None;
            }
            self.fill().await;
            self.pieces = self.frames.take().into();
        }
    }

    async fn fill(&mut self) {
        tokio::select! {
            // Whose key has ended gets no further record, however many are ready.
            biased;
            () = self.writing.cut_off.cancelled() => {
                self.frames.comment("error: the API key was revoked or has expired");
                self.over = true;
            }
            event = self.events.next() => match event {
                Some(event) => self.events.write(event, &mut self.frames),
                None => self.over = true,
            },
            () = tokio::time::sleep(self.writing.ping) => self.frames.comment("ping"),
        }
    }
}

/// Data of an event that is no record.
pub(super) fn json(value: &impl Serialize) -> Bytes {
    // Plain structs with string keys always serialise.
    Bytes::from(serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec()))
}
