//! Asks sources when it is time, and keeps what they want kept.
//!
//! ```text
//! table (queue: when, no more at once than may be; note: how it is) ──▶ poll ──▶ emit ──▶ log
//!                                                                        │         durable, kept, shown
//!                                                                        └──▶ reports: of polls without events, many at a time
//! ```
//!
//! Of each poll, first the events are durable in the log, then what the source wants kept is stored, then the events are
//! shown and it may be polled again. Whatever is killed between them, the next poll is given the older state, finds the same events by the same keys,
//! and the log has them already. A source that is changed or deleted meanwhile has another life, or none: what is found of
//! the old one is not kept.

mod connect;
mod emit;
mod note;
mod poll;
mod queue;
mod reports;
mod table;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use jiff::Timestamp;
use pagewire_fetch::Client;
use pagewire_store::{KeyMode, SourceRow, Store, StoreError};
use pagewire_types::SourceLife;
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::logs::LiveLogs;
use super::schedule::{Bounds, Rhythm, spread};
use super::sources::{SourceSettings, Watched};
use super::websub::Websub;
use crate::refusal::Refusal;
use crate::source::Source;
use crate::webhook::Vault;
pub(crate) use note::time_text;
pub(super) use poll::ask;
use reports::Reports;
use table::{Start, Table, When};

/// The longest that sources whose time has passed while the server was down wait for their turn.
const CATCH_UP: Duration = Duration::from_secs(300);
/// What polls under way may still take once the server is shutting down: their events are found again.
const DRAIN: Duration = Duration::from_secs(6);
/// Sources that are read at once when the server starts.
const PAGE: u32 = 1_000;
/// After a poll that has failed by itself.
const FAULT_PAUSE: Duration = Duration::from_secs(60);

/// What asks sources.
pub(crate) struct Supervisor {
    pub(super) store: Arc<dyn Store>,
    pub(super) web: Client,
    /// What is delivered by hubs, where hubs can reach this server.
    pub(super) websub: Option<Websub>,
    logs: Arc<LiveLogs>,
    timeout: Duration,
    table: Mutex<Table>,
    /// Told when there may be something to start.
    changed: Notify,
    stop: CancellationToken,
}

impl Supervisor {
    pub(crate) fn new(
        settings: &SourceSettings,
        store: Arc<dyn Store>,
        web: Client,
        websub: Option<Websub>,
        logs: Arc<LiveLogs>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let adaptive = Bounds::new(settings.adaptive_min, settings.adaptive_max);
        let table = Table::new(settings.polls_at_once, settings.polls_per_host, adaptive);
        Arc::new(Self {
            store,
            web,
            websub,
            logs,
            timeout: settings.poll_timeout,
            table: Mutex::new(table),
            changed: Notify::new(),
            stop,
        })
    }

    /// Takes up the sources that are stored.
    pub(crate) async fn take_up(&self, vault: &Vault) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.store.all_sources(after.clone(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.life.clone());
            for row in &page {
                // One that cannot be read holds no other up.
                if let Err(error) = self.take_up_one(row, vault) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        source = %row.id, workspace = %row.workspace,
                        "a source cannot be read and is not watched"
                    );
                }
            }
        }
    }

    fn take_up_one(&self, row: &SourceRow, vault: &Vault) -> Result<(), Refusal> {
        let (watched, seen) = self.read(row, vault)?;
        if !watched.spec.enabled || row.retired.is_some() {
            return Ok(());
        }
        let now = Timestamp::now();
        let when = match row.report.next_poll_at {
            None => When::Now,
            Some(at) if at > now => When::In(Duration::try_from(at.duration_since(now)).unwrap_or_default()),
            Some(_) => {
                let phase = self.lock().pace(&watched).phase(&seen.1, chance());
                When::In(phase.min(spread(CATCH_UP, chance())))
            }
        };
        self.put(watched, seen, when);
        Ok(())
    }

    /// Watches a source as its row says, from now on; or no more, where it says so.
    pub(super) fn watch(&self, row: &SourceRow, vault: &Vault) -> Result<(), Refusal> {
        let (watched, seen) = self.read(row, vault)?;
        if !watched.spec.enabled || row.retired.is_some() {
            self.forget(&watched.life);
            return Ok(());
        }
        let now = Timestamp::now();
        let left = row.report.next_poll_at.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
        // One that is to be polled more often than before need not wait as it would have.
        let interval = self.lock().pace(&watched).phase(&seen.1, u64::MAX);
        let when = left.map_or(When::Now, |left| When::In(left.min(interval)));
        self.put(watched, seen, when);
        Ok(())
    }

    fn read(
        &self,
        row: &SourceRow,
        vault: &Vault,
    ) -> Result<(Watched, (pagewire_types::SourceHealth, Rhythm)), Refusal> {
        let (watched, health) = Watched::read(row, vault)?;
        let rhythm = row.report.rhythm.as_deref().and_then(|text| serde_json::from_str(text).ok());
        Ok((watched, (health, rhythm.unwrap_or_default())))
    }

    fn put(&self, watched: Watched, seen: (pagewire_types::SourceHealth, Rhythm), when: When) {
        let host = watched.host(&self.source(watched.mode));
        self.lock().put(Arc::new(watched), host, seen, when, Instant::now());
        self.changed.notify_one();
    }

    /// Watches a source no more.
    pub(super) fn forget(&self, life: &SourceLife) {
        self.lock().remove(life);
        if let Some(websub) = &self.websub {
            websub.forget(life.as_str());
        }
        self.changed.notify_one();
    }

    /// Has a source polled as soon as may be. Whether it is watched.
    pub(super) fn hurry(&self, life: &SourceLife) -> bool {
        let is_watched = self.lock().hurry(life, Instant::now());
        self.changed.notify_one();
        is_watched
    }

    /// Where the sources of a mode are.
    pub(super) fn source(&self, mode: KeyMode) -> Source {
        match mode {
            KeyMode::Live => Source::Web(self.web.clone()),
            KeyMode::Test => Source::Sandbox,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks sources until the server shuts down.
    pub(crate) async fn run(self: Arc<Self>) {
        let (reports, writer) = Reports::new(self.store.clone());
        tokio::join!(self.work(reports), writer);
    }

    async fn work(self: Arc<Self>, reports: Reports) {
        let mut under_way = UnderWay::default();
        loop {
            let wakes_at = self.start_due(&reports, &mut under_way);
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = self.changed.notified() => {}
                Some(ended) = under_way.tasks.join_next_with_id() => self.settle(&mut under_way, ended),
                () = sleep_until(wakes_at) => {}
            }
        }
        let settled = async { while under_way.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, settled).await.is_err() {
            tracing::info!(polls = under_way.tasks.len(), "polls of sources were left to the next start");
            under_way.tasks.shutdown().await;
        }
    }

    /// Starts what may be started. When there may be more.
    fn start_due(self: &Arc<Self>, reports: &Reports, under_way: &mut UnderWay) -> Option<Instant> {
        let mut table = self.lock();
        while let Some(start) = table.next(Instant::now(), chance()) {
            let (life, handle) = match start {
                Start::Poll(task) => {
                    let life = task.watched.life.clone();
                    (life, under_way.tasks.spawn(self.clone().poll(task, reports.clone())))
                }
                Start::Connect(task) => {
                    let life = task.watched.life.clone();
                    (life, under_way.tasks.spawn(self.clone().connect(task, reports.clone())))
                }
            };
            under_way.lives.insert(handle.id(), life);
        }
        metrics::gauge!("pagewire_sources").set(table.watched() as f64);
        metrics::gauge!("pagewire_source_polls_under_way").set(table.polling() as f64);
        table.wakes_at()
    }

    /// A task has ended; one that failed by itself is tried again later.
    fn settle(&self, under_way: &mut UnderWay, ended: Result<(Id, Again), JoinError>) {
        let (id, again) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a poll of a source failed");
                (error.id(), Again::In(FAULT_PAUSE))
            }
        };
        let Some(life) = under_way.lives.remove(&id) else { return };
        match again {
            Again::In(wait) => self.lock().give_back(&life, Some(wait), Instant::now()),
            Again::Never => self.lock().give_back(&life, None, Instant::now()),
            Again::NotPolled => {}
        }
    }
}

/// The tasks, and the source of each.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Again>,
    lives: HashMap<Id, SourceLife>,
}

/// When a source is to be polled after its task has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// After so long.
    In(Duration),
    /// It is gone for good.
    Never,
    /// It is connected to, not polled.
    NotPolled,
}

async fn sleep_until(wakes_at: Option<Instant>) {
    match wakes_at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Any number.
fn chance() -> u64 {
    let mut bytes = [0; 8];
    // Without chance sources are polled together, which is no reason not to poll them.
    let _ = SystemRandom::new().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
