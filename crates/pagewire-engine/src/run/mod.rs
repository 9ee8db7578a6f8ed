//! A run: a batch of URLs being worked off into its journal.
//!
//! The journal is the only truth of what is done: a run that is opened again, after a crash or a restart, asks it which
//! inputs have their record and works off the rest. What is here beside it, permits and counters, is derived.

pub mod attachment;
mod ending;
mod feed;
mod input;
mod open_records;
mod retry_budget;
mod rework;
pub mod supervisor;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use pagewire_extract::OutputField;
use pagewire_journal::{
    Appended, BODY_BYTES_MAX, Fence, GroupCommit, GroupPolicy, Journal, Key, Kind, NewRecord, Position,
    SegmentJournal,
};
use pagewire_store::{KeyMode, RunKind};
use pagewire_types::{End, Progress, RunId, TargetErrorCode, Warning};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::account::WorkspaceAccount;
use crate::archive::{self, Pages, Recorder};
use crate::envelope::{Failure, error_record, invalid_line_record};
use crate::passage::Turn;
use crate::retry;
use crate::schedule::{Class, Item, LaneId, LaneLimits, Outcome, Scheduler, Work};
use crate::scrape::{AttemptFailure, FailedAttempt, Scraper};
use crate::session::{InSession, SessionName, Sessions};
use crate::source::host_of_scheduled;
pub use ending::{EarlyEnd, Ending};
use input::OpenEntry;
pub use input::RunInput;
use open_records::OpenRecords;
use retry_budget::{RetryBudget, Sent};

/// Records of pages.
pub const PAGE: Kind = Kind::FIRST;
/// Records of URLs that failed.
pub const ERROR: Kind = Kind::SECOND;

/// The bounds of every run, from the configuration.
#[derive(Debug, Clone, Copy)]
pub struct RunLimits {
    /// How long a stream without a consumer is kept.
    pub resume_window: Duration,
    /// The longest that a run goes on.
    pub wall_time: Duration,
    /// The oldest that a record gets before it is committed.
    pub commit_interval: Duration,
    /// Bytes of records that may be finished and unwritten.
    pub unwritten_bytes_max: usize,
}

/// What a run is made of.
pub struct RunParts {
    /// Its name.
    pub id: RunId,
    /// Whether somebody reads along.
    pub kind: RunKind,
    /// Whose it is.
    pub account: Arc<WorkspaceAccount>,
    /// What it reaches.
    pub mode: KeyMode,
    /// Its URLs; `None` for a run that has ended.
    pub input: Option<RunInput>,
    /// How many URLs it has.
    pub total: u64,
    /// Fetches at once.
    pub concurrency: u32,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Its journal.
    pub journal: SegmentJournal,
    /// The right to append to it.
    pub fence: Fence,
    /// How it ended, if it has.
    pub ending: Option<Ending>,
}

/// A batch of URLs being worked off.
pub struct Run {
    id: RunId,
    kind: RunKind,
    account: Arc<WorkspaceAccount>,
    mode: KeyMode,
    input: Mutex<Option<Arc<RunInput>>>,
    /// How many URLs it has; none before its list was read.
    total: AtomicU64,
    concurrency: u32,
    created_at: Timestamp,
    journal: Arc<SegmentJournal>,
    fence: Fence,
    group: GroupCommit,
    lane: OnceLock<LaneId>,
    scheduler: Arc<Scheduler>,
    scraper: Scraper,
    limits: RunLimits,
    consumer: Mutex<Consumer>,
    consumer_changed: tokio::sync::Notify,
    open: Mutex<OpenRecords>,
    sessions: Sessions,
    retries: RetryBudget,
    warnings: watch::Sender<Vec<Warning>>,
    ending: watch::Sender<Option<Ending>>,
    /// Why the rest of its URLs is not fetched.
    ended_early: OnceLock<EarlyEnd>,
    /// Cancelled when its owner wants it to end.
    cancel: CancellationToken,
    /// Cancelled when the run must stop at once, whatever is under way.
    stop: CancellationToken,
    /// Cancelled when the run's time is over: what is under way ends as an error then.
    time_over: CancellationToken,
}

/// Who reads the run's records as they come.
#[derive(Debug)]
struct Consumer {
    generation: u64,
    attached: Option<CancellationToken>,
    detached_at: Instant,
}

impl Run {
    pub(crate) fn new(
        parts: RunParts,
        scheduler: Arc<Scheduler>,
        scraper: Scraper,
        limits: RunLimits,
    ) -> Arc<Self> {
        let group = GroupCommit::new(GroupPolicy {
            linger: limits.commit_interval,
            records: (parts.concurrency as usize / 2).clamp(1, 64),
            bytes: 1 << 20,
        });
        let passed = match parts.kind {
            RunKind::Stream => pagewire_journal::Journal::tip(&parts.journal).borrow().position,
            // Nobody reads along: a record is off the run's hands with its commit.
            RunKind::Job => Position(u64::MAX),
        };
        Arc::new(Self {
            id: parts.id,
            kind: parts.kind,
            account: parts.account,
            mode: parts.mode,
            input: Mutex::new(parts.input.map(Arc::new)),
            total: AtomicU64::new(parts.total),
            concurrency: parts.concurrency,
            created_at: parts.created_at,
            journal: Arc::new(parts.journal),
            fence: parts.fence,
            group,
            lane: OnceLock::new(),
            scheduler,
            scraper,
            limits,
            consumer: Mutex::new(Consumer { generation: 0, attached: None, detached_at: Instant::now() }),
            consumer_changed: tokio::sync::Notify::new(),
            open: Mutex::new(OpenRecords::new(passed)),
            sessions: Sessions::of_run(),
            retries: RetryBudget::default(),
            warnings: watch::Sender::new(Vec::new()),
            ending: watch::Sender::new(parts.ending),
            ended_early: OnceLock::new(),
            cancel: CancellationToken::new(),
            stop: CancellationToken::new(),
            time_over: CancellationToken::new(),
        })
    }

    /// The run's name.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &Arc<WorkspaceAccount> {
        &self.account
    }

    /// What it reaches.
    #[must_use]
    pub fn mode(&self) -> KeyMode {
        self.mode
    }

    /// Whether it has got its turn.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.lane.get().is_some()
    }

    /// Whether somebody reads along.
    #[must_use]
    pub fn kind(&self) -> RunKind {
        self.kind
    }

    pub(crate) fn fence(&self) -> u64 {
        self.fence.0
    }

    pub(crate) fn journal(&self) -> &Arc<SegmentJournal> {
        &self.journal
    }

    /// The journal as whoever reads along sees it.
    pub(crate) fn records(&self) -> Arc<dyn Journal> {
        Arc::new(Pages((*self.journal).clone()))
    }

    /// How many URLs it has.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Acquire)
    }

    /// How many URLs it turned out to have, before it is scheduled.
    pub(crate) fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Release);
    }

    /// Whether work on it has not begun.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lane.get().is_none() && self.ending().is_none()
    }

    /// Told how the run ends.
    pub(crate) fn watch_ending(&self) -> watch::Receiver<Option<Ending>> {
        self.ending.subscribe()
    }

    /// The fields that its pages are asked for. None once the run has ended.
    pub(crate) fn fields(&self) -> Vec<OutputField> {
        self.input().map_or_else(Vec::new, |input| input.fields())
    }

    /// Lets the run end: what is under way finishes, what waits is skipped.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Until the run is cancelled.
    pub(crate) async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        *self.ending.borrow()
    }

    /// The counters, derived from what is durable.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let tally = self.tip().tally;
        Progress {
            stream_id: self.id.stream_id(),
            job_id: self.id.job_id(),
            done: tally.total(),
            errored: tally.count(ERROR),
            queued: self.total().saturating_sub(tally.total()),
            total: self.total(),
            credits_used: tally.weight,
        }
    }

    fn end(&self, ending: Ending, trace_id: String) -> End {
        let tally = self.tip().tally;
        End {
            stream_id: self.id.stream_id(),
            job_id: self.id.job_id(),
            done: tally.count(PAGE),
            errored: tally.count(ERROR),
            total: self.total(),
            credits_used: tally.weight,
            elapsed_ms: ending.elapsed_ms(self.created_at),
            trace_id,
        }
    }

    fn tip(&self) -> pagewire_journal::Tip {
        *pagewire_journal::Journal::tip(self.journal.as_ref()).borrow()
    }

    /// Gives what is loaded and not done yet to the scheduler.
    pub(crate) fn schedule(self: &Arc<Self>) {
        let Some(input) = self.input() else { return };
        let waiting: Vec<(Item, Arc<str>)> =
            input.loaded_chunks().into_iter().flat_map(|chunk| self.unfinished(&input, chunk)).collect();
        let class = match self.kind {
            RunKind::Stream => Class::Stream,
            RunKind::Job => Class::Job,
        };
        let limits = LaneLimits {
            concurrency: self.concurrency,
            open_max: self.concurrency * 2,
            bytes_max: self.limits.unwritten_bytes_max,
        };
        let lane = self.scheduler.add(class, &self.account.id, limits, waiting.into_iter(), self.clone());
        for (host, concurrency) in self.scheduler.trimmed_hosts(lane, self.concurrency) {
            let host = host_of_scheduled(&host).to_owned();
            self.warn(Warning::ConcurrencyTrimmed { host, concurrency });
        }
        // Once: a run is scheduled when it is made, and never again.
        let _ = self.lane.set(lane);
    }

    /// The URLs of a chunk that have no record, each with its host. What is no URL gets its record.
    fn unfinished(&self, input: &RunInput, chunk: u32) -> Vec<(Item, Arc<str>)> {
        let open = input.open_entries(
            chunk,
            |host| self.scraper.scheduled_host(host),
            |ordinal| self.journal.contains(key_of(ordinal)),
        );
        let mut waiting = Vec::with_capacity(open.len());
        for entry in open {
            match entry {
                OpenEntry::Url { ordinal, host } => waiting.push((Item { ordinal, attempts: 0 }, host)),
                OpenEntry::Invalid { ordinal, line } => {
                    let body = invalid_line_record(&line, ordinal);
                    self.record(input, Item { ordinal, attempts: 0 }, ERROR, 0, body);
                }
            }
        }
        waiting
    }

    /// Starts nothing until a consumer attaches.
    pub(crate) fn wait_for_consumer(&self) {
        if let Some(lane) = self.lane.get() {
            self.scheduler.pause(*lane);
        }
    }

    /// Whether nobody has read along for as long as a run is kept for that.
    pub(crate) fn is_abandoned(&self) -> bool {
        let consumer = lock(&self.consumer);
        consumer.attached.is_none() && consumer.detached_at.elapsed() >= self.limits.resume_window
    }

    fn warn(&self, warning: Warning) {
        self.warnings.send_if_modified(|warnings| {
            let told = warnings.iter().any(|earlier| match (earlier, &warning) {
                (Warning::LowCredits { .. }, Warning::LowCredits { .. })
                | (Warning::RetryBudgetExhausted { .. }, Warning::RetryBudgetExhausted { .. }) => true,
                (earlier, warning) => earlier == warning,
            });
            let fresh = !told && warnings.len() < WARNINGS_MAX;
            if fresh {
                warnings.push(warning);
            }
            fresh
        });
    }

    /// The URLs not yet under way end as errors, and with the last of them the run.
    fn end_early(&self, reason: EarlyEnd) {
        let _ = self.ended_early.set(reason);
        self.warn(reason.warning());
        if reason == EarlyEnd::MaxWallTime {
            self.time_over.cancel();
        }
        self.write_off_waiting(reason);
    }

    fn write_off_waiting(&self, reason: EarlyEnd) {
        let Some(lane) = self.lane.get() else { return };
        for item in self.scheduler.drain_lane(*lane) {
            self.record_cancelled(item, reason);
        }
    }

    fn record_failure(&self, input: &RunInput, item: Item, attempts: u32, failure: &Failure) -> Outcome {
        let Some(url) = input.url(item.ordinal) else { return Outcome::Abandoned };
        self.record(input, item, ERROR, 0, error_record(&url.entry, item.ordinal, attempts, failure))
    }

    fn record_cancelled(&self, item: Item, reason: EarlyEnd) -> Outcome {
        let Some(input) = self.input() else { return Outcome::Abandoned };
        let failure = Failure {
            code: TargetErrorCode::Cancelled,
            message: reason.sentence().to_owned(),
            http_status: None,
            retryable: true,
            unsatisfied: None,
            tried: None,
        };
        self.record_failure(&input, item, item.attempts, &failure)
    }

    fn record(&self, input: &RunInput, item: Item, kind: Kind, weight: u32, body: Bytes) -> Outcome {
        let bytes = body.len();
        self.group.push(NewRecord { key: key_of(item.ordinal), kind, weight, body });
        input.recorded(item.ordinal);
        Outcome::Recorded { bytes, host_rest: None }
    }

    fn input(&self) -> Option<Arc<RunInput>> {
        lock(&self.input).clone()
    }

    /// What a commit made durable waits for its consumer from now on.
    fn committed(&self, settled: &[(Appended, usize)]) {
        let (records, bytes) = lock(&self.open).committed(settled);
        self.take_off(records, bytes);
    }

    /// The consumer has got everything up to a place.
    fn passed(&self, through: Position) {
        let (records, bytes) = lock(&self.open).passed(through);
        self.take_off(records, bytes);
    }

    fn take_off(&self, records: u32, bytes: usize) {
        if let (Some(lane), true) = (self.lane.get(), records > 0) {
            self.scheduler.taken_off(*lane, records, bytes);
        }
    }

    fn spend(&self, credits: u32) {
        self.account.credits.spent(u64::from(credits));
        if credits > 0
            && let Some(balance) = self.account.credits.low_balance()
        {
            self.warn(Warning::LowCredits { balance });
        }
    }

    async fn attempt_item(&self, item: Item) -> Outcome {
        let Some(input) = self.input() else { return Outcome::Abandoned };
        let Some(url) = input.url(item.ordinal) else { return Outcome::Abandoned };
        if !self.account.may_spend(self.mode) {
            self.end_early(EarlyEnd::CreditsExhausted);
            return self.record_cancelled(item, EarlyEnd::CreditsExhausted);
        }
        let session = url.recipe.options.session.as_deref().map(|name| self.in_session(name));
        let recorder = url.recipe.archives.then(Recorder::default);
        let recorded = recorder.clone().map(|recorder| self.scraper.recorded(recorder));
        let scraper = recorded.as_ref().unwrap_or(&self.scraper);
        let turn = Turn::new(item.attempts, session.as_ref());
        let came = scraper.attempt(&url.entry, item.ordinal, &url.recipe, &turn).await;
        if turn.has_asked() && came.as_ref().err().is_none_or(|failed| failed.kind.was_asked()) {
            self.retries.request();
        }
        match came {
            Ok(page) => match self.with_archive(page.json, recorder).await {
                Ok(body) => {
                    self.spend(page.credits);
                    self.record(&input, item, PAGE, page.credits, body)
                }
                Err(failure) => self.record_failure(&input, item, item.attempts + 1, &failure),
            },
            Err(FailedAttempt { kind: AttemptFailure::Deferred(until), .. }) => Outcome::Deferred { until },
            Err(mut failed) => {
                let attempts = item.attempts + 1;
                let pause = retry::pause(&url.recipe.options.retry, attempts, &failed, jitter(self.id, item));
                match pause.map(|after| self.may_retry(failed.kind).map(|()| after)) {
                    Some(Ok(after)) => return Outcome::Retry { after, host_rest: failed.retry_after },
                    Some(Err(sent)) => {
                        let Sent { requests, retries } = sent;
                        self.warn(Warning::RetryBudgetExhausted { retries, requests });
                        failed.failure.message.push_str(NO_MORE_RETRIES);
                    }
                    None => {}
                }
                let json = error_record(&url.entry, item.ordinal, attempts, &failed.failure);
                // The error is told without what is too large for it.
                let body = self.with_archive(json.clone(), recorder).await.unwrap_or(json);
                self.record(&input, item, ERROR, 0, body).resting(failed.retry_after)
            }
        }
    }

    /// Whether the run may try again what ended so. What has not reached its target is no burden to it.
    fn may_retry(&self, failure: AttemptFailure) -> Result<(), Sent> {
        if failure.was_asked() { self.retries.grant() } else { Ok(()) }
    }

    fn in_session(&self, name: &str) -> InSession {
        InSession { name: self.session_name(name), session: self.sessions.get(name, Instant::now()) }
    }

    fn session_name(&self, name: &str) -> SessionName {
        SessionName::of(&self.id, name)
    }

    /// The record's body, with what is archived of it.
    async fn with_archive(&self, json: Bytes, recorder: Option<Recorder>) -> Result<Bytes, Failure> {
        let Some(recorder) = recorder else { return Ok(json) };
        let Some(warc) = recorder.into_records(self.scraper.turns()).await else { return Ok(json) };
        let body = archive::join(&json, &warc);
        if body.len() <= BODY_BYTES_MAX {
            return Ok(body);
        }
        Err(Failure {
            code: TargetErrorCode::BodyTooLarge,
            message: format!(
                "the page and its archive are {} bytes, more than the {BODY_BYTES_MAX} that one record may have",
                body.len()
            ),
            http_status: None,
            retryable: false,
            unsatisfied: None,
            tried: None,
        })
    }
}

impl Work for Run {
    fn attempt(self: Arc<Self>, item: Item) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => Outcome::Abandoned,
                () = self.time_over.cancelled() => self.record_cancelled(item, EarlyEnd::MaxWallTime),
                outcome = self.attempt_item(item) => outcome,
            }
        })
    }

    fn has_room(&self, item: Item) -> bool {
        if !self.scraper.goes_through_proxies() {
            return true;
        }
        let Some(url) = self.input().and_then(|input| input.url(item.ordinal)) else { return true };
        let session = url.recipe.options.session.as_deref().map(|name| self.session_name(name));
        self.scraper.has_room(&url.entry, item.attempts, &url.recipe, session.as_ref())
    }
}

/// What a failure's sentence ends with where it would have been tried again.
const NO_MORE_RETRIES: &str = "; it is not tried again, since a fifth of the run's requests were retries";

/// Different warnings that one run can have; a host more is not worth telling.
const WARNINGS_MAX: usize = 32;

fn key_of(ordinal: u32) -> Key {
    Key(u128::from(ordinal))
}

/// A number from 0 to 1 that differs from URL to URL and from attempt to attempt: enough to part retries.
fn jitter(run: RunId, item: Item) -> f64 {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = std::hash::DefaultHasher::new();
    (run, item.ordinal, item.attempts).hash(&mut hasher);
    f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
