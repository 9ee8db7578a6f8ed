//! One connection: which HTTP it speaks, the bounds of its heads and buffers, and how it ends.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::auth::PeerAddress;
use crate::connection_end::ConnectionEnd;
use crate::handover::{Handover, NotedSocket};
use crate::observe::body::Outlet;
use crate::preface::{self, Spoken};

/// Bytes of an HTTP/1.1 head, and of what a connection buffers of an answer.
const BUFFER_BYTES_MAX: usize = 32 * 1024;
/// Header fields of a request.
const HEADERS_MAX: usize = 100;
/// Bytes of an HTTP/2 stream's answer that wait for the client's window.
const H2_SEND_BYTES_MAX: usize = 32 * 1024;
/// How often the client of an HTTP/2 connection is asked whether it is there.
const H2_PING: Duration = Duration::from_secs(30);

/// What answers requests.
pub(crate) trait Answers:
    tower::Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<R> Answers for R where
    R: tower::Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// A connection that was accepted.
pub(crate) struct Connection<R> {
    pub(crate) socket: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) router: R,
    /// How long a request's head may take to arrive.
    pub(crate) head_timeout: Duration,
    pub(crate) shutdown: CancellationToken,
}

/// How a connection's requests ended.
pub(crate) enum Ended {
    /// There are no more.
    Closed,
    /// The last one is answered by an event stream, which is to be written to the socket.
    InEvents(Box<dyn Outlet>, TcpStream),
}

impl<R: Answers> Connection<R> {
    /// Answers the requests of the connection.
    pub(crate) async fn serve(self) -> Ended {
        let (peer, end) = (self.peer, ConnectionEnd::default());
        let served = async {
            match preface::read(&self.socket, self.head_timeout).await? {
                Spoken::Http1 => self.http1(&end).await,
                Spoken::Http2 => self.http2(&end).await.map(|()| Ended::Closed),
            }
        };
        let outcome = tokio::select! {
            outcome = served => outcome,
            () = end.is_due() => {
                tracing::debug!(%peer, "a connection was cut: its client does not read that its key has ended");
                return Ended::Closed;
            }
        };
        outcome.unwrap_or_else(|error: BoxError| {
            tracing::debug!(%peer, error = error.as_ref() as &dyn std::error::Error, "a connection ended early");
            Ended::Closed
        })
    }

    async fn http1(self, end: &ConnectionEnd) -> Result<Ended, BoxError> {
        let handover = Handover::default();
        let offered = handover.clone();
        let answers = self.answers(end);
        let service = service_fn(move |request: Request<Incoming>| {
            // An older client is not told where a body ends by chunks; HEAD has none.
            let may_be_handed_over =
                request.version() == Version::HTTP_11 && request.method() != Method::HEAD;
            let answer = answers(request);
            let offered = offered.clone();
            async move {
                let mut response = answer.await?;
                if may_be_handed_over {
                    offered.offer(&mut response);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_headers(HEADERS_MAX)
            .max_buf_size(BUFFER_BYTES_MAX);
        let socket = TokioIo::new(NotedSocket::new(self.socket, handover.clone()));
        let mut serving = builder.serve_connection(socket, service);
        let mut shutdown = std::pin::pin!(self.shutdown.cancelled());
        let mut is_draining = false;
        let outlet = poll_fn(|cx| {
            if !is_draining && shutdown.as_mut().poll(cx).is_ready() {
                is_draining = true;
                Pin::new(&mut serving).graceful_shutdown();
            }
            match Pin::new(&mut serving).poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(outcome.map(|()| None)),
                Poll::Pending => handover.due().map_or(Poll::Pending, |outlet| Poll::Ready(Ok(Some(outlet)))),
            }
        });
        Ok(match outlet.await? {
            None => Ended::Closed,
            Some(outlet) => Ended::InEvents(outlet, serving.into_parts().io.into_inner().into_inner()),
        })
    }

    async fn http2(self, end: &ConnectionEnd) -> Result<(), BoxError> {
        let answers = self.answers(end);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(H2_PING))
            .max_header_list_size(BUFFER_BYTES_MAX as u32)
            .max_send_buf_size(H2_SEND_BYTES_MAX);
        let mut serving =
            std::pin::pin!(builder.serve_connection(TokioIo::new(self.socket), service_fn(answers)));
        tokio::select! {
            outcome = serving.as_mut() => outcome?,
            () = self.shutdown.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await?;
            }
        }
        Ok(())
    }

    fn answers(
        &self,
        end: &ConnectionEnd,
    ) -> impl Fn(Request<Incoming>) -> tower::util::Oneshot<R, Request<Body>> + Send + 'static {
        let (router, peer, end) = (self.router.clone(), self.peer, end.clone());
        move |request| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(PeerAddress(peer));
            request.extensions_mut().insert(end.clone());
            router.clone().oneshot(request)
        }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
