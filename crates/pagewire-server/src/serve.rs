//! The accept loop: connections with bounds on their number, their headers, their buffers and their end.
//!
//! Buffers towards clients are small on purpose: what a client has not read must not be taken for delivered, since
//! delivery is what lets a run go on.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::auth::PeerAddress;
use crate::connection_end::ConnectionEnd;
use crate::first_bytes::FirstBytes;

/// Bytes of an HTTP/1.1 head, and of what a connection buffers of an answer.
const BUFFER_BYTES_MAX: usize = 32 * 1024;
/// Header fields of a request.
const HEADERS_MAX: usize = 100;
/// Bytes of an HTTP/2 stream's answer that wait for the client's window.
const H2_SEND_BYTES_MAX: usize = 32 * 1024;
/// How long connections may take to end once the server is shutting down.
const DRAIN: Duration = Duration::from_secs(10);
/// After an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How connections are served.
#[derive(Debug, Clone, Copy)]
pub struct ServeSettings {
    /// Connections at once; more wait in the listener's backlog.
    pub connections_max: usize,
    /// How long a request's head may take to arrive.
    pub header_read_timeout: Duration,
    /// The kernel's send buffer of a connection, in bytes.
    pub send_buffer_bytes: usize,
}

/// Serves until the token is cancelled, then lets what is under way end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServeSettings,
    shutdown: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(settings.connections_max));
    let connections = TaskTracker::new();
    let router = router.into_service::<Body>();
    loop {
        let place = tokio::select! {
            () = shutdown.cancelled() => break,
            place = places.clone().acquire_owned() => match place {
                Ok(place) => place,
                // The semaphore is never closed.
                Err(_) => break,
            },
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a connection could not be accepted"
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        prepare(&stream, settings);
        let router = router.clone();
        let shutdown = shutdown.clone();
        connections.spawn(async move {
            connection(stream, peer, router, settings, shutdown).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time and are cut");
    }
}

fn prepare(stream: &TcpStream, settings: ServeSettings) {
    let outcome = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(stream).set_send_buffer_size(settings.send_buffer_bytes));
    if let Err(error) = outcome {
        tracing::debug!(error = &error as &dyn std::error::Error, "a socket could not be set up");
    }
}

async fn connection<R>(
    stream: TcpStream,
    peer: SocketAddr,
    router: R,
    settings: ServeSettings,
    shutdown: CancellationToken,
) where
    R: tower::Service<Request<Body>, Response = axum::response::Response, Error = Infallible>
        + Clone
        + Send
        + 'static,
    R::Future: Send,
{
    let end = ConnectionEnd::default();
    let given = end.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(PeerAddress(peer));
        request.extensions_mut().insert(given.clone());
        router.clone().oneshot(request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_read_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .max_header_list_size(BUFFER_BYTES_MAX as u32)
        .max_send_buf_size(H2_SEND_BYTES_MAX);
    let serving = builder
        .serve_connection(TokioIo::new(FirstBytes::new(stream, settings.header_read_timeout)), service);
    tokio::pin!(serving);
    let served = async {
        tokio::select! {
            outcome = serving.as_mut() => outcome,
            () = shutdown.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        }
    };
    let outcome = tokio::select! {
        outcome = served => outcome,
        () = end.is_due() => {
            tracing::debug!(%peer, "a connection was cut: its client does not read that its key has ended");
            return;
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, error = error.as_ref() as &dyn std::error::Error, "a connection ended early");
    }
}
