//! What a server has left behind, and the engine that is started on it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagewire_engine::account::{Accounts, Plan};
use pagewire_engine::blob_transport::GuardedTransport;
use pagewire_engine::cache::CacheSettings;
use pagewire_engine::job::object_input::ObjectInputs;
use pagewire_engine::live::sources::{SourceSettings, source_rules};
use pagewire_engine::live::{FilterCaps, LiveSettings, LogSettings};
use pagewire_engine::run::RunLimits;
use pagewire_engine::schedule::Politeness;
use pagewire_engine::webhook::{Vault, WebhookParts, WebhookSettings};
use pagewire_engine::{Engine, EngineParts, EngineSettings, NoPdfReader, ProxyCredits};
use pagewire_fetch::{Client, FetchConfig, ProxyPools, Renderer};
use pagewire_journal::Durability;
use pagewire_store::blob::signed::KeyRing;
use pagewire_store::{
    AttemptRow, BlobKey, Blobs, FileRow, KeyMode, NewDelivery, NewInput, NewJob, NewRun, Outcome, RunEnd,
    RunKind, RunStatus, SqliteOptions, SqliteStore, Store, Synchronous, UploadRow, WebhookRow, Workspace,
};
use pagewire_types::{DeliveryId, RobotsRule, RunId, UploadId, WebhookEvent, WebhookId, WorkspaceId};
use tempfile::TempDir;

pub(crate) const KEEP_STREAMS_H: i64 = 24;
pub(crate) const KEEP_JOBS_H: i64 = 168;
pub(crate) const JOB_WALL_TIME_H: i64 = 24;
pub(crate) const KEEP_EVENTS_H: i64 = 30 * 24;

pub(crate) fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(hours)
}

/// What a server has left behind, before it is started anew.
pub(crate) struct Past {
    directory: TempDir,
    store: Arc<SqliteStore>,
    pub(crate) blobs: Blobs,
    pub(crate) workspace: WorkspaceId,
}

impl Past {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let options = SqliteOptions { synchronous: Synchronous::Normal };
        let store = SqliteStore::open(&directory.path().join("state.db"), options).await.expect("opens");
        let workspace = WorkspaceId::default_workspace();
        let row = Workspace { id: workspace.clone(), plan: "only".to_owned(), created_at: hours_ago(10_000) };
        pagewire_store::Workspaces::ensure_workspace(&store, row).await.expect("made");
        let blobs = Blobs::local(directory.path().join("blobs")).expect("a directory");
        Self { directory, store: Arc::new(store), blobs, workspace }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    pub(crate) fn journal(&self, id: RunId) -> std::path::PathBuf {
        self.directory.path().join("journals/runs").join(id.hex())
    }

    pub(crate) fn new_run(&self, kind: RunKind) -> NewRun {
        NewRun {
            id: RunId::generate(),
            workspace: self.workspace.clone(),
            kind,
            mode: KeyMode::Live,
            defaults: "{}".to_owned(),
            concurrency: 1,
            urls_total: 1,
            created_at: hours_ago(10_000),
            trace_id: "t".to_owned(),
            owner: "me".to_owned(),
            lease: Duration::from_secs(60),
        }
    }

    /// A stream that ended then, with its journal and a file.
    pub(crate) async fn stream(&self, ended: i64) -> RunId {
        let run = self.new_run(RunKind::Stream);
        let id = run.id;
        let fence = self.store().create_run(run, Vec::new()).await.expect("accepted");
        self.end(id, fence, ended).await;
        id
    }

    /// A job of an upload that ended then, with its journal and a file.
    pub(crate) async fn job(&self, upload: &UploadId, ended: i64) -> RunId {
        let run = self.new_run(RunKind::Job);
        let id = run.id;
        let job = NewJob {
            run,
            name: None,
            output: "{}".to_owned(),
            webhook: None,
            input: NewInput::Upload(upload.clone()),
            idempotency: None,
        };
        self.store().create_job(job).await.expect("accepted");
        let lease = Duration::from_secs(60);
        let fence =
            self.store().lease_run(id, "me".to_owned(), hours_ago(ended), lease).await.expect("leased");
        self.end(id, fence, ended).await;
        id
    }

    async fn end(&self, id: RunId, fence: u64, ended: i64) {
        std::fs::create_dir_all(self.journal(id)).expect("a directory");
        std::fs::write(self.journal(id).join("00000000000000000001.pwj"), "").expect("a segment");
        let blob = format!("results/{}/part-00001.ndjson", id.hex());
        self.blobs.put(&key(&blob), "{}\n".into()).await.expect("stored");
        let file = FileRow {
            part: 1,
            name: "a.ndjson".to_owned(),
            blob,
            bytes: 3,
            rows: 1,
            sha256: "00".to_owned(),
        };
        let end = RunEnd {
            status: RunStatus::Completed,
            at: hours_ago(ended),
            urls_done: 1,
            urls_errored: 0,
            error: None,
            files: vec![file],
        };
        self.store().finish_run(id, fence, end).await.expect("ended");
    }

    pub(crate) async fn upload(&self, made: i64) -> UploadId {
        let id = UploadId::generate();
        let blob = format!("uploads/{id}");
        self.blobs.put(&key(&blob), "[]".into()).await.expect("stored");
        let row = UploadRow {
            id: id.clone(),
            workspace: self.workspace.clone(),
            blob,
            urls: 1,
            bytes: 2,
            format: "ndjson".to_owned(),
            created_at: hours_ago(made),
        };
        self.store().insert_upload(row, Vec::new()).await.expect("stored");
        id
    }

    /// A webhook with a delivery for each of these times at which one ended. All events have been told.
    pub(crate) async fn webhook(&self, ended: &[i64]) -> WebhookId {
        let id = WebhookId::generate();
        let row = WebhookRow {
            id: id.clone(),
            workspace: self.workspace.clone(),
            mode: KeyMode::Live,
            job: None,
            url: "https://a.example/".to_owned(),
            events: vec![WebhookEvent::KeyCreated],
            description: None,
            metadata: None,
            enabled: true,
            disabled_reason: None,
            secret: Vec::new(),
            previous_secret: None,
            failing_since: None,
            created_at: hours_ago(10_000),
        };
        assert!(self.store().insert_webhook(row, 50).await.expect("stored"));
        for (position, ended) in (1..).zip(ended) {
            let delivery = NewDelivery {
                id: DeliveryId::of(position, &id),
                webhook: id.clone(),
                endpoint: "e".to_owned(),
                event: WebhookEvent::KeyCreated,
                body: "{}".to_owned(),
            };
            let due = hours_ago(*ended);
            self.store().dispatch(position - 1, position, due, vec![delivery]).await.expect("dispatched");
            let leased = self.store().lease_delivery("e".to_owned(), due, due).await.expect("asked");
            let leased = leased.expect("it is due");
            let attempt =
                AttemptRow { at: due, elapsed_ms: 1, http_status: Some(200), answer: None, error: None };
            let noted = self.store().record_attempt(leased.id, leased.fence, attempt, Outcome::Delivered);
            noted.await.expect("noted");
        }
        let (from, to) = (ended.len() as u64, self.store().event_tip().await.expect("read"));
        self.store().dispatch(from, to, Timestamp::now(), Vec::new()).await.expect("moved on");
        id
    }

    pub(crate) async fn has_run(&self, id: RunId) -> bool {
        let row = self.store().run(self.workspace.clone(), KeyMode::Live, id).await.expect("read");
        let blob = self.blobs.head(&key(&format!("results/{}/part-00001.ndjson", id.hex()))).await.is_ok();
        let files = !self.store().files(id).await.expect("read").is_empty();
        let parts = [row.is_some(), blob, files, self.journal(id).exists()];
        assert!(parts == [true; 4] || parts == [false; 4], "all of it or nothing: {parts:?}");
        parts[0]
    }

    pub(crate) async fn has_upload(&self, id: &UploadId) -> bool {
        let row = self.store().upload(self.workspace.clone(), id.clone()).await.expect("read");
        let blob = self.blobs.head(&key(&format!("uploads/{id}"))).await.is_ok();
        assert_eq!(row.is_some(), blob, "all of it or nothing");
        blob
    }
}

pub(crate) fn key(text: &str) -> BlobKey {
    text.parse().expect("a key")
}

pub(crate) async fn start(past: &Past) -> Arc<Engine> {
    let plans = [("only".to_owned(), Plan::UNLIMITED)].into_iter().collect();
    let client = || Client::new(FetchConfig::default()).expect("a client");
    let parts = EngineParts {
        settings: settings(past.directory.path()),
        store: past.store.clone(),
        accounts: Arc::new(Accounts::new(past.store.clone(), plans, "only".to_owned())),
        blobs: past.blobs.clone(),
        cache_blobs: Blobs::in_memory(),
        links: Arc::new(KeyRing::new(&[("test", &[7; 32])]).expect("a key")),
        inputs: ObjectInputs::none(GuardedTransport::new(client())),
        client: client(),
        renderer: Renderer::none(),
        proxies: ProxyPools::new(Vec::new()),
        pdf: Arc::new(NoPdfReader),
        model: None,
        cursor_secret: b"secret".to_vec(),
        webhooks: WebhookParts {
            client: client(),
            vault: Vault::new([("test", [7; 32].as_slice())]).expect("a vault"),
        },
    };
    Engine::start(parts).await.expect("starts")
}

fn settings(directory: &Path) -> EngineSettings {
    let hours = |hours: i64| Duration::from_secs(hours.unsigned_abs() * 3_600);
    EngineSettings {
        journals: directory.join("journals"),
        fetches_max: 1,
        runs_max: 1,
        jobs_max: 1,
        job_wall_time: hours(JOB_WALL_TIME_H),
        keep_jobs: hours(KEEP_JOBS_H),
        politeness: Politeness {
            requests_per_host_max: 1,
            delay: Duration::ZERO,
            rest_max: Duration::from_secs(1),
            crawl_delay_max: Duration::from_secs(1),
        },
        robots: RobotsRule::Ignore,
        cache: CacheSettings { bytes: 1 << 20, memory_bytes: 1 << 20 },
        run: RunLimits {
            resume_window: hours(1),
            wall_time: hours(1),
            commit_interval: Duration::from_millis(1),
            unwritten_bytes_max: 1 << 20,
        },
        record_bytes_max: 1 << 20,
        page_credits: 1,
        render_credits: 4,
        proxy_credits: ProxyCredits::default(),
        host_failures_max: 0,
        segment_bytes: 1 << 20,
        ring_bytes: 1 << 16,
        durability: Durability::Process,
        keep_runs: hours(KEEP_STREAMS_H),
        webhooks: WebhookSettings {
            attempt_timeout: Duration::from_secs(1),
            retry_delays: vec![Duration::from_secs(1)],
            at_once: 2,
            public_url: None,
        },
        sources: SourceSettings {
            rules: source_rules(60..=86_400),
            adaptive_min: Duration::from_secs(60),
            adaptive_max: Duration::from_secs(3_600),
            polls_at_once: 4,
            polls_per_host: 1,
            poll_timeout: Duration::from_secs(5),
            sources_max: 10,
            declared: Vec::new(),
        },
        live: LiveSettings {
            log: LogSettings {
                keep: hours(1),
                keep_bytes: 1 << 20,
                ring_bytes: 1 << 16,
                durability: Durability::Process,
            },
            checkpoint: Duration::from_secs(30),
            filter_caps: FilterCaps { values: 5 },
        },
    }
}
