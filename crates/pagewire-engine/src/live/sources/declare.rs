//! The sources of the configuration file: made, changed and deleted when the server starts, so that what is watched is what
//! the file says. A request cannot change them.

use std::collections::{HashMap, HashSet};

use pagewire_store::{KeyMode, SourceInsertion, SourceRow, Store};
use pagewire_types::{DeclaredIn, SourceId, SourceSpec, WorkspaceId};

use super::manage::{changed_row, new_row};
use super::watched::spec_of;
use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::webhook::Vault;

impl Engine {
    /// Makes the stored sources of the configuration file what it says, and takes up all sources that are to be watched.
    pub(crate) async fn take_up_sources(&self) -> Result<(), Refusal> {
        let declared = &self.settings.sources.declared;
        for workspace in declared.iter().map(|(workspace, _)| workspace).collect::<HashSet<_>>() {
            self.accounts.ensure_workspace(workspace.clone()).await?;
        }
        declare(self.store.as_ref(), &self.webhooks.vault, declared).await?;
        self.sources.supervisor.take_up(&self.webhooks.vault).await?;
        Ok(())
    }
}

async fn declare(
    store: &dyn Store,
    vault: &Vault,
    declared: &[(WorkspaceId, SourceSpec)],
) -> Result<(), Refusal> {
    let stored = store.sources_in_config().await?;
    let wanted: HashSet<(&WorkspaceId, &SourceId)> =
        declared.iter().map(|(workspace, spec)| (workspace, &spec.id)).collect();
    for row in stored.iter().filter(|row| !wanted.contains(&(&row.workspace, &row.id))) {
        tracing::info!(source = %row.id, workspace = %row.workspace, "a source is no longer in the configuration file and is deleted; its events stay");
        store.delete_source(row.workspace.clone(), row.mode, row.id.clone()).await?;
    }
    let stored: HashMap<(WorkspaceId, SourceId), SourceRow> =
        stored.into_iter().map(|row| ((row.workspace.clone(), row.id.clone()), row)).collect();
    let mut new = Vec::new();
    for (workspace, spec) in declared {
        match stored.get(&(workspace.clone(), spec.id.clone())) {
            Some(row) => change(store, vault, row, spec).await?,
            None => new.push(new_row(workspace, KeyMode::Live, DeclaredIn::Config, spec, vault)?),
        }
    }
    insert(store, vault, new, declared).await
}

async fn change(store: &dyn Store, vault: &Vault, row: &SourceRow, spec: &SourceSpec) -> Result<(), Refusal> {
    let current = spec_of(row, vault)?;
    if current == *spec && row.declared_in == DeclaredIn::Config {
        return Ok(());
    }
    let changed = SourceRow { declared_in: DeclaredIn::Config, ..changed_row(row, &current, spec, vault)? };
    store.put_source(changed).await?;
    Ok(())
}

/// Stores new ones. One whose id a request has given to a source takes that one's place: the file is what holds.
async fn insert(
    store: &dyn Store,
    vault: &Vault,
    new: Vec<SourceRow>,
    declared: &[(WorkspaceId, SourceSpec)],
) -> Result<(), Refusal> {
    let became = store.insert_sources(new.clone(), u32::MAX).await?;
    for (row, _) in new.iter().zip(became).filter(|(_, became)| *became != SourceInsertion::Stored) {
        let there = store.source(row.workspace.clone(), row.mode, row.id.clone()).await?;
        let spec = declared.iter().find(|(workspace, spec)| *workspace == row.workspace && spec.id == row.id);
        if let (Some(there), Some((_, spec))) = (there, spec) {
            tracing::warn!(source = %row.id, workspace = %row.workspace, "a source that was made by a request is declared in the configuration file now, which holds");
            change(store, vault, &there, spec).await?;
        }
    }
    Ok(())
}
