//! Logs: to stderr, for people on a terminal, as JSON lines otherwise.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::log::{Log, LogFormat};

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoggingError {
    /// The filters are not understood.
    #[error("`log.level` is not understood")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else has started logging in this process.
    #[error("logging cannot be started")]
    Taken(#[from] TryInitError),
}

/// Starts logging for the whole process. Called once, by the command that runs.
pub(crate) fn start(log: &Log) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(&log.level)?;
    let terminal = io::stderr().is_terminal();
    let human = match log.format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let subscriber =
        tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter).with_ansi(terminal);
    if human {
        subscriber.finish().try_init()?;
    } else {
        subscriber.json().flatten_event(true).with_span_list(false).finish().try_init()?;
    }
    Ok(())
}
