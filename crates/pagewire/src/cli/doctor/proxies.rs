//! The proxies that targets may be reached through: whether each takes a connection. None is sent a request; nothing of
//! their addresses is told but their places in the configuration.

use std::collections::BTreeSet;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use pagewire_fetch::ProxyUrl;

use super::finding::Finding;
use crate::config::Checked;
use crate::config::proxies::ProxyPool;

const CHECK: &str = "proxies";
/// How long a proxy may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long all of a pool may take together.
const PATIENCE_FOR_ALL: Duration = Duration::from_secs(20);
/// Proxies that are tried at once.
const AT_ONCE: usize = 32;
/// Places of proxies that are told; more say no more.
const TOLD_MAX: usize = 10;

pub(super) fn examine(config: &Checked) -> Vec<Finding> {
    config.proxies.iter().map(of_pool).collect()
}

fn of_pool(pool: &ProxyPool) -> Finding {
    let (name, urls) = (&pool.spec.name, &pool.spec.urls);
    let silent = silent(urls, takes_connections, PATIENCE_FOR_ALL);
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

/// The places of those that take no connection, or of which that is not known in time: a name may take as long to be looked
/// up as its servers please, and nobody can end that. The threads that still try end with the process.
fn silent(
    urls: &[ProxyUrl],
    takes_connections: impl Fn(&ProxyUrl) -> bool + Send + Sync + 'static,
    patience: Duration,
) -> Vec<usize> {
    let deadline = Instant::now() + patience;
    let (urls, next, try_out) =
        (Arc::<[ProxyUrl]>::from(urls), Arc::new(AtomicUsize::new(0)), Arc::new(takes_connections));
    let (told, answers) = sync_channel(urls.len());
    for _ in 0..AT_ONCE.min(urls.len()) {
        let (urls, next, try_out, told) = (urls.clone(), next.clone(), try_out.clone(), told.clone());
        std::thread::spawn(move || {
            while let Some((place, url)) = take(&urls, &next) {
                // Whoever does not listen any more has given up.
                let _ = told.send((place, try_out(url)));
            }
        });
    }
    drop(told);
    let mut silent: BTreeSet<usize> = (0..urls.len()).collect();
    while let Ok((place, takes)) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if takes {
            silent.remove(&place);
        }
    }
    silent.into_iter().collect()
}

fn take<'u>(urls: &'u [ProxyUrl], next: &AtomicUsize) -> Option<(usize, &'u ProxyUrl)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    urls.get(place).map(|url| (place, url))
}

fn takes_connections(url: &ProxyUrl) -> bool {
    let Ok(addresses) = url.address().to_socket_addrs() else { return false };
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_which_nothing_is_known_in_time_is_told_as_silent_and_holds_nobody_up() {
        let urls: Vec<ProxyUrl> =
            (1..=40).map(|port| format!("http://127.0.0.1:{port}").parse().expect("a proxy")).collect();
        let hung = urls[3].address();
        let begun = Instant::now();
        let probe = move |url: &ProxyUrl| {
            while url.address() == hung {
                std::thread::park();
            }
            true
        };
        assert_eq!(silent(&urls, probe, Duration::from_millis(500)), [3]);
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
