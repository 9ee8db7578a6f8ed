//! From events to deliveries: one for each event and webhook that is told of it, in one step with the cursor.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pagewire_store::{EventRow, NewDelivery, Store, StoreError, WebhookRow};
use pagewire_types::{DeliveryId, RunId, TargetUrl};
use tokio_util::sync::CancellationToken;

use super::{Webhooks, endpoint, message};

/// Events that are passed on in one step.
const BATCH: u32 = 100;
/// How long is waited where the store fails.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Passes events on until the server shuts down.
pub(crate) async fn dispatch(hooks: Arc<Webhooks>, store: Arc<dyn Store>, draining: CancellationToken) {
    let mut moved = store.events_moved();
    loop {
        // What comes from here on wakes the wait below.
        moved.borrow_and_update();
        let pause = match pass_on(&hooks, store.as_ref()).await {
            Ok(()) => Duration::MAX,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "events were not passed on to webhooks; that is tried again"
                );
                STORE_PAUSE
            }
        };
        tokio::select! {
            () = draining.cancelled() => return,
            // The store, which holds the other end, is held here.
            _ = moved.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Passes on all that there is.
async fn pass_on(hooks: &Webhooks, store: &dyn Store) -> Result<(), StoreError> {
    let mut from = store.dispatched().await?;
    loop {
        let events = store.events_after_all(from, BATCH).await?;
        let Some(last) = events.last() else { return Ok(()) };
        let to = last.position;
        let mut deliveries = Vec::new();
        for event in events {
            let job = RunId::parse_job_id(&event.subject).ok();
            let listeners = store.listeners(event.workspace.clone(), event.mode, job).await?;
            let told = listeners.iter().filter(|webhook| is_told(webhook, &event));
            deliveries.extend(told.filter_map(|webhook| hooks.delivery(webhook, &event)));
        }
        let made = !deliveries.is_empty();
        store.dispatch(from, to, Timestamp::now(), deliveries).await?;
        if made {
            hooks.due.notify_one();
        }
        from = to;
    }
}

fn is_told(webhook: &WebhookRow, event: &EventRow) -> bool {
    webhook.events.is_empty() || webhook.events.contains(&event.kind)
}

impl Webhooks {
    fn delivery(&self, webhook: &WebhookRow, event: &EventRow) -> Option<NewDelivery> {
        let Ok(url) = TargetUrl::parse(&webhook.url) else {
            tracing::error!(webhook = %webhook.id, "the URL of a webhook cannot be read");
            return None;
        };
        Some(NewDelivery {
            id: DeliveryId::of(event.position, &webhook.id),
            webhook: webhook.id.clone(),
            endpoint: endpoint(&webhook.workspace, webhook.mode, &url),
            event: event.kind,
            body: message::of_event(event, self.public_url.as_deref(), webhook.metadata.as_deref()),
        })
    }
}
