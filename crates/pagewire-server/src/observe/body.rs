//! The body of an event stream. It pulls: the next events are asked for when the connection has taken the last ones,
//! and asking is what lets a run go on.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::{self, BoxFuture};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http_body::Frame;
use http_body_util::StreamBody;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::chunks::Chunks;
use super::encoding::{Encoding, FrameWriter};
use crate::connection_end::{ConnectionEnd, last_words};

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
    /// The connection, which is cut some time after that if its client does not read.
    pub(crate) connection: ConnectionEnd,
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

/// An event stream of which nothing has been asked for yet. It is taken once: as the body of an answer that the HTTP
/// library writes, or by a connection that writes it to its socket itself.
#[derive(Clone)]
pub(crate) struct Untaken(Arc<Mutex<Option<Box<dyn Outlet>>>>);

impl Untaken {
    pub(crate) fn new(events: impl Events, writing: Writing) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(Pull::new(events, writing))))))
    }

    pub(crate) fn take(&self) -> Option<Box<dyn Outlet>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The body that gives the events, unless they have been taken by then.
    pub(crate) fn body(self) -> Body {
        let pieces = stream::once(future::lazy(move |_| self.take()))
            .flat_map(|outlet| outlet.map_or_else(|| stream::empty().boxed(), Outlet::pieces));
        Body::new(StreamBody::new(pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)))))
    }
}

/// An event stream, whatever its events.
pub(crate) trait Outlet: Send {
    /// What is written, piece by piece.
    fn pieces(self: Box<Self>) -> BoxStream<'static, Bytes>;

    /// Writes the stream to a socket whose answer's head is written, as the chunks of its body, until it ends or the
    /// client is gone.
    fn write_to(self: Box<Self>, socket: TcpStream) -> BoxFuture<'static, std::io::Result<()>>;
}

struct Pull<E> {
    events: E,
    frames: FrameWriter,
    pieces: VecDeque<Bytes>,
    ping: Duration,
    /// When something was written last.
    spoke: Instant,
    silence: Pin<Box<Sleep>>,
    cut_off: Pin<Box<WaitForCancellationFutureOwned>>,
    cut_off_token: CancellationToken,
    connection: ConnectionEnd,
    over: bool,
    _held: Held,
}

impl<E: Events> Outlet for Pull<E> {
    fn pieces(self: Box<Self>) -> BoxStream<'static, Bytes> {
        let cut = self.connection.after(self.cut_off_token.clone());
        stream::unfold(
            (self, cut),
            |(mut pull, cut)| async move { Some((pull.next_piece().await?, (pull, cut))) },
        )
        .boxed()
    }

    fn write_to(mut self: Box<Self>, socket: TcpStream) -> BoxFuture<'static, std::io::Result<()>> {
        Box::pin(async move {
            let mut chunks = Chunks::new(socket);
            loop {
                let written = self.take_written();
                tokio::select! {
                    biased;
                    written = chunks.write(written) => written?,
                    () = last_words(self.cut_off.as_mut()) => return Ok(()),
                }
                if self.over {
                    return chunks.end().await;
                }
                tokio::select! {
                    biased;
                    () = self.fill() => {}
                    gone = chunks.client_is_gone() => return gone,
                }
            }
        })
    }
}

impl<E: Events> Pull<E> {
    fn new(events: E, writing: Writing) -> Self {
        let mut frames = FrameWriter::new(writing.encoding);
        // At once, so that proxies and clients see that the stream is open.
        frames.comment("open");
        Self {
            events,
            frames,
            pieces: VecDeque::new(),
            ping: writing.ping,
            spoke: Instant::now(),
            silence: Box::pin(tokio::time::sleep(writing.ping)),
            cut_off: Box::pin(writing.cut_off.clone().cancelled_owned()),
            cut_off_token: writing.cut_off,
            connection: writing.connection,
            over: false,
            _held: writing.held,
        }
    }

    async fn next_piece(&mut self) -> Option<Bytes> {
        loop {
            if self.pieces.is_empty() {
                self.pieces = self.take_written();
            }
            if let Some(piece) = self.pieces.pop_front() {
                return Some(piece);
            }
            if self.over {
                return None;
            }
            self.fill().await;
        }
    }

    /// What has been written and not been taken.
    fn take_written(&mut self) -> VecDeque<Bytes> {
        self.frames.take().into()
    }

    async fn fill(&mut self) {
        tokio::select! {
            // Whose key has ended gets no further record, however many are ready.
            biased;
            () = self.cut_off.as_mut() => {
                self.frames.comment("error: the API key was revoked or has expired");
                self.over = true;
            }
            event = self.events.next() => {
                self.spoke = Instant::now();
                match event {
                    Some(event) => self.events.write(event, &mut self.frames),
                    None => self.over = true,
                }
            }
            // One timer for the whole stream: it is not set anew with each event, but looks when it fires.
            () = self.silence.as_mut() => {
                if self.spoke.elapsed() >= self.ping {
                    self.frames.comment("ping");
                    self.spoke = Instant::now();
                }
                self.silence.as_mut().reset(self.spoke + self.ping);
            }
        }
    }
}

/// Data of an event that is no record.
pub(super) fn json(value: &impl Serialize) -> Bytes {
    // Plain structs with string keys always serialise.
    Bytes::from(serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec()))
}
