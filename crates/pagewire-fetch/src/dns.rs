//! Name lookups: one resolver, bounded in time, equal concurrent lookups shared.
//!
//! Names are looked up fully qualified: a search domain of this host must not turn a target's name into another one.
//! What is answered here is judged by the guard before anything connects; nothing here decides that.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
};
use tokio::sync::OnceCell;

use crate::{
    config::{FetchConfig, ResolverChoice},
    error::{BuildError, DnsError},
};

/// Addresses taken of one answer; a longer one is hostile.
const ADDRESSES_MAX: usize = 32;

/// Answers held by the resolver's cache.
const CACHE_SIZE: u64 = 8192;

type Answer = Result<Arc<[IpAddr]>, DnsError>;

/// Looks names up.
pub(crate) struct Dns {
    backend: Backend,
    timeout: Duration,
    /// Lookups under way; bounded by the fetches under way.
    inflight: Mutex<HashMap<Arc<str>, Arc<OnceCell<Answer>>>>,
}

enum Backend {
    Hickory(Box<TokioResolver>),
    System,
}

impl Dns {
    pub(crate) fn new(config: &FetchConfig) -> Result<Self, BuildError> {
        let backend = match config.resolver {
            ResolverChoice::Hickory => Backend::Hickory(Box::new(hickory(config)?)),
            ResolverChoice::System => Backend::System,
        };
        Ok(Self { backend, timeout: config.dns_timeout, inflight: Mutex::default() })
    }

    /// All the addresses of a name, never none.
    pub(crate) async fn lookup(&self, name: &str) -> Answer {
        let cell = self.join(name);
        let _leave = Leave { dns: self, name, cell: &cell };
        cell.get_or_init(|| async {
            tokio::time::timeout(self.timeout, self.ask(name)).await.unwrap_or(Err(DnsError::Timeout))
        })
        .await
        .clone()
    }

    fn join(&self, name: &str) -> Arc<OnceCell<Answer>> {
        let mut inflight = self.inflight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = inflight.get(name) {
            return Arc::clone(cell);
        }
        let cell = Arc::new(OnceCell::new());
        inflight.insert(name.into(), Arc::clone(&cell));
        cell
    }

    async fn ask(&self, name: &str) -> Answer {
        let addresses: Arc<[IpAddr]> = match &self.backend {
            Backend::Hickory(resolver) => resolver
                .lookup_ip(fully_qualified(name))
                .await
                .map_err(|error| {
                    if error.is_no_records_found() || error.is_nx_domain() {
                        DnsError::NoAddress
                    } else {
                        DnsError::Resolver(error.to_string().into())
                    }
                })?
                .iter()
                .take(ADDRESSES_MAX)
                .collect(),
            Backend::System => tokio::net::lookup_host((name, 0))
                .await
                .map_err(|error| DnsError::Resolver(error.to_string().into()))?
                .take(ADDRESSES_MAX)
                .map(|address| address.ip())
                .collect(),
        };
        if addresses.is_empty() { Err(DnsError::NoAddress) } else { Ok(addresses) }
    }
}

/// The last to leave a lookup takes it off the table, also when it is cancelled.
struct Leave<'a> {
    dns: &'a Dns,
    name: &'a str,
    cell: &'a Arc<OnceCell<Answer>>,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut inflight = self.dns.inflight.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = inflight.get(self.name).is_some_and(|cell| Arc::ptr_eq(cell, self.cell));
        // Two handles are the table's and this one. An answered lookup leaves at once: later ones ask anew.
        if ours && (self.cell.initialized() || Arc::strong_count(self.cell) <= 2) {
            inflight.remove(self.name);
        }
    }
}

fn fully_qualified(name: &str) -> String {
    if name.ends_with('.') { name.to_owned() } else { format!("{name}.") }
}

fn hickory(config: &FetchConfig) -> Result<TokioResolver, BuildError> {
    let mut builder = if config.dns_servers.is_empty() {
        TokioResolver::builder_tokio()
            .map_err(|error| BuildError::Dns(io::Error::other(error.to_string())))?
    } else {
        let servers = config.dns_servers.iter().map(name_server).collect();
        TokioResolver::builder_with_config(
            ResolverConfig::from_name_servers(servers),
            TokioRuntimeProvider::default(),
        )
    };
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = Duration::from_secs(3);
    options.attempts = 2;
    options.cache_size = CACHE_SIZE;
    options.ndots = 0;
    // A host that moves is found again within this time; one that does not exist is asked for again soon.
    options.positive_max_ttl = Some(Duration::from_secs(300));
    options.negative_max_ttl = Some(Duration::from_secs(30));
    builder.build().map_err(|error| BuildError::Dns(io::Error::other(error.to_string())))
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = address.port();
    }
    NameServerConfig::new(address.ip(), true, connections)
}
