//! A deadline for the first bytes of a connection.
//!
//! The HTTP library's own deadlines begin once it knows which version is spoken, which takes up to the 24 bytes of
//! HTTP/2's preface (RFC 9113, section 3.4). Without this, a client that connects and says nothing would hold its
//! place for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

const PREFACE_BYTES: usize = 24;

/// A stream whose first bytes must come in time.
pub(crate) struct FirstBytes<S> {
    stream: S,
    read: usize,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> FirstBytes<S> {
    pub(crate) fn new(stream: S, within: Duration) -> Self {
        Self { stream, read: 0, deadline: Some(Box::pin(tokio::time::sleep(within))) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstBytes<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Poll::Ready(outcome) = Pin::new(&mut self.stream).poll_read(cx, buf) {
            self.read = self.read.saturating_add(buf.filled().len() - before);
            if self.read >= PREFACE_BYTES {
                self.deadline = None;
            }
            return Poll::Ready(outcome);
        }
        let Some(deadline) = &mut self.deadline else { return Poll::Pending };
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstBytes<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        // Whoever is answered has said enough.
        self.deadline = None;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.deadline = None;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_too_little_is_given_up_and_one_that_spoke_is_not() {
        let (mut client, server) = tokio::io::duplex(100);
        let mut server = FirstBytes::new(server, Duration::from_secs(5));
        client.write_all(b"PRI").await.expect("writes");
        let mut buffer = [0; 64];
        assert_eq!(server.read(&mut buffer).await.expect("reads"), 3);
        let error = server.read(&mut buffer).await.expect_err("too late");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (mut client, server) = tokio::io::duplex(100);
        let mut server = FirstBytes::new(server, Duration::from_secs(5));
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.expect("writes");
        assert!(server.read(&mut buffer).await.expect("reads") > 0);
        let silence = tokio::time::timeout(Duration::from_secs(60), server.read(&mut buffer)).await;
        assert!(silence.is_err(), "the deadline is over");
    }
}
