//! The byte stream of one connection, metered: what is read is counted, and reading stops at the meter's limit.
//!
//! The limit holds for all that an HTTP parser would otherwise swallow without an end: headers, interim answers, chunk
//! extensions and trailers. TLS records are counted as what they hold.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use crate::proxy::Link;

/// Counts the bytes read of a connection against a limit. Shared by the connection and who waits for its answer.
#[derive(Debug)]
pub(crate) struct Meter {
    read: AtomicU64,
    limit: AtomicU64,
}

/// The meter's limit is reached.
#[derive(Debug, thiserror::Error)]
#[error("more bytes than the answer may have")]
pub(crate) struct MeterExceeded;

impl Meter {
    fn new() -> Self {
        Self { read: AtomicU64::new(0), limit: AtomicU64::new(u64::MAX) }
    }

    /// Starts to count an exchange that may read so much.
    pub(crate) fn start(&self, limit: u64) {
        self.read.store(0, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Lets the exchange read so much in all from now on.
    pub(crate) fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Bytes read since the start.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Whether the limit is reached.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.read() > self.limit.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.is_exceeded() { Err(io::Error::other(MeterExceeded)) } else { Ok(()) }
    }
}

/// A plain or TLS connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    meter: Arc<Meter>,
}

#[derive(Debug)]
enum Stream {
    Plain(Link),
    Tls(Box<TlsStream<Link>>),
}

impl Wire {
    pub(crate) fn plain(link: Link) -> Self {
        Self { stream: Stream::Plain(link), meter: Arc::new(Meter::new()) }
    }

    pub(crate) fn tls(stream: TlsStream<Link>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), meter: Arc::new(Meter::new()) }
    }

    pub(crate) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = match &mut self.stream {
            Stream::Plain(link) => Pin::new(link).poll_read(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        };
        match polled {
            Poll::Ready(Ok(())) => Poll::Ready(self.meter.count(buf.filled().len() - before)),
            other => other,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(link) => Pin::new(link).poll_write(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(link) => Pin::new(link).poll_write_vectored(cx, bufs),
            Stream::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(link) => link.is_write_vectored(),
            Stream::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(link) => Pin::new(link).poll_flush(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(link) => Pin::new(link).poll_shutdown(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
