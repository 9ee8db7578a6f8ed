//! When a source is asked next: pure policy. The time and the chance are passed in, so that what it decides can be told
//! beforehand; who waits, and who keeps what is to be kept, is the supervisor.
//!
//! ```text
//! poll ─┬─ answered ─▶ rhythm (how often something is new) ──▶ pace ──▶ wait, within its bounds, jittered
//!       └─ failed ──▶ breaker ─┬─ the host is to blame ───────▶ wait, doubled for each failure in a row
//!                              └─ the network is to blame ────▶ hold all, probe, resume spread out
//! ```
//!
//! Every wait has an end: a source that fails is asked once a day for as long as it stands.

mod breaker;
mod pace;
mod rhythm;

use std::time::Duration;

pub use breaker::{Blame, Breaker, Gate, Reach, Turn};
pub use pace::{Bounds, Outcome, Pace};
pub use rhythm::Rhythm;

/// A moment within so long, so that what became due together is not done together. `chance` is any number.
#[must_use]
pub fn spread(over: Duration, chance: u64) -> Duration {
    between(Duration::ZERO, over, chance)
}

/// An even choice between two durations, both of which may be chosen.
fn between(least: Duration, most: Duration, chance: u64) -> Duration {
    let range = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
    least + Duration::from_millis(range.checked_add(1).map_or(chance, |choices| chance % choices))
}
