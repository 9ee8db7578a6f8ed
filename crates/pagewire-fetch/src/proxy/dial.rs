//! Reaches a target through a proxy: connects to the proxy, says where to, and tells whose fault it is when that fails.
//!
//! The proxy's own address is not judged: it stands in the operator's configuration. The target's is, as far as it can
//! be: a literal always; a name where it is looked up here, and then it is the address that the proxy is given. A proxy
//! in a private network may reach what is private there, so that names for it are looked up here unless the operator
//! says otherwise.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use http::HeaderValue;
use pagewire_types::TargetUrl;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_socks::TargetAddr;
use url::Host;

use super::address::Scheme;
use super::fault::{Blame, ProxyFault};
use super::link::Link;
use super::pools::NameLookup;
use super::route::{Proxy, Route};
use super::{http as http_proxy, socks};
use crate::{
    connect::{Connector, Peer, Protocol, secure},
    error::FetchError,
    guard::{NameClass, is_public},
    wire::Wire,
};

/// How a request names its target.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// By path, to the origin itself or through a tunnel.
    Origin,
    /// By its whole URL, to an HTTP proxy, which may want its credentials with it.
    Absolute(Option<HeaderValue>),
}

/// A connection that requests to an origin can be sent over.
pub(crate) struct Opening {
    pub(crate) wire: Wire,
    pub(crate) protocol: Protocol,
    pub(crate) form: Form,
}

/// Where a proxy is to connect to.
enum Place {
    Name(String, u16),
    Address(SocketAddr),
}

impl Connector {
    /// A connection for requests to the URL's origin.
    pub(crate) async fn connect(&self, url: &TargetUrl, route: &Route) -> Result<Opening, FetchError> {
        if let Some(proxy) = route.proxy()
            && url.as_url().scheme() == "http"
            && matches!(proxy.url.scheme, Scheme::Http | Scheme::Https)
        {
            let link = self.reach_proxy_for(url, proxy, route).await?.0;
            let form = Form::Absolute(proxy.authorization.clone());
            return Ok(Opening { wire: Wire::plain(link), protocol: Protocol::Http1, form });
        }
        let (wire, protocol) = self.open(url, route, &self.tls.any).await?;
        Ok(Opening { wire, protocol, form: Form::Origin })
    }

    /// A connection to the URL's origin itself that speaks HTTP/1.1, for what is no request and answer.
    pub(crate) async fn connect_http1(&self, url: &TargetUrl, route: &Route) -> Result<Wire, FetchError> {
        self.open(url, route, &self.tls.http1).await.map(|(wire, _)| wire)
    }

    /// Bytes to and from the URL's host and port, whatever is spoken there.
    pub(crate) async fn tunnel(&self, url: &TargetUrl, route: &Route) -> Result<Link, FetchError> {
        let Some(proxy) = route.proxy() else { return self.straight(url).await.map(Link::Tcp) };
        let (link, place) = self.reach_proxy_for(url, proxy, route).await?;
        self.within(route, ask(link, proxy, place)).await
    }

    async fn open(
        &self,
        url: &TargetUrl,
        route: &Route,
        tls: &TlsConnector,
    ) -> Result<(Wire, Protocol), FetchError> {
        let link = self.tunnel(url, route).await?;
        if url.as_url().scheme() != "https" {
            return Ok((Wire::plain(link), Protocol::Http1));
        }
        let secured = secure(url, link, tls);
        if route.is_direct() {
            return secured.await;
        }
        // Behind a tunnel that is none nobody ever answers.
        let silent = FetchError::Proxy { fault: ProxyFault::Silent, blame: Blame::Either };
        timeout(self.connect_timeout, secured).await.unwrap_or(Err(silent)).map_err(misled)
    }

    /// A connection to the proxy, and what it is to be told, once the target has been judged.
    async fn reach_proxy_for(
        &self,
        url: &TargetUrl,
        proxy: &Proxy,
        route: &Route,
    ) -> Result<(Link, Place), FetchError> {
        self.check_literal(url)?;
        let addresses = self.within(route, self.addresses_of(proxy)).await?;
        let place = self.place(url, proxy, &addresses).await?;
        let link = self.within(route, self.reach(proxy, &addresses)).await?;
        Ok((link, place))
    }

    /// The target as the proxy is told it.
    async fn place(
        &self,
        url: &TargetUrl,
        proxy: &Proxy,
        proxy_addresses: &[IpAddr],
    ) -> Result<Place, FetchError> {
        let port = url.as_url().port_or_known_default().unwrap_or(80);
        let here = match proxy.names {
            NameLookup::Here => true,
            NameLookup::Proxy => false,
            NameLookup::Auto => proxy_addresses.iter().any(|ip| !is_public(*ip)),
        };
        match url.as_url().host() {
            Some(Host::Domain(name)) if !here && NameClass::of(name) == NameClass::Public => {
                Ok(Place::Name(name.to_owned(), port))
            }
            _ => {
                let addresses = self.resolve(url).await?;
                let first = addresses.iter().find(|ip| ip.is_ipv4()).or(addresses.first());
                let ip = first.copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                Ok(Place::Address(SocketAddr::new(ip, port)))
            }
        }
    }

    async fn addresses_of(&self, proxy: &Proxy) -> Result<Arc<[IpAddr]>, ProxyFault> {
        match &proxy.url.host {
            Host::Ipv4(ip) => Ok(Arc::new([IpAddr::V4(*ip)])),
            Host::Ipv6(ip) => Ok(Arc::new([IpAddr::V6(*ip)])),
            Host::Domain(name) if NameClass::of(name) == NameClass::Loopback => {
                Ok(Arc::new([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]))
            }
            Host::Domain(name) => self.dns.lookup(name).await.map_err(|_| ProxyFault::Name),
        }
    }

    async fn reach(&self, proxy: &Proxy, addresses: &[IpAddr]) -> Result<Link, ProxyFault> {
        let dialled = self.dial(addresses, proxy.url.port, Peer::Proxy).await;
        let tcp = dialled.map_err(|_| ProxyFault::Unreachable)?;
        if proxy.url.scheme != Scheme::Https {
            return Ok(Link::Tcp(tcp));
        }
        let name = match &proxy.url.host {
            Host::Ipv4(ip) => ServerName::from(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => ServerName::from(IpAddr::V6(*ip)),
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| ProxyFault::Tls)?,
        };
        let tls = self.tls.http1.connect(name, tcp).await.map_err(|_| ProxyFault::Tls)?;
        Ok(Link::Tls(Box::new(tls)))
    }

    /// One step of dialling a proxy, in its time.
    async fn within<T>(
        &self,
        route: &Route,
        step: impl Future<Output = Result<T, ProxyFault>>,
    ) -> Result<T, FetchError> {
        route.dialling(true);
        let done = timeout(self.connect_timeout, step).await.unwrap_or(Err(ProxyFault::Silent));
        route.dialling(false);
        done.map_err(|fault| FetchError::Proxy { fault, blame: fault.blame() })
    }
}

/// Asks a proxy for a tunnel.
async fn ask(mut link: Link, proxy: &Proxy, place: Place) -> Result<Link, ProxyFault> {
    match proxy.url.scheme {
        Scheme::Http | Scheme::Https => {
            let authority = match place {
                Place::Name(name, port) => format!("{name}:{port}"),
                Place::Address(address) => address.to_string(),
            };
            http_proxy::connect(&mut link, &authority, proxy.authorization.as_ref()).await?;
            Ok(link)
        }
        Scheme::Socks5 | Scheme::Socks5h => {
            let target = match place {
                Place::Name(name, port) => TargetAddr::Domain(name.into(), port),
                Place::Address(address) => TargetAddr::Ip(address),
            };
            socks::connect(link, target, proxy.url.credentials.as_ref()).await
        }
    }
}

/// A handshake through a tunnel that breaks without a certificate in it is as likely the proxy's doing: many say that
/// the tunnel is there, and close it when it is not.
fn misled(error: FetchError) -> FetchError {
    let FetchError::Tls { source, .. } = &error else { return error };
    let tls = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let fault = match tls {
        None => ProxyFault::Closed,
        Some(rustls::Error::InvalidMessage(_) | rustls::Error::DecryptError) => ProxyFault::Protocol,
        Some(_) => return error,
    };
    FetchError::Proxy { fault, blame: Blame::Either }
}
