//! The operator's proxies, by what they are: type and country. A wish names both; what fits it is used as one pool.

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash as _, Hasher as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use pagewire_types::ProxyType;
use tokio::sync::Notify;

use super::address::ProxyUrl;
use super::balance::{Balance, Picked, Unpicked};
use super::counts::{PoolCounts, ProxyCounts};
use super::health::Told;
use super::lease::Lease;
use super::route::Proxy;

/// How a proxy is chosen for a request without a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rotation {
    /// By turns, according to weights.
    #[default]
    RoundRobin,
    /// The same for the same host.
    Host,
}

/// Who looks up the names of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NameLookup {
    /// The proxy, unless its own address is not a public one.
    #[default]
    Auto,
    /// The proxy.
    Proxy,
    /// This host, whose guard judges the addresses.
    Here,
}

/// Proxies of one kind, as they are configured.
#[derive(Debug, Clone)]
pub struct PoolSpec {
    /// What the operator calls it; told in logs.
    pub name: String,
    /// What kind of address they have.
    pub kind: ProxyType,
    /// Where that is, ISO 3166-1 alpha-2 in lower case.
    pub country: Option<String>,
    /// Where they are.
    pub urls: Vec<ProxyUrl>,
    /// The share of each beside others that fit.
    pub weight: u32,
    /// Requests at once through each.
    pub concurrency: u32,
    /// How one of them is chosen.
    pub rotation: Rotation,
    /// Who looks up the names of targets.
    pub names: NameLookup,
}

/// What is wished for.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// What kind of address.
    pub kind: ProxyType,
    /// Where it is to be.
    pub country: Option<&'a str>,
    /// The host that is to be reached.
    pub host: &'a str,
    /// Names who always wants the same proxy.
    pub session: Option<u64>,
}

/// Why there is no proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoProxy {
    /// None of that kind and country is configured.
    #[error("no proxy of that type and country is configured")]
    Unfit,
    /// All that fit rest; the first is back after so long.
    #[error("all proxies that fit rest after failures")]
    Resting(Duration),
}

/// All proxies. Their state is this process's.
pub struct ProxyPools {
    pub(super) seats: Vec<Seat>,
    /// The pools by name and kind, to count by.
    pools: Vec<(String, ProxyType)>,
    /// What fits a kind, in any country and in each.
    fitting: HashMap<(ProxyType, Option<Box<str>>), Vec<usize>>,
    balance: Mutex<Balance>,
    freed: Notify,
}

pub(super) struct Seat {
    pool: usize,
    pub(super) label: String,
    pub(super) kind: ProxyType,
    pub(super) country: Option<Arc<str>>,
    pub(super) proxy: Arc<Proxy>,
    rotation: Rotation,
}

impl ProxyPools {
    /// The pools of a configuration.
    #[must_use]
    pub fn new(specs: Vec<PoolSpec>) -> Arc<Self> {
        let (mut seats, mut shares, mut pools) = (Vec::new(), Vec::new(), Vec::<(String, ProxyType)>::new());
        let mut fitting = HashMap::<_, Vec<usize>>::new();
        for spec in specs {
            let country: Option<Arc<str>> = spec.country.map(Into::into);
            let is_it = |(name, kind): &(String, ProxyType)| *name == spec.name && *kind == spec.kind;
            let pool = pools.iter().position(is_it).unwrap_or_else(|| {
                pools.push((spec.name.clone(), spec.kind));
                pools.len() - 1
            });
            for (url, number) in spec.urls.into_iter().zip(1..) {
                let place = seats.len();
                fitting.entry((spec.kind, None)).or_default().push(place);
                if let Some(country) = &country {
                    fitting.entry((spec.kind, Some((**country).into()))).or_default().push(place);
                }
                shares.push((spec.weight.max(1), spec.concurrency.max(1)));
                seats.push(Seat {
                    pool,
                    label: format!("{}#{number}", spec.name),
                    kind: spec.kind,
                    country: country.clone(),
                    proxy: Arc::new(Proxy::new(url, spec.names)),
                    rotation: spec.rotation,
                });
            }
        }
        let balance = Mutex::new(Balance::new(shares.into_iter()));
        Arc::new(Self { seats, pools, fitting, balance, freed: Notify::new() })
    }

    /// Whether there is no proxy at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// What has gone through each pool, and how it stands.
    #[must_use]
    pub fn counts(&self) -> Vec<PoolCounts> {
        let pool = |(name, kind): &(String, ProxyType)| PoolCounts {
            name: name.clone(),
            kind: *kind,
            proxies: 0,
            resting: 0,
            done: ProxyCounts::default(),
        };
        let mut counts: Vec<PoolCounts> = self.pools.iter().map(pool).collect();
        let (balance, now) = (self.lock(), Instant::now());
        for (place, seat) in self.seats.iter().enumerate() {
            let (pool, (done, rests)) = (&mut counts[seat.pool], balance.counts(place, now));
            pool.proxies += 1;
            pool.resting += u64::from(rests);
            pool.done += done;
        }
        counts
    }

    /// Whether a proxy of that kind and country is configured, whether it works or not.
    #[must_use]
    pub fn fits(&self, kind: ProxyType, country: Option<&str>) -> bool {
        self.places(kind, country).is_some()
    }

    /// Whether a request would get its proxy, or be told that there is none, without a wait.
    #[must_use]
    pub fn has_room(&self, wish: &Wish<'_>) -> bool {
        let Some(places) = self.places(wish.kind, wish.country) else { return true };
        self.lock().look(places, self.key(places, wish), Instant::now()) != Err(Unpicked::Busy)
    }

    /// A proxy for one attempt; waits while those that fit have as many requests as they may have.
    pub async fn acquire(self: &Arc<Self>, wish: &Wish<'_>) -> Result<Lease, NoProxy> {
        let places = self.places(wish.kind, wish.country).ok_or(NoProxy::Unfit)?;
        let key = self.key(places, wish);
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // Waits from here on: what is freed between the look and the wait is not missed.
            freed.as_mut().enable();
            let picked = self.lock().pick(places, key, Instant::now());
            match picked {
                Ok(picked) => return Ok(Lease::new(self.clone(), picked, wish.host)),
                Err(Unpicked::Resting(wait)) => return Err(NoProxy::Resting(wait)),
                Err(Unpicked::Busy) => freed.await,
            }
        }
    }

    pub(super) fn settle(&self, picked: Picked, target: u64, told: Told) {
        let rest = self.lock().settle(picked, target, told, Instant::now());
        if let Some(rest) = rest {
            let proxy = &*self.seats[picked.place].label;
            tracing::warn!(proxy, rest_s = rest.as_secs(), "a proxy failed and rests");
        }
        self.freed.notify_waiters();
    }

    fn places(&self, kind: ProxyType, country: Option<&str>) -> Option<&Vec<usize>> {
        self.fitting.get(&(kind, country.map(Into::into)))
    }

    /// Where several pools fit, the rotation of the first one holds.
    fn key(&self, places: &[usize], wish: &Wish<'_>) -> Option<u64> {
        let rotation = places.first().map_or(Rotation::RoundRobin, |place| self.seats[*place].rotation);
        wish.session.or_else(|| match rotation {
            Rotation::RoundRobin => None,
            Rotation::Host => Some(number_of(wish.host)),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Balance> {
        self.balance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number for a host.
pub(super) fn number_of(host: &str) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    host.hash(&mut hasher);
    hasher.finish()
}

impl fmt::Debug for ProxyPools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyPools").field("proxies", &self.seats.len()).finish_non_exhaustive()
    }
}
