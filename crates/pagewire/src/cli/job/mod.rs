//! `pagewire job create|get|list|watch|cancel|retry|reextract|download`.
//!
//! How a job ended is how the commands that wait for it end: 0 when it completed, 3 when it failed, 4 when it was
//! cancelled. URLs that failed do not change that.

mod accepted;
mod create;
mod download;
mod look;
mod output_form;
mod progress;
mod reextract;
mod retry;
mod watch;

use super::CliError;
pub(super) use download::DownloadError;

/// What to do with jobs.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a job of URLs, of a list in a file, or of one in an object store; its id stands alone on stdout
    Create(Box<create::Args>),
    /// Show one job
    Get(look::GetArgs),
    /// List jobs, newest first
    List(look::ListArgs),
    /// Follow a job to its end
    Watch(watch::Args),
    /// End a job; what is done becomes files
    Cancel(look::CancelArgs),
    /// Make a job of the URLs that failed in another; its id stands alone on stdout
    Retry(retry::Args),
    /// Make a job that reads the archived pages of another anew; its id stands alone on stdout
    Reextract(reextract::Args),
    /// Fetch a job's files, checked and whole
    Download(download::Args),
}

/// A job that ended otherwise than it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum JobEnd {
    #[error("the job failed{}", .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Failed(Option<String>),
    #[error("the job was cancelled")]
    Cancelled,
}

impl JobEnd {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 3,
            Self::Cancelled => 4,
        }
    }
}

pub(super) async fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Create(args) => create::run(*args).await,
        Command::Get(args) => look::get(args).await,
        Command::List(args) => look::list(args).await,
        Command::Watch(args) => watch::run(args).await,
        Command::Cancel(args) => look::cancel(args).await,
        Command::Retry(args) => retry::run(args).await,
        Command::Reextract(args) => reextract::run(args).await,
        Command::Download(args) => download::run(args).await,
    }
}
