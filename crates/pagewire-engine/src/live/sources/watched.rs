//! A source as it is watched: its declaration with the values of its headers, and where it is by now. And how it is stored:
//! the values of headers are secrets, and sealed.

use std::collections::BTreeMap;
use std::sync::Arc;

use pagewire_store::{KeyMode, SourceRow};
use pagewire_types::{SourceHealth, SourceId, SourceLife, SourceSpec, SourceType, TargetUrl, WorkspaceId};

use crate::refusal::{Refusal, damaged};
use crate::source::Source;
use crate::webhook::Vault;

/// A source that is watched, or may be. What it was when it was read: it never changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Watched {
    /// Whose it is.
    pub(crate) workspace: WorkspaceId,
    /// Of which mode's stream it is.
    pub(crate) mode: KeyMode,
    /// Which of its lives this is.
    pub(crate) life: SourceLife,
    /// As it was declared.
    pub(crate) spec: SourceSpec,
    /// Where it is by now.
    pub(crate) url: TargetUrl,
}

impl Watched {
    /// What a row holds, and what was seen of it.
    pub(in crate::live) fn read(row: &SourceRow, vault: &Vault) -> Result<(Self, SourceHealth), Refusal> {
        let health: SourceHealth =
            serde_json::from_str(&row.report.health).map_err(|_| damaged("the health of a source"))?;
        let spec = spec_of(row, vault)?;
        let moved = health.moved_to.as_deref().and_then(|url| TargetUrl::parse(url).ok());
        let url = match moved {
            Some(url) => url,
            None => target(&spec.url).ok_or_else(|| damaged("the URL of a source"))?,
        };
        let (workspace, mode, life) = (row.workspace.clone(), row.mode, row.life.clone());
        Ok((Self { workspace, mode, life, spec, url }, health))
    }

    /// The name under which its host's polls are counted.
    pub(crate) fn host(&self, source: &Source) -> Arc<str> {
        source.scheduled_host(self.url.host())
    }

    /// Whether it is connected to rather than polled.
    pub(crate) fn is_firehose(&self) -> bool {
        self.spec.source_type == SourceType::Firehose
    }
}

/// The URL as one that is fetched: a WebSocket is opened by HTTP.
pub(crate) fn target(url: &str) -> Option<TargetUrl> {
    let over = url.strip_prefix("ws").map(|rest| format!("http{rest}"));
    TargetUrl::parse(over.as_deref().unwrap_or(url)).ok()
}

/// The declaration that a row holds.
pub(super) fn spec_of(row: &SourceRow, vault: &Vault) -> Result<SourceSpec, Refusal> {
    let mut spec: SourceSpec =
        serde_json::from_str(&row.spec).map_err(|_| damaged("the declaration of a source"))?;
    if let Some(sealed) = &row.headers {
        let text = vault.open_text(&owner(&row.life), sealed)?;
        spec.headers = serde_json::from_str(&text).map_err(|_| damaged("the headers of a source"))?;
    }
    Ok(spec)
}

/// A declaration as it is stored, and the values of its headers, sealed.
pub(super) fn stored(
    spec: &SourceSpec,
    life: &SourceLife,
    vault: &Vault,
) -> Result<(String, Option<Vec<u8>>), Refusal> {
    let bare = SourceSpec { headers: BTreeMap::new(), ..spec.clone() };
    let text = serde_json::to_string(&bare).map_err(|_| damaged("the declaration of a source"))?;
    if spec.headers.is_empty() {
        return Ok((text, None));
    }
    let headers = serde_json::to_string(&spec.headers).map_err(|_| damaged("the headers of a source"))?;
    Ok((text, Some(vault.seal_text(&owner(life), &headers)?)))
}

/// What seals are bound to.
fn owner(life: &SourceLife) -> String {
    format!("source {life}")
}

/// Whether both say to watch the same thing, so that what is kept of one holds for the other.
pub(super) fn watch_the_same(one: &SourceSpec, other: &SourceSpec) -> bool {
    one.id == other.id
        && one.source_type == other.source_type
        && one.url == other.url
        && one.include_selectors == other.include_selectors
        && one.exclude_selectors == other.exclude_selectors
        && one.ignore == other.ignore
        && one.protocol == other.protocol
}

/// The id of a source, for logs.
pub(crate) fn named(watched: &Watched) -> (&WorkspaceId, &SourceId) {
    (&watched.workspace, &watched.spec.id)
}
