//! What is fetched next, and how many at once: deciding, without doing.
//!
//! [`Scheduler`] owns the decisions and no socket; the workers that it starts do the fetching and know nothing of
//! fairness. See [`lane`] for what one run may have under way, [`politeness`] for what one
//! host may be asked, and [`breaker`] for those that are dead.

pub(crate) mod breaker;
pub mod lane;
pub mod politeness;
pub mod scheduler;

pub use lane::{Class, Item, LaneLimits};
pub use politeness::Politeness;
pub use scheduler::{LaneId, Outcome, Scheduler, Work};
