//! `pagewire job get|list|cancel`.

use pagewire_client::JobQuery;
use pagewire_types::{JobReply, JobView};

use super::super::table::table;
use super::super::{CliError, output, remote};

/// Jobs that one request brings.
const PAGE_JOBS: u32 = 200;

/// Arguments of `job get`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A finished stream has a job too: its `job_id` works here.

Examples:
  pagewire job get job_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b
  pagewire job get \"$JOB\" --json | jq -r .status")]
pub(in super::super) struct GetArgs {
    /// The job's id
    id: String,
    /// One line of JSON, as the server tells it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

/// Arguments of `job list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pagewire job list --status running
  pagewire job list --limit 1000 --json | jq -r 'select(.urls_errored > 0).id'")]
pub(in super::super) struct ListArgs {
    /// Only jobs in this state: queued, running, completed, cancelled, failed
    #[arg(long, value_name = "S")]
    status: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

/// Arguments of `job cancel`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
URLs under way finish, the others are skipped, and what is done becomes files. A job that has ended stays as it is.

Example:
  pagewire job cancel job_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b")]
pub(in super::super) struct CancelArgs {
    /// The job's id
    id: String,
    /// One line of JSON, as the server tells it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn get(args: GetArgs) -> Result<(), CliError> {
    let reply = args.remote.client()?.job(&args.id).await?;
    if args.json { output::json(&reply) } else { output::write(described(&reply).as_bytes()) }
}

pub(super) async fn list(args: ListArgs) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let mut jobs: Vec<JobView> = Vec::new();
    let mut query = JobQuery { status: args.status, ..JobQuery::default() };
    loop {
        let left = args.limit - jobs.len() as u32;
        query.limit = Some(left.min(PAGE_JOBS));
        let page = client.jobs(&query).await?;
        jobs.extend(page.jobs.into_iter().take(left as usize));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() || jobs.len() as u32 >= args.limit {
            break;
        }
    }
    if args.json {
        return jobs.iter().try_for_each(output::json);
    }
    let rows: Vec<[String; 6]> = jobs.iter().map(as_row).collect();
    output::write(table(&["id", "status", "done", "failed", "created", "name"], &rows).as_bytes())
}

pub(super) async fn cancel(args: CancelArgs) -> Result<(), CliError> {
    let reply = args.remote.client()?.cancel_job(&args.id).await?;
    if args.json {
        return output::json(&reply);
    }
    let job = &reply.job;
    match job.finished_at {
        Some(_) => output::line(format!("{} has ended: {}", job.id, job.status)),
        None => output::line(format!("{} is being cancelled", job.id)),
    }
}

fn as_row(job: &JobView) -> [String; 6] {
    [
        job.id.clone(),
        job.status.to_string(),
        format!("{}/{}", job.urls_done, job.urls_total),
        job.urls_errored.to_string(),
        job.created_at.clone(),
        job.name.clone().unwrap_or_default(),
    ]
}

fn described(reply: &JobReply) -> String {
    let job = &reply.job;
    let urls = format!("{} of {} done, {} failed", job.urls_done, job.urls_total, job.urls_errored);
    let lines = [
        ("id", Some(job.id.clone())),
        ("name", job.name.clone()),
        ("kind", Some(job.kind.to_string())),
        ("status", Some(job.status.to_string())),
        ("error", job.error.clone()),
        ("urls", Some(urls)),
        ("credits", Some(job.credits_used.to_string())),
        ("ends in", job.eta_s.map(|seconds| format!("about {seconds} s"))),
        ("created", Some(job.created_at.clone())),
        ("started", job.started_at.clone()),
        ("finished", job.finished_at.clone()),
        ("links until", reply.download_url_expires_at.clone()),
    ];
    let mut text = String::new();
    for (name, value) in lines {
        if let Some(value) = value {
            text.push_str(&format!("{name:<12} {value}\n"));
        }
    }
    for file in &reply.files {
        text.push_str(&format!(
            "{:<12} {}, {} bytes, {} rows, SHA-256 {}\n{:<12} {}\n",
            "file", file.name, file.bytes, file.rows, file.sha256, "", file.url
        ));
    }
    text
}
