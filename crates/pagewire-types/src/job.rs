//! A job as the API tells of it: what the server writes, and its clients read.
//!
//! The words for states are text, not an enum: a client must be able to show a state that it does not know yet.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ids::WebhookId;
use crate::webhook_event::WebhookEvent;
use crate::webhook_secret::WebhookSecret;

/// A word for a state: `queued`, `running` (`processing` in event streams), `completed`, `cancelled`, `failed`.
pub type StatusWord = Cow<'static, str>;

/// The answer to a job that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedJob {
    /// `job_…`
    pub id: String,
    /// `queued`
    pub status: StatusWord,
    /// URLs in all.
    pub urls_total: u64,
    /// Nobody knows before it has begun.
    pub eta_s: Option<u64>,
    /// When it was accepted.
    pub created_at: String,
    /// Who is told of it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<AcceptedWebhook>,
}

/// The webhook that came with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedWebhook {
    /// By this its deliveries are had and replayed.
    pub id: WebhookId,
    /// Where it is delivered to.
    pub url: String,
    /// Of what it is told.
    pub events: Vec<WebhookEvent>,
    /// What its deliveries are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<WebhookSecret>,
}

/// A job, but for its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// `job_…`
    pub id: String,
    /// What its maker calls it.
    pub name: Option<String>,
    /// `job` or `stream`
    pub kind: Cow<'static, str>,
    /// Where it is in its life.
    pub status: StatusWord,
    /// URLs in all.
    pub urls_total: u64,
    /// URLs that are finished.
    pub urls_done: u64,
    /// Those of them that failed.
    pub urls_errored: u64,
    /// Credits of its records.
    pub credits_used: u64,
    /// Seconds until it ends, as the last minute went; absent where nobody knows.
    pub eta_s: Option<u64>,
    /// When it was accepted.
    pub created_at: String,
    /// When work on it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A job and the files that it left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReply {
    /// The job.
    #[serde(flatten)]
    pub job: JobView,
    /// Where its first file is had.
    pub download_url: Option<String>,
    /// Until when the links are good.
    pub download_url_expires_at: Option<String>,
    /// Its files.
    pub files: Vec<JobFile>,
    /// Whether files are still to come, although it has ended: ask again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub files_pending: bool,
}

/// A file of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    /// What it is called.
    pub name: String,
    /// Where it is had.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// URLs in it.
    pub rows: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

/// A page of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobList {
    /// Newest first.
    pub jobs: Vec<JobView>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
}

/// The data of a job's `progress` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// Where it is in its life.
    pub status: StatusWord,
    /// URLs that are finished.
    pub completed: u64,
    /// URLs in all.
    pub total: u64,
    /// Finished URLs that failed.
    pub errored: u64,
    /// Credits of its records.
    pub credits_used: u64,
}

/// The data of a job's `done` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDone {
    /// How it ended.
    pub status: StatusWord,
    /// URLs that are finished.
    pub completed: u64,
    /// URLs in all.
    pub total: u64,
    /// Finished URLs that failed.
    pub errored: u64,
}

/// The data of `job:progress`: a job that moved. These three are in the case of letters that their clients expect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobMoved {
    /// `job_…`
    pub job_id: String,
    /// Where it is in its life.
    pub status: StatusWord,
    /// URLs that are finished.
    pub completed: u64,
    /// URLs in all.
    pub total: u64,
}

/// The data of `job:completed`: a job that was worked off, or cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobCompleted {
    /// `job_…`
    pub job_id: String,
    /// `completed` or `cancelled`
    pub status: StatusWord,
    /// URLs that are finished.
    pub completed: u64,
    /// URLs in all.
    pub total: u64,
    /// Credits of its records.
    pub credits_used: u64,
}

/// The data of `job:failed`: a job that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobFailed {
    /// `job_…`
    pub job_id: String,
    /// Why.
    pub error: String,
}

/// The answer to an upload that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadReply {
    /// `upl_…`
    pub upload_id: String,
    /// URLs of the list.
    pub urls: u64,
    /// Bytes that came over the wire.
    pub bytes: u64,
    /// `ndjson` or `csv`
    pub format: Cow<'static, str>,
    /// The first of the lines that are no URL, where they were kept as errors.
    pub invalid: Vec<RefusedLine>,
}

/// A line of a list that is no entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLine {
    /// Its number, from 1; of a row of several lines, the first.
    pub line: u64,
    /// What is wrong with it.
    pub detail: String,
}
