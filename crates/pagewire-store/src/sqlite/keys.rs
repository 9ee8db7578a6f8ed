//! The tables `api_keys` and `key_epoch`.

use ipnet::IpNet;
use jiff::Timestamp;
use pagewire_types::{KeyEventData, KeyId, WebhookEvent, WorkspaceId, event};
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::events::{NewEvent, append_in};
use super::row::{micros, mode, mode_text, parsed, timestamp, unsigned};
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::keys::{ApiKey, Keys, Revocation};

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: String,
    workspace: String,
    name: String,
    shown: String,
    mode: String,
    scopes: String,
    allow_ips: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl KeyRow {
    fn read(self) -> Result<ApiKey, StoreError> {
        let allow_ips: Result<Vec<IpNet>, StoreError> = self
            .allow_ips
            .split(',')
            .filter(|text| !text.is_empty())
            .map(|text| parsed(text, "an address range of a key"))
            .collect();
        Ok(ApiKey {
            id: parsed(&self.id, "a key id")?,
            workspace: parsed(&self.workspace, "a workspace id")?,
            name: self.name,
            shown: self.shown,
            mode: mode(&self.mode)?,
            scopes: parsed(&self.scopes, "the scopes of a key")?,
            allow_ips: allow_ips?,
            created_at: timestamp(self.created_at)?,
            expires_at: self.expires_at.map(timestamp).transpose()?,
            revoked_at: self.revoked_at.map(timestamp).transpose()?,
        })
    }
}

async fn bump_epoch(transaction: &mut Transaction<'static, Sqlite>) -> Result<(), StoreError> {
    sqlx::query("UPDATE key_epoch SET epoch = epoch + 1").execute(&mut **transaction).await?;
    Ok(())
}

/// Appends what happened to a key.
async fn tell(
    transaction: &mut Transaction<'static, Sqlite>,
    kind: WebhookEvent,
    key: &ApiKey,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let data = KeyEventData { key_id: key.id.to_string(), name: key.name.clone() };
    let event = NewEvent {
        workspace: key.workspace.as_str(),
        mode: key.mode,
        kind,
        subject: key.id.as_str(),
        at,
        data: event::to_json(&data),
    };
    append_in(transaction, event).await
}

impl Keys for SqliteStore {
    fn insert_key(&self, key: ApiKey, hash: [u8; 32]) -> Answer<'_, ()> {
        Box::pin(async move {
            let allow_ips: Vec<String> = key.allow_ips.iter().map(ToString::to_string).collect();
            let mut transaction = self.begin().await?;
            sqlx::query(
                "INSERT INTO api_keys \
                 (id, workspace, name, hash, shown, mode, scopes, allow_ips, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(key.id.as_str())
            .bind(key.workspace.as_str())
            .bind(&key.name)
            .bind(hash.as_slice())
            .bind(&key.shown)
            .bind(mode_text(key.mode))
            .bind(key.scopes.to_string())
            .bind(allow_ips.join(","))
            .bind(micros(key.created_at))
            .bind(key.expires_at.map(micros))
            .execute(&mut *transaction)
            .await?;
            bump_epoch(&mut transaction).await?;
            let told = tell(&mut transaction, WebhookEvent::KeyCreated, &key, key.created_at).await?;
            self.commit_events(transaction, Some(told)).await
        })
    }

    fn key_by_hash(&self, hash: [u8; 32]) -> Answer<'_, Option<ApiKey>> {
        Box::pin(async move {
            let row: Option<KeyRow> = sqlx::query_as(
                "SELECT id, workspace, name, shown, mode, scopes, allow_ips, created_at, expires_at, revoked_at \
                 FROM api_keys WHERE hash = $1",
            )
            .bind(hash.as_slice())
            .fetch_optional(&self.readers)
            .await?;
            row.map(KeyRow::read).transpose()
        })
    }

    fn keys(&self, workspace: Option<WorkspaceId>) -> Answer<'_, Vec<ApiKey>> {
        Box::pin(async move {
            let rows: Vec<KeyRow> = sqlx::query_as(
                "SELECT id, workspace, name, shown, mode, scopes, allow_ips, created_at, expires_at, revoked_at \
                 FROM api_keys WHERE $1 IS NULL OR workspace = $1 ORDER BY created_at, id",
            )
            .bind(workspace.as_ref().map(WorkspaceId::as_str))
            .fetch_all(&self.readers)
            .await?;
            rows.into_iter().map(KeyRow::read).collect()
        })
    }

    fn revoke_key(&self, workspace: Option<WorkspaceId>, id: KeyId, at: Timestamp) -> Answer<'_, Revocation> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let found: Option<KeyRow> = sqlx::query_as(
                "SELECT id, workspace, name, shown, mode, scopes, allow_ips, created_at, expires_at, revoked_at \
                 FROM api_keys WHERE id = $1 AND ($2 IS NULL OR workspace = $2)",
            )
            .bind(id.as_str())
            .bind(workspace.as_ref().map(WorkspaceId::as_str))
            .fetch_optional(&mut *transaction)
            .await?;
            let Some(key) = found.map(KeyRow::read).transpose()? else { return Ok(Revocation::NotFound) };
            if key.revoked_at.is_some() {
                return Ok(Revocation::AlreadyRevoked);
            }
            sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1")
                .bind(id.as_str())
                .bind(micros(at))
                .execute(&mut *transaction)
                .await?;
            bump_epoch(&mut transaction).await?;
            let told = tell(&mut transaction, WebhookEvent::KeyRevoked, &key, at).await?;
            self.commit_events(transaction, Some(told)).await?;
            Ok(Revocation::Revoked)
        })
    }

    fn key_epoch(&self) -> Answer<'_, u64> {
        Box::pin(async move {
            let epoch: i64 =
                sqlx::query_scalar("SELECT epoch FROM key_epoch").fetch_one(&self.readers).await?;
            unsigned(epoch)
        })
    }
}
