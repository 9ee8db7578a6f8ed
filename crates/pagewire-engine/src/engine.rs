//! The handle that the edge holds: scrape a page, start a stream, take one up again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use pagewire_fetch::{Client, ProxyPools, Renderer};
use pagewire_journal::{Durability, KeySpace, ReadError, SegmentJournal, SegmentOptions};
use pagewire_store::{Blobs, KeyMode, RunKind, Store, StoreError};
use pagewire_types::{ParseRequest, Problem, RobotsRule, RunId, ScrapeParams, ScrapeRequest, UrlEntry};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::{Accounts, Caller, WorkspaceAccount};
use crate::cache::{CacheSettings, PageCache};
use crate::download::LinkKeys;
use crate::job::object_input::ObjectInputs;
use crate::job::{JobRoom, StreamFiles};
use crate::live::logs::LiveLogs;
use crate::live::sources::{SourceSettings, Sources};
use crate::live::supervisor::Supervisor;
use crate::live::websub::Websub;
use crate::live::{Live, LiveSettings};
use crate::model::{Model, refuse_without_model};
use crate::parse::Parser;
use crate::passage::Passages;
use crate::pdf::PdfReader;
use crate::proxies::{Proxies, ProxyCredits};
use crate::read::PageReader;
use crate::recipe::Recipe;
use crate::refusal::{Refusal, ScrapeFailure};
use crate::render::{Rendering, refuse_without_browser};
use crate::run::{Run, RunLimits, RunParts};
use crate::schedule::breaker::Breaker;
use crate::schedule::{Politeness, Scheduler};
use crate::scrape::Scraper;
use crate::session::{InSession, PageSessions, SessionName};
use crate::single;
use crate::source::Source;
use crate::webhook::{self, WebhookParts, WebhookSettings, Webhooks};

/// How long a call may wait for its turn and its answer, retries included, before the server calls itself overloaded.
const SCRAPE_WAIT_MAX: Duration = Duration::from_secs(900);
/// How long fetches under way may go on once the server is shutting down.
const DRAIN_FETCHES: Duration = Duration::from_secs(8);
/// How long a run's lease holds without being renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// What a page of the sandbox costs.
const SANDBOX_CREDITS: u32 = 0;
/// How often runs whose time is over are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);

/// The engine's settings, from the configuration.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Where journals are kept.
    pub journals: PathBuf,
    /// Fetches at once, of all runs together.
    pub fetches_max: usize,
    /// Runs at once.
    pub runs_max: usize,
    /// Jobs under way at once; others wait.
    pub jobs_max: usize,
    /// The longest that a job goes on.
    pub job_wall_time: Duration,
    /// How long ended jobs, their files and uploads are kept.
    pub keep_jobs: Duration,
    /// What one host may be asked.
    pub politeness: Politeness,
    /// What robots.txt means where a request says nothing.
    pub robots: RobotsRule,
    /// How much of the pages is kept.
    pub cache: CacheSettings,
    /// The bounds of a run.
    pub run: RunLimits,
    /// Bytes of one record.
    pub record_bytes_max: usize,
    /// Credits of a page.
    pub page_credits: u32,
    /// Credits of rendering one, on top.
    pub render_credits: u32,
    /// Credits of a page that came through a proxy, on top.
    pub proxy_credits: ProxyCredits,
    /// Failures in a row after which a host is not asked for a while; 0 for never.
    pub host_failures_max: u32,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Bytes of a run's hot tail.
    pub ring_bytes: usize,
    /// Whether commits wait for the disk.
    pub durability: Durability,
    /// How long ended runs are kept.
    pub keep_runs: Duration,
    /// How webhooks are delivered.
    pub webhooks: WebhookSettings,
    /// How the live stream is kept and read.
    pub live: LiveSettings,
    /// How sources are watched.
    pub sources: SourceSettings,
}

/// What the engine is made of.
pub struct EngineParts {
    /// Its settings.
    pub settings: EngineSettings,
    /// Where state is.
    pub store: Arc<dyn Store>,
    /// Who may do what.
    pub accounts: Arc<Accounts>,
    /// Where uploads and files are.
    pub blobs: Blobs,
    /// Where the page cache is: nothing else is there.
    pub cache_blobs: Blobs,
    /// What links to files are signed with.
    pub links: LinkKeys,
    /// What reaches targets.
    pub client: Client,
    /// Shows pages in browsers.
    pub renderer: Renderer,
    /// What they may be reached through.
    pub proxies: Arc<ProxyPools>,
    /// Reads PDFs.
    pub pdf: Arc<dyn PdfReader>,
    /// The language model, where one is configured.
    pub model: Option<Arc<Model>>,
    /// Where jobs may read their lists from.
    pub inputs: ObjectInputs,
    /// What webhooks are made of.
    pub webhooks: WebhookParts,
    /// What the ids of live events are keyed with.
    pub cursor_secret: Vec<u8>,
}

/// Everything below the edge.
pub struct Engine {
    pub(crate) settings: EngineSettings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Blobs,
    pub(crate) links: LinkKeys,
    pub(crate) jobs: JobRoom,
    pub(crate) stream_files: StreamFiles,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) live: Live,
    pub(crate) sources: Sources,
    pub(crate) accounts: Arc<Accounts>,
    scheduler: Arc<Scheduler>,
    web: Scraper,
    sandbox: Scraper,
    cache: PageCache,
    parser: Parser,
    sandbox_parser: Parser,
    has_model: bool,
    rendering: Rendering,
    pub(crate) proxies: Proxies,
    page_sessions: PageSessions,
    runs: Mutex<HashMap<RunId, Arc<Run>>>,
    pub(crate) tasks: TaskTracker,
    pub(crate) draining: CancellationToken,
    pub(crate) stopping: CancellationToken,
}

impl Engine {
    /// Starts the engine and takes up the runs that a crash or a restart left unfinished.
    pub async fn start(parts: EngineParts) -> Result<Arc<Self>, Refusal> {
        let EngineParts {
            settings,
            store,
            accounts,
            blobs,
            cache_blobs,
            links,
            client,
            renderer,
            proxies,
            pdf,
            model,
            inputs,
            webhooks,
            cursor_secret,
        } = parts;
        let scheduler = Arc::new(Scheduler::new(settings.fetches_max, settings.politeness));
        let (reader, credits, bytes_max) =
            (PageReader::new(pdf, model), settings.page_credits, settings.record_bytes_max);
        let has_model = reader.has_model();
        let parser = Parser::new(reader.clone(), bytes_max);
        let sandbox_parser = Parser::new(reader.in_sandbox(), bytes_max);
        let rendering = Rendering::new(renderer, settings.render_credits);
        let passages = Passages {
            proxies: Proxies { pools: proxies, credits: settings.proxy_credits },
            breaker: Arc::new(Breaker::new(settings.host_failures_max)),
            workspace: None,
        };
        let proxies = passages.proxies.clone();
        let scraper = |source, rendering, reader, credits| {
            Scraper::new(source, passages.clone(), rendering, reader, scheduler.clone(), credits, bytes_max)
        };
        let web = scraper(Source::Web(client.clone()), rendering.clone(), reader.clone(), credits);
        let sandbox = scraper(Source::Sandbox, Rendering::none(), reader.in_sandbox(), SANDBOX_CREDITS);
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let cache = PageCache::new(cache_blobs, settings.cache, &tasks, stopping.clone());
        let websub = Websub::new(settings.webhooks.public_url.as_deref(), &cursor_secret);
        let directory = settings.journals.join("live");
        let logs = LiveLogs::new(
            directory,
            settings.live.log.clone(),
            cursor_secret,
            stopping.clone(),
            tasks.clone(),
        );
        let live = Live::new(logs, settings.live.clone());
        let draining = CancellationToken::new();
        let supervisor = Supervisor::new(
            &settings.sources,
            store.clone(),
            client.clone(),
            websub,
            live.logs.clone(),
            draining.clone(),
        );
        let sources = Sources::new(&settings.sources, supervisor.clone());
        let engine = Arc::new(Self {
            live,
            jobs: JobRoom::new(settings.jobs_max, inputs),
            stream_files: StreamFiles::default(),
            webhooks: Webhooks::new(webhooks, &settings.webhooks),
            sources,
            settings,
            store,
            blobs,
            links,
            accounts,
            scheduler,
            web,
            sandbox,
            cache,
            parser,
            sandbox_parser,
            has_model,
            rendering,
            proxies,
            page_sessions: PageSessions::default(),
            runs: Mutex::new(HashMap::new()),
            tasks,
            draining,
            stopping,
        });
        engine.recover_streams().await?;
        engine.recover_jobs().await?;
        engine.take_up_sources().await?;
        engine.store.take_over_deliveries(Timestamp::now()).await?;
        engine.tasks.spawn(engine.scheduler.clone().run(engine.draining.clone()));
        engine.tasks.spawn(engine.clone().sweep());
        engine.tasks.spawn(engine.live.logs.clone().retain());
        let (webhooks, store) = (engine.webhooks.clone(), engine.store.clone());
        engine.tasks.spawn(webhook::dispatch(webhooks.clone(), store.clone(), engine.draining.clone()));
        engine.tasks.spawn(webhook::deliver(webhooks, store, engine.draining.clone()));
        engine.tasks.spawn(supervisor.run());
        Ok(engine)
    }

    /// Cancelled when the server begins to shut down: event streams end then.
    #[must_use]
    pub fn draining(&self) -> &CancellationToken {
        &self.draining
    }

    /// Whether the state can be reached.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    /// Who may do what.
    #[must_use]
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// Starts nothing more, lets what is under way end, commits, and gives the runs back for the next process.
    pub async fn shut_down(&self) {
        self.draining.cancel();
        // The scheduler's task ends with its last worker; what takes longer is fetched again by the next process.
        let deadline = tokio::time::Instant::now() + DRAIN_FETCHES;
        while self.fetches_under_way() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN_FETCHES, self.tasks.wait()).await.is_err() {
            tracing::warn!("runs did not settle in time; they are recovered at the next start");
        }
        self.rendering.shut_down().await;
    }

    fn fetches_under_way(&self) -> bool {
        self.scheduler.active() > 0
    }

    /// Fetches one page.
    pub async fn scrape(&self, caller: &Caller, request: ScrapeRequest) -> Result<Bytes, ScrapeFailure> {
        self.admit(caller).map_err(ScrapeFailure::Refused)?;
        self.check_means(&request.params, &[]).map_err(Refusal::Invalid)?;
        let scraper = self.scraper(caller.mode, &caller.workspace);
        let options = request.params.clone().resolve(self.settings.robots);
        if let Some(page) = scraper.at_hand(&request.entry, &options) {
            return Ok(page);
        }
        let recipe = Recipe::compile(request.params, self.settings.robots).map_err(Refusal::Invalid)?;
        let account = &caller.workspace;
        let session = recipe.options.session.as_deref().map(|name| self.page_session(caller, name));
        let scrape = single::scrape(&self.scheduler, scraper, account, request.entry, recipe, session);
        let answer = tokio::select! {
            answer = tokio::time::timeout(SCRAPE_WAIT_MAX, scrape) => answer,
            () = self.stopping.cancelled() => return Err(Refusal::Draining.into()),
        };
        match answer {
            Ok(Some(Ok(page))) => {
                self.charge(account, page.credits).await?;
                Ok(page.json)
            }
            Ok(Some(Err(failure))) => Err(ScrapeFailure::Target(failure)),
            Ok(None) => Err(Refusal::Draining.into()),
            Err(_) => Err(Refusal::Overloaded("the page did not get its turn in time").into()),
        }
    }

    /// Refuses a request that asks for what this server has not: a model, a browser, or a proxy of some kind.
    pub(crate) fn check_means(
        &self,
        params: &ScrapeParams,
        entries: &[UrlEntry],
    ) -> Result<(), Box<Problem>> {
        if !self.has_model {
            refuse_without_model(params, entries)?;
        }
        if !self.rendering.has_browser() {
            refuse_without_browser(params, entries)?;
        }
        self.proxies.check(params, entries)
    }

    fn page_session(&self, caller: &Caller, name: &str) -> InSession {
        let workspace = &caller.workspace.id;
        InSession {
            name: SessionName::of(workspace, name),
            session: self.page_sessions.get(workspace, name, Instant::now()),
        }
    }

    /// Reads a page that the caller brings.
    pub async fn parse(&self, caller: &Caller, request: ParseRequest) -> Result<Bytes, Refusal> {
        self.admit(caller)?;
        self.check_means(&request.params, &[])?;
        let recipe = Recipe::compile(request.params.clone(), self.settings.robots)?;
        let (parser, credits) = match caller.mode {
            KeyMode::Live => (&self.parser, self.settings.page_credits),
            KeyMode::Test => (&self.sandbox_parser, SANDBOX_CREDITS),
        };
        let page = tokio::select! {
            page = parser.parse(request, &recipe, credits) => page?,
            () = self.stopping.cancelled() => return Err(Refusal::Draining),
        };
        self.charge(&caller.workspace, page.credits).await?;
        Ok(page.json)
    }

    pub(crate) fn make_run(&self, parts: RunParts) -> Arc<Run> {
        let scraper = self.scraper(parts.mode, &parts.account);
        let limits = match parts.kind {
            RunKind::Stream => self.settings.run,
            RunKind::Job => RunLimits { wall_time: self.settings.job_wall_time, ..self.settings.run },
        };
        Run::new(parts, self.scheduler.clone(), scraper, limits)
    }

    fn scraper(&self, mode: KeyMode, account: &WorkspaceAccount) -> Scraper {
        let scraper = match mode {
            KeyMode::Live => &self.web,
            KeyMode::Test => &self.sandbox,
        };
        scraper.of(&account.id, &self.cache)
    }

    pub(crate) async fn open_journal(&self, id: RunId, total: u64) -> Result<SegmentJournal, Refusal> {
        let directory = self.journal_directory(id);
        let options = SegmentOptions {
            keys: KeySpace::Ordinals(total),
            segment_bytes: self.settings.segment_bytes,
            segment_age: None,
            ring_bytes: self.settings.ring_bytes,
            durability: self.settings.durability,
        };
        tokio::task::spawn_blocking(move || SegmentJournal::open(&directory, options))
            .await
            .map_err(|error| ReadError::Io(std::io::Error::other(error)))?
            .map_err(Refusal::Journal)
    }

    pub(crate) fn journal_directory(&self, id: RunId) -> PathBuf {
        self.settings.journals.join("runs").join(id.hex())
    }

    pub(crate) fn admit(&self, caller: &Caller) -> Result<(), Refusal> {
        if self.draining.is_cancelled() {
            return Err(Refusal::Draining);
        }
        if !caller.workspace.may_spend(caller.mode) {
            return Err(Refusal::CreditsExhausted);
        }
        Ok(())
    }

    /// Charges what no run accounts for.
    async fn charge(&self, account: &WorkspaceAccount, credits: u32) -> Result<(), Refusal> {
        if credits > 0 {
            self.accounts.charge(account, u64::from(credits)).await?;
        }
        Ok(())
    }

    /// Forgets ended runs whose window is over, and drops what is older than the retention.
    async fn sweep(self: Arc<Self>) {
        let window = self.settings.run.resume_window;
        let mut forget =
            tokio::time::interval(window.clamp(Duration::from_millis(100), Duration::from_secs(30)));
        let mut retain = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            tokio::select! {
                () = self.draining.cancelled() => return,
                _ = forget.tick() => self.lock().retain(|_, run| run.ending().is_none() || !run.is_abandoned()),
                _ = retain.tick() => {
                    if let Err(error) = self.drop_what_is_old().await {
                        tracing::warn!(error = &error as &dyn std::error::Error, "old runs were not dropped; the next sweep tries again");
                    }
                }
            }
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn lease_owner() -> String {
    format!("pid-{}", std::process::id())
}
