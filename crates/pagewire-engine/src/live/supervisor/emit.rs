//! Where events go: the log of their workspace and mode.

use super::super::body;
use super::super::event::NewEvent;
use super::super::log::{Between, LogEvent};
use super::super::sources::Watched;
use super::Supervisor;

/// Events were not taken; what gave them is to give them again later.
#[derive(Debug, Clone, thiserror::Error)]
#[error("events could not be written to the log: {0}")]
pub(super) struct NotEmitted(String);

/// Events as the log takes them.
pub(super) fn log_events(watched: &Watched, events: &[NewEvent]) -> Vec<LogEvent> {
    let owner = watched.life.as_str().as_bytes();
    let log_event = |event: &NewEvent| LogEvent {
        key: event.key.in_log(owner),
        source_type: event.source_type,
        body: body::encode(&watched.spec, event),
    };
    events.iter().map(log_event).collect()
}

impl Supervisor {
    /// Appends events of a source, in order. Once they are durable, `between` is done, given how many of them were new;
    /// those that the log had before are left out. Only then can they be seen.
    pub(super) async fn emit(
        &self,
        watched: &Watched,
        events: Vec<LogEvent>,
        between: Between,
    ) -> Result<usize, NotEmitted> {
        let log =
            self.logs.of(&watched.workspace, watched.mode).await.map_err(|error| not_emitted(&error))?;
        log.append_then(events, between).await.map_err(|error| not_emitted(&error))
    }
}

/// The sentence of an error and of what caused it.
fn not_emitted(error: &dyn std::error::Error) -> NotEmitted {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        sentence = format!("{sentence}: {next}");
        cause = next.source();
    }
    NotEmitted(sentence)
}
