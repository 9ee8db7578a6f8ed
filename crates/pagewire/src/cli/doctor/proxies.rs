//! The proxies that targets may be reached through: whether each takes a connection. None is sent a request; nothing of
//! their addresses is told but their places in the configuration.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pagewire_fetch::ProxyUrl;

use super::finding::Finding;
use crate::config::Checked;
use crate::config::proxies::ProxyPool;

const CHECK: &str = "proxies";
/// How long a proxy may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// Proxies that are tried at once.
const AT_ONCE: usize = 32;
/// Places of proxies that are told; more say no more.
const TOLD_MAX: usize = 10;

pub(super) fn examine(config: &Checked) -> Vec<Finding> {
    config.proxies.iter().map(of_pool).collect()
}

fn of_pool(pool: &ProxyPool) -> Finding {
    let (name, urls) = (&pool.spec.name, &pool.spec.urls);
    let silent = silent(urls);
    let count = urls.len();
    if silent.is_empty() {
        return Finding::ok(CHECK, format!("{name}: all {count} take connections"));
    }
    let places: Vec<String> = silent.iter().take(TOLD_MAX).map(|place| format!("urls[{place}]")).collect();
    let more = if silent.len() > TOLD_MAX { ", …" } else { "" };
    Finding::warn(
        CHECK,
        format!("{name}: {} of {count} take no connection: {}{more}", silent.len(), places.join(", ")),
        "look whether they run and this machine may reach them, or take them out of [[proxies]]; meanwhile they rest, and others go instead",
    )
}

/// The places of those that take no connection.
fn silent(urls: &[ProxyUrl]) -> Vec<usize> {
    let (next, silent) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(urls.len()) {
            scope.spawn(|| {
                while let Some((place, url)) = take(urls, &next) {
                    if !takes_connections(url) {
                        silent.lock().unwrap_or_else(PoisonError::into_inner).push(place);
                    }
                }
            });
        }
    });
    let mut silent = silent.into_inner().unwrap_or_else(PoisonError::into_inner);
    silent.sort_unstable();
    silent
}

fn take<'u>(urls: &'u [ProxyUrl], next: &AtomicUsize) -> Option<(usize, &'u ProxyUrl)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    urls.get(place).map(|url| (place, url))
}

fn takes_connections(url: &ProxyUrl) -> bool {
    let Ok(addresses) = url.address().to_socket_addrs() else { return false };
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}
