//! The files of a stream's job, made when they are first asked for.
//!
//! Whoever began a stream has mostly read it to its end: files that each stream made would be written for nobody, and
//! hold up its end. They come from the journal as a job's do, by the same exporter, and are listed in one step when all of
//! them are stored. A crash before that leaves blobs that nobody sees; the next one who asks has them made anew, and who
//! never asks leaves them to retention, which drops whatever stands under the run's name.
//!
//! Streams whose files are being made, and those that wait for it, are few: past the bound an answer says that they
//! are still to come, as it does when they take longer than a request should.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pagewire_journal::Journal;
use pagewire_store::{BlobError, FileRow, JobRow, RunKind, RunRow, RunStatus, StoreError};
use pagewire_types::{OutputSpec, RunId};
use tokio_util::sync::CancellationToken;

use super::output::{self, OutputError};
use crate::engine::Engine;
use crate::patience::persist;
use crate::refusal::Refusal;

/// How long an answer waits for them.
const ANSWER_WAITS: Duration = Duration::from_secs(10);
/// Streams whose files are made or wait for it.
const ASKED_FOR_MAX: usize = 64;

/// The files of an ended run, as far as they are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Files {
    /// These; none where none are made of it.
    Listed(Vec<FileRow>),
    /// They are to come.
    Pending,
}

/// Why files were not made; the next who asks has it tried again.
#[derive(Debug, thiserror::Error)]
enum MakingError {
    #[error(transparent)]
    Journal(#[from] Refusal),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("the files could not be listed")]
    Store(#[from] StoreError),
    #[error("what was made of a dropped stream could not be removed")]
    Blob(#[from] BlobError),
    #[error("the stream was dropped meanwhile, or its records are not all there")]
    Dropped,
}

/// The streams whose files are being made, each with what is cancelled when that is over.
#[derive(Default)]
pub(crate) struct StreamFiles {
    under_way: Mutex<HashMap<RunId, CancellationToken>>,
}

impl StreamFiles {
    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, CancellationToken>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream's place among those whose files are made; however that ends, it is given up.
struct Place {
    engine: Arc<Engine>,
    id: RunId,
    over: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.engine.stream_files.lock().remove(&self.id);
        self.over.cancel();
    }
}

impl Engine {
    /// The files of a run; those of a stream are made now if they never were.
    pub(super) async fn files_asked_for(self: &Arc<Self>, row: &JobRow) -> Result<Files, Refusal> {
        let id = row.run.id;
        let files = self.store.files(id).await?;
        if !files.is_empty() || !leaves_files_when_asked(&row.run) {
            return Ok(Files::Listed(files));
        }
        let Some(over) = self.have_files_made(row) else { return Ok(Files::Pending) };
        tokio::select! {
            () = over.cancelled() => Ok(Files::Listed(self.store.files(id).await?)),
            () = tokio::time::sleep(ANSWER_WAITS) => Ok(Files::Pending),
            () = self.stopping.cancelled() => Ok(Files::Pending),
        }
    }

    /// Has them made by a task of its own, once for all who ask: one who goes away meanwhile ends nothing. Gives what is
    /// cancelled when it is over; nothing where there is no room for it.
    fn have_files_made(self: &Arc<Self>, row: &JobRow) -> Option<CancellationToken> {
        let id = row.run.id;
        let mut under_way = self.stream_files.lock();
        if let Some(over) = under_way.get(&id) {
            return Some(over.clone());
        }
        if under_way.len() >= ASKED_FOR_MAX || self.draining.is_cancelled() {
            return None;
        }
        let over = CancellationToken::new();
        under_way.insert(id, over.clone());
        drop(under_way);
        let place = Place { engine: self.clone(), id, over: over.clone() };
        let row = row.clone();
        self.tasks.spawn(async move {
            let engine = &place.engine;
            tokio::select! {
                () = engine.stopping.cancelled() => {}
                made = engine.make_files_of(&row) => {
                    if let Err(error) = made {
                        tracing::error!(run = %id.hex(), error = &error as &dyn Error, "the files of a stream could not be made");
                    }
                }
            }
        });
        Some(over)
    }

    async fn make_files_of(&self, row: &JobRow) -> Result<(), MakingError> {
        let id = row.run.id;
        // Never closed.
        let _turn = self.jobs.exports().acquire().await;
        // Whoever had the place before may have made them.
        if !self.store.files(id).await?.is_empty() {
            return Ok(());
        }
        let journal: Arc<dyn Journal> = match self.held_run(id) {
            Some(run) => run.journal().clone(),
            None => Arc::new(self.open_journal(id, row.run.urls_total).await?),
        };
        let source =
            output::Source { id, journal, output: OutputSpec::default(), fields: Vec::new(), archive: None };
        let files = output::make(source, &self.blobs).await?;
        // A journal that retention has begun to drop is empty: what was made of it is not the stream's.
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let listed = if rows == row.urls_done {
            persist("listing a stream's files", || self.store.add_files(id, files.clone())).await
        } else {
            Err(StoreError::Missing("whole journal"))
        };
        if let Err(StoreError::Missing(_)) = listed {
            // Nobody else knows of them.
            self.blobs.delete_all(&output::prefix(id)?).await?;
            return Err(MakingError::Dropped);
        }
        Ok(listed?)
    }
}

/// Whether it is a stream of which something is to be had. One that failed leaves no files, as a job that failed.
fn leaves_files_when_asked(run: &RunRow) -> bool {
    let has_ended_well = match run.status {
        RunStatus::Completed | RunStatus::Cancelled => true,
        RunStatus::Queued | RunStatus::Running | RunStatus::Failed => false,
    };
    run.kind == RunKind::Stream && has_ended_well
}
