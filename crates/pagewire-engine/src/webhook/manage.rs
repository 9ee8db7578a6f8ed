//! What a workspace does with its webhooks: makes, lists, changes, tests and deletes them.

use std::error::Error;

use jiff::{SignedDuration, Timestamp};
use pagewire_fetch::FetchError;
use pagewire_store::{KeyMode, SentTest, WebhookRow, WebhookUpdate};
use pagewire_types::webhook_request::WEBHOOKS_MAX;
use pagewire_types::{
    DeliveryId, FieldError, NewWebhook, Problem, ProblemCode, TargetUrl, Webhook, WebhookChange,
    WebhookEvent, WebhookId, WebhookList, WebhookSecret, WebhookTest,
};

use super::attempt::Message;
use super::{endpoint, log, message, vault};
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::{Refusal, damaged};

/// How long a secret goes on signing beside the one that has taken its place.
const ROTATION: SignedDuration = SignedDuration::from_hours(24);

impl Engine {
    /// Makes a webhook of the caller's workspace. Its secret is in the answer, and in no other.
    pub async fn create_webhook(&self, caller: &Caller, new: NewWebhook) -> Result<Webhook, Refusal> {
        self.check_receiver(caller.mode, &new.url, "/url").await?;
        let id = WebhookId::generate();
        let secret = new.secret.map_or_else(vault::mint, Ok)?;
        let row = WebhookRow {
            workspace: caller.workspace.id.clone(),
            mode: caller.mode,
            job: None,
            url: new.url.as_str().to_owned(),
            events: new.events,
            description: new.description,
            metadata: None,
            enabled: new.enabled,
            disabled_reason: None,
            secret: self.webhooks.vault.seal(&id, &secret)?,
            previous_secret: None,
            failing_since: None,
            created_at: Timestamp::now(),
            id,
        };
        if !self.store.insert_webhook(row.clone(), WEBHOOKS_MAX).await? {
            let detail =
                format!("the workspace has {WEBHOOKS_MAX} webhooks, as many as one may have; delete one");
            return Err(Refusal::Invalid(Box::new(Problem::new(ProblemCode::ValidationFailed, detail))));
        }
        Ok(view(row, Some(secret)))
    }

    /// The webhooks of the caller's workspace.
    pub async fn webhooks(&self, caller: &Caller) -> Result<WebhookList, Refusal> {
        let rows = self.store.webhooks(caller.workspace.id.clone(), caller.mode).await?;
        Ok(WebhookList { webhooks: rows.into_iter().map(|row| view(row, None)).collect() })
    }

    /// A webhook of the caller's workspace.
    pub async fn webhook(&self, caller: &Caller, id: WebhookId) -> Result<Option<Webhook>, Refusal> {
        Ok(self.webhook_row(caller, id).await?.map(|row| view(row, None)))
    }

    pub(super) async fn webhook_row(
        &self,
        caller: &Caller,
        id: WebhookId,
    ) -> Result<Option<WebhookRow>, Refusal> {
        Ok(self.store.webhook(caller.workspace.id.clone(), caller.mode, id).await?)
    }

    /// Changes a webhook. A new secret is in the answer, and in no other.
    pub async fn change_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<Option<Webhook>, Refusal> {
        if let Some(url) = &change.url {
            self.check_receiver(caller.mode, url, "/url").await?;
        }
        let now = Timestamp::now();
        let secret = match (change.rotate_secret, change.secret) {
            (true, Some(given)) => Some(given),
            (true, None) => Some(vault::mint()?),
            (false, _) => None,
        };
        let sealed = secret.as_ref().map(|secret| self.webhooks.vault.seal(&id, secret)).transpose()?;
        let (workspace, mode) = (caller.workspace.id.clone(), caller.mode);
        let update = WebhookUpdate {
            url: change.url.map(|url| (url.as_str().to_owned(), endpoint(&workspace, mode, &url))),
            events: change.events,
            description: change.description.map(|text| (!text.is_empty()).then_some(text)),
            enabled: change.enabled,
            secret: sealed.map(|sealed| (sealed, now + ROTATION)),
        };
        let changed = self.store.change_webhook(workspace, mode, id, update, now).await?;
        self.webhooks.due.notify_one();
        Ok(changed.map(|row| view(row, secret)))
    }

    /// Deletes a webhook with its deliveries. Whether it was there.
    pub async fn delete_webhook(&self, caller: &Caller, id: WebhookId) -> Result<bool, Refusal> {
        Ok(self.store.delete_webhook(caller.workspace.id.clone(), caller.mode, id).await?)
    }

    /// Sends a webhook a test, signed as all that it is sent, and tells and logs what came of it.
    pub async fn test_webhook(&self, caller: &Caller, id: WebhookId) -> Result<Option<WebhookTest>, Refusal> {
        let Some(row) = self.webhook_row(caller, id).await? else { return Ok(None) };
        let hooks = &self.webhooks;
        let _place = hooks
            .tests
            .try_acquire()
            .map_err(|_| Refusal::Overloaded("as many tests of webhooks as may be are under way"))?;
        let now = Timestamp::now();
        let id = DeliveryId::at(self.store.dispatched().await?);
        let url = TargetUrl::parse(&row.url).map_err(|_| damaged("the URL of a webhook"))?;
        let endpoint = endpoint(&row.workspace, row.mode, &url);
        let body = message::of_test(&row.id, now, row.metadata.as_deref());
        let message = Message {
            id: id.clone(),
            mode: row.mode,
            url,
            secrets: hooks.secrets_of(&row, now)?,
            body: body.clone().into(),
        };
        let tried = hooks.courier.send(message).await;
        let (attempt, is_delivered) = (tried.row(), tried.is_delivered());
        let sent = SentTest {
            id: id.clone(),
            webhook: row.id,
            endpoint,
            body,
            attempt: attempt.clone(),
            is_delivered,
        };
        // It was sent, whether it can be logged or not.
        if let Err(error) = self.store.log_test(sent).await {
            tracing::warn!(delivery = %id, error = &error as &dyn Error, "the test of a webhook was not logged");
        }
        Ok(Some(WebhookTest { id, delivered: is_delivered, attempt: log::attempt(attempt) }))
    }

    /// Refuses a URL that deliveries would be refused to: now, so that it is told to whoever gives it. Each delivery is
    /// judged anew, so a name that cannot be looked up right now passes.
    pub(super) async fn check_receiver(
        &self,
        mode: KeyMode,
        url: &TargetUrl,
        pointer: &str,
    ) -> Result<(), Refusal> {
        let client = self.webhooks.courier.client();
        let blocked = match mode {
            KeyMode::Live => matches!(client.judge(url).await, Err(FetchError::Blocked { .. })),
            // In the sandbox no name is looked up.
            KeyMode::Test => client.guard().check_literal(url).is_err(),
        };
        if !blocked {
            return Ok(());
        }
        let detail = "is not an allowed target: its address is private, reserved or otherwise not public; \
                      an operator can allow a range in the server's configuration";
        let errors = vec![FieldError::new(pointer, detail)];
        Err(Refusal::Invalid(Box::new(Problem::invalid(ProblemCode::ValidationFailed, errors))))
    }
}

/// What is told of a webhook.
pub(super) fn view(row: WebhookRow, secret: Option<WebhookSecret>) -> Webhook {
    let may_hear = |event: &WebhookEvent| row.job.is_none() || event.is_of_job();
    let all = || WebhookEvent::ALL.iter().copied().filter(may_hear).collect();
    Webhook {
        events: if row.events.is_empty() { all() } else { row.events },
        id: row.id,
        url: row.url,
        description: row.description,
        enabled: row.enabled,
        disabled_reason: row.disabled_reason,
        job_id: row.job.map(pagewire_types::RunId::job_id),
        created_at: time_text(row.created_at),
        failing_since: row.failing_since.map(time_text),
        previous_secret_until: row
            .previous_secret
            .filter(|(_, until)| *until > Timestamp::now())
            .map(|(_, until)| time_text(until)),
        secret,
    }
}

pub(super) fn time_text(at: Timestamp) -> String {
    format!("{at:.3}")
}
