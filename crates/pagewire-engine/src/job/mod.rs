//! The Jobs door: runs without a consumer, and the files that they leave behind.
//!
//! ```text
//! accept ── durable ──> supervisor: waits for its turn ─> feeder + the run's own workers ─> output ─> settled
//! view, results, watch: what is told of a job, from its row and its journal; watch_workspace: of all of a workspace
//! ```
//!
//! A job is a run like a stream's: the same scheduler, fetch, journal and rules of a crash. What differs is here: its
//! input is loaded chunk by chunk, a record is off its hands with its commit, and its end makes files.

mod accept;
mod feeder;
mod output;
mod pace;
mod recover;
pub mod results;
mod supervisor;
pub mod view;
pub mod watch;
pub mod watch_workspace;

use std::sync::Arc;

use pagewire_store::BlobKey;
use pagewire_types::OutputSpec;

use crate::run::Run;
pub use accept::{Accepted, IdempotentRequest};
pub(crate) use output::prefix as files_of;
use pace::Pace;
pub(crate) use recover::JobRoom;

/// A job that this process sees through.
pub(crate) struct Job {
    /// Its run.
    pub(crate) run: Arc<Run>,
    /// What files it makes.
    output: OutputSpec,
    /// Where its URLs are; absent where they came with the request.
    upload: Option<BlobKey>,
    /// How fast it goes.
    pace: Pace,
}
