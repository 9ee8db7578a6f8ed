//! The task that tries what is due: it asks [`Turns`] who may, leases, sends, and stores what came of it.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use pagewire_store::{LeasedDelivery, Outcome, Store, StoreError};
use pagewire_types::{TargetUrl, WebhookSecret};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::{Message, Tried};
use super::turns::{Place, Turns};
use super::verdict::outcome;
use super::{VaultError, Webhooks};

/// How much longer than a try its lease holds: what storing its outcome may take on a disk that is busy.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// The longest that is slept: a lease may end without a word.
const SLEEP_MAX: Duration = Duration::from_secs(30);
/// How long is waited where the store fails.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// What tries under way may still take once the server is shutting down.
const DRAIN: Duration = Duration::from_secs(6);
/// Endpoints that are looked at together.
const PAGE: u32 = 500;

/// A try that has ended: its place, and how long it was until the receiver had taken the delivery.
type Ended = (Place, Option<Duration>);

/// Tries what is due until the server shuts down. What is under way then is left to the next process if it takes long.
pub(crate) async fn deliver(hooks: Arc<Webhooks>, store: Arc<dyn Store>, draining: CancellationToken) {
    let mut turns = Turns::new(hooks.at_once);
    let mut under_way: JoinSet<Ended> = JoinSet::new();
    loop {
        let pause = match start_due(&hooks, &store, &mut turns, &mut under_way).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "deliveries of webhooks could not be looked at; that is tried again"
                );
                STORE_PAUSE
            }
        };
        tokio::select! {
            () = draining.cancelled() => break,
            () = hooks.due.notified() => {}
            Some(ended) = under_way.join_next() => note(&mut turns, ended),
            () = tokio::time::sleep(pause) => {}
        }
    }
    let settled = async { while under_way.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, settled).await.is_err() {
        tracing::info!(tries = under_way.len(), "tries of webhooks were left to the next start");
        under_way.shutdown().await;
    }
}

fn note(turns: &mut Turns, ended: Result<Ended, tokio::task::JoinError>) {
    match ended {
        Ok((place, taken_after)) => turns.end(place, taken_after),
        // Its place is lost until the next start; its lease ends by itself.
        Err(error) => tracing::error!(%error, "a try of a webhook failed"),
    }
}

/// Starts what is due and has a place: one for each endpoint, and again until nothing more starts. How long nothing else
/// will be due.
async fn start_due(
    hooks: &Arc<Webhooks>,
    store: &Arc<dyn Store>,
    turns: &mut Turns,
    under_way: &mut JoinSet<Ended>,
) -> Result<Duration, StoreError> {
    loop {
        let now = Timestamp::now();
        let (mut started, mut next, mut after) = (false, None::<Timestamp>, String::new());
        loop {
            let page = store.waiting_endpoints(after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            after = page.last().map(|waiting| waiting.endpoint.clone()).unwrap_or_default();
            for waiting in page {
                if waiting.due_at > now {
                    next = Some(next.map_or(waiting.due_at, |next| next.min(waiting.due_at)));
                    continue;
                }
                started |= start_one(hooks, store, turns, under_way, waiting.endpoint, now).await?;
            }
            if is_last {
                break;
            }
        }
        // Whoever found no place is started when one is given back.
        if !started || turns.is_full() {
            return Ok(next.map_or(SLEEP_MAX, |at| until(now, at)));
        }
    }
}

async fn start_one(
    hooks: &Arc<Webhooks>,
    store: &Arc<dyn Store>,
    turns: &mut Turns,
    under_way: &mut JoinSet<Ended>,
    endpoint: String,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(place) = turns.begin(&endpoint) else { return Ok(false) };
    let lease = SignedDuration::try_from(hooks.courier.timeout()).unwrap_or(LEASE_MARGIN) + LEASE_MARGIN;
    match store.lease_delivery(endpoint, now, now + lease).await {
        Ok(Some(delivery)) => {
            under_way.spawn(try_once(hooks.clone(), store.clone(), delivery, place));
            Ok(true)
        }
        Ok(None) => {
            turns.give_back(&place);
            Ok(false)
        }
        Err(error) => {
            turns.give_back(&place);
            Err(error)
        }
    }
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default().min(SLEEP_MAX)
}

async fn try_once(
    hooks: Arc<Webhooks>,
    store: Arc<dyn Store>,
    delivery: LeasedDelivery,
    place: Place,
) -> Ended {
    let tried = match message_of(&hooks, &delivery) {
        Ok(message) => hooks.courier.send(message).await,
        Err(error) => {
            tracing::error!(webhook = %delivery.webhook.id, %error, "a delivery could not be made");
            Tried::failed("this server could not make the delivery; its log tells why".to_owned())
        }
    };
    let outcome = outcome(&hooks.schedule, &delivery, &tried, chance());
    tell(&delivery, &tried, &outcome);
    let (id, fence) = (delivery.id, delivery.fence);
    if let Err(error) = store.record_attempt(id.clone(), fence, tried.row(), outcome).await {
        tracing::warn!(delivery = %id, error = &error as &dyn std::error::Error, "what came of a delivery was not stored; it is sent again under the same id");
    }
    (place, tried.is_delivered().then_some(tried.elapsed))
}

/// Why a delivery cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsendable {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("its URL cannot be read")]
    Url,
}

fn message_of(hooks: &Webhooks, delivery: &LeasedDelivery) -> Result<Message, Unsendable> {
    let webhook = &delivery.webhook;
    Ok(Message {
        id: delivery.id.clone(),
        mode: webhook.mode,
        url: TargetUrl::parse(&webhook.url).map_err(|_| Unsendable::Url)?,
        secrets: hooks.secrets_of(webhook, Timestamp::now())?,
        body: Bytes::from(delivery.body.clone()),
    })
}

impl Webhooks {
    /// The secrets that sign for a webhook now, the newest first.
    pub(super) fn secrets_of(
        &self,
        webhook: &pagewire_store::WebhookRow,
        now: Timestamp,
    ) -> Result<Vec<WebhookSecret>, VaultError> {
        let mut secrets = vec![self.vault.open(&webhook.id, &webhook.secret)?];
        if let Some((previous, until)) = &webhook.previous_secret
            && *until > now
        {
            secrets.push(self.vault.open(&webhook.id, previous)?);
        }
        Ok(secrets)
    }
}

fn tell(delivery: &LeasedDelivery, tried: &Tried, outcome: &Outcome) {
    let told = match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Again(_) => "failed",
        Outcome::Dead => "dead",
        Outcome::Disable { .. } => "disabled",
    };
    metrics::counter!("pagewire_webhook_tries_total", "outcome" => told).increment(1);
    let status = tried.status.map(|status| status.as_u16());
    tracing::debug!(delivery = %delivery.id, status, outcome = told, "a webhook was tried");
    if let Outcome::Disable { reason } = outcome {
        tracing::warn!(webhook = %delivery.webhook.id, reason, "a webhook was disabled");
    }
}

/// Any number; 0 where the system has none, which only makes waits regular.
fn chance() -> u64 {
    let mut bytes = [0; 8];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => 0,
    }
}
