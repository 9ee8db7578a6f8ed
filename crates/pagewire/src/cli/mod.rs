//! The command line: one file a command.
//!
//! Results go to stdout and nothing else does. Exit codes: 0 done, 1 could not be done, 2 wrong usage or configuration,
//! 3 the job failed, 4 the job was cancelled, 130 interrupted. Whoever closes stdout early has seen enough: that ends the command quietly.

mod apikey;
mod completions;
mod config;
mod doctor;
mod job;
mod list_file;
mod output;
mod read_pdf;
mod remote;
mod request;
mod scrape;
mod serve;
mod session;
mod shown;
mod source;
mod stream;
mod table;
mod tail;
mod upload;
mod webhook;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::compose::StartError;
use crate::config::ConfigError;
use crate::logging::LoggingError;
use crate::shutdown;

/// Turns web pages into streams.
#[derive(Debug, Parser)]
#[command(name = "pagewire", version, about = "Turns web pages into streams")]
#[command(max_term_width = 120, after_help = EXAMPLES, args_override_self = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  pagewire serve                                        run the server on 127.0.0.1:7700
  pagewire apikey create --name me --scopes scrape,stream:write
  pagewire scrape https://example.com                   one page, no server needed
  pagewire stream urls.txt --format links > pages.ndjson
  pagewire job create shops.csv --extract @fields.json --output parquet --wait

Exit codes: 0 done, 1 could not be done, 2 wrong usage or configuration, 3 the job failed, 4 the job was cancelled,
130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Args),
    /// Make, list and revoke API keys; works while the server runs, and without one
    #[command(subcommand)]
    Apikey(apikey::Command),
    /// Fetch one page and print its envelope
    Scrape(scrape::Args),
    /// Fetch many pages and print each as it finishes, one JSON line each
    Stream(stream::Args),
    /// Have up to a million URLs worked off by a server that runs, and fetch the files
    #[command(subcommand)]
    Job(job::Command),
    /// Send a list of URLs to a server that runs, for jobs
    Upload(upload::Args),
    /// Print what is new at the sources of a server that runs, one JSON line each
    Tail(tail::Args),
    /// Have feeds, pages and firehoses watched by a server that runs
    #[command(subcommand)]
    Source(source::Command),
    /// Have URLs told of what happens on a server that runs
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Check and show the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Check whether this machine is fit for a server, and tell how what is not is mended
    Doctor(doctor::Args),
    /// Print the completions of a shell
    Completions(completions::Args),
    /// Read one PDF, from stdin to stdout, within bounds: what a server starts for each
    #[command(name = crate::pdf_child::COMMAND, hide = true)]
    ReadPdf(read_pdf::Args),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("logs cannot be written")]
    Logging(#[from] LoggingError),
    #[error("the server cannot start")]
    Start(#[from] StartError),
    #[error("the server ended with a fault")]
    Serving(#[source] StartError),
    #[error(transparent)]
    Key(#[from] apikey::KeyError),
    #[error(transparent)]
    Client(#[from] pagewire_client::ClientError),
    #[error(transparent)]
    Job(#[from] job::JobEnd),
    #[error(transparent)]
    Download(#[from] job::DownloadError),
    #[error(transparent)]
    Unfit(#[from] doctor::Unfit),
    #[error(transparent)]
    NotRead(#[from] source::NotRead),
    #[error(transparent)]
    NotTaken(#[from] webhook::NotTaken),
    #[error("{0}")]
    Usage(String),
    #[error("{what}")]
    Io { what: String, source: io::Error },
    #[error("stdout was closed")]
    OutputClosed,
    #[error("interrupted")]
    Interrupted,
}

impl CliError {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Self::OutputClosed => ExitCode::SUCCESS,
            Self::Config(_) | Self::Usage(_) => ExitCode::from(2),
            Self::Interrupted => ExitCode::from(shutdown::INTERRUPTED),
            Self::Job(end) => ExitCode::from(end.exit_code()),
            Self::Logging(_)
            | Self::Start(_)
            | Self::Serving(_)
            | Self::Key(_)
            | Self::Download(_)
            | Self::Unfit(_)
            | Self::NotRead(_)
            | Self::NotTaken(_)
            | Self::Client(_)
            | Self::Io { .. } => ExitCode::FAILURE,
        }
    }
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, CliError::OutputClosed) {
                report(&error);
            }
            error.exit_code()
        }
    }
}

fn dispatch(command: Command) -> Result<(), CliError> {
    match command {
        Command::Config(command) => config::run(command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::ReadPdf(args) => read_pdf::run(&args),
        Command::Serve(args) => block_on(serve::run(args)),
        Command::Apikey(command) => block_on(apikey::run(command)),
        Command::Scrape(args) => block_on(scrape::run(args)),
        Command::Stream(args) => block_on(stream::run(args)),
        Command::Job(command) => block_on(interruptible(job::run(command))),
        Command::Source(command) => block_on(interruptible(source::run(command))),
        Command::Upload(args) => block_on(interruptible(upload::run(args))),
        Command::Tail(args) => block_on(interruptible(tail::run(args))),
        Command::Webhook(command) => block_on(interruptible(webhook::run(command))),
    }
}

fn block_on(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::io("the runtime cannot start"))?
        .block_on(command)
}

/// What leaves nothing of its own behind when it is interrupted.
async fn interruptible(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let signals = shutdown::Signals::listen().map_err(CliError::io("signals cannot be listened for"))?;
    tokio::select! {
        outcome = command => outcome,
        () = signals.shutdown.cancelled() => Err(CliError::Interrupted),
    }
}

/// The error and what caused it, a line each. Nobody is left to be told when stderr is closed too.
fn report(error: &CliError) {
    let mut text = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("  because: {source}\n"));
        cause = source.source();
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// The variables of the environment that are text.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_key_without_scopes_is_refused_at_once() {
        assert!(Cli::try_parse_from(["pagewire", "apikey", "create", "--name", "n"]).is_err());
        assert!(
            Cli::try_parse_from(["pagewire", "apikey", "create", "--name", "n", "--scopes", ""]).is_err()
        );
        assert!(
            Cli::try_parse_from(["pagewire", "apikey", "create", "--name", "n", "--scopes", "scrape"])
                .is_ok()
        );
    }

    #[test]
    fn a_flag_given_again_counts_for_the_last_time_unless_it_is_repeatable() {
        let arguments = ["pagewire", "serve", "--data-dir", "a", "--data-dir", "b"];
        assert!(Cli::try_parse_from(arguments).is_ok());
        let arguments = ["pagewire", "serve", "--allow-target", "10.0.0.0/8", "--allow-target", "::1/128"];
        let cli = Cli::try_parse_from(arguments).expect("repeatable");
        assert!(format!("{cli:?}").contains("10.0.0.0/8, ::1/128"), "{cli:?}");
    }

    #[test]
    fn a_private_server_and_a_named_one_do_not_mix() {
        let arguments =
            ["pagewire", "scrape", "http://h/", "--server", "http://s/", "--allow-target", "10.0.0.0/8"];
        assert!(Cli::try_parse_from(arguments).is_err());
    }
}
