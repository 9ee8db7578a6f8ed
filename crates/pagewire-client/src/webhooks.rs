//! Webhooks: made, listed, tried, and what became of their deliveries.

use http::Method;
use pagewire_types::{Delivery, DeliveryList, Webhook, WebhookList, WebhookTest};
use serde::Serialize;

use crate::client::{Body, Client};
use crate::error::ClientError;
use crate::jobs::path_of;

/// Which deliveries to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// Only those in this state.
    pub status: Option<String>,
    /// How many at most.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Client {
    /// Makes a webhook. The body is what `POST /v1/webhooks` takes; the answer alone has the secret.
    pub async fn create_webhook<B: Serialize + ?Sized>(&self, body: &B) -> Result<Webhook, ClientError> {
        self.ask("/v1/webhooks", Body::json(body)?, None, "the webhook").await
    }

    /// The webhooks of the workspace.
    pub async fn webhooks(&self) -> Result<WebhookList, ClientError> {
        self.tell(Method::GET, "/v1/webhooks", "the list of webhooks").await
    }

    /// Sends a webhook something to try it, now and once.
    pub async fn test_webhook(&self, id: &str) -> Result<WebhookTest, ClientError> {
        let path = format!("{}/test", path_of("/v1/webhooks", id)?);
        self.ask(&path, Body::default(), None, "the outcome of the test").await
    }

    /// What became of a webhook's deliveries, newest first.
    pub async fn deliveries(&self, id: &str, query: &DeliveryQuery) -> Result<DeliveryList, ClientError> {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        let limit = query.limit.map(|limit| limit.to_string());
        for (name, value) in [("status", &query.status), ("limit", &limit), ("cursor", &query.cursor)] {
            if let Some(value) = value {
                pairs.append_pair(name, value);
            }
        }
        let path = format!("{}/deliveries?{}", path_of("/v1/webhooks", id)?, pairs.finish());
        self.tell(Method::GET, &path, "the list of deliveries").await
    }

    /// Has a delivery tried anew.
    pub async fn replay_delivery(&self, id: &str) -> Result<Delivery, ClientError> {
        let path = format!("{}/replay", path_of("/v1/deliveries", id)?);
        self.ask(&path, Body::default(), None, "the delivery").await
    }
}
