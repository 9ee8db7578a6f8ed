//! `[live]` and `[[sources]]`: what the live stream keeps and how it is read, what is watched, and how often.

use std::collections::HashSet;
use std::time::Duration;

use pagewire_engine::live::sources::source_rules;
use pagewire_types::{SourceRules, SourceSpec, WorkspaceId};

use super::byte_size::ByteSize;
use super::judge::Judge;
use super::raw;

/// The longest interval that may be configured: four weeks.
const INTERVAL_S_MAX: i64 = 28 * 86_400;

/// `[live]`
#[derive(Debug, Clone)]
pub(crate) struct Live {
    /// How long events are kept.
    pub(crate) keep: Duration,
    /// Bytes of events that are kept.
    pub(crate) keep_bytes: ByteSize,
    /// Bytes of the newest events that stay in memory.
    pub(crate) ring_bytes: ByteSize,
    /// Values of a filter.
    pub(crate) filter_values_max: usize,
    /// What sources may say.
    pub(crate) rules: SourceRules,
    /// The shortest interval of a source that names none.
    pub(crate) adaptive_min: Duration,
    /// The longest.
    pub(crate) adaptive_max: Duration,
    /// Polls at once.
    pub(crate) polls_at_once: usize,
    /// Polls at once of one host.
    pub(crate) polls_per_host_max: usize,
    /// What one fetch may take.
    pub(crate) poll_timeout: Duration,
    /// Sources of one workspace.
    pub(crate) sources_max: u32,
}

impl Judge {
    pub(super) fn live(&mut self, raw: &raw::Live) -> Live {
        let min = self.whole("live.interval_min_s", raw.interval_min_s, 1, INTERVAL_S_MAX);
        let max = self.whole("live.interval_max_s", raw.interval_max_s, i64::from(min), INTERVAL_S_MAX);
        let adaptive_min = self.seconds("live.adaptive_min_s", raw.adaptive_min_s, 1, INTERVAL_S_MAX);
        let least = raw.adaptive_min_s.unwrap_or(1).clamp(1, INTERVAL_S_MAX);
        let hours: u64 = self.whole("live.keep_h", raw.keep_h, 1, 8_760);
        Live {
            keep: Duration::from_secs(hours * 3_600),
            keep_bytes: self.bytes("live.keep_bytes", raw.keep_bytes, 64 << 10, 1 << 40),
            ring_bytes: self.bytes("live.ring_bytes", raw.ring_bytes, 64 << 10, 1 << 30),
            filter_values_max: self.whole("live.filter_values_max", raw.filter_values_max, 1, 1_000),
            rules: source_rules(min..=max),
            adaptive_min,
            adaptive_max: self.seconds("live.adaptive_max_s", raw.adaptive_max_s, least, INTERVAL_S_MAX),
            polls_at_once: self.whole("live.polls_at_once", raw.polls_at_once, 1, 10_000),
            polls_per_host_max: self.whole("live.polls_per_host_max", raw.polls_per_host_max, 1, 1_000),
            poll_timeout: self.millis("live.poll_timeout_ms", raw.poll_timeout_ms, 1_000, 120_000),
            sources_max: self.whole("live.sources_max", raw.sources_max, 1, 1_000_000),
        }
    }

    /// The sources of the file, read as a request's are.
    pub(super) fn sources(&mut self, raw: &[toml::Table], live: &Live) -> Vec<(WorkspaceId, SourceSpec)> {
        let mut sources = Vec::with_capacity(raw.len());
        let mut seen = HashSet::new();
        for (place, table) in raw.iter().enumerate() {
            let name = table.get("id").or_else(|| table.get("url")).and_then(toml::Value::as_str);
            let key = format!("sources[{place}]");
            let mut table = table.clone();
            let workspace = match table.remove("workspace") {
                None => Some(WorkspaceId::default_workspace()),
                Some(given) => given.as_str().and_then(|text| text.parse().ok()),
            };
            let Some(workspace) = workspace else {
                let allowed = "a workspace: `[a-z0-9][a-z0-9_-]*`, at most 64 characters";
                self.fault(&format!("{key}.workspace"), format!("{:?}", name.unwrap_or_default()), allowed);
                continue;
            };
            let body = serde_json::to_value(table).unwrap_or_default();
            match live.rules.read_new(body) {
                Ok(source) if seen.insert((workspace.clone(), source.id.clone())) => {
                    sources.push((workspace, source));
                }
                Ok(source) => {
                    self.fault(&key, format!("{:?}", source.id.as_str()), "the only one of its `id`");
                }
                Err(problem) => {
                    let faults =
                        problem.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                    self.fault(
                        &key,
                        format!("{:?}", name.unwrap_or_default()),
                        format!("a source: {faults}"),
                    );
                }
            }
        }
        sources
    }
}
