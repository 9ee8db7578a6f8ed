//! Webhooks: who is told of events. Their secrets come here sealed, and are opened elsewhere.

use jiff::Timestamp;
use pagewire_types::{RunId, WebhookEvent, WebhookId, WorkspaceId};

use super::Answer;
use super::keys::KeyMode;

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its name.
    pub id: WebhookId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Of which mode's events it is told.
    pub mode: KeyMode,
    /// The job of which alone it is told.
    pub job: Option<RunId>,
    /// Where it is delivered to.
    pub url: String,
    /// Of what; of everything where empty.
    pub events: Vec<WebhookEvent>,
    /// What its maker calls it.
    pub description: Option<String>,
    /// Sent along, as the JSON text of an object.
    pub metadata: Option<String>,
    /// Whether it is told of anything.
    pub enabled: bool,
    /// Why the server has disabled it.
    pub disabled_reason: Option<String>,
    /// What to sign with, sealed.
    pub secret: Vec<u8>,
    /// What was signed with before, sealed, and until when it signs too.
    pub previous_secret: Option<(Vec<u8>, Timestamp)>,
    /// Since when no delivery has succeeded; absent where the last one did.
    pub failing_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is to be changed of a webhook; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookUpdate {
    /// Where it is delivered to, and the endpoint that this is.
    pub url: Option<(String, String)>,
    /// Of what; of everything where empty.
    pub events: Option<Vec<WebhookEvent>>,
    /// What it is called; nothing where that is `Some(None)`.
    pub description: Option<Option<String>>,
    /// Whether it is told of anything.
    pub enabled: Option<bool>,
    /// A new secret, sealed, and until when the one before it signs too.
    pub secret: Option<(Vec<u8>, Timestamp)>,
}

/// Webhooks.
pub trait Webhooks: Send + Sync {
    /// Stores a webhook of a whole workspace, unless the workspace has `max` of them in that mode. Whether it is there now.
    fn insert_webhook(&self, webhook: WebhookRow, max: u32) -> Answer<'_, bool>;

    /// The webhook of that id in that workspace and of that mode; another workspace's is not there.
    fn webhook(&self, workspace: WorkspaceId, mode: KeyMode, id: WebhookId)
    -> Answer<'_, Option<WebhookRow>>;

    /// The webhooks of a workspace, oldest first, without those of single jobs.
    fn webhooks(&self, workspace: WorkspaceId, mode: KeyMode) -> Answer<'_, Vec<WebhookRow>>;

    /// The webhook of a job alone.
    fn webhook_of_job(&self, job: RunId) -> Answer<'_, Option<WebhookRow>>;

    /// The enabled webhooks that may be told of an event: those of the workspace, and the job's own.
    fn listeners(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        job: Option<RunId>,
    ) -> Answer<'_, Vec<WebhookRow>>;

    /// Changes a webhook, and gives it as it is then. One that is disabled gets nothing more: what waited for it is given
    /// up. One that is enabled starts with a clean record.
    fn change_webhook(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        id: WebhookId,
        update: WebhookUpdate,
        at: Timestamp,
    ) -> Answer<'_, Option<WebhookRow>>;

    /// Forgets a webhook and its deliveries. Whether it was there.
    fn delete_webhook(&self, workspace: WorkspaceId, mode: KeyMode, id: WebhookId) -> Answer<'_, bool>;
}
