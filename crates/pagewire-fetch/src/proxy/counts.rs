//! What has gone through the proxies, and how they stand: numbers for each pool, to be measured by. Never by proxy: where one
//! is, and what opens it, is nobody's to read off.

use std::ops::AddAssign;

use pagewire_types::ProxyType;

/// Numbers of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolCounts {
    /// What the operator calls it. Pools of one name and kind are counted together.
    pub name: String,
    /// What kind of address its proxies have.
    pub kind: ProxyType,
    /// Its proxies.
    pub proxies: u64,
    /// Those of them that rest, or wait for the request that tries them.
    pub resting: u64,
    /// What they have done.
    pub done: ProxyCounts,
}

/// Numbers of a proxy, or of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProxyCounts {
    /// Requests that were given to it.
    pub requests: u64,
    /// Those that it failed.
    pub failed: u64,
    /// Those that it or their target failed.
    pub doubtful: u64,
    /// Those under way.
    pub under_way: u64,
}

impl AddAssign for ProxyCounts {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.doubtful += other.doubtful;
        self.under_way += other.under_way;
    }
}
