//! Where events go: the log of their workspace and mode.

use futures_util::future::BoxFuture;

use super::super::body;
use super::super::event::NewEvent;
use super::super::log::{Between, LogEvent};
use super::super::logs::LiveLogs;
use super::super::sources::Watched;

/// What takes events.
pub(crate) trait Emit: Send + Sync {
    /// Takes events of a source, in order. Once they are durable, `between` is done, given how many of them were new;
    /// those that were taken before are left out. Only then can they be seen.
    fn emit<'e>(
        &'e self,
        watched: &'e Watched,
        events: Vec<NewEvent>,
        between: Between,
    ) -> BoxFuture<'e, Result<usize, NotEmitted>>;
}

/// Events were not taken; what gave them is to give them again later.
#[derive(Debug, Clone, thiserror::Error)]
#[error("events could not be written to the log: {0}")]
pub(crate) struct NotEmitted(pub(crate) String);

impl Emit for LiveLogs {
    fn emit<'e>(
        &'e self,
        watched: &'e Watched,
        events: Vec<NewEvent>,
        between: Between,
    ) -> BoxFuture<'e, Result<usize, NotEmitted>> {
        Box::pin(async move {
            let owner = watched.life.as_str().as_bytes();
            let events = events.iter().map(|event| LogEvent {
                key: event.key.in_log(owner),
                source_type: event.source_type,
                body: body::encode(&watched.spec, event),
            });
            let log = self.of(&watched.workspace, watched.mode).await.map_err(|error| not_emitted(&error))?;
            log.append_then(events.collect(), between).await.map_err(|error| not_emitted(&error))
        })
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
