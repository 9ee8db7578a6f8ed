//! The moment at which an event stream leaves the HTTP library: its answer's head is on the wire, and nothing else is
//! under way on its connection.
//!
//! What follows is written to the socket by the stream itself ([`crate::observe::body`]). The library's buffers, two of
//! 8 KiB for each connection, are given back, and an event takes the shortest way to those who wait for it.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::Frame;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::observe::body::{Outlet, Untaken};

/// Nothing is handed over.
const NONE: u8 = 0;
/// The head is in the library's buffer, which asks for the body.
const ASKED: u8 = 1;
/// All that was in the buffer has been written.
const FLUSHED: u8 = 2;

/// What the connection, its socket and its answer's body share.
#[derive(Clone, Default)]
pub(crate) struct Handover(Arc<Shared>);

#[derive(Default)]
struct Shared {
    stage: AtomicU8,
    outlet: Mutex<Option<Box<dyn Outlet>>>,
}

impl Handover {
    /// Takes the event stream out of an answer, if it is one; its head is left to be written. The connection cannot be
    /// used for another request afterwards, and says so.
    pub(crate) fn offer(&self, response: &mut Response) {
        let Some(outlet) = response.extensions_mut().remove::<Untaken>().and_then(|untaken| untaken.take())
        else {
            return;
        };
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        *self.0.outlet.lock().unwrap_or_else(PoisonError::into_inner) = Some(outlet);
        *response.body_mut() = Body::new(Awaited(self.clone()));
    }

    /// The event stream, once the head is on the wire.
    pub(crate) fn due(&self) -> Option<Box<dyn Outlet>> {
        if self.0.stage.load(Ordering::Acquire) != FLUSHED {
            return None;
        }
        self.0.outlet.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn step(&self, from: u8, to: u8) {
        // It fails where the other stage is not reached: then there is nothing to note.
        let _ = self.0.stage.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// A body that never comes: the library writes the head, and waits.
struct Awaited(Handover);

impl http_body::Body for Awaited {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // Whoever polls the connection looks whether the handover is due, so that nothing has to be woken.
        self.0.step(NONE, ASKED);
        Poll::Pending
    }
}

/// A socket that notes when the library has written all that it holds.
pub(crate) struct NotedSocket {
    socket: TcpStream,
    handover: Handover,
}

impl NotedSocket {
    pub(crate) fn new(socket: TcpStream, handover: Handover) -> Self {
        Self { socket, handover }
    }

    pub(crate) fn into_inner(self) -> TcpStream {
        self.socket
    }
}

impl AsyncRead for NotedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for NotedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The library flushes its socket when its own buffer is empty: what it had before the body was asked for, which is
        // the head, has been written by then.
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.handover.step(ASKED, FLUSHED);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
