//! `pagewire job watch`, and waiting for a job wherever else that is asked for.

use pagewire_client::{Client, JobEvent, Watch};
use pagewire_types::JobDone;

use super::super::{CliError, output, remote};
use super::JobEnd;
use super::progress::{Progress, sentence};

/// Arguments of `job watch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Progress goes to stderr: a bar on a terminal, otherwise a line now and then. A connection that drops is taken up where
it stopped. Watching costs the job nothing, and an interrupted watch leaves it going on. With --records each page, and
each URL that failed, is one line on stdout, from the job's first record on:
  {\"event\": \"page\", \"id\": \"0001\", \"data\": {…}}
The exit code is 0 when the job completed, 3 when it failed, 4 when it was cancelled; URLs that failed do not change it.

Examples:
  pagewire job watch job_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b
  pagewire job watch \"$JOB\" --records | jq -c 'select(.event == \"error\").data.url'
  pagewire job watch \"$JOB\" --records --after 0420 >> records.ndjson")]
pub(in super::super) struct Args {
    /// The job's id
    id: String,
    /// Its records on stdout, one JSON line each
    #[arg(long)]
    records: bool,
    /// Only records after the one with this id
    #[arg(long, value_name = "EVENT_ID", requires = "records")]
    after: Option<String>,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let client = args.remote.client()?;
    if args.records {
        follow(&client, &args.id, Watch::Records, args.after, Progress::new()).await
    } else {
        to_the_end(&client, &args.id).await
    }
}

/// Follows a job to its end, by its counters.
pub(super) async fn to_the_end(client: &Client, id: &str) -> Result<(), CliError> {
    follow(client, id, Watch::Counters, None, Progress::alone()).await
}

async fn follow(
    client: &Client,
    id: &str,
    watch: Watch,
    after: Option<String>,
    mut progress: Progress,
) -> Result<(), CliError> {
    let mut events = client.watch_job(id, watch, after)?;
    let outcome = loop {
        match events.next().await {
            Some(Ok(JobEvent::Page { id, data })) => output::record("page", &id, &data)?,
            Some(Ok(JobEvent::Error { id, data })) => output::record("error", &id, &data)?,
            Some(Ok(JobEvent::Progress(counters))) => progress.tell(counters),
            Some(Ok(JobEvent::Done(done))) => break Ok(Some(done)),
            Some(Err(error)) => break Err(error),
            None => break Ok(None),
        }
    };
    progress.end();
    match outcome? {
        Some(done) => verdict(client, id, &done).await,
        None => Ok(()),
    }
}

async fn verdict(client: &Client, id: &str, done: &JobDone) -> Result<(), CliError> {
    output::note(&sentence(&done.status, done.completed, done.total, done.errored));
    match done.status.as_ref() {
        "failed" => {
            // Why is told by the job alone; that it cannot be asked must not hide that it failed.
            let why = client.job(id).await.ok().and_then(|reply| reply.job.error);
            Err(JobEnd::Failed(why).into())
        }
        "cancelled" => Err(JobEnd::Cancelled.into()),
        _ => Ok(()),
    }
}
