//! `pagewire upload FILE|-`.

use super::list_file::{self, Form, OnInvalid};
use super::{CliError, output, remote};

/// Arguments of `upload`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The list is sent as it is read and as it is packed: gzip stays gzip. NDJSON has a URL in quotes, or an object with `url`
and overrides, a line; CSV a header with `url`, and overrides in the other columns. At most 1,000,000 URLs and 1 GB.
The upload's id stands alone on stdout.

Examples:
  pagewire upload urls.ndjson
  UPLOAD=$(pagewire upload shops.csv.gz --on-invalid record)
  zcat crawl.gz | jq -c .url | pagewire upload - --format ndjson --json")]
pub(super) struct Args {
    /// The list; - for stdin
    #[arg(value_name = "FILE|-")]
    file: String,
    /// Its form [default: as the file's name ends]
    #[arg(long, value_enum, value_name = "F")]
    format: Option<Form>,
    /// What becomes of lines that are no URL
    #[arg(long, value_enum, value_name = "WHAT", default_value = "refuse")]
    on_invalid: OnInvalid,
    /// The whole answer, as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let reply = list_file::send(&client, &args.file, args.format, args.on_invalid).await?;
    if args.json { output::json(&reply) } else { output::line(reply.upload_id) }
}
