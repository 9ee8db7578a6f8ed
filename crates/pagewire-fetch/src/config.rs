//! What an operator can set of the client: caps, timeouts, lifted ranges, roots and resolver.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use rustls::pki_types::CertificateDer;

/// Where names are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolverChoice {
    /// The resolver of this process, with its own cache, asking the servers of the system's `resolv.conf`.
    #[default]
    Hickory,
    /// The system's resolver (`getaddrinfo`), for nsswitch, split DNS and search domains; it costs a thread a lookup.
    System,
}

/// The settings of a [`Client`](crate::Client).
#[derive(Debug, Clone)]
pub struct FetchConfig {
    /// Cap on the body as it comes over the wire.
    pub wire_bytes_max: u64,
    /// Cap on the body after its content encodings are undone.
    pub unpacked_bytes_max: u64,
    /// How many redirects are followed.
    pub redirects_max: u8,
    /// Cap on the headers of an answer, interim answers included.
    pub header_bytes_max: usize,
    /// How long all addresses of a host may take to accept a connection.
    pub connect_timeout: Duration,
    /// How long a name may take to resolve.
    pub dns_timeout: Duration,
    /// Idle connections kept for each origin: with fewer than a run may have under way, bursts make new ones all the time.
    pub idle_per_host_max: usize,
    /// Idle connections kept in all.
    pub idle_max: usize,
    /// How long a connection may lie idle before it is closed.
    pub pool_idle_timeout: Duration,
    /// The `User-Agent` of requests that bring none.
    pub user_agent: String,
    /// Who this client is to a robots.txt: the product token (RFC 9309, section 2.2.1).
    pub product: String,
    /// Ranges that the operator lifts from the guard.
    pub allow: Vec<IpNet>,
    /// Roots trusted beside the built-in ones.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// A PEM file with more roots.
    pub extra_roots_pem: Option<PathBuf>,
    /// Where names are looked up.
    pub resolver: ResolverChoice,
    /// DNS servers that the own resolver asks instead of those of the system's configuration.
    pub dns_servers: Vec<SocketAddr>,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            wire_bytes_max: 20 << 20,
            unpacked_bytes_max: 40 << 20,
            redirects_max: 10,
            header_bytes_max: 64 << 10,
            connect_timeout: Duration::from_secs(10),
            dns_timeout: Duration::from_secs(8),
            idle_per_host_max: 256,
            idle_max: 1024,
            pool_idle_timeout: Duration::from_secs(60),
            user_agent: "Pagewire/0.1 (+https://pagewire.example/bot)".to_owned(),
            product: "Pagewire".to_owned(),
            allow: Vec::new(),
            extra_roots: Vec::new(),
            extra_roots_pem: None,
            resolver: ResolverChoice::default(),
            dns_servers: Vec::new(),
        }
    }
}
