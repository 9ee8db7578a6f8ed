//! What is told of webhooks and their deliveries. Times are RFC 3339, in UTC.

use serde::{Deserialize, Serialize};

use crate::ids::{DeliveryId, WebhookId};
use crate::webhook_event::{DeliveryKind, WebhookEvent};
use crate::webhook_secret::WebhookSecret;

/// A webhook, as its workspace is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its name.
    pub id: WebhookId,
    /// Where it is delivered to.
    pub url: String,
    /// Of what it is told.
    pub events: Vec<WebhookEvent>,
    /// What its maker calls it.
    pub description: Option<String>,
    /// Whether it is told of anything.
    pub enabled: bool,
    /// Why the server has disabled it.
    pub disabled_reason: Option<String>,
    /// The job of which alone it is told; absent where it is told of all.
    pub job_id: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// Since when no delivery has succeeded; absent where the last one did.
    pub failing_since: Option<String>,
    /// Until when the secret before this one signs too.
    pub previous_secret_until: Option<String>,
    /// What its deliveries are signed with: in the answer that makes it, and in no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<WebhookSecret>,
}

/// The webhooks of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookList {
    /// Oldest first.
    pub webhooks: Vec<Webhook>,
}

/// What has become of a delivery so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is tried, or will be.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// It was given up, and can be replayed.
    Dead,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: &'static [Self] = &[Self::Pending, Self::Delivered, Self::Dead];

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == name)
    }
}

/// A delivery of an event, or of a test, to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its name, which is also the `webhook-id` that the receiver sees, the same at each try.
    pub id: DeliveryId,
    /// Who is told.
    pub webhook_id: WebhookId,
    /// Of what; `webhook.test` of a test.
    pub event: DeliveryKind,
    /// What has become of it.
    pub status: DeliveryStatus,
    /// How often it was tried since it was made or replayed.
    pub tries: u32,
    /// When it is tried next.
    pub next_try_at: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it was delivered or given up.
    pub finished_at: Option<String>,
    /// What came of each try, the oldest first; of many, the newest are kept.
    pub attempts: Vec<DeliveryAttempt>,
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryAttempt {
    /// When.
    pub at: String,
    /// How long the receiver took.
    pub elapsed_ms: u64,
    /// What it answered.
    pub http_status: Option<u16>,
    /// How its answer begins.
    pub answer: Option<String>,
    /// Why there is no answer, or why it counts as a failure.
    pub error: Option<String>,
}

/// A page of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryList {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookTest {
    /// The `webhook-id` that the receiver saw.
    pub id: DeliveryId,
    /// Whether the receiver has taken it.
    pub delivered: bool,
    /// What came of the one try.
    #[serde(flatten)]
    pub attempt: DeliveryAttempt,
}
