//! The Jobs door: runs without a consumer, and the files that they leave behind.
//!
//! ```text
//! accept ── durable ──> supervisor: (intake) ─> waits for its turn ─> feeder + the run's own workers ─> output ─> settled
//! view, results, watch: what is told of a job, from its row and its journal; watch_workspace: of all of a workspace
//! stream_files: what a stream leaves behind as a job, once somebody asks for it
//! ```
//!
//! A job is a run like a stream's: the same scheduler, fetch, journal and rules of a crash. What differs is here: its
//! input is loaded chunk by chunk, a record is off its hands with its commit, and its end makes files.

mod accept;
mod ended;
mod feeder;
mod intake;
pub mod object_input;
mod output;
mod pace;
mod recover;
mod reextract;
pub mod results;
mod retry;
mod stream_files;
mod supervisor;
pub mod view;
pub mod watch;
pub mod watch_workspace;

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use pagewire_journal::Journal;
use pagewire_store::BlobKey;
use pagewire_types::OutputSpec;

use crate::run::Run;
pub use accept::{Accepted, IdempotentRequest};
use object_input::ObjectInput;
pub(crate) use output::{OutputError, prefix as files_of};
use pace::Pace;
pub(crate) use recover::JobRoom;
pub(crate) use stream_files::StreamFiles;

/// A job that this process sees through.
pub(crate) struct Job {
    /// Its run.
    pub(crate) run: Arc<Run>,
    /// What files it makes.
    output: OutputSpec,
    /// Where its URLs are; absent where they came with the request, or are still to be read.
    upload: OnceLock<BlobKey>,
    /// Where its list is still to be read from.
    object: Option<ObjectInput>,
    /// The journal of an ended job, with what is archived in it, that it reads instead of fetching.
    archive: Option<Arc<dyn Journal>>,
    /// Whether its pages are archived.
    archives: bool,
    /// When it was accepted.
    created_at: Timestamp,
    /// How fast it goes.
    pace: Pace,
}

impl Job {
    /// The list that was read for it.
    fn set_input(&self, upload: BlobKey, urls: u64) {
        // Once: a list is read before anything else is done with the job.
        let _ = self.upload.set(upload);
        self.run.set_total(urls);
    }
}
