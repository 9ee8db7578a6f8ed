//! `pagewire job reextract`.

use super::super::{CliError, remote, request};
use super::accepted::Acceptance;
use super::output_form::OutputArgs;

/// Arguments of `job reextract`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The job has to have ended, and to have archived its pages: it was made with --warc. Nothing is fetched, and nothing is charged but
what a model is asked.
With --wait the exit code is 0 when the new job completed, 3 when it failed, 4 when it was cancelled.

Examples:
  JOB=$(pagewire job create shops.csv --warc --extract @fields.json --wait)
  pagewire job reextract \"$JOB\" --extract @more-fields.json --output csv --wait")]
pub(in super::super) struct Args {
    /// The job's id
    id: String,
    #[command(flatten)]
    reading: request::Reading,
    #[command(flatten)]
    output: OutputArgs,
    /// What the new job is called
    #[arg(long, value_name = "N")]
    name: Option<String>,
    /// Where to tell of its life
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    #[command(flatten)]
    acceptance: Acceptance,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let mut body = args.reading.members()?;
    args.output.add_to(&mut body);
    for (name, value) in [("name", &args.name), ("webhook", &args.webhook)] {
        if let Some(value) = value {
            body.insert(name.to_owned(), value.as_str().into());
        }
    }
    let accepted = client.reextract_job(&args.id, &body, Some(&args.acceptance.key())).await?;
    args.acceptance.tell(&client, &accepted).await
}
