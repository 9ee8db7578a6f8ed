//! The accept loop: connections with bounds on their number, their kernel buffers and their end.
//!
//! Buffers towards clients are small on purpose: what a client has not read must not be taken for delivered, since
//! delivery is what lets a run go on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, Ended};
use crate::observe::body::Outlet;

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
        let (socket, peer) = match accepted {
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
        prepare(&socket, settings);
        let connection = Connection {
            socket,
            peer,
            router: router.clone(),
            head_timeout: settings.header_read_timeout,
            shutdown: shutdown.clone(),
        };
        let events = connections.clone();
        connections.spawn(async move {
            // The place goes with the events, or is given back here.
            if let Ended::InEvents(outlet, socket) = connection.serve().await {
                // A task of its own: that of the requests is many times as large, and event streams last.
                events.spawn(written(outlet, socket, peer, place));
            }
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

/// Writes an event stream until it ends or its client is gone.
async fn written(outlet: Box<dyn Outlet>, socket: TcpStream, peer: SocketAddr, _place: OwnedSemaphorePermit) {
    if let Err(error) = outlet.write_to(socket).await {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "an event stream ended early");
    }
}
