//! Metrics of what is looked up when they are asked for, rather than counted as it happens.

use pagewire_fetch::proxy::PoolCounts;

use crate::engine::Engine;

impl Engine {
    /// Brings them up to date.
    pub fn gauge(&self) {
        for pool in self.proxies.pools.counts() {
            gauge_pool(&pool);
        }
    }
}

/// By the names that the operator gave, so that there are as many series as he has pools.
fn gauge_pool(pool: &PoolCounts) {
    let labels = [("pool", pool.name.clone()), ("type", pool.kind.as_str().to_owned())];
    metrics::gauge!("pagewire_proxies", &labels).set(pool.proxies as f64);
    metrics::gauge!("pagewire_proxies_resting", &labels).set(pool.resting as f64);
    metrics::gauge!("pagewire_proxy_requests_under_way", &labels).set(pool.done.under_way as f64);
    metrics::counter!("pagewire_proxy_requests_total", &labels).absolute(pool.done.requests);
    for (blame, count) in [("proxy", pool.done.failed), ("proxy_or_target", pool.done.doubtful)] {
        let [name, kind] = labels.clone();
        metrics::counter!("pagewire_proxy_failures_total", &[name, kind, ("blame", blame.to_owned())])
            .absolute(count);
    }
}
