//! What has changed on a page: pure, over bytes and what was kept of them.
//!
//! ```text
//! first fetch ── Watch::look ──┬─▶ Done: nothing has changed, or the page is not to be believed
//!   and what was kept           └─▶ Again ── second fetch ── Watch::look_again ──▶ changes, and what is to be kept
//! ```
//!
//! A page is cut into [`blocks`], runs of text that stand on lines of their own, each with a [`fingerprint`] of what it
//! says and a place. Blocks are matched by what they say ([`compare`]), so that what is moved is no change; what is left
//! on either side came or went, but for places that change by themselves ([`volatile`]). Where things are repeated
//! ([`items`]), each that is new is told by itself ([`changes`]). A page that is a wall, an error or nearly nothing is not
//! believed ([`trust`]).
//!
//! Invariants: a page against itself has no change; nothing is told that not both fetches found; linear in the page, in
//! time and in memory; what is kept is bounded.

mod address;
mod baseline;
mod blocks;
mod changes;
mod compare;
mod decide;
mod fingerprint;
mod hash;
mod items;
mod shapes;
mod snapshot;
mod today;
mod tokens;
mod trust;
mod volatile;
mod watch;
mod words;

pub use changes::Change;
pub use decide::{Finding, Outcome, Pending, Step, Visit};
pub use today::Today;
pub use trust::Doubt;
pub use watch::{Watch, WatchOptions};

#[cfg(test)]
mod tests;
