//! The webhook that comes with a job and is told of it alone.
//!
//! Its secret, given or made, is in the answer to the job. That answer is remembered for requests that are repeated, but
//! not the secret in it: it is filled in each time, from where it is sealed.

use jiff::Timestamp;
use pagewire_store::WebhookRow;
use pagewire_types::{AcceptedJob, AcceptedWebhook, JobWebhook, RunId, Webhook, WebhookId};

use super::manage::view;
use super::vault;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::{Refusal, damaged};

impl Engine {
    /// The webhook of a job that is to be accepted.
    pub(crate) async fn webhook_for_job(
        &self,
        caller: &Caller,
        job: RunId,
        webhook: JobWebhook,
    ) -> Result<WebhookRow, Refusal> {
        self.check_receiver(caller.mode, &webhook.url, "/webhook/url").await?;
        let id = WebhookId::generate();
        let secret = webhook.secret.map_or_else(vault::mint, Ok)?;
        Ok(WebhookRow {
            workspace: caller.workspace.id.clone(),
            mode: caller.mode,
            job: Some(job),
            url: webhook.url.as_str().to_owned(),
            events: webhook.events,
            description: None,
            metadata: webhook.metadata,
            enabled: true,
            disabled_reason: None,
            secret: self.webhooks.vault.seal(&id, &secret)?,
            previous_secret: None,
            failing_since: None,
            created_at: Timestamp::now(),
            id,
        })
    }

    /// The webhook of a job that retries another: the same, secret and all, under an id of its own.
    pub(crate) async fn webhook_for_retry(
        &self,
        of: RunId,
        retry: RunId,
    ) -> Result<Option<WebhookRow>, Refusal> {
        let Some(row) = self.store.webhook_of_job(of).await? else { return Ok(None) };
        let id = WebhookId::generate();
        let secret = self.webhooks.vault.open(&row.id, &row.secret)?;
        Ok(Some(WebhookRow {
            job: Some(retry),
            enabled: true,
            disabled_reason: None,
            secret: self.webhooks.vault.seal(&id, &secret)?,
            previous_secret: None,
            failing_since: None,
            created_at: Timestamp::now(),
            id,
            ..row
        }))
    }

    /// The answer to a job with the secret of its webhook in it, where it has one.
    pub(crate) async fn with_webhook_secret(&self, job: RunId, answer: String) -> Result<String, Refusal> {
        let mut accepted: AcceptedJob =
            serde_json::from_str(&answer).map_err(|_| damaged("a job's answer"))?;
        let Some(webhook) = &mut accepted.webhook else { return Ok(answer) };
        // Whoever has deleted the webhook meanwhile needs no secret of it.
        if let Some(row) = self.store.webhook_of_job(job).await? {
            webhook.secret = Some(self.webhooks.vault.open(&row.id, &row.secret)?);
        }
        serde_json::to_string(&accepted).map_err(|_| damaged("a job's answer"))
    }
}

/// What is remembered of a webhook in the answer to its job.
pub(crate) fn told(webhook: WebhookRow) -> AcceptedWebhook {
    let Webhook { id, url, events, .. } = view(webhook, None);
    AcceptedWebhook { id, url, events, secret: None }
}
