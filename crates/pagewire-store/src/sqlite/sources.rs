//! The tables `sources` and `source_states`.

use pagewire_types::{DeclaredIn, SourceId, SourceLife, WorkspaceId};
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::row::{micros, mode, mode_text, parsed, timestamp};
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::keys::KeyMode;
use crate::state::sources::{SourceFilter, SourceInsertion, SourceOutcome, SourceReport, SourceRow, Sources};

#[derive(sqlx::FromRow)]
struct StoredSource {
    workspace: String,
    mode: String,
    id: String,
    life: String,
    declared_in: String,
    url: String,
    spec: String,
    headers: Option<Vec<u8>>,
    retired: Option<String>,
    health: String,
    rhythm: Option<String>,
    next_poll_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl StoredSource {
    fn read(self) -> Result<SourceRow, StoreError> {
        Ok(SourceRow {
            workspace: parsed(&self.workspace, "a workspace id")?,
            mode: mode(&self.mode)?,
            id: parsed(&self.id, "a source id")?,
            life: parsed(&self.life, "a life of a source")?,
            declared_in: declared_in(&self.declared_in)?,
            url: self.url,
            spec: self.spec,
            headers: self.headers,
            retired: self.retired,
            report: SourceReport {
                health: self.health,
                rhythm: self.rhythm,
                next_poll_at: self.next_poll_at.map(timestamp).transpose()?,
            },
            created_at: timestamp(self.created_at)?,
            updated_at: timestamp(self.updated_at)?,
        })
    }
}

fn declared_text(place: DeclaredIn) -> &'static str {
    match place {
        DeclaredIn::Api => "api",
        DeclaredIn::Config => "config",
    }
}

fn declared_in(text: &str) -> Result<DeclaredIn, StoreError> {
    [DeclaredIn::Api, DeclaredIn::Config]
        .into_iter()
        .find(|place| declared_text(*place) == text)
        .ok_or(StoreError::damaged("where a source was declared"))
}

fn read_all(rows: Vec<StoredSource>) -> Result<Vec<SourceRow>, StoreError> {
    rows.into_iter().map(StoredSource::read).collect()
}

/// Whether it was stored: an id that is taken stays its owner's.
async fn insert(
    transaction: &mut Transaction<'static, Sqlite>,
    source: &SourceRow,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO sources (workspace, mode, id, life, declared_in, url, spec, headers, retired, health, rhythm, \
         next_poll_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (workspace, mode, id) DO NOTHING",
    )
    .bind(source.workspace.as_str())
    .bind(mode_text(source.mode))
    .bind(source.id.as_str())
    .bind(source.life.as_str())
    .bind(declared_text(source.declared_in))
    .bind(&source.url)
    .bind(&source.spec)
    .bind(&source.headers)
    .bind(&source.retired)
    .bind(&source.report.health)
    .bind(&source.report.rhythm)
    .bind(source.report.next_poll_at.map(micros))
    .bind(micros(source.created_at))
    .bind(micros(source.updated_at))
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn count(
    transaction: &mut Transaction<'static, Sqlite>,
    workspace: &WorkspaceId,
    mode: KeyMode,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar("SELECT count(*) FROM sources WHERE workspace = $1 AND mode = $2")
        .bind(workspace.as_str())
        .bind(mode_text(mode))
        .fetch_one(&mut **transaction)
        .await?;
    Ok(count)
}

async fn note(
    transaction: &mut Transaction<'static, Sqlite>,
    outcome: &SourceOutcome,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE sources SET health = $2, rhythm = $3, next_poll_at = $4, retired = coalesce($5, retired) \
         WHERE life = $1",
    )
    .bind(outcome.life.as_str())
    .bind(&outcome.report.health)
    .bind(&outcome.report.rhythm)
    .bind(outcome.report.next_poll_at.map(micros))
    .bind(&outcome.retired)
    .execute(&mut **transaction)
    .await?;
    let lives = done.rows_affected() > 0;
    if let Some(state) = outcome.state.as_ref().filter(|_| lives) {
        sqlx::query(
            "INSERT INTO source_states (life, state) VALUES ($1, $2) \
             ON CONFLICT (life) DO UPDATE SET state = excluded.state",
        )
        .bind(outcome.life.as_str())
        .bind(state)
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

impl Sources for SqliteStore {
    fn insert_sources(&self, sources: Vec<SourceRow>, max: u32) -> Answer<'_, Vec<SourceInsertion>> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let mut became = Vec::with_capacity(sources.len());
            let mut counted: Option<(WorkspaceId, KeyMode, i64)> = None;
            for source in &sources {
                let have = match &counted {
                    Some((workspace, mode, have))
                        if *workspace == source.workspace && *mode == source.mode =>
                    {
                        *have
                    }
                    _ => count(&mut transaction, &source.workspace, source.mode).await?,
                };
                let fits = have < i64::from(max);
                let stored = fits && insert(&mut transaction, source).await?;
                counted = Some((source.workspace.clone(), source.mode, have + i64::from(stored)));
                became.push(match (fits, stored) {
                    (false, _) => SourceInsertion::Full,
                    (true, false) => SourceInsertion::Taken,
                    (true, true) => SourceInsertion::Stored,
                });
            }
            transaction.commit().await?;
            Ok(became)
        })
    }

    fn source(&self, workspace: WorkspaceId, mode: KeyMode, id: SourceId) -> Answer<'_, Option<SourceRow>> {
        Box::pin(async move {
            let row: Option<StoredSource> =
                sqlx::query_as("SELECT * FROM sources WHERE workspace = $1 AND mode = $2 AND id = $3")
                    .bind(workspace.as_str())
                    .bind(mode_text(mode))
                    .bind(id.as_str())
                    .fetch_optional(&self.readers)
                    .await?;
            row.map(StoredSource::read).transpose()
        })
    }

    fn sources(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        filter: SourceFilter,
    ) -> Answer<'_, Vec<SourceRow>> {
        Box::pin(async move {
            let rows: Vec<StoredSource> = sqlx::query_as(
                "SELECT * FROM sources WHERE workspace = $1 AND mode = $2 AND id > $3 \
                 AND ($4 IS NULL OR health ->> '$.status' = $4) \
                 AND ($5 IS NULL OR EXISTS (SELECT 1 FROM json_each(spec, '$.tags') WHERE value = $5)) \
                 ORDER BY id LIMIT $6",
            )
            .bind(workspace.as_str())
            .bind(mode_text(mode))
            .bind(filter.after.as_ref().map_or("", SourceId::as_str))
            .bind(filter.status.map(pagewire_types::SourceStatus::as_str))
            .bind(&filter.tag)
            .bind(i64::from(filter.limit))
            .fetch_all(&self.readers)
            .await?;
            read_all(rows)
        })
    }

    fn known_source_urls(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        urls: Vec<String>,
    ) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let mut known = Vec::new();
            for url in urls {
                let there: Option<i64> = sqlx::query_scalar(
                    "SELECT 1 FROM sources WHERE workspace = $1 AND mode = $2 AND url = $3 LIMIT 1",
                )
                .bind(workspace.as_str())
                .bind(mode_text(mode))
                .bind(&url)
                .fetch_optional(&self.readers)
                .await?;
                known.extend(there.map(|_| url));
            }
            Ok(known)
        })
    }

    fn all_sources(&self, after: Option<SourceLife>, limit: u32) -> Answer<'_, Vec<SourceRow>> {
        Box::pin(async move {
            let rows: Vec<StoredSource> =
                sqlx::query_as("SELECT * FROM sources WHERE life > $1 ORDER BY life LIMIT $2")
                    .bind(after.as_ref().map_or("", SourceLife::as_str))
                    .bind(i64::from(limit))
                    .fetch_all(&self.readers)
                    .await?;
            read_all(rows)
        })
    }

    fn sources_in_config(&self) -> Answer<'_, Vec<SourceRow>> {
        Box::pin(async move {
            let rows: Vec<StoredSource> =
                sqlx::query_as("SELECT * FROM sources WHERE declared_in = 'config'")
                    .fetch_all(&self.readers)
                    .await?;
            read_all(rows)
        })
    }

    fn put_source(&self, source: SourceRow) -> Answer<'_, bool> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            // What is kept of a life stays what its polls have made of it, whoever has read it before.
            sqlx::query(
                "DELETE FROM source_states WHERE life = (SELECT life FROM sources \
                 WHERE workspace = $1 AND mode = $2 AND id = $3 AND life <> $4)",
            )
            .bind(source.workspace.as_str())
            .bind(mode_text(source.mode))
            .bind(source.id.as_str())
            .bind(source.life.as_str())
            .execute(&mut *transaction)
            .await?;
            let done = sqlx::query(
                "UPDATE sources SET life = $4, declared_in = $5, url = $6, spec = $7, headers = $8, retired = $9, \
                 health = CASE life WHEN $4 THEN health ELSE $10 END, \
                 rhythm = CASE life WHEN $4 THEN rhythm ELSE $11 END, \
                 next_poll_at = CASE life WHEN $4 THEN next_poll_at ELSE $12 END, updated_at = $13 \
                 WHERE workspace = $1 AND mode = $2 AND id = $3",
            )
            .bind(source.workspace.as_str())
            .bind(mode_text(source.mode))
            .bind(source.id.as_str())
            .bind(source.life.as_str())
            .bind(declared_text(source.declared_in))
            .bind(&source.url)
            .bind(&source.spec)
            .bind(&source.headers)
            .bind(&source.retired)
            .bind(&source.report.health)
            .bind(&source.report.rhythm)
            .bind(source.report.next_poll_at.map(micros))
            .bind(micros(source.updated_at))
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn delete_source(&self, workspace: WorkspaceId, mode: KeyMode, id: SourceId) -> Answer<'_, bool> {
        Box::pin(async move {
            let done = sqlx::query("DELETE FROM sources WHERE workspace = $1 AND mode = $2 AND id = $3")
                .bind(workspace.as_str())
                .bind(mode_text(mode))
                .bind(id.as_str())
                .execute(&self.writer)
                .await?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn source_state(&self, life: SourceLife) -> Answer<'_, Option<String>> {
        Box::pin(async move {
            let state = sqlx::query_scalar("SELECT state FROM source_states WHERE life = $1")
                .bind(life.as_str())
                .fetch_optional(&self.readers)
                .await?;
            Ok(state)
        })
    }

    fn report_sources(&self, outcomes: Vec<SourceOutcome>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            for outcome in &outcomes {
                note(&mut transaction, outcome).await?;
            }
            transaction.commit().await?;
            Ok(())
        })
    }
}
