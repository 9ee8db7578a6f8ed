//! The workspace journal: what happens to jobs, streams, credits and keys, in one order for all workspaces.
//!
//! Nothing is appended by itself: an event is written together with the change that it tells of, by the method that
//! makes the change ([`Runs::finish_run`](super::runs::Runs::finish_run),
//! [`Jobs::start_job`](super::jobs::Jobs::start_job), the charges, and those that make and revoke keys). So each change
//! has exactly one event, however often a process dies and repeats what it was doing.
//!
//! Positions grow in the order in which events become visible: who has read up to one will never find another before it.

use jiff::Timestamp;
use pagewire_types::{WebhookEvent, WorkspaceId};
use tokio::sync::watch;

use super::Answer;
use super::keys::KeyMode;

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its place, from 1.
    pub position: u64,
    /// In which workspace it happened.
    pub workspace: WorkspaceId,
    /// In which mode: of the run, or of the key.
    pub mode: KeyMode,
    /// What happened.
    pub kind: WebhookEvent,
    /// What it happened to: `job_…` (also of a stream), `key_…`, or the workspace itself.
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// What is said of it, as JSON text: `RunEventData`, `CreditsEventData` or `KeyEventData` of `pagewire_types`.
    pub data: String,
}

/// What reading after a position gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventRead {
    /// The next events, in order; none at the tip.
    Events(Vec<EventRow>),
    /// No event has had that position yet.
    PastTip {
        /// The newest position that was given.
        tip: u64,
    },
    /// Events of the workspace after that position have been dropped.
    Expired {
        /// The oldest position from which nothing is missing: that of the oldest event, or of the next one.
        oldest: u64,
    },
}

/// The workspace journal.
pub trait Events: Send + Sync {
    /// The events of a workspace and a mode after a position, at most `limit`.
    fn events_after(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        after: u64,
        limit: u32,
    ) -> Answer<'_, EventRead>;

    /// The events of all workspaces after a position, at most `limit`: for who passes them on.
    fn events_after_all(&self, after: u64, limit: u32) -> Answer<'_, Vec<EventRow>>;

    /// The newest position that was given, 0 before the first. Wakes [`events_moved`](Self::events_moved) where another
    /// process has appended since.
    fn event_tip(&self) -> Answer<'_, u64>;

    /// Changes after each commit of this process that appended events; its value is the newest position known of.
    fn events_moved(&self) -> watch::Receiver<u64>;

    /// Drops events that happened before a time, oldest first and at most `limit`. Gives how many.
    fn trim_events(&self, before: Timestamp, limit: u32) -> Answer<'_, u64>;
}
