//! What a workspace does with its sources: makes, lists, changes, tests, imports and deletes them; and those that the
//! configuration file declares.
//!
//! A source is stored before it is watched, and who changes one holds the others up until the supervisor knows of it, so
//! that it never watches what an older request has said.

mod check;
mod declare;
mod export;
mod import;
mod manage;
mod test;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use pagewire_types::{SourceRules, SourceSpec, WorkspaceId};
use tokio::sync::{Mutex, Semaphore};

use super::supervisor::Supervisor;
pub use check::source_rules;
pub use import::SourceImportList;
pub use manage::SourceQuery;
pub(crate) use watched::{Watched, named};

/// Tests under way at once; they are made while their caller waits.
const TESTS_AT_ONCE: usize = 16;

/// How sources are watched, from the configuration.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// What a source may say.
    pub rules: SourceRules,
    /// The shortest interval of a source that names none.
    pub adaptive_min: Duration,
    /// The longest.
    pub adaptive_max: Duration,
    /// Polls at once.
    pub polls_at_once: usize,
    /// Polls at once of one host.
    pub polls_per_host: usize,
    /// What one fetch may take.
    pub poll_timeout: Duration,
    /// Sources of one workspace.
    pub sources_max: u32,
    /// Those that the configuration file declares.
    pub declared: Vec<(WorkspaceId, SourceSpec)>,
}

/// What the parts of this module share.
pub(crate) struct Sources {
    pub(super) rules: SourceRules,
    pub(super) sources_max: u32,
    pub(super) test_timeout: Duration,
    pub(super) supervisor: Arc<Supervisor>,
    /// Held while a source is changed.
    pub(super) changing: Mutex<()>,
    pub(super) tests: Semaphore,
}

impl Sources {
    pub(crate) fn new(settings: &SourceSettings, supervisor: Arc<Supervisor>) -> Self {
        Self {
            rules: settings.rules.clone(),
            sources_max: settings.sources_max,
            test_timeout: settings.poll_timeout,
            supervisor,
            changing: Mutex::new(()),
            tests: Semaphore::new(TESTS_AT_ONCE),
        }
    }
}
