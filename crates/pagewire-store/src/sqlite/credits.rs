//! The table `credits`.

use jiff::Timestamp;
use pagewire_types::{CreditsEventData, WebhookEvent, WorkspaceId, event};
use sqlx::{Sqlite, Transaction};

use super::SqliteStore;
use super::events::{NewEvent, append_in};
use super::row::{day, signed, unsigned};
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::credits::{CreditAllowance, Credits};
use crate::state::keys::KeyMode;

/// Adds to the ledger within somebody's transaction. Gives the position of the newest event, if there was cause for one.
pub(super) async fn charge_in(
    transaction: &mut Transaction<'static, Sqlite>,
    workspace: &str,
    credits: u64,
    allowance: CreditAllowance,
    at: Timestamp,
) -> Result<Option<u64>, StoreError> {
    sqlx::query(
        "INSERT INTO credits (workspace, day, spent) VALUES ($1, $2, $3) \
         ON CONFLICT (workspace, day) DO UPDATE SET spent = credits.spent + excluded.spent",
    )
    .bind(workspace)
    .bind(day(at))
    .bind(signed(credits))
    .execute(&mut **transaction)
    .await?;
    tell_of_balance(transaction, workspace, credits, allowance, at).await
}

/// Appends that little or nothing is left, where the credits charged last have made it so.
async fn tell_of_balance(
    transaction: &mut Transaction<'static, Sqlite>,
    workspace: &str,
    credits: u64,
    allowance: CreditAllowance,
    at: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let Some(allowed) = allowance.credits() else { return Ok(None) };
    let spent = spent_in(transaction, workspace, allowance, at).await?;
    let (before, after) =
        (allowed.saturating_sub(spent.saturating_sub(credits)), allowed.saturating_sub(spent));
    let low = !allowance.is_low(before) && allowance.is_low(after);
    let exhausted = before > 0 && after == 0;
    let mut newest = None;
    for (due, kind) in [(low, WebhookEvent::CreditsLow), (exhausted, WebhookEvent::CreditsExhausted)] {
        if due {
            let event = NewEvent {
                workspace,
                mode: KeyMode::Live,
                kind,
                subject: workspace,
                at,
                data: event::to_json(&CreditsEventData { balance: after, allowance: allowed }),
            };
            newest = Some(append_in(transaction, event).await?);
        }
    }
    Ok(newest)
}

/// What counts against the allowance.
async fn spent_in(
    transaction: &mut Transaction<'static, Sqlite>,
    workspace: &str,
    allowance: CreditAllowance,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let of_day = match allowance {
        CreditAllowance::PerDay(_) => Some(day(at)),
        CreditAllowance::Unlimited | CreditAllowance::InAll(_) => None,
    };
    let spent: i64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(spent), 0) AS BIGINT) FROM credits \
         WHERE workspace = $1 AND ($2 IS NULL OR day = $2)",
    )
    .bind(workspace)
    .bind(of_day)
    .fetch_one(&mut **transaction)
    .await?;
    unsigned(spent)
}

impl Credits for SqliteStore {
    fn charge(
        &self,
        workspace: WorkspaceId,
        credits: u64,
        allowance: CreditAllowance,
        at: Timestamp,
    ) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let told = charge_in(&mut transaction, workspace.as_str(), credits, allowance, at).await?;
            self.commit_events(transaction, told).await
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
