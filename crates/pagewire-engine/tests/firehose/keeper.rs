//! A sink that keeps what it is given as the log and the store do: an event once by its key, the state after the events.
//! It can crash between the two, and it can be slow.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use pagewire_engine::live::event::{EventKey, NewEvent};
use pagewire_engine::live::watch::{Link, Sink, SinkClosed};
use pagewire_testkit::DEADLINE;
use pagewire_testkit::wait::eventually;
use tokio::sync::Semaphore;

/// What outlives the process.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    keys: HashSet<EventKey>,
    /// Events in the order in which they were first appended.
    pub(crate) events: Vec<NewEvent>,
    /// Events that had been appended before.
    pub(crate) repeated: usize,
    /// The state kept last.
    pub(crate) state: Option<String>,
    /// Appends so far.
    pub(crate) takes: usize,
    /// The most events of one append.
    pub(crate) taken_max: usize,
    /// The reports so far.
    pub(crate) links: Vec<Link>,
    crash_at: Option<usize>,
}

/// The sink.
#[derive(Debug)]
pub(crate) struct Keeper {
    kept: Mutex<Kept>,
    /// An append waits for one of these, where they are counted.
    turns: Option<Semaphore>,
}

impl Keeper {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), turns: None })
    }

    /// One that takes nothing until it is let.
    pub(crate) fn blocked() -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), turns: Some(Semaphore::new(0)) })
    }

    /// Lets it take so many batches.
    pub(crate) fn let_take(&self, batches: usize) {
        self.turns.as_ref().expect("one that blocks").add_permits(batches);
    }

    /// Lets the append of this number, counted from 1, be the last thing that happens.
    pub(crate) fn crash_at(&self, take: usize) {
        self.kept().crash_at = Some(take);
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn titles(&self) -> Vec<String> {
        self.kept().events.iter().map(|event| event.title.clone()).collect()
    }

    pub(crate) async fn wait_for_events(&self, count: usize) {
        let what = format!("{count} events");
        eventually(&what, DEADLINE, || self.kept().events.len() >= count).await;
    }

    pub(crate) async fn wait_for_link(&self, what: &str, is: impl Fn(&Link) -> bool) -> Link {
        eventually(what, DEADLINE, || self.kept().links.iter().any(&is)).await;
        self.kept().links.iter().find(|link| is(link)).cloned().expect("it was there")
    }
}

impl Sink for Keeper {
    fn take(&self, events: Vec<NewEvent>, state: Option<String>) -> BoxFuture<'_, Result<(), SinkClosed>> {
        Box::pin(async move {
            match &self.turns {
                Some(turns) => turns.acquire().await.expect("never closed").forget(),
                // Others run while an append is under way.
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
            let mut kept = self.kept();
            kept.takes += 1;
            kept.taken_max = kept.taken_max.max(events.len());
            for event in events {
                if kept.keys.insert(event.key) {
                    kept.events.push(event);
                } else {
                    kept.repeated += 1;
                }
            }
            if kept.crash_at.is_some_and(|take| kept.takes >= take) {
                return Err(SinkClosed);
            }
            if state.is_some() {
                kept.state = state;
            }
            Ok(())
        })
    }

    fn report(&self, link: Link) {
        self.kept().links.push(link);
    }
}
