//! The live stream: sources in, one resumable stream of new things out.
//!
//! ```text
//! kinds of source ── watch::Polled ──▶ supervisor ── emit ──▶ log (journal) ──▶ rings ──▶ subscriptions
//! ```
//!
//! A kind of source (a feed, a page, a firehose) knows what is new in what it reads; it knows neither when it is asked nor
//! where its events go. The supervisor asks when it is time, and keeps what a kind wants kept. The log gives events their
//! ids, and shows them once they are durable.

pub mod block;
pub mod body;
mod class;
pub mod discover;
pub mod event;
pub(crate) mod feed;
pub mod filter;
pub mod firehose;
pub mod id;
pub mod log;
pub mod logs;
pub mod open;
pub(crate) mod page;
pub mod preview;
pub mod schedule;
pub mod sources;
pub mod subscription;
pub(crate) mod supervisor;
mod tail;
pub mod watch;
pub mod websub;

use std::time::Duration;

pub use filter::{Filter, FilterCaps, FilterValues};
pub use log::LogSettings;
pub(crate) use open::Live;
pub use open::{ExpiredCursor, OpenError};
pub use preview::Preview;
pub use subscription::{LiveNews, Subscription};

/// The live stream's settings, from the configuration.
#[derive(Debug, Clone)]
pub struct LiveSettings {
    /// How logs are kept.
    pub log: LogSettings,
    /// After how long a silence a filtered subscriber is told where it stands.
    pub checkpoint: Duration,
    /// How many values a filter may have.
    pub filter_caps: FilterCaps,
}
