//! The body of an event stream. It pulls: the next events are asked for when the connection has taken the last ones,
//! and asking is what lets the run go on.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use pagewire_engine::run::ERROR;
use pagewire_engine::{Attachment, RunEvent};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::encoding::{Encoding, FrameWriter};

/// What the end of a stream on this server's side tells clients to wait before they come back.
const RECONNECT_MS: u64 = 1_000;

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

struct Pull {
    attachment: Attachment,
    frames: FrameWriter,
    pieces: VecDeque<Bytes>,
    writing: Writing,
    over: bool,
}

/// The body that gives a run's events to one client.
pub fn run_events(attachment: Attachment, writing: Writing) -> Body {
    let mut frames = FrameWriter::new(writing.encoding);
    // At once, so that proxies and clients see that the stream is open.
    frames.comment("open");
    let pieces = frames.take().into();
    let pull = Pull { attachment, frames, pieces, writing, over: false };
    let frames = stream::unfold(pull, |mut pull| async move {
        let piece = pull.next_piece().await?;
        Some((Ok::<_, Infallible>(Frame::data(piece)), pull))
    });
    Body::new(StreamBody::new(frames))
}

impl Pull {
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
            event = self.attachment.next() => match event {
                Some(event) => self.write(event),
                None => self.over = true,
            },
            () = tokio::time::sleep(self.writing.ping) => self.frames.comment("ping"),
        }
    }

    fn write(&mut self, event: RunEvent) {
        match event {
            RunEvent::Records(records) => {
                for record in records {
                    let name = if record.kind == ERROR { "error" } else { "page" };
                    self.frames.event(name, &record.body, Some(record.position.0));
                }
            }
            RunEvent::Progress(progress) => self.frames.event("progress", &json(&progress), None),
            RunEvent::Warning(warning) => self.frames.event("warning", &json(&warning), None),
            RunEvent::End(end) => self.frames.event("end", &json(&end), None),
            RunEvent::TakenOver => self.frames.comment("another connection has taken this stream over"),
            RunEvent::Draining => {
                self.frames.comment("the server is shutting down; resume with Last-Event-ID");
                self.frames.retry_hint(RECONNECT_MS);
            }
            RunEvent::Failed => {
                self.frames.comment("error: the stream cannot be read on; resume with Last-Event-ID");
                self.frames.retry_hint(RECONNECT_MS);
            }
        }
    }
}

fn json(value: &impl Serialize) -> Bytes {
    // Plain structs with string keys always serialise.
    Bytes::from(serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec()))
}
