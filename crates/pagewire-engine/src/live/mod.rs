//! The live stream: sources in, one resumable stream of new things out.
//!
//! ```text
//! kinds of source ── watch::Polled ──▶ supervisor ── emit ──▶ log (journal) ──▶ rings ──▶ subscriptions
//! ```
//!
//! A kind of source (a feed, a page, a firehose) knows what is new in what it reads; it knows neither when it is asked nor
//! where its events go. The supervisor asks when it is time, and keeps what a kind wants kept. The log gives events their
//! ids, and shows them once they are durable.

pub mod event;
pub mod firehose;
#[cfg_attr(not(test), expect(dead_code, reason = "polled once the supervisor stands"))]
pub(crate) mod feed;
#[expect(dead_code, reason = "polled once the supervisor stands")]
pub(crate) mod page;
pub mod schedule;
pub mod watch;
