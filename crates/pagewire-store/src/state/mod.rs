//! The seams: what the engine asks of state, in the engine's words, with the laws that every backend keeps.
//!
//! Every method is durable when it returns. Times come from the caller, who has the clock.

pub mod credits;
pub mod deliveries;
pub mod events;
pub mod jobs;
pub mod keys;
pub mod runs;
pub mod sources;
pub mod uploads;
pub mod webhooks;
pub mod workspaces;

use futures_util::future::BoxFuture;

use crate::error::StoreError;

/// What a method of the seams gives.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// All of the state.
pub trait Store:
    workspaces::Workspaces
    + keys::Keys
    + runs::Runs
    + jobs::Jobs
    + uploads::Uploads
    + credits::Credits
    + events::Events
    + webhooks::Webhooks
    + deliveries::Deliveries
    + sources::Sources
{
    /// Whether the state can be reached right now.
    fn ping(&self) -> Answer<'_, ()>;
}
