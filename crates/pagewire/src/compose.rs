//! The only place that names concrete backends: the pieces are made from the configuration and put together, and taken
//! apart again in the opposite order.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use metrics_exporter_prometheus::{BuildError as MetricsError, PrometheusBuilder, PrometheusHandle};
use pagewire_engine::account::{Accounts, NewKey, NewKeyError, PlanTable};
use pagewire_engine::live::sources::SourceSettings;
use pagewire_engine::live::{FilterCaps, LiveSettings, LogSettings};
use pagewire_engine::run::RunLimits;
use pagewire_engine::schedule::Politeness;
use pagewire_engine::webhook::{Vault, VaultError, WebhookParts, WebhookSettings};
use pagewire_engine::{Engine, EngineParts, EngineSettings, Model, ModelSettings, ProxyCredits, Refusal};
use pagewire_fetch::{BuildError, Client, FetchConfig, ProxyPools, RenderConfig, Renderer};
use pagewire_journal::Durability;
use pagewire_server::{Edge, EdgeSettings, ServeSettings};
use pagewire_store::blob::signed::{KeyRing, KeyRingError};
use pagewire_store::{
    BlobError, Blobs, SqliteOptions, SqliteStore, Store, StoreError, Synchronous, Workspace, Workspaces as _,
};
use pagewire_types::WorkspaceId;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Checked;
use crate::config::extract::Llm;
use crate::key_file::{KeyFile, KeyFileError};
use crate::object_stores;
use crate::pdf_child::PdfChildren;

/// The plan of workspaces that nobody gave another.
const DEFAULT_PLAN: &str = "enterprise";
/// Bytes of a model's answer.
const MODEL_ANSWER_BYTES_MAX: u64 = 1 << 20;
/// How often the metrics forget what is too old.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Why the server could not start, or ended with a fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("the data directory {} cannot be used", path.display())]
    DataDirectory { path: PathBuf, source: io::Error },
    #[error(
        "the data directory {path} is in use by another server; stop it, or give this one its own --data-dir"
    )]
    InUse { path: PathBuf },
    #[error("the state cannot be opened")]
    Store(#[from] StoreError),
    #[error("the directory of uploads and files cannot be opened")]
    Blobs(#[from] BlobError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error("the keys that links are signed with cannot be used")]
    LinkKeys(#[from] KeyRingError),
    #[error("the keys that secrets of webhooks are sealed with cannot be used")]
    Vault(#[from] VaultError),
    #[error("the fetching client cannot be made")]
    Client(#[from] BuildError),
    #[error("the engine cannot start")]
    Engine(#[from] Refusal),
    #[error("cannot listen on {address}; is another server there?")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("metrics cannot be recorded")]
    Metrics(#[from] MetricsError),
    #[error(
        "the variable {name}, which `api_key_env` in [extract.llm] names, is not set in the environment, or holds what no key has"
    )]
    ModelKey { name: String },
    #[error(
        "the variable {name}, which `credentials_env` in [[proxies]] names, is not set in the environment, or holds no `name:password`"
    )]
    ProxyCredentials { name: String },
    #[error(transparent)]
    ObjectStores(#[from] object_stores::ObjectStoreError),
    #[error("a key cannot be made")]
    Key(#[from] NewKeyError),
    #[error("the server's task failed")]
    Task(#[from] tokio::task::JoinError),
}

/// A server that has started.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    accounts: Arc<Accounts>,
    serving: JoinHandle<()>,
}

impl Running {
    /// Makes a key; its text is the answer.
    pub(crate) async fn create_key(&self, new: NewKey) -> Result<String, StartError> {
        Ok(self.accounts.create_key(new).await?.1)
    }

    /// Until the server has ended, which it does once it is told to shut down.
    pub(crate) async fn wait(self) -> Result<(), StartError> {
        Ok(self.serving.await?)
    }
}

/// Starts a server, which ends when the token is cancelled.
pub(crate) async fn start(config: Checked, shutdown: CancellationToken) -> Result<Running, StartError> {
    let lock = claim_data_directory(&config)?;
    let store = open_store(&config).await?;
    let accounts = Arc::new(accounts_over(store.clone(), &config));
    let client = Client::new(fetch_config(&config))?;
    let proxies = proxy_pools(&config)?;
    let settings = engine_settings(&config);
    let pdf = Arc::new(PdfChildren::new(config.extract.pdf));
    let blobs = object_stores::blobs(&config, &client)?;
    // Kept here wherever the other blobs are: it is there to be fast, and all of it can be fetched again.
    let cache_blobs = Blobs::local_unsynced(config.server.data_dir.join("cache"))?;
    let links = Arc::new(link_keys(&config)?);
    let model = config.extract.llm.as_ref().map(|llm| model_of(llm, &config)).transpose()?.map(Arc::new);
    let inputs = object_stores::open(&config.object_store, &client)?;
    let webhooks = webhook_parts(&config)?;
    let cursor_secret = cursor_secret(&config)?;
    let parts = EngineParts {
        settings,
        store,
        accounts: accounts.clone(),
        blobs,
        cache_blobs,
        links,
        client,
        renderer: Renderer::new(render_config(&config)),
        proxies,
        pdf,
        model,
        inputs,
        webhooks,
        cursor_secret,
    };
    let metrics = record_metrics()?;
    let engine = Engine::start(parts).await?;

    let edge = Edge {
        engine: engine.clone(),
        settings: EdgeSettings {
            api_key_in_query: config.server.api_key_in_query,
            ping: config.stream.ping,
            public_url: config.server.public_url.clone(),
        },
        metrics: metrics.clone(),
    };
    let router = pagewire_server::router(Arc::new(edge));
    let address = config.server.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
    let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;

    let serve_settings = ServeSettings {
        connections_max: config.server.connections_max,
        header_read_timeout: config.server.header_read_timeout,
        send_buffer_bytes: usize::try_from(config.server.send_buffer.0).unwrap_or(usize::MAX),
    };
    let parts = Serving {
        listener,
        router,
        settings: serve_settings,
        engine,
        accounts: accounts.clone(),
        metrics,
        lock,
    };
    let serving = tokio::spawn(serve_until(parts, shutdown));
    Ok(Running { address, accounts, serving })
}

/// The accounts of a data directory, for the command line: works beside a server that is running.
pub(crate) async fn open_accounts(config: &Checked) -> Result<Accounts, StartError> {
    make_data_directory(config)?;
    Ok(accounts_over(open_store(config).await?, config))
}

fn accounts_over(store: Arc<dyn Store>, config: &Checked) -> Accounts {
    let plans: PlanTable = config.plans.iter().map(|(name, plan)| (name.clone(), *plan)).collect();
    let plans = plans.given(config.workspaces.iter().map(|(id, plan)| (id.clone(), plan.clone())));
    Accounts::new(store, plans, DEFAULT_PLAN.to_owned())
}

async fn open_store(config: &Checked) -> Result<Arc<dyn Store>, StartError> {
    let synchronous = match config.journal.durability {
        Durability::Full => Synchronous::Full,
        Durability::Process => Synchronous::Normal,
    };
    let path = config.server.data_dir.join("state.db");
    let store = SqliteStore::open(&path, SqliteOptions { synchronous }).await?;
    let workspace = Workspace {
        id: WorkspaceId::default_workspace(),
        plan: DEFAULT_PLAN.to_owned(),
        created_at: Timestamp::now(),
    };
    store.ensure_workspace(workspace).await?;
    Ok(Arc::new(store))
}

fn make_data_directory(config: &Checked) -> Result<(), StartError> {
    let path = &config.server.data_dir;
    std::fs::create_dir_all(path).map_err(|source| StartError::DataDirectory { path: path.clone(), source })
}

/// One server a directory: two would both work off its runs.
fn claim_data_directory(config: &Checked) -> Result<File, StartError> {
    make_data_directory(config)?;
    let path = config.server.data_dir.clone();
    let fault = |source| StartError::DataDirectory { path: path.clone(), source };
    let lock = File::create(path.join("lock")).map_err(fault)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::InUse { path }),
        Err(std::fs::TryLockError::Error(source)) => Err(fault(source)),
    }
}

fn fetch_config(config: &Checked) -> FetchConfig {
    FetchConfig {
        wire_bytes_max: config.fetch.wire_bytes_max.0,
        unpacked_bytes_max: config.fetch.unpacked_bytes_max.0,
        redirects_max: config.fetch.redirects_max,
        header_bytes_max: usize::try_from(config.fetch.header_bytes_max.0).unwrap_or(usize::MAX),
        connect_timeout: config.fetch.connect_timeout,
        dns_timeout: config.fetch.dns_timeout,
        user_agent: config.fetch.user_agent.clone(),
        product: config.fetch.product.clone(),
        allow: config.fetch.allow_targets.clone(),
        extra_roots_pem: config.fetch.extra_roots_pem.clone(),
        resolver: config.fetch.resolver,
        ..FetchConfig::default()
    }
}

fn render_config(config: &Checked) -> RenderConfig {
    let render = &config.render;
    RenderConfig {
        browser: render.browser.clone(),
        profiles: config.server.data_dir.join("browsers"),
        browsers_max: render.browsers_max,
        pages_per_browser_max: render.pages_per_browser_max,
        waiting_max: render.waiting_max,
        recycle_after_pages: render.recycle_after_pages,
        browser_memory_bytes_max: render.browser_memory_bytes_max.0,
        page_memory_bytes_max: render.page_memory_bytes_max.0,
        page_bytes_max: render.page_bytes_max.0,
        html_bytes_max: render.html_bytes_max.0,
        requests_max: render.requests_max,
        idle_timeout: render.idle_timeout,
        sandbox: render.sandbox,
        user_agent: config.fetch.user_agent.clone(),
    }
}

/// The pools, with the credentials that stand in the environment.
fn proxy_pools(config: &Checked) -> Result<Arc<ProxyPools>, StartError> {
    let mut specs = Vec::with_capacity(config.proxies.len());
    for pool in &config.proxies {
        let mut spec = pool.spec.clone();
        if let Some(name) = &pool.credentials_env {
            let missing = || StartError::ProxyCredentials { name: name.clone() };
            let text = std::env::var(name).map_err(|_| missing())?;
            for url in &mut spec.urls {
                *url = url.clone().or_credentials(text.trim()).map_err(|_| missing())?;
            }
        }
        specs.push(spec);
    }
    Ok(ProxyPools::new(specs))
}

fn link_keys(config: &Checked) -> Result<KeyRing, StartError> {
    let keys = KeyFile::Links.open(&config.server.data_dir)?;
    Ok(KeyRing::new(&keys.iter().collect::<Vec<_>>())?)
}

/// One key alone: an event's id is the same for as long as the event is held.
fn cursor_secret(config: &Checked) -> Result<Vec<u8>, StartError> {
    let keys = KeyFile::Cursors.open(&config.server.data_dir)?;
    Ok(keys.iter().next().map(|(_, key)| key.to_vec()).unwrap_or_default())
}

fn webhook_parts(config: &Checked) -> Result<WebhookParts, StartError> {
    let keys = KeyFile::Webhooks.open(&config.server.data_dir)?;
    let client = Client::new(FetchConfig { idle_per_host_max: 0, redirects_max: 0, ..fetch_config(config) })?;
    Ok(WebhookParts { client, vault: Vault::new(keys.iter())? })
}

/// The model, behind a client of its own: see [`Model::new`] for why its guard lets every address pass.
fn model_of(llm: &Llm, config: &Checked) -> Result<Model, StartError> {
    let everywhere = ["0.0.0.0/0", "::/0"].map(|range| range.parse().expect("a constant that is a range"));
    let client = Client::new(FetchConfig {
        allow: everywhere.to_vec(),
        redirects_max: 0,
        wire_bytes_max: MODEL_ANSWER_BYTES_MAX,
        unpacked_bytes_max: MODEL_ANSWER_BYTES_MAX,
        ..fetch_config(config)
    })?;
    let authorization = llm.api_key_env.as_ref().map(|name| bearer(name)).transpose()?;
    let settings = ModelSettings {
        completions: llm.completions.clone(),
        model: llm.model.clone(),
        authorization,
        timeout: llm.timeout,
        input_bytes_max: llm.input_bytes_max,
        tokens_max: llm.tokens_max,
        confidence_min: llm.confidence_min,
        at_once: llm.at_once,
        credits: llm.credits,
    };
    Ok(Model::new(client, settings))
}

/// The key in that variable, as `Authorization` says it, marked so that nothing prints it.
fn bearer(name: &str) -> Result<HeaderValue, StartError> {
    let missing = || StartError::ModelKey { name: name.to_owned() };
    let key = std::env::var(name).map_err(|_| missing())?;
    let mut value = HeaderValue::try_from(format!("Bearer {}", key.trim())).map_err(|_| missing())?;
    value.set_sensitive(true);
    Ok(value)
}

fn engine_settings(config: &Checked) -> EngineSettings {
    let amount = |size: crate::config::byte_size::ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
    EngineSettings {
        journals: config.server.data_dir.join("journals"),
        fetches_max: config.scheduler.fetches_max,
        runs_max: config.scheduler.runs_max,
        jobs_max: config.jobs.under_way_max,
        job_wall_time: config.jobs.wall_time,
        keep_jobs: config.jobs.keep,
        politeness: Politeness {
            requests_per_host_max: config.politeness.requests_per_host_max,
            delay: config.politeness.delay,
            rest_max: config.politeness.rest_max,
            crawl_delay_max: config.politeness.crawl_delay_max,
        },
        robots: config.politeness.robots,
        cache: config.cache,
        run: RunLimits {
            resume_window: config.stream.resume_window,
            wall_time: config.stream.wall_time,
            commit_interval: config.journal.commit_interval,
            unwritten_bytes_max: amount(config.stream.unwritten_bytes_max),
        },
        record_bytes_max: amount(config.stream.event_bytes_max),
        page_credits: config.credits.page,
        render_credits: config.credits.render,
        proxy_credits: ProxyCredits {
            datacenter: config.credits.proxy_datacenter,
            residential: config.credits.proxy_residential,
            mobile: config.credits.proxy_mobile,
        },
        host_failures_max: config.politeness.host_failures_max,
        segment_bytes: config.journal.segment_bytes.0,
        ring_bytes: amount(config.journal.ring_bytes),
        durability: config.journal.durability,
        keep_runs: config.journal.keep_runs,
        webhooks: WebhookSettings {
            attempt_timeout: config.webhooks.attempt_timeout,
            retry_delays: config.webhooks.retry_delays.clone(),
            at_once: config.webhooks.at_once,
            public_url: config.server.public_url.clone(),
        },
        live: LiveSettings {
            log: LogSettings {
                keep: config.live.keep,
                keep_bytes: config.live.keep_bytes.0,
                ring_bytes: amount(config.live.ring_bytes),
                durability: config.journal.durability,
            },
            checkpoint: config.stream.ping,
            filter_caps: FilterCaps { values: config.live.filter_values_max },
        },
        sources: source_settings(config),
    }
}

fn source_settings(config: &Checked) -> SourceSettings {
    let live = &config.live;
    SourceSettings {
        rules: live.rules.clone(),
        adaptive_min: live.adaptive_min,
        adaptive_max: live.adaptive_max,
        polls_at_once: live.polls_at_once,
        polls_per_host: live.polls_per_host_max,
        poll_timeout: live.poll_timeout,
        sources_max: live.sources_max,
        declared: config.sources.clone(),
    }
}

/// Metrics are the process's: the second server of one process shares the first one's.
fn record_metrics() -> Result<PrometheusHandle, MetricsError> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder()?;
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// Serves, and takes the pieces down in order: streams are told to resume elsewhere, fetches under way end, records
/// are committed, connections close, and the data directory is free again.
async fn serve_until(parts: Serving, shutdown: CancellationToken) {
    let Serving { listener, router, settings, engine, accounts, metrics, lock } = parts;
    let tasks = TaskTracker::new();
    let token = shutdown.clone();
    tasks.spawn(async move { accounts.watch(token).await });
    let token = shutdown.clone();
    tasks.spawn(async move {
        let mut upkeep = tokio::time::interval(METRICS_UPKEEP);
        while token.run_until_cancelled(upkeep.tick()).await.is_some() {
            metrics.run_upkeep();
        }
    });
    let draining = async {
        shutdown.cancelled().await;
        engine.shut_down().await;
    };
    tokio::join!(pagewire_server::serve(listener, router, settings, shutdown.clone()), draining);
    tasks.close();
    tasks.wait().await;
    drop(lock);
}

/// What serving needs.
struct Serving {
    listener: TcpListener,
    router: pagewire_server::Router,
    settings: ServeSettings,
    engine: Arc<Engine>,
    accounts: Arc<Accounts>,
    metrics: PrometheusHandle,
    lock: File,
}
