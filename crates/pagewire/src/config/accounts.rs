//! `[plans]`, `[workspaces]` and `[credits]`: what workspaces may do, and what it costs.

use std::collections::BTreeMap;

use pagewire_engine::account::{CreditAllowance, Plan};
use pagewire_types::WorkspaceId;

use super::judge::Judge;
use super::raw::{self, Raw};

/// `[credits]`
#[derive(Debug, Clone)]
pub(crate) struct Credits {
    /// A page.
    pub(crate) page: u32,
    /// Rendering it.
    pub(crate) render: u32,
    /// A data-centre proxy.
    pub(crate) proxy_datacenter: u32,
    /// A residential proxy.
    pub(crate) proxy_residential: u32,
    /// A mobile proxy.
    pub(crate) proxy_mobile: u32,
}

impl Judge {
    pub(super) fn plan(&mut self, name: &str, raw: &raw::Plan) -> Plan {
        let key = |field: &str| format!("plans.{name}.{field}");
        let limit = |judge: &mut Self, field: &str, value: Option<i64>| {
            Some(judge.whole::<u32>(&key(field), value.or(Some(0)), 0, 1_000_000)).filter(|n| *n > 0)
        };
        let credits = |judge: &mut Self, field: &str, value: Option<i64>| {
            Some(judge.whole::<u64>(&key(field), value.or(Some(0)), 0, i64::MAX)).filter(|n| *n > 0)
        };
        let total = credits(self, "credits_total", raw.credits_total);
        let per_day = credits(self, "credits_per_day", raw.credits_per_day);
        let allowance = match (total, per_day) {
            (None, None) => CreditAllowance::Unlimited,
            (Some(total), None) => CreditAllowance::InAll(total),
            (None, Some(per_day)) => CreditAllowance::PerDay(per_day),
            (Some(total), Some(_)) => {
                self.fault(&key("credits_total"), total, "absent or 0 where credits_per_day is given");
                CreditAllowance::Unlimited
            }
        };
        Plan {
            requests_per_s: limit(self, "requests_per_s", raw.requests_per_s),
            burst_percent: self.whole(&key("burst_percent"), raw.burst_percent.or(Some(0)), 0, 1_000),
            connections_max: limit(self, "connections_max", raw.connections_max),
            credits: allowance,
        }
    }

    pub(super) fn workspaces(&mut self, raw: &Raw) -> BTreeMap<WorkspaceId, String> {
        let mut given = BTreeMap::new();
        for (name, plan) in &raw.workspaces {
            let key = format!("workspaces.{name}");
            if !raw.plans.contains_key(plan) {
                let plans: Vec<&str> = raw.plans.keys().map(String::as_str).collect();
                self.fault(&key, format!("{plan:?}"), format!("one of the plans: {}", plans.join(", ")));
            }
            match name.parse() {
                Ok(workspace) => {
                    given.insert(workspace, plan.clone());
                }
                Err(_) => {
                    let allowed =
                        "under the name of a workspace: `[a-z0-9][a-z0-9_-]*`, at most 64 characters";
                    self.fault(&key, format!("{plan:?}"), allowed);
                }
            }
        }
        given
    }

    pub(super) fn credits(&mut self, raw: &raw::Credits) -> Credits {
        Credits {
            page: self.whole("credits.page", raw.page, 0, 10_000),
            render: self.whole("credits.render", raw.render, 0, 10_000),
            proxy_datacenter: self.whole("credits.proxy_datacenter", raw.proxy_datacenter, 0, 10_000),
            proxy_residential: self.whole("credits.proxy_residential", raw.proxy_residential, 0, 10_000),
            proxy_mobile: self.whole("credits.proxy_mobile", raw.proxy_mobile, 0, 10_000),
        }
    }
}
