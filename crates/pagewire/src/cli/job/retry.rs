//! `pagewire job retry`.

use super::super::{CliError, remote};
use super::accepted::Acceptance;

/// Arguments of `job retry`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The job has to have ended; a finished stream's `job_id` works too. What was asked of each URL is asked again.
With --wait the exit code is 0 when the new job completed, 3 when it failed, 4 when it was cancelled.

Examples:
  pagewire job retry job_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b
  AGAIN=$(pagewire job retry \"$JOB\" --wait) && pagewire job download \"$AGAIN\"")]
pub(in super::super) struct Args {
    /// The job's id
    id: String,
    #[command(flatten)]
    acceptance: Acceptance,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let accepted = client.retry_job(&args.id, Some(&args.acceptance.key())).await?;
    args.acceptance.tell(&client, &accepted).await
}
