//! `pagewire source import`.

use std::path::PathBuf;

use crate::cli::{CliError, output, remote};

/// Bytes of a list, which the server takes as many of.
const LIST_BYTES_MAX: u64 = 25 << 20;

/// Arguments of `source import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Folders become tags. Feeds whose URL is a source already are passed over, so that a list may be imported again.

Examples:
  pagewire source import feeds.opml
  pagewire source import feeds.opml --tag imported --json | jq .refused")]
pub(in crate::cli) struct Import {
    /// The list
    file: PathBuf,
    /// Tag all of them; repeatable
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// The whole answer, as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn import(args: Import) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let unreadable = || CliError::io(format!("cannot read {}", args.file.display()));
    if std::fs::metadata(&args.file).map_err(unreadable())?.len() > LIST_BYTES_MAX {
        return Err(CliError::Usage(format!("{} has more than 25 MB", args.file.display())));
    }
    let list = std::fs::read(&args.file).map_err(unreadable())?;
    let reply = client.import_sources(list.into(), &args.tag).await?;
    if args.json {
        return output::json(&reply);
    }
    for line in &reply.invalid {
        output::note(&format!("{}:{}: {}", args.file.display(), line.line, line.detail));
    }
    output::line(format!(
        "{} imported, {} there already, {} refused",
        reply.imported, reply.already_there, reply.refused
    ))
}
