//! The task that owns a job: it waits for the job's turn, feeds and watches its run, makes its files, and stores its end.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use pagewire_journal::Journal;
use pagewire_store::{Blobs, FileRow, RunStatus, Store};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::object_input::{ObjectInput, ObjectInputs};
use super::{Job, feeder, intake, output, pace, reextract};
use crate::archive::ArchiveFiles;
use crate::patience::persist;
use crate::run::supervisor::{Verdict, keep, settle, work_off};

/// What a job's life takes place in.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Blobs,
    /// The jobs that may be under way at once.
    pub(crate) turns: Arc<Semaphore>,
    /// The lists that may be read at once.
    pub(crate) reads: Arc<Semaphore>,
    /// The runs whose files may be made at once.
    pub(crate) exports: Arc<Semaphore>,
    /// What may be read.
    pub(crate) inputs: Arc<ObjectInputs>,
    /// Cancelled when the process goes down.
    pub(crate) shutdown: CancellationToken,
}

/// Sees a job through. Returns when it has ended or the process is shutting down.
pub(crate) async fn supervise(job: Arc<Job>, around: Surroundings) {
    let store = around.store.as_ref();
    let (verdict, files) = match live(&job, &around).await {
        Verdict::Ended(status) => make_files(&job, &around, status).await,
        other => (other, Vec::new()),
    };
    settle(&job.run, store, verdict, files, &around.shutdown).await;
}

/// From the queue to the last record.
async fn live(job: &Job, around: &Surroundings) -> Verdict {
    let store = around.store.as_ref();
    if let Some(object) = &job.object
        && let Err(verdict) = take_in(job, object, around).await
    {
        return verdict;
    }
    let turn = tokio::select! {
        biased;
        () = job.run.cancelled() => None,
        () = around.shutdown.cancelled() => return Verdict::Interrupted,
        () = keep(&job.run, store) => return Verdict::Interrupted,
        turn = around.turns.acquire() => turn.ok(),
    };
    let Some(_turn) = turn else { return Verdict::Ended(RunStatus::Cancelled) };
    let started = tokio::select! {
        () = around.shutdown.cancelled() => return Verdict::Interrupted,
        started = persist("starting a job", || {
            store.start_job(job.run.id(), job.run.fence(), Timestamp::now())
        }) => started,
    };
    if let Err(error) = started {
        tracing::error!(run = %job.run.id().hex(), error = &error as &dyn std::error::Error, "a job could not be started; the next start takes it up");
        return Verdict::Interrupted;
    }
    job.run.schedule();
    work_off(&job.run, watch(job, around)).await
}

/// Reads the job's list. Of one that cannot be taken nothing is kept.
async fn take_in(job: &Job, object: &ObjectInput, around: &Surroundings) -> Result<(), Verdict> {
    let reading = async {
        // Never closed: the room of jobs holds it.
        let _turn = around.reads.acquire().await;
        persist("reading the list of a job", || intake::read(job, object, around)).await
    };
    let read = tokio::select! {
        biased;
        () = job.run.cancelled() => return Err(Verdict::Ended(RunStatus::Cancelled)),
        () = around.shutdown.cancelled() => return Err(Verdict::Interrupted),
        () = keep(&job.run, around.store.as_ref()) => return Err(Verdict::Interrupted),
        () = tokio::time::sleep(job.run.wall_time_left()) => return Err(Verdict::Ended(RunStatus::Cancelled)),
        read = reading => read,
    };
    read.map_err(|error| {
        tracing::warn!(run = %job.run.id().hex(), error = &error as &dyn std::error::Error, "the list of a job was not taken");
        Verdict::Failed(error.to_string())
    })
}

async fn watch(job: &Job, around: &Surroundings) -> Verdict {
    let run = &job.run;
    let working = async {
        tokio::select! {
            () = run.completed() => Verdict::Ended(RunStatus::Completed),
            verdict = cancelled(job) => verdict,
            verdict = feeding(job, around) => verdict,
            () = measure(job) => Verdict::Interrupted,
        }
    };
    tokio::select! {
        verdict = working => verdict,
        () = around.shutdown.cancelled() => Verdict::Interrupted,
        () = keep(run, around.store.as_ref()) => Verdict::Interrupted,
    }
}

/// Until somebody ends the job or its time is over; what is under way then ends in its own time.
async fn cancelled(job: &Job) -> Verdict {
    tokio::select! {
        () = job.run.cancelled() => {}
        () = tokio::time::sleep(job.run.wall_time_left()) => {}
    }
    job.run.wind_down().await;
    Verdict::Ended(RunStatus::Cancelled)
}

/// Feeds the run. Returns only when that fails: otherwise the last record ends the job.
async fn feeding(job: &Job, around: &Surroundings) -> Verdict {
    if let Some(archive) = &job.archive {
        return reworking(job, archive).await;
    }
    match feeder::feed(job, around.store.as_ref(), &around.blobs).await {
        Ok(()) => std::future::pending().await,
        Err(error) => {
            tracing::error!(run = %job.run.id().hex(), error = &error as &dyn std::error::Error, "a job's input could not be read");
            Verdict::Failed(error.to_string())
        }
    }
}

/// Reads the archive that stands for the job's input. Returns only when that fails.
async fn reworking(job: &Job, archive: &Arc<dyn Journal>) -> Verdict {
    match reextract::work(&job.run, archive.clone()).await {
        Ok(held) if held >= job.run.total() => std::future::pending().await,
        // Else it would wait for records that nobody makes.
        Ok(held) => {
            let total = job.run.total();
            tracing::error!(run = %job.run.id().hex(), held, total, "the archive that a job reads does not hold all its pages");
            Verdict::Failed(format!("the archive holds {held} of the {total} pages that it had"))
        }
        Err(error) => {
            tracing::error!(run = %job.run.id().hex(), error = &error as &dyn std::error::Error, "the archive that a job reads could not be read");
            Verdict::Failed(format!("the archived pages could not be read: {error}"))
        }
    }
}

/// Measures the pace, for ever.
async fn measure(job: &Job) {
    let mut ticks = tokio::time::interval(pace::INTERVAL);
    loop {
        ticks.tick().await;
        job.pace.note(Instant::now(), job.run.progress().done);
    }
}

fn source_of(job: &Job) -> output::Source {
    output::Source {
        id: job.run.id(),
        journal: job.run.records(),
        output: job.output.clone(),
        fields: job.run.fields(),
        archive: job.archives.then(|| ArchiveFiles {
            id: job.run.id(),
            journal: job.run.journal().clone(),
            created_at: job.created_at,
            part_bytes_max: job.output.max_part_bytes,
        }),
    }
}

async fn make_files(job: &Job, around: &Surroundings, status: RunStatus) -> (Verdict, Vec<FileRow>) {
    let made = async {
        // Never closed.
        let _turn = around.exports.acquire().await;
        output::make(source_of(job), &around.blobs).await
    };
    tokio::select! {
        made = made => match made {
            Ok(files) => (Verdict::Ended(status), files),
            Err(error) => {
                tracing::error!(run = %job.run.id().hex(), error = &error as &dyn std::error::Error, "a job's files could not be made");
                (Verdict::Failed(format!("the output could not be made: {error}")), Vec::new())
            }
        },
        () = around.shutdown.cancelled() => (Verdict::Interrupted, Vec::new()),
        () = keep(&job.run, around.store.as_ref()) => (Verdict::Interrupted, Vec::new()),
    }
}
