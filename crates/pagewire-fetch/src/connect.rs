//! Opens a connection to a target: resolve, guard, connect to exactly what was judged, then TLS.
//!
//! This is the only place of the server that opens a socket to a target; through a proxy, [`proxy`](crate::proxy) asks
//! for it. No proxy variable of the environment is read.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use pagewire_types::TargetUrl;
use rustls::pki_types::ServerName;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use url::Host;

use crate::{
    dns::Dns,
    error::FetchError,
    guard::{Guard, NameClass},
    proxy::Link,
    tls::Tls,
    wire::Wire,
};

/// The shortest time one address gets when it shares `connect_timeout` with others.
const ADDRESS_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// The guarded connector.
pub(crate) struct Connector {
    pub(crate) guard: Guard,
    pub(crate) dns: Dns,
    pub(crate) tls: Tls,
    pub(crate) connect_timeout: Duration,
}

/// What TLS agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Who is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A target: its address is judged.
    Target,
    /// A proxy of the operator's.
    Proxy,
}

impl Connector {
    /// A connection to the URL's host and port, with nothing between.
    pub(crate) async fn straight(&self, url: &TargetUrl) -> Result<TcpStream, FetchError> {
        let port = url.as_url().port_or_known_default().unwrap_or(80);
        let addresses = self.resolve(url).await?;
        self.dial(&addresses, port, Peer::Target)
            .await
            .map_err(|source| FetchError::Connect { authority: authority(url), source })
    }

    /// Refuses early, without any lookup, what the URL alone gives away.
    pub(crate) fn check_literal(&self, url: &TargetUrl) -> Result<(), FetchError> {
        let blocked = |source| FetchError::Blocked { host: url.host().to_owned(), source };
        self.guard.check_literal(url).map_err(blocked)
    }

    /// The addresses of the URL's host, each judged.
    pub(crate) async fn resolve(&self, url: &TargetUrl) -> Result<Arc<[IpAddr]>, FetchError> {
        self.check_literal(url)?;
        let name = match url.as_url().host() {
            Some(Host::Ipv4(ip)) => return Ok(Arc::new([ip.into()])),
            Some(Host::Ipv6(ip)) => return Ok(Arc::new([ip.into()])),
            Some(Host::Domain(name)) => name,
            None => "",
        };
        let class = NameClass::of(name);
        let addresses = match class {
            NameClass::Loopback => self.guard.loopback().into(),
            NameClass::Public | NameClass::Metadata => self
                .dns
                .lookup(name)
                .await
                .map_err(|source| FetchError::Dns { host: name.to_owned(), source })?,
        };
        let blocked = |source| FetchError::Blocked { host: url.host().to_owned(), source };
        self.guard.check_answers(class, &addresses).map_err(blocked)?;
        Ok(addresses)
    }

    /// Tries the addresses in order, each with its share of the time.
    pub(crate) async fn dial(&self, addresses: &[IpAddr], port: u16, peer: Peer) -> io::Result<TcpStream> {
        let end = Instant::now() + self.connect_timeout;
        let mut last = timed_out("no address to connect to");
        for (tried, ip) in addresses.iter().enumerate() {
            let now = Instant::now();
            if now >= end {
                break;
            }
            let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = ((end - now) / left).max(ADDRESS_TIMEOUT_MIN);
            match timeout_at(end.min(now + share), self.dial_one(SocketAddr::new(*ip, port), peer)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => last = error,
                Err(_) => last = timed_out("the connection was not accepted in time"),
            }
        }
        Err(last)
    }

    async fn dial_one(&self, address: SocketAddr, peer: Peer) -> io::Result<TcpStream> {
        let tcp = TcpStream::connect(address).await?;
        if peer == Peer::Target {
            // What is connected to is what was judged; a rewrite on the way must not slip another peer in.
            self.guard
                .check(tcp.peer_addr()?.ip())
                .map_err(|blocked| io::Error::new(io::ErrorKind::PermissionDenied, blocked))?;
        }
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }
}

/// TLS with the URL's host, over whatever leads there.
pub(crate) async fn secure(
    url: &TargetUrl,
    link: Link,
    tls: &TlsConnector,
) -> Result<(Wire, Protocol), FetchError> {
    let failed = |source| FetchError::Tls { authority: authority(url), source };
    let name = server_name(url).map_err(failed)?;
    let stream = tls.connect(name, link).await.map_err(failed)?;
    let protocol = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        Some(_) | None => Protocol::Http1,
    };
    Ok((Wire::tls(stream), protocol))
}

fn server_name(url: &TargetUrl) -> io::Result<ServerName<'static>> {
    match url.as_url().host() {
        Some(Host::Ipv4(ip)) => Ok(ServerName::from(IpAddr::V4(ip))),
        Some(Host::Ipv6(ip)) => Ok(ServerName::from(IpAddr::V6(ip))),
        Some(Host::Domain(name)) => {
            ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(io::Error::other)
        }
        None => Err(io::Error::other("no host")),
    }
}

/// Host and port, for people.
pub(crate) fn authority(url: &TargetUrl) -> String {
    format!("{}:{}", url.host(), url.as_url().port_or_known_default().unwrap_or(0))
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}
