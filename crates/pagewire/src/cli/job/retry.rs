//! `pagewire job retry`.

use pagewire_types::RunId;

use super::super::{CliError, remote};
use super::{tell_accepted, watch};

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
    /// Makes repeating the command safe for 24 hours
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Follow the new job to its end
    #[arg(long)]
    wait: bool,
    /// The whole answer, as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let client = args.remote.client()?;
    // With a key a request whose answer was lost can be sent again: where none was given, one that nobody else has.
    let key = args.idempotency_key.unwrap_or_else(|| RunId::generate().job_id());
    let accepted = client.retry_job(&args.id, Some(&key)).await?;
    tell_accepted(&accepted, args.json)?;
    if args.wait { watch::to_the_end(&client, &accepted.id).await } else { Ok(()) }
}
