//! What is told of a job.

use std::sync::Arc;

use jiff::Timestamp;
use pagewire_store::{FileRow, JobFilter, JobPart, JobRow, RunKind, RunStatus};
use pagewire_types::{AcceptedJob, AcceptedWebhook, JobList, JobView, OutputSpec, Progress, RunId};

use super::stream_files::Files;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::Refusal;

/// The answer to a job that was accepted, as JSON text.
pub(super) fn accepted_json(
    id: RunId,
    urls_total: u64,
    created_at: Timestamp,
    webhook: Option<AcceptedWebhook>,
) -> String {
    let accepted = AcceptedJob {
        id: id.job_id(),
        status: status_text(RunStatus::Queued).into(),
        urls_total,
        // Nobody knows before it has begun.
        eta_s: None,
        created_at: time_text(created_at),
        webhook,
    };
    // A plain struct with string keys always serialises.
    serde_json::to_string(&accepted).unwrap_or_default()
}

/// A job and the files that it left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobWithFiles {
    /// The job.
    pub view: JobView,
    /// Its files.
    pub files: Vec<FileRow>,
    /// Whether files are still to come, although it has ended: those of a stream are made when they are asked for.
    pub files_pending: bool,
    /// Seconds that a link to one of them works.
    pub expires_in_s: u64,
    /// Its run.
    pub id: RunId,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl Engine {
    /// A job of the caller's workspace, with the files that it has.
    pub async fn job(&self, caller: &Caller, id: RunId) -> Result<JobWithFiles, Refusal> {
        let row = self.job_row(caller, id).await?;
        let files = self.store.files(id).await?;
        Ok(self.job_with(row, Files::Listed(files)))
    }

    /// A job of the caller's workspace, with the files that it has, or that are made of it now that somebody asks.
    pub async fn job_for_its_files(
        self: &Arc<Self>,
        caller: &Caller,
        id: RunId,
    ) -> Result<JobWithFiles, Refusal> {
        let row = self.job_row(caller, id).await?;
        let files = self.files_asked_for(&row).await?;
        Ok(self.job_with(row, files))
    }

    fn job_with(&self, row: JobRow, files: Files) -> JobWithFiles {
        let (id, finished_at) = (row.run.id, row.run.finished_at);
        // A stream says nothing of its files.
        let output = row
            .job
            .as_ref()
            .map_or_else(|| Some(OutputSpec::default()), |job| serde_json::from_str(&job.output).ok());
        let expires_in_s = output.map_or(0, |output| output.expires_in_s);
        let (files, files_pending) = match files {
            Files::Listed(files) => (files, false),
            Files::Pending => (Vec::new(), true),
        };
        JobWithFiles { view: self.view(row), files, files_pending, expires_in_s, id, finished_at }
    }

    /// The jobs of the caller's workspace.
    pub async fn jobs(&self, caller: &Caller, mut filter: JobFilter) -> Result<JobList, Refusal> {
        let limit = filter.limit as usize;
        // One more than asked for tells whether there is a next page.
        filter.limit += 1;
        let mut rows = self.store.jobs(caller.workspace.id.clone(), caller.mode, filter).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().map(|row| row.run.id.job_id());
        let jobs = rows.into_iter().map(|row| self.view(row)).collect();
        Ok(JobList { jobs, next_cursor: last.filter(|_| more) })
    }

    pub(super) async fn job_row(&self, caller: &Caller, id: RunId) -> Result<JobRow, Refusal> {
        let row = self.store.job(caller.workspace.id.clone(), caller.mode, id).await?;
        row.ok_or(Refusal::NotFound)
    }

    fn view(&self, row: JobRow) -> JobView {
        let JobRow { run, job, urls_done, urls_errored, error } = row;
        let live = if run.status.is_final() { None } else { self.held_run(run.id) };
        let live: Option<Progress> = live.map(|run| run.progress());
        let (urls_done, urls_errored, credits_used) = match &live {
            Some(progress) => (progress.done, progress.errored, progress.credits_used),
            None => (urls_done, urls_errored, run.credits_charged),
        };
        let left = run.urls_total.saturating_sub(urls_done);
        let job = job.unwrap_or(JobPart {
            name: None,
            output: String::new(),
            upload_blob: None,
            object_input: None,
            // A stream is begun when it is accepted.
            started_at: Some(run.created_at),
        });
        JobView {
            id: run.id.job_id(),
            name: job.name,
            kind: match run.kind {
                RunKind::Stream => "stream".into(),
                RunKind::Job => "job".into(),
            },
            status: status_text(run.status).into(),
            urls_total: run.urls_total,
            urls_done,
            urls_errored,
            credits_used,
            eta_s: self.jobs.get(run.id).and_then(|job| job.pace.seconds_for(left)),
            created_at: time_text(run.created_at),
            started_at: job.started_at.map(time_text),
            finished_at: run.finished_at.map(time_text),
            error,
        }
    }
}

/// The word for a state, in job objects.
#[must_use]
pub fn status_text(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "queued",
        RunStatus::Running => "running",
        RunStatus::Completed => "completed",
        RunStatus::Cancelled => "cancelled",
        RunStatus::Failed => "failed",
    }
}

/// The state that a word names, in either of the API's spellings.
#[must_use]
pub fn parse_status(word: &str) -> Option<RunStatus> {
    match word {
        "queued" => Some(RunStatus::Queued),
        "running" | "processing" => Some(RunStatus::Running),
        "completed" => Some(RunStatus::Completed),
        "cancelled" => Some(RunStatus::Cancelled),
        "failed" => Some(RunStatus::Failed),
        _ => None,
    }
}

fn time_text(at: Timestamp) -> String {
    format!("{at:.3}")
}
