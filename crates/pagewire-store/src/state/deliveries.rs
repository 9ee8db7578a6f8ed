//! Deliveries: one of each event to each webhook that is told of it.
//!
//! They come to be in one step with the cursor on the events ([`Deliveries::dispatch`]), so that an event is neither
//! missed nor told under two ids. Whoever tries one holds a lease on it with a fencing token; a lease that ends without a
//! word makes it due again.

use jiff::Timestamp;
use pagewire_types::{DeliveryId, DeliveryKind, DeliveryStatus, WebhookEvent, WebhookId, WorkspaceId};

use super::Answer;
use super::keys::KeyMode;
use super::webhooks::WebhookRow;

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its name.
    pub id: DeliveryId,
    /// Who is told.
    pub webhook: WebhookId,
    /// Whom it takes turns with: deliveries of one endpoint wait for each other and for no one else.
    pub endpoint: String,
    /// Of what.
    pub event: WebhookEvent,
    /// The very bytes to send.
    pub body: String,
}

/// A test that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentTest {
    /// Its name.
    pub id: DeliveryId,
    /// Who was told.
    pub webhook: WebhookId,
    /// Whom it takes turns with, if it is replayed.
    pub endpoint: String,
    /// The very bytes that were sent.
    pub body: String,
    /// What came of it.
    pub attempt: AttemptRow,
    /// Whether the receiver has taken it.
    pub is_delivered: bool,
}

/// A delivery that is tried right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedDelivery {
    /// Its name.
    pub id: DeliveryId,
    /// Who is told.
    pub webhook: WebhookRow,
    /// The very bytes to send.
    pub body: String,
    /// How often it was tried before.
    pub tries: u32,
    /// What says that the lease is this one.
    pub fence: u64,
}

/// An endpoint that deliveries wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingEndpoint {
    /// Which.
    pub endpoint: String,
    /// When the first of them is due.
    pub due_at: Timestamp,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub elapsed_ms: u64,
    /// What was answered.
    pub http_status: Option<u16>,
    /// How the answer begins.
    pub answer: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a try has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has taken it.
    Delivered,
    /// It is tried again then.
    Again(Timestamp),
    /// It is given up.
    Dead,
    /// It is given up, and so is its webhook.
    Disable {
        /// Why.
        reason: String,
    },
}

/// A delivery as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its name.
    pub id: DeliveryId,
    /// Who is told.
    pub webhook: WebhookId,
    /// Of what.
    pub event: DeliveryKind,
    /// What has become of it.
    pub status: DeliveryStatus,
    /// How often it was tried since it was made or replayed.
    pub tries: u32,
    /// When it is tried next, where it is pending.
    pub due_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
    /// The tries, oldest first.
    pub attempts: Vec<AttemptRow>,
}

/// Which deliveries a list is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// In this state only.
    pub status: Option<DeliveryStatus>,
    /// Of events before that of this one only.
    pub before: Option<DeliveryId>,
    /// So many at most.
    pub limit: u32,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// It is due now.
    Queued(DeliveryRow),
    /// Its webhook is disabled.
    Disabled,
    /// No such delivery in the workspace.
    NotFound,
}

/// Deliveries.
pub trait Deliveries: Send + Sync {
    /// The position of the last event whose deliveries were made.
    fn dispatched(&self) -> Answer<'_, u64>;

    /// Makes the deliveries of the events after `from` up to `to`, and moves the cursor there, all or nothing; due from
    /// `at`. Fails as stale where the cursor is not at `from`. A webhook that is gone or disabled meanwhile gets none.
    fn dispatch(&self, from: u64, to: u64, at: Timestamp, deliveries: Vec<NewDelivery>) -> Answer<'_, ()>;

    /// The endpoints that pending deliveries wait for, at most `limit`, in the order of their names after `after`.
    fn waiting_endpoints(&self, after: String, limit: u32) -> Answer<'_, Vec<WaitingEndpoint>>;

    /// Leases the delivery of an endpoint that has been due longest.
    fn lease_delivery(
        &self,
        endpoint: String,
        now: Timestamp,
        until: Timestamp,
    ) -> Answer<'_, Option<LeasedDelivery>>;

    /// Makes the deliveries due that a process before this one has leased and not settled.
    fn take_over_deliveries(&self, now: Timestamp) -> Answer<'_, ()>;

    /// Gives a delivery back untried.
    fn release_delivery(&self, id: DeliveryId, fence: u64, now: Timestamp) -> Answer<'_, ()>;

    /// Notes a try and what it has come to, for the delivery and for its webhook.
    fn record_attempt(
        &self,
        id: DeliveryId,
        fence: u64,
        attempt: AttemptRow,
        outcome: Outcome,
    ) -> Answer<'_, ()>;

    /// Logs a test as a delivery that has ended, unless its webhook is gone meanwhile. It says nothing of how the webhook's
    /// deliveries fare.
    fn log_test(&self, test: SentTest) -> Answer<'_, ()>;

    /// The deliveries to a webhook, the newest event first.
    fn deliveries(&self, webhook: WebhookId, filter: DeliveryFilter) -> Answer<'_, Vec<DeliveryRow>>;

    /// Makes a delivery due now, with all its tries before it. One that is pending comes forward.
    fn replay_delivery(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        id: DeliveryId,
        now: Timestamp,
    ) -> Answer<'_, Replay>;

    /// Forgets deliveries that ended before a time, at most a thousand, and the webhooks of single jobs that are gone and
    /// have none left. How many deliveries are gone.
    fn forget_deliveries(&self, ended_before: Timestamp) -> Answer<'_, u64>;
}
