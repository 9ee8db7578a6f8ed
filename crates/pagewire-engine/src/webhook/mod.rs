//! Webhooks: whoever wants to be told of events is sent them, signed as Standard Webhooks says
//! (<https://www.standardwebhooks.com>), until he has taken them or all tries are used up.
//!
//! ```text
//! events ── cursor ──> dispatch: one delivery for each event and webhook ── durable ──> deliver: turns → attempt → outcome
//! manage, log: what workspaces see and change of theirs
//! ```
//!
//! A delivery has its id from the event and the webhook, and is made in one step with the cursor on the events: whatever
//! is killed when, a receiver sees one id for one event, once or more often. It is tried under a lease, and what came of a
//! try is stored before the next one. No endpoint waits for another: see [`turns`].

mod attempt;
mod backoff;
mod deliver;
mod dispatch;
mod log;
mod manage;
mod message;
mod of_job;
mod sign;
mod turns;
mod vault;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use pagewire_fetch::Client;
use pagewire_store::KeyMode;
use pagewire_types::{TargetUrl, WorkspaceId};
use tokio::sync::{Notify, Semaphore};
use url::Position;

use attempt::Courier;
use backoff::Schedule;
pub(crate) use deliver::deliver;
pub(crate) use dispatch::dispatch;
pub(crate) use of_job::told;
pub use vault::{VAULT_KEY_BYTES, Vault, VaultError};

/// Tests under way at once; they are sent while their caller waits.
const TESTS_AT_ONCE: usize = 16;

/// How webhooks are delivered, from the configuration.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// What one try may take, from the name to the answer.
    pub attempt_timeout: Duration,
    /// How long is waited after each try that fails; after the last of them comes the last try.
    pub retry_delays: Vec<Duration>,
    /// Tries under way at once.
    pub at_once: usize,
    /// Where clients reach this server; links in deliveries begin with it.
    pub public_url: Option<String>,
}

/// What webhooks are made of.
pub struct WebhookParts {
    /// What reaches receivers: under the guard that holds for targets, and with no connections kept, since a kept one that
    /// its receiver closes at the wrong moment would be a failed try.
    pub client: Client,
    /// What seals their secrets.
    pub vault: Vault,
}

/// What the parts of this module share.
pub(crate) struct Webhooks {
    pub(crate) vault: Vault,
    courier: Courier,
    schedule: Schedule,
    at_once: usize,
    public_url: Option<String>,
    tests: Semaphore,
    /// Told when a delivery may have become due.
    due: Notify,
}

impl Webhooks {
    pub(crate) fn new(parts: WebhookParts, settings: &WebhookSettings) -> Arc<Self> {
        Arc::new(Self {
            vault: parts.vault,
            courier: Courier::new(parts.client, settings.attempt_timeout),
            schedule: Schedule::new(settings.retry_delays.clone()),
            at_once: settings.at_once,
            public_url: settings.public_url.clone(),
            tests: Semaphore::new(TESTS_AT_ONCE),
            due: Notify::new(),
        })
    }
}

/// Whom a delivery takes turns with: what the workspace has at the same origin. Another workspace's deliveries to it take
/// turns of their own, so that none can hold up another's.
fn endpoint(workspace: &WorkspaceId, mode: KeyMode, url: &TargetUrl) -> String {
    let mode = match mode {
        KeyMode::Live => "live",
        KeyMode::Test => "test",
    };
    format!("{mode} {workspace} {}", &url.as_url()[..Position::BeforePath])
}
