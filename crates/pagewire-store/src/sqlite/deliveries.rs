//! The tables `webhook_deliveries`, `webhook_attempts` and `webhook_dispatch`.

use jiff::Timestamp;
use pagewire_types::{DeliveryId, DeliveryKind, DeliveryStatus, WebhookId, WorkspaceId};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, Transaction};

use super::SqliteStore;
use super::row::{micros, parsed, signed, timestamp, unsigned};
use super::runs::refuse_stale;
use super::webhooks::{bury_pending, webhook_in};
use crate::error::StoreError;
use crate::state::Answer;
use crate::state::deliveries::{
    AttemptRow, Deliveries, DeliveryFilter, DeliveryRow, LeasedDelivery, NewDelivery, Outcome, Replay,
    SentTest, WaitingEndpoint,
};
use crate::state::keys::KeyMode;

/// Attempts that are kept of one delivery, the newest: a round of tries and some replays.
const ATTEMPTS_MAX: i64 = 50;
/// Webhooks of jobs that one sweep looks at.
const SWEPT_MAX: i64 = 1_000;

#[derive(sqlx::FromRow)]
struct StoredDelivery {
    id: String,
    webhook: String,
    event: String,
    status: String,
    tries: i64,
    due_at: i64,
    created_at: i64,
    finished_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct StoredAttempt {
    at: i64,
    elapsed_ms: i64,
    http_status: Option<i64>,
    answer: Option<String>,
    error: Option<String>,
}

impl StoredAttempt {
    fn read(self) -> Result<AttemptRow, StoreError> {
        let http_status = self.http_status.map(u16::try_from).transpose();
        Ok(AttemptRow {
            at: timestamp(self.at)?,
            elapsed_ms: unsigned(self.elapsed_ms)?,
            http_status: http_status.map_err(|_| StoreError::damaged("a status"))?,
            answer: self.answer,
            error: self.error,
        })
    }
}

impl StoredDelivery {
    async fn read(self, connection: &mut SqliteConnection) -> Result<DeliveryRow, StoreError> {
        let attempts: Vec<StoredAttempt> = sqlx::query_as(
            "SELECT at, elapsed_ms, http_status, answer, error FROM webhook_attempts WHERE delivery = $1 ORDER BY attempt",
        )
        .bind(&self.id)
        .fetch_all(connection)
        .await?;
        Ok(DeliveryRow {
            id: parsed(&self.id, "a delivery id")?,
            webhook: parsed(&self.webhook, "a webhook id")?,
            event: DeliveryKind::parse(&self.event).ok_or(StoreError::damaged("the name of an event"))?,
            status: DeliveryStatus::parse(&self.status).ok_or(StoreError::damaged("a delivery's status"))?,
            tries: tries(self.tries)?,
            due_at: timestamp(self.due_at)?,
            created_at: timestamp(self.created_at)?,
            finished_at: self.finished_at.map(timestamp).transpose()?,
            attempts: attempts.into_iter().map(StoredAttempt::read).collect::<Result<_, _>>()?,
        })
    }
}

fn tries(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::damaged("a number of tries"))
}

/// When a try was over.
fn end_of(attempt: &AttemptRow) -> Timestamp {
    let elapsed = jiff::SignedDuration::from_millis(signed(attempt.elapsed_ms));
    attempt.at.checked_add(elapsed).unwrap_or(attempt.at)
}

/// Adds to the log of a delivery, which keeps the newest.
async fn log_attempt(
    transaction: &mut Transaction<'static, Sqlite>,
    id: &DeliveryId,
    attempt: &AttemptRow,
) -> Result<(), StoreError> {
    let number: i64 =
        sqlx::query_scalar("SELECT COALESCE(max(attempt), 0) + 1 FROM webhook_attempts WHERE delivery = $1")
            .bind(id.as_str())
            .fetch_one(&mut **transaction)
            .await?;
    sqlx::query(
        "INSERT INTO webhook_attempts (delivery, attempt, at, elapsed_ms, http_status, answer, error) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id.as_str())
    .bind(number)
    .bind(micros(attempt.at))
    .bind(signed(attempt.elapsed_ms))
    .bind(attempt.http_status.map(i64::from))
    .bind(&attempt.answer)
    .bind(&attempt.error)
    .execute(&mut **transaction)
    .await?;
    sqlx::query("DELETE FROM webhook_attempts WHERE delivery = $1 AND attempt <= $2")
        .bind(id.as_str())
        .bind(number - ATTEMPTS_MAX)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Notes on a webhook whether its last delivery succeeded.
async fn note_health(
    transaction: &mut Transaction<'static, Sqlite>,
    webhook: &WebhookId,
    failed_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let change = match failed_at {
        Some(_) => "UPDATE webhooks SET failing_since = COALESCE(failing_since, $2) WHERE id = $1",
        None => "UPDATE webhooks SET failing_since = $2 WHERE id = $1 AND failing_since IS NOT NULL",
    };
    sqlx::query(change)
        .bind(webhook.as_str())
        .bind(failed_at.map(micros))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

impl Deliveries for SqliteStore {
    fn dispatched(&self) -> Answer<'_, u64> {
        Box::pin(async move {
            let position: i64 =
                sqlx::query_scalar("SELECT position FROM webhook_dispatch").fetch_one(&self.readers).await?;
            unsigned(position)
        })
    }

    fn dispatch(&self, from: u64, to: u64, at: Timestamp, deliveries: Vec<NewDelivery>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let moved = sqlx::query("UPDATE webhook_dispatch SET position = $2 WHERE position = $1")
                .bind(signed(from))
                .bind(signed(to))
                .execute(&mut *transaction)
                .await?;
            refuse_stale(moved.rows_affected())?;
            for delivery in deliveries {
                sqlx::query(
                    "INSERT INTO webhook_deliveries (id, webhook, endpoint, event, body, status, due_at, created_at) \
                     SELECT $1, $2, $3, $4, $5, 'pending', $6, $6 \
                     WHERE EXISTS (SELECT 1 FROM webhooks WHERE id = $2 AND enabled)",
                )
                .bind(delivery.id.as_str())
                .bind(delivery.webhook.as_str())
                .bind(&delivery.endpoint)
                .bind(delivery.event.as_str())
                .bind(&delivery.body)
                .bind(micros(at))
                .execute(&mut *transaction)
                .await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    fn waiting_endpoints(&self, after: String, limit: u32) -> Answer<'_, Vec<WaitingEndpoint>> {
        Box::pin(async move {
            // Steps from endpoint to endpoint by the index, so that a backlog of one costs as much as a single delivery.
            let rows: Vec<(String, i64)> = sqlx::query_as(
                "WITH RECURSIVE names (endpoint) AS ( \
                   SELECT min(endpoint) FROM webhook_deliveries WHERE status = 'pending' AND endpoint > $1 \
                   UNION ALL \
                   SELECT (SELECT min(endpoint) FROM webhook_deliveries \
                           WHERE status = 'pending' AND endpoint > names.endpoint) \
                   FROM names WHERE names.endpoint IS NOT NULL) \
                 SELECT endpoint, (SELECT min(due_at) FROM webhook_deliveries AS first \
                                   WHERE first.status = 'pending' AND first.endpoint = names.endpoint) \
                 FROM names WHERE endpoint IS NOT NULL LIMIT $2",
            )
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
            rows.into_iter()
                .map(|(endpoint, due_at)| Ok(WaitingEndpoint { endpoint, due_at: timestamp(due_at)? }))
                .collect()
        })
    }

    fn lease_delivery(
        &self,
        endpoint: String,
        now: Timestamp,
        until: Timestamp,
    ) -> Answer<'_, Option<LeasedDelivery>> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let row: Option<(String, String, String, i64, i64)> = sqlx::query_as(
                "UPDATE webhook_deliveries SET leased = 1, fence = fence + 1, due_at = $3 \
                 WHERE id = (SELECT id FROM webhook_deliveries \
                             WHERE status = 'pending' AND endpoint = $1 AND due_at <= $2 ORDER BY due_at LIMIT 1) \
                 RETURNING id, webhook, body, tries, fence",
            )
            .bind(endpoint)
            .bind(micros(now))
            .bind(micros(until))
            .fetch_optional(&mut *transaction)
            .await?;
            let Some((id, webhook, body, tried, fence)) = row else { return Ok(None) };
            let webhook = webhook_in(&mut transaction, &parsed(&webhook, "a webhook id")?).await?;
            transaction.commit().await?;
            Ok(Some(LeasedDelivery {
                id: parsed(&id, "a delivery id")?,
                webhook: webhook.ok_or(StoreError::damaged("a delivery without its webhook"))?,
                body,
                tries: tries(tried)?,
                fence: unsigned(fence)?,
            }))
        })
    }

    fn take_over_deliveries(&self, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move {
            sqlx::query(
                "UPDATE webhook_deliveries SET leased = 0, fence = fence + 1, due_at = $1 \
                 WHERE status = 'pending' AND leased",
            )
            .bind(micros(now))
            .execute(&self.writer)
            .await?;
            Ok(())
        })
    }

    fn release_delivery(&self, id: DeliveryId, fence: u64, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(async move {
            let done = sqlx::query(
                "UPDATE webhook_deliveries SET leased = 0, due_at = $3 WHERE id = $1 AND fence = $2",
            )
            .bind(id.as_str())
            .bind(signed(fence))
            .bind(micros(now))
            .execute(&self.writer)
            .await?;
            refuse_stale(done.rows_affected())
        })
    }

    fn record_attempt(
        &self,
        id: DeliveryId,
        fence: u64,
        attempt: AttemptRow,
        outcome: Outcome,
    ) -> Answer<'_, ()> {
        Box::pin(async move {
            let ended_at = end_of(&attempt);
            let (status, due_at) = match &outcome {
                Outcome::Delivered => (Some(DeliveryStatus::Delivered), None),
                // One that was given up meanwhile stays so.
                Outcome::Again(at) => (None, Some(*at)),
                Outcome::Dead | Outcome::Disable { .. } => (Some(DeliveryStatus::Dead), None),
            };
            let mut transaction = self.begin().await?;
            let webhook: Option<String> = sqlx::query_scalar(
                "UPDATE webhook_deliveries SET leased = 0, tries = tries + 1, status = COALESCE($3, status), \
                 due_at = COALESCE($4, due_at), \
                 finished_at = CASE WHEN $3 IS NULL THEN finished_at ELSE $5 END \
                 WHERE id = $1 AND fence = $2 RETURNING webhook",
            )
            .bind(id.as_str())
            .bind(signed(fence))
            .bind(status.map(DeliveryStatus::as_str))
            .bind(due_at.map(micros))
            .bind(micros(ended_at))
            .fetch_optional(&mut *transaction)
            .await?;
            let webhook: WebhookId = parsed(&webhook.ok_or(StoreError::StaleFence)?, "a webhook id")?;
            log_attempt(&mut transaction, &id, &attempt).await?;
            let failed_at = (outcome != Outcome::Delivered).then_some(ended_at);
            note_health(&mut transaction, &webhook, failed_at).await?;
            if let Outcome::Disable { reason } = &outcome {
                sqlx::query("UPDATE webhooks SET enabled = 0, disabled_reason = $2 WHERE id = $1")
                    .bind(webhook.as_str())
                    .bind(reason)
                    .execute(&mut *transaction)
                    .await?;
                bury_pending(&mut transaction, &webhook, ended_at).await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    fn log_test(&self, test: SentTest) -> Answer<'_, ()> {
        Box::pin(async move {
            let status = if test.is_delivered { DeliveryStatus::Delivered } else { DeliveryStatus::Dead };
            let mut transaction = self.begin().await?;
            let made = sqlx::query(
                "INSERT INTO webhook_deliveries \
                 (id, webhook, endpoint, event, body, status, tries, due_at, created_at, finished_at) \
                 SELECT $1, $2, $3, $4, $5, $6, 1, $7, $7, $8 WHERE EXISTS (SELECT 1 FROM webhooks WHERE id = $2)",
            )
            .bind(test.id.as_str())
            .bind(test.webhook.as_str())
            .bind(&test.endpoint)
            .bind(DeliveryKind::TEST.as_str())
            .bind(&test.body)
            .bind(status.as_str())
            .bind(micros(test.attempt.at))
            .bind(micros(end_of(&test.attempt)))
            .execute(&mut *transaction)
            .await?;
            if made.rows_affected() > 0 {
                log_attempt(&mut transaction, &test.id, &test.attempt).await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    fn deliveries(&self, webhook: WebhookId, filter: DeliveryFilter) -> Answer<'_, Vec<DeliveryRow>> {
        Box::pin(async move {
            let mut query: QueryBuilder<Sqlite> =
                QueryBuilder::new("SELECT * FROM webhook_deliveries WHERE webhook = ");
            query.push_bind(webhook.as_str());
            if let Some(status) = filter.status {
                query.push(" AND status = ").push_bind(status.as_str());
            }
            if let Some(before) = &filter.before {
                query.push(" AND id < ").push_bind(before.as_str());
            }
            query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.limit));
            let mut connection = self.readers.acquire().await?;
            let found: Vec<StoredDelivery> = query.build_query_as().fetch_all(&mut *connection).await?;
            let mut rows = Vec::with_capacity(found.len());
            for row in found {
                rows.push(row.read(&mut connection).await?);
            }
            Ok(rows)
        })
    }

    fn replay_delivery(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        id: DeliveryId,
        now: Timestamp,
    ) -> Answer<'_, Replay> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let webhook: Option<String> =
                sqlx::query_scalar("SELECT webhook FROM webhook_deliveries WHERE id = $1")
                    .bind(id.as_str())
                    .fetch_optional(&mut *transaction)
                    .await?;
            let Some(webhook) = webhook else { return Ok(Replay::NotFound) };
            match webhook_in(&mut transaction, &parsed(&webhook, "a webhook id")?).await? {
                Some(webhook) if webhook.workspace == workspace && webhook.mode == mode => {
                    if !webhook.enabled {
                        return Ok(Replay::Disabled);
                    }
                }
                Some(_) | None => return Ok(Replay::NotFound),
            }
            // One that is being tried right now is left to that.
            let row: StoredDelivery = sqlx::query_as(
                "UPDATE webhook_deliveries SET tries = 0, finished_at = NULL, \
                 due_at = CASE WHEN status = 'pending' AND leased THEN due_at ELSE $2 END, status = 'pending' \
                 WHERE id = $1 RETURNING *",
            )
            .bind(id.as_str())
            .bind(micros(now))
            .fetch_one(&mut *transaction)
            .await?;
            let row = row.read(&mut transaction).await?;
            transaction.commit().await?;
            Ok(Replay::Queued(row))
        })
    }

    fn forget_deliveries(&self, ended_before: Timestamp) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut transaction = self.begin().await?;
            let gone = sqlx::query(
                "DELETE FROM webhook_deliveries WHERE id IN ( \
                 SELECT id FROM webhook_deliveries WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)",
            )
            .bind(micros(ended_before))
            .bind(SWEPT_MAX)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(
                "DELETE FROM webhooks WHERE id IN (SELECT id FROM webhooks WHERE job IS NOT NULL \
                 AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = webhooks.job) \
                 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE webhook = webhooks.id) LIMIT $1)",
            )
            .bind(SWEPT_MAX)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(gone.rows_affected())
        })
    }
}
