//! The table `credits`.

use jiff::Timestamp;
use pagewire_types::WorkspaceId;
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::row::{day, signed, unsigned};
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::credits::Credits;

/// Adds to the ledger within somebody's transaction.
pub(super) async fn charge_in(
    transaction: &mut Transaction<'static, Sqlite>,
    workspace: &str,
    credits: u64,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO credits (workspace, day, spent) VALUES ($1, $2, $3) \
         ON CONFLICT (workspace, day) DO UPDATE SET spent = credits.spent + excluded.spent",
    )
    .bind(workspace)
    .bind(day(at))
    .bind(signed(credits))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

impl Credits for SqliteStore {
    fn charge(&self, workspace: WorkspaceId, credits: u64, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            charge_in(&mut transaction, workspace.as_str(), credits, at).await?;
            transaction.commit().await?;
            Ok(())
        })
    }

    fn spent_on(&self, workspace: WorkspaceId, at: Timestamp) -> Answer<'_, u64> {
        Box::pin(async move {
            let spent: i64 = sqlx::query_scalar(
                "SELECT CAST(COALESCE(SUM(spent), 0) AS BIGINT) FROM credits WHERE workspace = $1 AND day = $2",
            )
            .bind(workspace.as_str())
            .bind(day(at))
            .fetch_one(&self.readers)
            .await?;
            unsigned(spent)
        })
    }

    fn spent_in_all(&self, workspace: WorkspaceId) -> Answer<'_, u64> {
        Box::pin(async move {
            let spent: i64 = sqlx::query_scalar(
                "SELECT CAST(COALESCE(SUM(spent), 0) AS BIGINT) FROM credits WHERE workspace = $1",
            )
            .bind(workspace.as_str())
            .fetch_one(&self.readers)
            .await?;
            unsigned(spent)
        })
    }
}
