//! One connection and the exchanges on it.
//!
//! An HTTP/1.1 connection has no task of its own: who waits for its answer drives it, so an exchange costs no spawn and
//! no wake-up across threads, and dropping the wait closes the connection. An HTTP/2 connection is shared, so it has a
//! task, owned by the last handle to it.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::task::AbortHandle;

use crate::{
    connect::Protocol,
    proxy::Form,
    wire::{Meter, Wire},
};

/// A request's body.
pub(crate) type RequestBody = Full<Bytes>;

/// The read buffer of an HTTP/1.1 connection grows up to this; an idle connection, and a body of one frame, may hold it.
const READ_BUFFER_MAX: usize = 64 << 10;

/// What may be read of a body before the headers have been looked at.
const READ_AHEAD_MAX: u64 = 4 * READ_BUFFER_MAX as u64;

/// Of a body that nobody wants, what is read to keep the connection.
const DISCARD_MAX: usize = 64 << 10;

/// A shared connection with requests under way is asked this often whether it lives, so that a dead one is not given
/// out for long.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long it has to answer that.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that can take a request.
pub(crate) enum Connection {
    Http1(Http1),
    Http2(Http2),
}

/// An HTTP/1.1 connection, driven by who uses it.
pub(crate) struct Http1 {
    sender: http1::SendRequest<RequestBody>,
    driver: Pin<Box<http1::Connection<TokioIo<Wire>, RequestBody>>>,
    form: Form,
    meter: Arc<Meter>,
    closed: bool,
}

/// A handle to a shared HTTP/2 connection.
#[derive(Clone)]
pub(crate) struct Http2 {
    sender: http2::SendRequest<RequestBody>,
    task: Arc<OwnedTask>,
}

/// Ends its task when the last handle goes, so that a peer that reads nothing cannot hold it.
struct OwnedTask(AbortHandle);

impl Drop for OwnedTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    pub(crate) async fn open(
        wire: Wire,
        protocol: Protocol,
        form: Form,
        header_bytes_max: usize,
    ) -> hyper::Result<Self> {
        match protocol {
            Protocol::Http1 => Http1::open(wire, form, header_bytes_max).await.map(Self::Http1),
            Protocol::Http2 => Http2::open(wire, header_bytes_max).await.map(Self::Http2),
        }
    }

    /// Sends a request and waits for the headers of its answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        header_bytes_max: usize,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(connection) => connection.send(request, header_bytes_max).await,
            Self::Http2(connection) => connection.sender.send_request(request).await,
        }
    }

    /// Whether it is a proxy that answers, for the origin or for itself.
    pub(crate) fn is_to_proxy(&self) -> bool {
        match self {
            Self::Http1(connection) => matches!(connection.form, Form::Absolute(_)),
            Self::Http2(_) => false,
        }
    }

    /// Lets the body be read, with what frames it.
    pub(crate) fn limit_body(&self, bytes: u64) {
        if let Self::Http1(connection) = self {
            let framed = bytes.saturating_mul(2).saturating_add(READ_AHEAD_MAX);
            connection.meter.set_limit(connection.meter.read().saturating_add(framed));
        }
    }

    /// The next frame of the body.
    pub(crate) async fn frame(&mut self, body: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
        match self {
            Self::Http1(connection) => poll_fn(|cx| connection.poll_frame(cx, body)).await,
            Self::Http2(_) => poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await,
        }
    }

    /// Whether any byte of an answer has come.
    pub(crate) fn has_answered(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.meter.read() > 0,
            Self::Http2(_) => false,
        }
    }

    /// Whether the peer sent more than the exchange may have.
    pub(crate) fn is_over_limit(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.meter.is_exceeded(),
            Self::Http2(_) => false,
        }
    }

    /// Reads the rest of an unwanted body as far as it is there already; true if the connection can be used again.
    pub(crate) async fn discard(&mut self, mut body: Incoming) -> bool {
        let Self::Http1(connection) = self else { return true };
        let mut read = 0;
        poll_fn(|cx| {
            loop {
                match connection.poll_frame(cx, &mut body) {
                    Poll::Ready(None) => return Poll::Ready(true),
                    Poll::Ready(Some(Ok(frame))) => {
                        read += frame.data_ref().map_or(0, Bytes::len);
                        if read > DISCARD_MAX {
                            return Poll::Ready(false);
                        }
                    }
                    Poll::Ready(Some(Err(_))) | Poll::Pending => return Poll::Ready(false),
                }
            }
        })
        .await
    }

    /// Whether the next request can be sent at once: the answer is read and the peer has not closed.
    pub(crate) async fn is_idle(&mut self) -> bool {
        match self {
            Self::Http1(connection) => poll_fn(|cx| Poll::Ready(connection.poll_idle(cx))).await,
            Self::Http2(connection) => !connection.sender.is_closed(),
        }
    }
}

impl Http1 {
    /// How requests name their target here.
    pub(crate) fn form(&self) -> &Form {
        &self.form
    }

    async fn open(wire: Wire, form: Form, header_bytes_max: usize) -> hyper::Result<Self> {
        let meter = wire.meter();
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(READ_BUFFER_MAX.max(header_bytes_max))
            .max_header_size(header_bytes_max)
            .handshake(TokioIo::new(wire))
            .await?;
        Ok(Self { sender, driver: Box::pin(driver), form, meter, closed: false })
    }

    async fn send(
        &mut self,
        request: Request<RequestBody>,
        header_bytes_max: usize,
    ) -> hyper::Result<Response<Incoming>> {
        self.meter.start(READ_AHEAD_MAX + header_bytes_max as u64);
        let mut answer = pin!(self.sender.send_request(request));
        let (driver, closed) = (&mut self.driver, &mut self.closed);
        poll_fn(|cx| {
            let ended = drive(driver, closed, cx);
            match (answer.as_mut().poll(cx), ended) {
                (Poll::Ready(answer), _) => Poll::Ready(answer),
                (Poll::Pending, Some(Err(error))) => Poll::Ready(Err(error)),
                (Poll::Pending, Some(Ok(())) | None) => Poll::Pending,
            }
        })
        .await
    }

    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Incoming,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        // Asking the body for a frame is what lets the driver read one.
        let ended = drive(&mut self.driver, &mut self.closed, cx);
        match (Pin::new(body).poll_frame(cx), ended) {
            (Poll::Ready(frame), _) => Poll::Ready(frame),
            (Poll::Pending, Some(Err(error))) => Poll::Ready(Some(Err(error))),
            (Poll::Pending, Some(Ok(())) | None) => Poll::Pending,
        }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> bool {
        drive(&mut self.driver, &mut self.closed, cx);
        !self.closed && self.sender.is_ready()
    }
}

/// Lets the connection work as far as it can; its end, once.
fn drive(
    driver: &mut Pin<Box<http1::Connection<TokioIo<Wire>, RequestBody>>>,
    closed: &mut bool,
    cx: &mut Context<'_>,
) -> Option<hyper::Result<()>> {
    if *closed {
        return None;
    }
    match driver.as_mut().poll(cx) {
        Poll::Ready(end) => {
            *closed = true;
            Some(end)
        }
        Poll::Pending => None,
    }
}

impl Http2 {
    async fn open(wire: Wire, header_bytes_max: usize) -> hyper::Result<Self> {
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .max_header_list_size(u32::try_from(header_bytes_max).unwrap_or(u32::MAX))
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(wire))
            .await?;
        let task = tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "an HTTP/2 connection ended");
            }
        });
        Ok(Self { sender, task: Arc::new(OwnedTask(task.abort_handle())) })
    }

    /// Whether both are handles to the same connection.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.task, &other.task)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}
