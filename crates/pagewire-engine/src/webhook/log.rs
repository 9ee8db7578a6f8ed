//! The log of deliveries, and those that are sent once more.

use jiff::Timestamp;
use pagewire_store::{AttemptRow, DeliveryFilter, DeliveryRow, Replay};
use pagewire_types::{
    Delivery, DeliveryAttempt, DeliveryId, DeliveryList, DeliveryStatus, Problem, ProblemCode, WebhookId,
};

use super::manage::time_text;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::Refusal;

impl Engine {
    /// The deliveries to a webhook of the caller's workspace, a page of them.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        webhook: WebhookId,
        mut filter: DeliveryFilter,
    ) -> Result<Option<DeliveryList>, Refusal> {
        let Some(webhook) = self.webhook_row(caller, webhook).await? else { return Ok(None) };
        let limit = filter.limit as usize;
        // One more than asked for tells whether there is a next page.
        filter.limit += 1;
        let mut rows = self.store.deliveries(webhook.id, filter).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().map(|row| row.id.to_string());
        let deliveries = rows.into_iter().map(delivery).collect();
        Ok(Some(DeliveryList { deliveries, next_cursor: last.filter(|_| more) }))
    }

    /// Sends a delivery of the caller's workspace once more, with all its tries before it.
    pub async fn replay_delivery(
        &self,
        caller: &Caller,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, Refusal> {
        let (workspace, mode) = (caller.workspace.id.clone(), caller.mode);
        match self.store.replay_delivery(workspace, mode, id, Timestamp::now()).await? {
            Replay::Queued(row) => {
                self.webhooks.due.notify_one();
                Ok(Some(delivery(row)))
            }
            Replay::NotFound => Ok(None),
            Replay::Disabled => {
                let detail =
                    "the delivery's webhook is disabled; enable it first (PATCH with `\"enabled\": true`)";
                Err(Refusal::Invalid(Box::new(Problem::new(ProblemCode::ValidationFailed, detail))))
            }
        }
    }
}

fn delivery(row: DeliveryRow) -> Delivery {
    let is_pending = row.status == DeliveryStatus::Pending;
    Delivery {
        id: row.id,
        webhook_id: row.webhook,
        event: row.event,
        status: row.status,
        tries: row.tries,
        next_try_at: is_pending.then(|| time_text(row.due_at)),
        created_at: time_text(row.created_at),
        finished_at: row.finished_at.map(time_text),
        attempts: row.attempts.into_iter().map(attempt).collect(),
    }
}

/// What is told of a try.
pub(super) fn attempt(row: AttemptRow) -> DeliveryAttempt {
    DeliveryAttempt {
        at: time_text(row.at),
        elapsed_ms: row.elapsed_ms,
        http_status: row.http_status,
        answer: row.answer,
        error: row.error,
    }
}
