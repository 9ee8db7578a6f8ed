//! Plans: what a workspace may use. The table is configuration.

use std::collections::BTreeMap;

/// How many credits a workspace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditAllowance {
    /// No bound.
    Unlimited,
    /// So many, once.
    InAll(u64),
    /// So many a day (UTC).
    PerDay(u64),
}

/// What a workspace may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Requests a second; `None` for no bound.
    pub requests_per_s: Option<u32>,
    /// What a burst may have beyond one second's requests, in percent.
    pub burst_percent: u32,
    /// Event streams at once; `None` for no bound.
    pub connections_max: Option<u32>,
    /// Credits.
    pub credits: CreditAllowance,
}

impl Plan {
    /// No bounds at all: what the embedded default gives its one workspace.
    pub const UNLIMITED: Self = Self {
        requests_per_s: None,
        burst_percent: 0,
        connections_max: None,
        credits: CreditAllowance::Unlimited,
    };
}

/// Plans by name.
#[derive(Debug, Clone, Default)]
pub struct PlanTable(BTreeMap<String, Plan>);

impl PlanTable {
    /// The plan of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Plan> {
        self.0.get(name).copied()
    }
}

impl FromIterator<(String, Plan)> for PlanTable {
    fn from_iter<I: IntoIterator<Item = (String, Plan)>>(plans: I) -> Self {
        Self(plans.into_iter().collect())
    }
}
