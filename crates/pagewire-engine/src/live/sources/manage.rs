//! Sources of a workspace: made, read, changed, deleted, and polled when somebody asks for it.

use jiff::Timestamp;
use pagewire_fetch::FetchError;
use pagewire_store::{KeyMode, SourceFilter, SourceInsertion, SourceReport, SourceRow};
use pagewire_types::source_request::made_id;
use pagewire_types::{
    DeclaredIn, FieldError, Problem, ProblemCode, Source, SourceHealth, SourceId, SourceLife, SourceList,
    SourceSpec, SourceStatus, SourceType,
};
use serde_json::Value;

use super::super::supervisor::time_text;
use super::watched::{spec_of, stored, target, watch_the_same};
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::{Refusal, damaged};

/// Which sources of a workspace are to be listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceQuery {
    /// Only those after this id.
    pub after: Option<SourceId>,
    /// At most so many.
    pub limit: u32,
    /// Only those of this status.
    pub status: Option<SourceStatus>,
    /// Only those with this tag.
    pub tag: Option<String>,
}

impl Engine {
    /// Makes a source of the caller's workspace, which is polled at once.
    pub async fn create_source(&self, caller: &Caller, body: Value) -> Result<Source, Refusal> {
        let spec = self.sources.rules.read_new(body)?;
        self.check_source(caller.mode, &spec).await?;
        let row = self.new_source_row(caller, DeclaredIn::Api, &spec)?;
        let _changing = self.sources.changing.lock().await;
        let became = self.store.insert_sources(vec![row.clone()], self.sources.sources_max).await?;
        match became.first() {
            Some(SourceInsertion::Stored) => {}
            Some(SourceInsertion::Full) => return Err(self.full()),
            Some(SourceInsertion::Taken) | None => return Err(taken(&spec)),
        }
        self.sources.supervisor.watch(&row, &self.webhooks.vault)?;
        view(row, spec)
    }

    /// Sources of the caller's workspace, a page of them, by id.
    pub async fn sources(&self, caller: &Caller, query: SourceQuery) -> Result<SourceList, Refusal> {
        let limit = query.limit as usize;
        // One more than asked for tells whether there is a next page.
        let SourceQuery { after, limit: asked, status, tag } = query;
        let filter = SourceFilter { after, limit: asked.saturating_add(1), status, tag };
        let mut rows = self.store.sources(caller.workspace.id.clone(), caller.mode, filter).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().map(|row| row.id.to_string());
        let sources: Result<Vec<Source>, Refusal> = rows.into_iter().map(|row| self.view_of(row)).collect();
        Ok(SourceList { sources: sources?, next_cursor: last.filter(|_| more) })
    }

    /// A source of the caller's workspace.
    pub async fn source(&self, caller: &Caller, id: SourceId) -> Result<Option<Source>, Refusal> {
        self.source_row(caller, id).await?.map(|row| self.view_of(row)).transpose()
    }

    /// Changes a source. One that is to watch something else begins anew.
    pub async fn change_source(
        &self,
        caller: &Caller,
        id: SourceId,
        body: Value,
    ) -> Result<Option<Source>, Refusal> {
        let _changing = self.sources.changing.lock().await;
        let Some(row) = self.source_row(caller, id).await? else { return Ok(None) };
        refuse_read_only(&row)?;
        let vault = &self.webhooks.vault;
        let current = spec_of(&row, vault)?;
        let wants_it = body.get("enabled").and_then(Value::as_bool) == Some(true);
        let spec = self.sources.rules.read_change(&current, body)?;
        if spec.url != current.url {
            self.check_source(caller.mode, &spec).await?;
        }
        let mut changed = changed_row(&row, &current, &spec, vault)?;
        if wants_it {
            changed.retired = None;
        }
        if !self.store.put_source(changed.clone()).await? {
            return Ok(None);
        }
        if changed.life != row.life {
            self.sources.supervisor.forget(&row.life);
        }
        // What polls have noted meanwhile is in the row that is stored.
        let stored = self.source_row(caller, changed.id.clone()).await?.unwrap_or(changed);
        self.sources.supervisor.watch(&stored, vault)?;
        Ok(Some(view(stored, spec)?))
    }

    /// Deletes a source; its events stay. Whether it was there.
    pub async fn delete_source(&self, caller: &Caller, id: SourceId) -> Result<bool, Refusal> {
        let _changing = self.sources.changing.lock().await;
        let Some(row) = self.source_row(caller, id).await? else { return Ok(false) };
        refuse_read_only(&row)?;
        let was_there = self.store.delete_source(row.workspace, row.mode, row.id).await?;
        self.sources.supervisor.forget(&row.life);
        Ok(was_there)
    }

    /// Has a source polled as soon as may be.
    pub async fn poll_source(&self, caller: &Caller, id: SourceId) -> Result<Option<Source>, Refusal> {
        let Some(row) = self.source_row(caller, id).await? else { return Ok(None) };
        let source = self.view_of(row.clone())?;
        if source.spec.source_type == SourceType::Firehose {
            return Err(refused("a firehose is connected to, not polled"));
        }
        if !self.sources.supervisor.hurry(&row.life) {
            return Err(refused(match source.health.status {
                SourceStatus::Retired => {
                    "the source is retired; enable it with `{\"enabled\": true}` to have it asked again"
                }
                _ => "the source is disabled; enable it first",
            }));
        }
        Ok(Some(source))
    }

    pub(super) async fn source_row(
        &self,
        caller: &Caller,
        id: SourceId,
    ) -> Result<Option<SourceRow>, Refusal> {
        Ok(self.store.source(caller.workspace.id.clone(), caller.mode, id).await?)
    }

    fn view_of(&self, row: SourceRow) -> Result<Source, Refusal> {
        let spec = spec_of(&row, &self.webhooks.vault)?;
        view(row, spec)
    }

    /// Refuses what a mode has none of, and a URL that polls would be refused to: now, so that it is told to whoever gives
    /// it. Each poll is judged anew, so a name that cannot be looked up right now passes.
    pub(super) async fn check_source(&self, mode: KeyMode, spec: &SourceSpec) -> Result<(), Refusal> {
        let Some(url) = target(&spec.url) else { return Err(damaged("the URL of a source")) };
        let client = &self.sources.supervisor.web;
        let blocked = match mode {
            KeyMode::Live => matches!(client.judge(&url).await, Err(FetchError::Blocked { .. })),
            KeyMode::Test => {
                refuse_in_sandbox(spec)?;
                // In the sandbox no name is looked up.
                client.guard().check_literal(&url).is_err()
            }
        };
        if blocked { Err(fault("/url", BLOCKED)) } else { Ok(()) }
    }

    pub(super) fn new_source_row(
        &self,
        caller: &Caller,
        declared_in: DeclaredIn,
        spec: &SourceSpec,
    ) -> Result<SourceRow, Refusal> {
        new_row(&caller.workspace.id, caller.mode, declared_in, spec, &self.webhooks.vault)
    }

    pub(super) fn full(&self) -> Refusal {
        let max = self.sources.sources_max;
        refused(&format!("the workspace has {max} sources, as many as one may have; delete one"))
    }
}

pub(super) const BLOCKED: &str = "is not an allowed target: its address is private, reserved or otherwise not public; \
                                  an operator can allow a range in the server's configuration";

pub(super) fn refuse_in_sandbox(spec: &SourceSpec) -> Result<(), Refusal> {
    if spec.source_type == SourceType::Firehose {
        return Err(fault(
            "/source_type",
            "the sandbox, where keys that begin with `pw_test_` work, has no firehoses",
        ));
    }
    Ok(())
}

pub(super) fn new_row(
    workspace: &pagewire_types::WorkspaceId,
    mode: KeyMode,
    declared_in: DeclaredIn,
    spec: &SourceSpec,
    vault: &crate::webhook::Vault,
) -> Result<SourceRow, Refusal> {
    let now = Timestamp::now();
    let life = SourceLife::generate();
    let (text, headers) = stored(spec, &life, vault)?;
    Ok(SourceRow {
        workspace: workspace.clone(),
        mode,
        id: spec.id.clone(),
        life,
        declared_in,
        url: spec.url.clone(),
        spec: text,
        headers,
        retired: None,
        report: new_report(),
        created_at: now,
        updated_at: now,
    })
}

fn new_report() -> SourceReport {
    let health = serde_json::to_string(&SourceHealth::default()).unwrap_or_else(|_| "{}".to_owned());
    SourceReport { health, ..SourceReport::default() }
}

/// The row of a source once its declaration is another.
pub(super) fn changed_row(
    row: &SourceRow,
    current: &SourceSpec,
    spec: &SourceSpec,
    vault: &crate::webhook::Vault,
) -> Result<SourceRow, Refusal> {
    let goes_on = watch_the_same(current, spec);
    let life = if goes_on { row.life.clone() } else { SourceLife::generate() };
    let (text, headers) = stored(spec, &life, vault)?;
    Ok(SourceRow {
        life,
        url: spec.url.clone(),
        spec: text,
        headers,
        retired: row.retired.clone().filter(|_| goes_on),
        report: if goes_on { row.report.clone() } else { new_report() },
        updated_at: Timestamp::now(),
        ..row.clone()
    })
}

fn refuse_read_only(row: &SourceRow) -> Result<(), Refusal> {
    match row.declared_in {
        DeclaredIn::Api => Ok(()),
        DeclaredIn::Config => {
            let detail = format!(
                "`{}` is declared in the server's configuration file, under [[sources]]; change it there",
                row.id
            );
            Err(Refusal::Invalid(Box::new(Problem::new(ProblemCode::ReadOnly, detail))))
        }
    }
}

fn taken(spec: &SourceSpec) -> Refusal {
    let made = made_id(&spec.url) == spec.id;
    let hint = if made { "; name another `id`, or change the one that is there" } else { "" };
    let detail = format!("there is a source `{}` already{hint}", spec.id);
    Refusal::Invalid(Box::new(Problem::new(ProblemCode::AlreadyExists, detail)))
}

pub(super) fn refused(detail: &str) -> Refusal {
    Refusal::Invalid(Box::new(Problem::new(ProblemCode::ValidationFailed, detail)))
}

pub(super) fn fault(pointer: &str, detail: &str) -> Refusal {
    let errors = vec![FieldError::new(pointer, detail)];
    Refusal::Invalid(Box::new(Problem::invalid(ProblemCode::ValidationFailed, errors)))
}

/// What is told of a source.
fn view(row: SourceRow, spec: SourceSpec) -> Result<Source, Refusal> {
    let mut health: SourceHealth =
        serde_json::from_str(&row.report.health).map_err(|_| damaged("the health of a source"))?;
    if row.retired.is_some() {
        (health.status, health.reason) = (SourceStatus::Retired, row.retired);
        health.next_poll_at = None;
    } else if !spec.enabled {
        (health.status, health.reason) = (SourceStatus::Disabled, None);
        health.next_poll_at = None;
    } else if matches!(health.status, SourceStatus::Retired) {
        health.status = SourceStatus::Pending;
        health.reason = None;
    }
    let source = Source {
        spec,
        declared_in: row.declared_in,
        created_at: time_text(row.created_at),
        updated_at: time_text(row.updated_at),
        health,
    };
    Ok(source.masked())
}
