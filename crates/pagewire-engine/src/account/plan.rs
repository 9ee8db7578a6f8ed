//! Plans: what a workspace may use. The table is configuration.

use std::collections::BTreeMap;

pub use pagewire_store::CreditAllowance;
use pagewire_types::WorkspaceId;

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

/// Plans by name, and the workspaces that the operator has put on one.
#[derive(Debug, Clone, Default)]
pub struct PlanTable {
    plans: BTreeMap<String, Plan>,
    given: BTreeMap<WorkspaceId, String>,
}

impl PlanTable {
    /// The plan of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Plan> {
        self.plans.get(name).copied()
    }

    /// The table with workspaces put on plans, by their names.
    #[must_use]
    pub fn given(mut self, workspaces: impl IntoIterator<Item = (WorkspaceId, String)>) -> Self {
        self.given.extend(workspaces);
        self
    }

    /// The name of the plan that the operator has put a workspace on.
    #[must_use]
    pub fn given_to(&self, workspace: &WorkspaceId) -> Option<&str> {
        self.given.get(workspace).map(String::as_str)
    }
}

impl FromIterator<(String, Plan)> for PlanTable {
    fn from_iter<I: IntoIterator<Item = (String, Plan)>>(plans: I) -> Self {
        Self { plans: plans.into_iter().collect(), given: BTreeMap::new() }
    }
}
