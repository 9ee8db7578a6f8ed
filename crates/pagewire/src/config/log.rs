//! `[log]`: what is logged, and how it looks.

use super::judge::Judge;
use super::raw;

/// `[log]`
#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// A level or filters.
    pub(crate) level: String,
    /// How lines look.
    pub(crate) format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// For programs.
    Json,
}

impl Judge {
    pub(super) fn log(&mut self, raw: &raw::Log) -> Log {
        let level = raw.level.clone().unwrap_or_default();
        if tracing_subscriber::EnvFilter::try_new(&level).is_err() || level.is_empty() {
            self.fault(
                "log.level",
                format!("{level:?}"),
                "a level such as \"info\", or filters such as \"info,hyper=warn\"",
            );
        }
        let format = match raw.format.as_deref() {
            Some("auto") => LogFormat::Auto,
            Some("human") => LogFormat::Human,
            Some("json") => LogFormat::Json,
            other => {
                let found = format!("{:?}", other.unwrap_or_default());
                self.fault("log.format", found, "\"auto\", \"human\" or \"json\"");
                LogFormat::Auto
            }
        };
        Log { level, format }
    }
}
