//! The network of one page: a proxy of its own on 127.0.0.1, through which all that the page asks for goes, and which
//! connects under the guard as every other fetch does. What is asked of it is counted, capped, and refused where it must
//! be.
//!
//! Which page a request is of is known by the port that it comes to: a page has one of its own for as long as it is shown.
//! A port is open to every user of the machine, so a connection is taken only where its other end belongs to the user that
//! this server runs as, which is who its browser runs as ([`peer`]). That costs one question to the system for a
//! connection; a password would cost the browser a refused request and a paused one for each page.

mod answer;
mod forward;
mod ledger;
mod peer;
mod tunnel;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use pagewire_types::render::Blocked;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(super) use self::{answer::UNREACHED, ledger::Ledger};
use super::{config::RenderConfig, error::RenderError};
use crate::client::Client;

/// Bytes that the head of a request may have.
const HEAD_BYTES_MAX: usize = 128 << 10;

/// The proxy of a page. Dropping it closes all its connections.
pub(super) struct PageProxy {
    address: SocketAddr,
    ledger: Arc<Ledger>,
    closing: CancellationToken,
}

/// What the proxy's tasks share.
struct Network {
    client: Client,
    ledger: Arc<Ledger>,
    blocked: Blocked,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl PageProxy {
    /// Opens one.
    pub(super) async fn open(
        client: Client,
        config: &RenderConfig,
        blocked: Blocked,
    ) -> Result<Self, RenderError> {
        let failed = |error: std::io::Error| RenderError::Launch {
            program: "the page's proxy".to_owned(),
            reason: error.to_string(),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let ledger = Arc::new(Ledger::new(config.page_bytes_max, config.requests_max));
        let closing = CancellationToken::new();
        let network = Arc::new(Network {
            client,
            ledger: ledger.clone(),
            blocked,
            tasks: TaskTracker::new(),
            closing: closing.clone(),
        });
        // Ends when the proxy is dropped, as do the connections that it takes.
        tokio::spawn(network.listen(listener));
        Ok(Self { address, ledger, closing })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What went over it.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

impl Drop for PageProxy {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

impl Network {
    async fn listen(self: Arc<Self>, listener: TcpListener) {
        let closing = self.closing.clone();
        while let Some(accepted) = closing.run_until_cancelled(listener.accept()).await {
            let Ok((stream, peer)) = accepted else { continue };
            if !peer::is_ours(peer, listener.local_addr().ok()) {
                tracing::warn!("another user of this machine tried to use a page's proxy");
                continue;
            }
            self.tasks.spawn(self.clone().serve(stream));
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        // Small answers are not held back; where that cannot be set they only are later.
        let _ = stream.set_nodelay(true);
        let network = self.clone();
        let service = service_fn(move |request| {
            let network = network.clone();
            async move { Ok::<_, std::convert::Infallible>(network.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        // How a connection of the browser's ends is the browser's affair.
        let _ = self.closing.run_until_cancelled(connection).await;
    }
}
