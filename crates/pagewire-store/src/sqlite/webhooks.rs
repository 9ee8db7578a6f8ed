//! The table `webhooks`.

use jiff::Timestamp;
use pagewire_types::{RunId, WebhookEvent, WebhookId, WorkspaceId};
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::row::{micros, mode, mode_text, parsed, timestamp};
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::keys::KeyMode;
use crate::state::webhooks::{WebhookRow, WebhookUpdate, Webhooks};

#[derive(sqlx::FromRow)]
pub(super) struct StoredWebhook {
    id: String,
    workspace: String,
    mode: String,
    job: Option<String>,
    url: String,
    events: String,
    description: Option<String>,
    metadata: Option<String>,
    enabled: bool,
    disabled_reason: Option<String>,
    secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    previous_secret_until: Option<i64>,
    failing_since: Option<i64>,
    created_at: i64,
}

impl StoredWebhook {
    pub(super) fn read(self) -> Result<WebhookRow, StoreError> {
        let job = self.job.as_deref().map(RunId::parse_hex).transpose();
        let until = self.previous_secret_until.map(timestamp).transpose()?;
        Ok(WebhookRow {
            id: parsed(&self.id, "a webhook id")?,
            workspace: parsed(&self.workspace, "a workspace id")?,
            mode: mode(&self.mode)?,
            job: job.map_err(|_| StoreError::damaged("a run id"))?,
            url: self.url,
            events: events(&self.events)?,
            description: self.description,
            metadata: self.metadata,
            enabled: self.enabled,
            disabled_reason: self.disabled_reason,
            secret: self.secret,
            previous_secret: self.previous_secret.zip(until),
            failing_since: self.failing_since.map(timestamp).transpose()?,
            created_at: timestamp(self.created_at)?,
        })
    }
}

/// Events by their names, commas between them.
fn events_text(events: &[WebhookEvent]) -> String {
    let names: Vec<&str> = events.iter().map(|event| event.as_str()).collect();
    names.join(",")
}

fn events(text: &str) -> Result<Vec<WebhookEvent>, StoreError> {
    text.split(',')
        .filter(|name| !name.is_empty())
        .map(|name| WebhookEvent::parse(name).ok_or(StoreError::damaged("the name of an event")))
        .collect()
}

/// Adds a webhook, or puts it in the place of the one with its id.
pub(super) async fn write_webhook(
    transaction: &mut Transaction<'static, Sqlite>,
    webhook: &WebhookRow,
) -> Result<(), StoreError> {
    let previous = webhook.previous_secret.as_ref();
    sqlx::query(
        "INSERT INTO webhooks (id, workspace, mode, job, url, events, description, metadata, enabled, disabled_reason, \
         secret, previous_secret, previous_secret_until, failing_since, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (id) DO UPDATE SET url = excluded.url, events = excluded.events, \
         description = excluded.description, enabled = excluded.enabled, disabled_reason = excluded.disabled_reason, \
         secret = excluded.secret, previous_secret = excluded.previous_secret, \
         previous_secret_until = excluded.previous_secret_until, failing_since = excluded.failing_since",
    )
    .bind(webhook.id.as_str())
    .bind(webhook.workspace.as_str())
    .bind(mode_text(webhook.mode))
    .bind(webhook.job.map(RunId::hex))
    .bind(&webhook.url)
    .bind(events_text(&webhook.events))
    .bind(&webhook.description)
    .bind(&webhook.metadata)
    .bind(webhook.enabled)
    .bind(&webhook.disabled_reason)
    .bind(&webhook.secret)
    .bind(previous.map(|(secret, _)| secret))
    .bind(previous.map(|(_, until)| micros(*until)))
    .bind(webhook.failing_since.map(micros))
    .bind(micros(webhook.created_at))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(super) async fn webhook_in(
    transaction: &mut Transaction<'static, Sqlite>,
    id: &WebhookId,
) -> Result<Option<WebhookRow>, StoreError> {
    let row: Option<StoredWebhook> = sqlx::query_as("SELECT * FROM webhooks WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(&mut **transaction)
        .await?;
    row.map(StoredWebhook::read).transpose()
}

/// Gives up what waits for a webhook.
pub(super) async fn bury_pending(
    transaction: &mut Transaction<'static, Sqlite>,
    id: &WebhookId,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE webhook_deliveries SET status = 'dead', finished_at = $2 WHERE webhook = $1 AND status = 'pending'",
    )
    .bind(id.as_str())
    .bind(micros(at))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// What the webhook is after the update.
fn updated(mut webhook: WebhookRow, update: &WebhookUpdate) -> WebhookRow {
    if let Some((url, _)) = &update.url {
        webhook.url.clone_from(url);
    }
    if let Some(events) = &update.events {
        webhook.events.clone_from(events);
    }
    if let Some(description) = &update.description {
        webhook.description.clone_from(description);
    }
    if let Some(enabled) = update.enabled {
        webhook.enabled = enabled;
        webhook.disabled_reason = None;
        webhook.failing_since = None;
    }
    if let Some((secret, until)) = &update.secret {
        let before = std::mem::replace(&mut webhook.secret, secret.clone());
        webhook.previous_secret = Some((before, *until));
    }
    webhook
}

impl Webhooks for SqliteStore {
    fn insert_webhook(&self, webhook: WebhookRow, max: u32) -> Answer<'_, bool> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let count: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM webhooks WHERE workspace = $1 AND mode = $2 AND job IS NULL",
            )
            .bind(webhook.workspace.as_str())
            .bind(mode_text(webhook.mode))
            .fetch_one(&mut *transaction)
            .await?;
            if count >= i64::from(max) {
                return Ok(false);
            }
            write_webhook(&mut transaction, &webhook).await?;
            transaction.commit().await?;
            Ok(true)
        })
    }

    fn webhook(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        id: WebhookId,
    ) -> Answer<'_, Option<WebhookRow>> {
        Box::pin(async move {
            let row: Option<StoredWebhook> =
                sqlx::query_as("SELECT * FROM webhooks WHERE id = $1 AND workspace = $2 AND mode = $3")
                    .bind(id.as_str())
                    .bind(workspace.as_str())
                    .bind(mode_text(mode))
                    .fetch_optional(&self.readers)
                    .await?;
            row.map(StoredWebhook::read).transpose()
        })
    }

    fn webhooks(&self, workspace: WorkspaceId, mode: KeyMode) -> Answer<'_, Vec<WebhookRow>> {
        Box::pin(async move {
            let rows: Vec<StoredWebhook> = sqlx::query_as(
                "SELECT * FROM webhooks WHERE workspace = $1 AND mode = $2 AND job IS NULL ORDER BY id",
            )
            .bind(workspace.as_str())
            .bind(mode_text(mode))
            .fetch_all(&self.readers)
            .await?;
            rows.into_iter().map(StoredWebhook::read).collect()
        })
    }

    fn webhook_of_job(&self, job: RunId) -> Answer<'_, Option<WebhookRow>> {
        Box::pin(async move {
            let row: Option<StoredWebhook> = sqlx::query_as("SELECT * FROM webhooks WHERE job = $1")
                .bind(job.hex())
                .fetch_optional(&self.readers)
                .await?;
            row.map(StoredWebhook::read).transpose()
        })
    }

    fn listeners(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        job: Option<RunId>,
    ) -> Answer<'_, Vec<WebhookRow>> {
        Box::pin(async move {
            let rows: Vec<StoredWebhook> = sqlx::query_as(
                "SELECT * FROM webhooks WHERE workspace = $1 AND mode = $2 AND enabled AND job IS NULL \
                 UNION ALL \
                 SELECT * FROM webhooks WHERE job = $3 AND workspace = $1 AND mode = $2 AND enabled",
            )
            .bind(workspace.as_str())
            .bind(mode_text(mode))
            .bind(job.map(RunId::hex))
            .fetch_all(&self.readers)
            .await?;
            rows.into_iter().map(StoredWebhook::read).collect()
        })
    }

    fn change_webhook(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        id: WebhookId,
        update: WebhookUpdate,
        at: Timestamp,
    ) -> Answer<'_, Option<WebhookRow>> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let found = webhook_in(&mut transaction, &id).await?;
            let found = found.filter(|webhook| webhook.workspace == workspace && webhook.mode == mode);
            let Some(webhook) = found.map(|webhook| updated(webhook, &update)) else { return Ok(None) };
            write_webhook(&mut transaction, &webhook).await?;
            if !webhook.enabled {
                bury_pending(&mut transaction, &id, at).await?;
            }
            if let Some((_, endpoint)) = &update.url {
                sqlx::query(
                    "UPDATE webhook_deliveries SET endpoint = $2 WHERE webhook = $1 AND status = 'pending'",
                )
                .bind(id.as_str())
                .bind(endpoint)
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await?;
            Ok(Some(webhook))
        })
    }

    fn delete_webhook(&self, workspace: WorkspaceId, mode: KeyMode, id: WebhookId) -> Answer<'_, bool> {
        Box::pin(async move {
            let done = sqlx::query("DELETE FROM webhooks WHERE id = $1 AND workspace = $2 AND mode = $3")
                .bind(id.as_str())
                .bind(workspace.as_str())
                .bind(mode_text(mode))
                .execute(&self.writer)
                .await?;
            Ok(done.rows_affected() > 0)
        })
    }
}
