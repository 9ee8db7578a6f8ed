//! A tunnel: what is encrypted, and every WebSocket. The guard has judged where it leads; its bytes are counted.

use std::{io, sync::Arc};

use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use pagewire_types::TargetUrl;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{
    Network,
    answer::{self, Body},
    ledger::Ledger,
};
use crate::{connect::authority, proxy::Link};

/// Bytes that are carried at once, each way.
const CARRIED_BYTES: usize = 32 << 10;

impl Network {
    /// Opens a tunnel to the request's authority.
    pub(super) async fn connect(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let Some(url) = target(&request) else { return answer::empty(StatusCode::BAD_REQUEST) };
        if self.is_blocked(url.host()) {
            return answer::empty(StatusCode::FORBIDDEN);
        }
        // Of what goes through a tunnel only bytes are seen: it is awaited no longer than until it stands.
        let Some(in_flight) = self.ledger.begin() else {
            return answer::empty(StatusCode::TOO_MANY_REQUESTS);
        };
        match self.client.tunnel(&url).await {
            Ok(link) => {
                let upgraded = hyper::upgrade::on(request);
                let (network, tasks) = (self.clone(), &self.tasks);
                tasks.spawn(async move {
                    drop(in_flight);
                    let carried = carry(upgraded, link, &network.ledger);
                    // However it ends, both of its ends are told by its end.
                    let _ = network.closing.run_until_cancelled(carried).await;
                });
                answer::empty(StatusCode::OK)
            }
            Err(error) => {
                self.ledger.fail(authority(&url), error);
                answer::empty(answer::UNREACHED)
            }
        }
    }
}

/// The origin that a tunnel leads to. Its name and port are all that is known of it.
fn target(request: &Request<Incoming>) -> Option<TargetUrl> {
    let authority = request.uri().authority()?;
    authority.port_u16()?;
    TargetUrl::parse(&format!("http://{authority}/")).ok()
}

async fn carry(upgraded: OnUpgrade, link: Link, ledger: &Ledger) -> io::Result<()> {
    let browser = TokioIo::new(upgraded.await.map_err(io::Error::other)?);
    let (from_browser, to_browser) = tokio::io::split(browser);
    let (from_origin, to_origin) = tokio::io::split(link);
    let sent = copy(from_browser, to_origin, ledger);
    let received = copy(from_origin, to_browser, ledger);
    tokio::try_join!(sent, received).map(drop)
}

/// Carries bytes one way until its end.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    ledger: &Ledger,
) -> io::Result<()> {
    let mut buffer = vec![0; CARRIED_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        if !ledger.take(read) {
            return Err(io::Error::other("the page has had as much as it may"));
        }
        to.write_all(&buffer[..read]).await?;
    }
}
