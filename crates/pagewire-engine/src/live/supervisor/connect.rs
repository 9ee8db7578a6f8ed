//! One firehose: what its connection brings goes to the log at once, and with it the place after that is kept; how the
//! connection is, and places without events, are stored a moment later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::super::event::NewEvent;
use super::super::firehose;
use super::super::log::Between;
use super::super::sources::{Watched, named};
use super::super::watch::{Link, Sink, SinkClosed};
use super::emit;
use super::reports::Reports;
use super::table::Task;
use super::{Again, Supervisor};

/// How often what a connection leaves is stored.
const STORE_EVERY: Duration = Duration::from_millis(500);
/// After the store or the log did not take what a connection brought.
const PAUSE: Duration = Duration::from_secs(5);

impl Supervisor {
    pub(super) async fn connect(self: Arc<Self>, task: Task, reports: Reports) -> Again {
        let Task { watched, stop } = task;
        let Some(state) = self.kept(&watched, &stop).await else { return Again::NotPolled };
        let ends = CancellationToken::new();
        let sink = Arc::new(HoseSink {
            supervisor: self.clone(),
            watched: watched.clone(),
            stop: stop.clone(),
            left: Mutex::default(),
        });
        let reading = async {
            firehose::run(&self.web, &watched.spec, state, sink.clone(), ends.clone()).await;
        };
        let storing = async {
            while ends.run_until_cancelled(tokio::time::sleep(STORE_EVERY)).await.is_some() {
                self.store_left(&sink, &reports).await;
            }
        };
        let ending = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.stop.cancelled() => {}
            }
            ends.cancel();
        };
        // It reads until it is told to end.
        tokio::join!(reading, storing, ending);
        self.store_left(&sink, &reports).await;
        Again::NotPolled
    }

    /// What the firehose wants to be given; nothing where it is to end before that is known.
    async fn kept(&self, watched: &Watched, stop: &CancellationToken) -> Option<Option<String>> {
        loop {
            match self.store.source_state(watched.life.clone()).await {
                Ok(state) => return Some(state),
                Err(error) => {
                    let (workspace, source) = named(watched);
                    tracing::warn!(error = &error as &dyn std::error::Error, %workspace, %source, "what is kept of a source could not be read");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn store_left(&self, sink: &HoseSink, reports: &Reports) {
        let left = std::mem::take(&mut *sink.lock());
        if !left.is_new {
            return;
        }
        let outcome = self.lock().connected_outcome(&sink.watched.life, left.state);
        if let Some(outcome) = outcome {
            let state = outcome.state.clone();
            if !reports.store(outcome).await {
                let mut left = sink.lock();
                left.is_new = true;
                left.state = left.state.take().or(state);
            }
        }
    }
}

/// What a connection leaves until it is stored.
#[derive(Debug, Default)]
struct Left {
    is_new: bool,
    state: Option<String>,
}

struct HoseSink {
    supervisor: Arc<Supervisor>,
    watched: Arc<Watched>,
    stop: CancellationToken,
    left: Mutex<Left>,
}

impl HoseSink {
    fn lock(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_to_stop(&self) -> bool {
        self.stop.is_cancelled() || self.supervisor.stop.is_cancelled()
    }

    /// What is done once events are durable: the place after them is kept.
    fn keeping(&self, state: Option<String>) -> Between {
        let (supervisor, life) = (self.supervisor.clone(), self.watched.life.clone());
        Box::new(move |told| {
            Box::pin(async move {
                let outcome = {
                    let mut table = supervisor.lock();
                    table.note_connected(&life, told, None, Timestamp::now());
                    state.and_then(|state| table.connected_outcome(&life, Some(state)))
                };
                if let Some(outcome) = outcome {
                    supervisor.keep(outcome).await;
                }
            })
        })
    }

    /// Until the log has them; a full disk holds the connection up, which is back-pressure.
    async fn emit(&self, events: &[NewEvent], state: Option<String>) -> Result<(), SinkClosed> {
        let events = emit::log_events(&self.watched, events);
        loop {
            if self.is_to_stop() {
                return Err(SinkClosed);
            }
            let between = self.keeping(state.clone());
            match self.supervisor.emit(&self.watched, events.clone(), between).await {
                Ok(_) => return Ok(()),
                Err(error) => {
                    let (workspace, source) = named(&self.watched);
                    tracing::warn!(%error, %workspace, %source, "what a source has given could not be told; that is tried again");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.supervisor.stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

impl Sink for HoseSink {
    fn take(&self, events: Vec<NewEvent>, state: Option<String>) -> BoxFuture<'_, Result<(), SinkClosed>> {
        Box::pin(async move {
            if !events.is_empty() {
                self.emit(&events, state).await?;
                // What was left before it lies behind it.
                *self.lock() = Left { is_new: true, state: None };
                return Ok(());
            }
            // A place that has moved without an event is kept a moment later.
            let mut left = self.lock();
            left.is_new = true;
            if state.is_some() {
                left.state = state;
            }
            Ok(())
        })
    }

    fn report(&self, link: Link) {
        self.supervisor.lock().note_connected(&self.watched.life, 0, Some(&link), Timestamp::now());
        self.lock().is_new = true;
    }
}
