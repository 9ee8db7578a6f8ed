//! `pagewire source add|list|test|rm|import|export`.

mod add;
mod list;
mod lists;

use super::{CliError, output, remote};

/// What to do with sources.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Have something watched: a feed, a page or a firehose; prints its id
    Add(add::Add),
    /// List the sources of the workspace, and how each of them is
    List(list::List),
    /// Ask a source once and show what would be told of it; nothing is kept; exit code 1 if it could not be read
    Test(add::Test),
    /// Delete sources; their events stay
    #[command(after_help = "\
Examples:
  pagewire source rm news.example-rss
  pagewire source list --status retired --json | jq -r .id | xargs pagewire source rm")]
    Rm {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        remote: remote::Args,
    },
    /// Make a source of each feed of a subscription list (OPML); lines that cannot be taken are told on stderr
    Import(lists::Import),
    /// Print the feeds of the workspace as a subscription list (OPML)
    #[command(after_help = "Example:\n  pagewire source export > feeds.opml")]
    Export {
        #[command(flatten)]
        remote: remote::Args,
    },
}

/// A source that was tried could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the source is {status}: {reason}")]
pub(super) struct NotRead {
    status: &'static str,
    reason: String,
}

pub(super) async fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Add(args) => add::add(args).await,
        Command::List(args) => list::list(args).await,
        Command::Test(args) => add::test(args).await,
        Command::Rm { ids, remote } => {
            let client = remote.client()?;
            for id in ids {
                client.delete_source(&id).await?;
            }
            Ok(())
        }
        Command::Import(args) => lists::import(args).await,
        Command::Export { remote } => output::write(&remote.client()?.export_sources().await?),
    }
}
