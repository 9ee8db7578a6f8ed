//! The service under test: a real engine on a real store, in a directory of its own.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::FutureExt as _;
use http::{Request, Response, header, request};
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use pagewire_engine::account::{Accounts, NewKey, Plan};
use pagewire_engine::blob_transport::GuardedTransport;
use pagewire_engine::cache::CacheSettings;
use pagewire_engine::job::object_input::ObjectInputs;
use pagewire_engine::live::sources::{SourceSettings, source_rules};
use pagewire_engine::live::{FilterCaps, LiveSettings, LogSettings};
use pagewire_engine::run::RunLimits;
use pagewire_engine::schedule::Politeness;
use pagewire_engine::webhook::{Vault, WebhookParts, WebhookSettings};
use pagewire_engine::{ApiKey, Engine, EngineParts, EngineSettings, KeyMode, NoPdfReader, ProxyCredits};
use pagewire_fetch::{Client, FetchConfig, ProxyPools, Renderer};
use pagewire_journal::Durability;
use pagewire_store::blob::signed::KeyRing;
use pagewire_store::{Blobs, SqliteOptions, SqliteStore, Synchronous};
use pagewire_types::{RobotsRule, Scope, SourceSpec, WorkspaceId};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::auth::PeerAddress;
use crate::{Edge, EdgeSettings};

/// What ids of live events are checked with.
pub(super) const CURSOR_SECRET: &[u8] = b"secret";

pub(super) struct Service {
    router: Router,
    engine: Arc<Engine>,
    store: Arc<SqliteStore>,
    _directory: TempDir,
}

impl Service {
    /// With a plan that bounds nothing.
    pub(super) async fn start() -> Self {
        Self::with(Plan::UNLIMITED).await
    }

    pub(super) async fn with(plan: Plan) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let options = SqliteOptions { synchronous: Synchronous::Normal };
        let store = SqliteStore::open(&directory.path().join("state.db"), options).await.expect("opens");
        let store = Arc::new(store);
        let plans = [("only".to_owned(), plan)].into_iter().collect();
        let accounts = Arc::new(Accounts::new(store.clone(), plans, "only".to_owned()));
        let client = Client::new(FetchConfig::default()).expect("a client");
        let settings = settings(directory.path());
        let links = KeyRing::new(&[("test", &[7; 32])]).expect("a key");
        let parts = EngineParts {
            settings,
            store: store.clone(),
            accounts,
            blobs: Blobs::in_memory(),
            cache_blobs: Blobs::in_memory(),
            links: Arc::new(links),
            inputs: ObjectInputs::none(GuardedTransport::new(client.clone())),
            client,
            renderer: Renderer::none(),
            proxies: ProxyPools::new(Vec::new()),
            pdf: Arc::new(NoPdfReader),
            model: None,
            webhooks: WebhookParts {
                client: Client::new(FetchConfig::default()).expect("a client"),
                vault: Vault::new([("test", [7; 32].as_slice())]).expect("a vault"),
            },
            cursor_secret: CURSOR_SECRET.to_vec(),
        };
        let engine = Engine::start(parts).await.expect("starts");
        let edge = Edge {
            engine: engine.clone(),
            settings: EdgeSettings {
                api_key_in_query: true,
                ping: Duration::from_secs(30),
                public_url: None,
            },
            metrics: PrometheusBuilder::new().build_recorder().handle(),
        };
        Self { router: super::super::router(Arc::new(edge)), engine, store, _directory: directory }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn store(&self) -> &SqliteStore {
        &self.store
    }

    /// A key with these scopes.
    pub(super) async fn key(&self, scopes: &[Scope]) -> String {
        self.make_key(new_key(scopes)).await.1
    }

    pub(super) async fn make_key(&self, new: NewKey) -> (ApiKey, String) {
        self.engine.accounts().create_key(new).await.expect("made")
    }

    pub(super) async fn send(&self, request: request::Builder, body: &str) -> Answer {
        self.send_body(request, Body::from(body.to_owned())).await
    }

    pub(super) async fn send_body(&self, request: request::Builder, body: Body) -> Answer {
        let request: Request<Body> = request.body(body).expect("a request");
        Answer(self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}))
    }

    pub(super) async fn get(&self, path: &str, key: &str) -> Answer {
        self.send(Request::get(path).header("x-api-key", key), "").await
    }

    /// A POST of JSON.
    pub(super) async fn post(&self, path: &str, key: &str, body: &str) -> Answer {
        self.send(with_json(Request::post(path)).header("x-api-key", key), body).await
    }

    /// The operations of the generated document: method, path with its parameters filled in, and the operation.
    pub(super) async fn operations(&self) -> Vec<(String, String, Value)> {
        let document = self.get("/openapi.json", "").await.json().await;
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                operations.push((method.to_uppercase(), path.replace("{id}", "x"), operation.clone()));
            }
        }
        assert!(operations.len() >= 11, "the document has lost operations: {operations:?}");
        operations
    }
}

/// An answer, its body not yet read.
pub(super) struct Answer(pub(super) Response<Body>);

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name).map(|value| value.to_str().expect("text"))
    }

    pub(super) async fn text(self) -> String {
        let bytes = self.0.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("UTF-8")
    }

    /// What of an endless answer is there at once.
    pub(super) fn text_so_far(self) -> String {
        let (mut body, mut text) = (self.0.into_body(), Vec::new());
        while let Some(Some(frame)) = body.frame().now_or_never() {
            text.extend_from_slice(&frame.expect("a frame").into_data().expect("data"));
        }
        String::from_utf8(text).expect("UTF-8")
    }

    pub(super) async fn json(self) -> Value {
        serde_json::from_str(&self.text().await).expect("JSON")
    }

    /// Holds a problem against the contract, and gives the document.
    pub(super) async fn problem(self, status: u16, code: &str) -> Value {
        let (have, trace) = (self.status(), self.header("x-trace-id").map(str::to_owned));
        let request_id = self.header("x-request-id").map(str::to_owned);
        let media_type = self.header("content-type").map(str::to_owned);
        let retry_after = self.header("retry-after").map(str::to_owned);
        let problem = self.text().await;
        assert_eq!(have, status, "for {code}: {problem}");
        assert_eq!(media_type.as_deref(), Some("application/problem+json"), "{problem}");
        let problem: Value = serde_json::from_str(&problem).expect("JSON");
        assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()), "{problem}");
        assert_eq!(problem["type"], format!("/docs/errors/{code}"));
        assert_eq!(problem["trace_id"].as_str(), trace.as_deref());
        assert!(trace.is_some() && trace == request_id, "{trace:?} {request_id:?}");
        for member in ["title", "detail", "instance"] {
            assert!(
                problem[member].as_str().is_some_and(|text| !text.is_empty()),
                "no `{member}`: {problem}"
            );
        }
        assert!(problem["retryable"].is_boolean(), "{problem}");
        assert_eq!(
            problem["retry_after_s"].as_u64().map(|seconds| seconds.to_string()),
            retry_after,
            "{problem}"
        );
        problem
    }
}

pub(super) fn with_json(request: request::Builder) -> request::Builder {
    request.header(header::CONTENT_TYPE, "application/json")
}

pub(super) fn from(request: request::Builder, address: IpAddr) -> request::Builder {
    request.extension(PeerAddress(SocketAddr::new(address, 50_000)))
}

pub(super) fn new_key(scopes: &[Scope]) -> NewKey {
    NewKey {
        name: "test".to_owned(),
        workspace: WorkspaceId::default_workspace(),
        scopes: scopes.iter().copied().collect(),
        mode: KeyMode::Live,
        expires_in: None,
        allow_ips: Vec::new(),
    }
}

/// The pointers of a problem's `errors`.
pub(super) fn pointers(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
}

/// The id of the source that the configuration declares.
pub(super) const DECLARED: &str = "declared.in-config";

fn declared() -> SourceSpec {
    let body = serde_json::json!({
        "id": DECLARED, "source_type": "rss", "url": "https://feeds.example/rss", "enabled": false,
    });
    source_rules(1..=86_400).read_new(body).expect("a source")
}

fn settings(directory: &Path) -> EngineSettings {
    EngineSettings {
        journals: directory.join("journals"),
        fetches_max: 4,
        runs_max: 4,
        politeness: Politeness {
            requests_per_host_max: 4,
            delay: Duration::ZERO,
            rest_max: Duration::from_secs(1),
            crawl_delay_max: Duration::from_secs(1),
        },
        robots: RobotsRule::Ignore,
        cache: CacheSettings { bytes: 1 << 20, memory_bytes: 1 << 20 },
        run: RunLimits {
            resume_window: Duration::from_secs(1),
            wall_time: Duration::from_secs(60),
            commit_interval: Duration::from_millis(1),
            unwritten_bytes_max: 1 << 20,
        },
        record_bytes_max: 1 << 20,
        page_credits: 1,
        render_credits: 4,
        proxy_credits: ProxyCredits::default(),
        host_failures_max: 10,
        segment_bytes: 1 << 20,
        ring_bytes: 1 << 16,
        durability: Durability::Process,
        keep_runs: Duration::from_secs(60),
        jobs_max: 4,
        job_wall_time: Duration::from_secs(60),
        keep_jobs: Duration::from_secs(60),
        webhooks: WebhookSettings {
            attempt_timeout: Duration::from_secs(1),
            retry_delays: vec![Duration::from_millis(20); 2],
            at_once: 8,
            public_url: None,
        },
        live: LiveSettings {
            log: LogSettings {
                keep: Duration::from_secs(3_600),
                keep_bytes: 1 << 20,
                ring_bytes: 1 << 16,
                durability: Durability::Process,
            },
            checkpoint: Duration::from_secs(30),
            filter_caps: FilterCaps { values: 5 },
        },
        sources: SourceSettings {
            rules: source_rules(1..=86_400),
            adaptive_min: Duration::from_secs(60),
            adaptive_max: Duration::from_secs(600),
            polls_at_once: 8,
            polls_per_host: 2,
            poll_timeout: Duration::from_secs(5),
            sources_max: 50,
            declared: vec![(WorkspaceId::default_workspace(), declared())],
        },
    }
}
