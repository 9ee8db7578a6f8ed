//! Jobs that this process sees through: taken up when they are accepted, and again after a crash or a restart.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use pagewire_journal::{Fence, Journal};
use pagewire_store::{BlobKey, JobRow, KeyMode, RunKind};
use pagewire_types::job_request::JOB_URLS_MAX;
use pagewire_types::{RunId, ScrapeParams, WorkspaceId};
use tokio::sync::Semaphore;

use super::object_input::ObjectInputs;
use super::supervisor::{self, Surroundings};
use super::{Job, Pace, intake, output, reextract};
use crate::engine::{Engine, LEASE, lease_owner};
use crate::patience::{Passing, persist};
use crate::refusal::{Refusal, damaged};
use crate::run::{Run, RunInput, RunParts};

/// Jobs that are taken up at a start. More than that cannot have been accepted by one server.
const RECOVERED_MAX: u32 = 100_000;

/// The jobs that have not ended, and their turns.
pub(crate) struct JobRoom {
    jobs: Mutex<HashMap<RunId, Arc<Job>>>,
    turns: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    inputs: Arc<ObjectInputs>,
}

impl JobRoom {
    /// Room for so many jobs under way at once, whose lists may be read from there.
    pub(crate) fn new(jobs_max: usize, inputs: ObjectInputs) -> Self {
        Self {
            jobs: Mutex::default(),
            turns: Arc::new(Semaphore::new(jobs_max)),
            reads: intake::turns(),
            exports: output::turns(),
            inputs: Arc::new(inputs),
        }
    }

    /// The turns of those whose files are made.
    pub(super) fn exports(&self) -> &Semaphore {
        &self.exports
    }

    /// Where lists may be read from.
    pub(super) fn inputs(&self) -> &ObjectInputs {
        &self.inputs
    }

    pub(super) fn get(&self, id: RunId) -> Option<Arc<Job>> {
        self.lock().get(&id).cloned()
    }

    /// The runs of a workspace's jobs, of one mode, that have got their turn and have not ended.
    pub(super) fn under_way(&self, workspace: &WorkspaceId, mode: KeyMode) -> Vec<Arc<Run>> {
        let jobs = self.lock();
        let runs = jobs.values().map(|job| &job.run);
        runs.filter(|run| run.account().id == *workspace && run.mode() == mode)
            .filter(|run| run.is_scheduled() && run.ending().is_none())
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// The jobs whose archives are read by others that have not ended, also by such as are not taken up yet.
    pub(crate) async fn archives_being_read(&self) -> Result<HashSet<RunId>, Refusal> {
        let unfinished = self.store.unfinished_jobs(RECOVERED_MAX).await?;
        Ok(unfinished.iter().filter_map(|row| reextract::archive_of(row.job.as_ref()?)).collect())
    }

    /// Takes up the jobs that a crash or a restart left unfinished, oldest first.
    pub(crate) async fn recover_jobs(self: &Arc<Self>) -> Result<(), Refusal> {
        for row in self.store.unfinished_jobs(RECOVERED_MAX).await? {
            self.take_up_in_time(row).await;
        }
        Ok(())
    }

    /// Takes the job up now, or, where that fails for something that may pass, as soon as it works: it was accepted.
    pub(super) async fn take_up_in_time(self: &Arc<Self>, row: JobRow) {
        match self.take_up_job(row.clone()).await {
            Err(error) if error.may_pass() => {
                tracing::warn!(run = %row.run.id.hex(), error = &error as &dyn Error, "a job could not be taken up; it is tried again");
                let engine = self.clone();
                self.tasks.spawn(async move {
                    tokio::select! {
                        () = engine.stopping.cancelled() => {}
                        taken = persist("taking up a job", || engine.take_up_job(row.clone())) => told(row.run.id, taken),
                    }
                });
            }
            taken => told(row.run.id, taken),
        }
    }

    /// Makes the job this process's own and sees it through.
    async fn take_up_job(self: &Arc<Self>, row: JobRow) -> Result<(), Refusal> {
        let JobRow { run: row, job, .. } = row;
        let part = job.ok_or_else(|| damaged("a job without its output"))?;
        let output = serde_json::from_str(&part.output).map_err(|_| damaged("a job's output"))?;
        let read = reextract::archive_of(&part);
        let upload: Option<BlobKey> =
            part.upload_blob.map(|blob| blob.parse().map_err(|_| damaged("an upload's name"))).transpose()?;
        let archive = match read {
            Some(of) => Some(Arc::new(self.open_journal(of, JOB_URLS_MAX).await?) as Arc<dyn Journal>),
            None => None,
        };
        let object = match (&upload, part.object_input) {
            _ if archive.is_some() => None,
            (None, Some(object)) => {
                Some(serde_json::from_str(&object).map_err(|_| damaged("a job's input"))?)
            }
            _ => None,
        };
        // How many keys a list that is still to be read will need is not known.
        let keys = if object.is_some() { JOB_URLS_MAX } else { row.urls_total };
        let archives = reextract::archives(&row.defaults);
        let defaults = serde_json::from_str(&row.defaults).map_err(|_| damaged("stored parameters"))?;
        let input = RunInput::new(ScrapeParams::read_stored(defaults), self.settings.robots)?;
        let fence = self.store.lease_run(row.id, lease_owner(), Timestamp::now(), LEASE).await?;
        let account = self.accounts.workspace(&row.workspace).await?;
        let run = self.make_run(RunParts {
            id: row.id,
            kind: RunKind::Job,
            account,
            mode: row.mode,
            input: Some(input),
            total: row.urls_total,
            concurrency: row.concurrency,
            created_at: row.created_at,
            journal: self.open_journal(row.id, keys).await?,
            fence: Fence(fence),
            ending: None,
        });
        let job = Arc::new(Job {
            run,
            output,
            upload: upload.map_or_else(OnceLock::new, OnceLock::from),
            object,
            archive,
            archives,
            created_at: row.created_at,
            pace: Pace::default(),
        });
        if row.cancel_requested.is_some() {
            job.run.cancel();
        }
        self.jobs.lock().insert(row.id, job.clone());
        let around = Surroundings {
            store: self.store.clone(),
            blobs: self.blobs.clone(),
            turns: self.jobs.turns.clone(),
            reads: self.jobs.reads.clone(),
            exports: self.jobs.exports.clone(),
            inputs: self.jobs.inputs.clone(),
            shutdown: self.stopping.clone(),
        };
        let engine = self.clone();
        self.tasks.spawn(async move {
            supervisor::supervise(job, around).await;
            engine.jobs.lock().remove(&row.id);
        });
        Ok(())
    }
}

/// One job that cannot be read must not keep the server from starting.
fn told(id: RunId, taken: Result<(), Refusal>) {
    if let Err(error) = taken {
        tracing::error!(run = %id.hex(), error = &error as &dyn Error, "a job could not be taken up");
    }
}
