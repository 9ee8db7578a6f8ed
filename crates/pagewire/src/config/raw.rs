//! The configuration as it is written: every key optional, none unknown, nothing judged yet.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::byte_size::ByteSize;

macro_rules! section {
    ($name:ident { $($key:ident: $kind:ty),* $(,)? }) => {
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name { $(pub(super) $key: Option<$kind>,)* }

        impl $name {
            /// The section's keys.
            pub(super) const KEYS: &'static [&'static str] = &[$(stringify!($key),)*];
        }
    };
}

section!(Server {
    listen: String,
    data_dir: String,
    connections_max: i64,
    header_read_timeout_s: i64,
    send_buffer_bytes: ByteSize,
    api_key_in_query: bool,
    public_url: String,
});

section!(Fetch {
    user_agent: String,
    product: String,
    contact_url: String,
    allow_targets: Vec<String>,
    wire_bytes_max: ByteSize,
    unpacked_bytes_max: ByteSize,
    header_bytes_max: ByteSize,
    redirects_max: i64,
    connect_timeout_ms: i64,
    dns_timeout_ms: i64,
    resolver: String,
    extra_roots_pem: String,
});

section!(Politeness {
    requests_per_host_max: i64,
    delay_ms: i64,
    rest_max_s: i64,
    host_failures_max: i64,
    robots: String,
    crawl_delay_max_s: i64,
});

section!(Cache { bytes: ByteSize, memory_bytes: ByteSize });

/// One of `[[proxies]]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proxies {
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) country: Option<String>,
    #[serde(default)]
    pub(super) urls: Vec<String>,
    pub(super) credentials_env: Option<String>,
    pub(super) weight: Option<i64>,
    pub(super) concurrency: Option<i64>,
    pub(super) rotation: Option<String>,
    pub(super) dns: Option<String>,
}

section!(Scheduler { fetches_max: i64, runs_max: i64 });

section!(Stream {
    resume_window_s: i64,
    wall_time_s: i64,
    ping_s: i64,
    event_bytes_max: ByteSize,
    unwritten_bytes_max: ByteSize,
});

section!(Jobs { under_way_max: i64, wall_time_h: i64, keep_h: i64 });

section!(Blobs { bucket: String });

section!(Webhooks { attempt_timeout_s: i64, retry_delays_s: Vec<i64>, at_once: i64 });

section!(Live {
    keep_h: i64,
    keep_bytes: ByteSize,
    ring_bytes: ByteSize,
    filter_values_max: i64,
    interval_min_s: i64,
    interval_max_s: i64,
    adaptive_min_s: i64,
    adaptive_max_s: i64,
    polls_at_once: i64,
    polls_per_host_max: i64,
    poll_timeout_ms: i64,
    sources_max: i64,
});

section!(Journal {
    durability: String,
    commit_interval_ms: i64,
    segment_bytes: ByteSize,
    ring_bytes: ByteSize,
    keep_runs_h: i64,
});

section!(Plan {
    requests_per_s: i64,
    burst_percent: i64,
    connections_max: i64,
    credits_total: i64,
    credits_per_day: i64,
});

section!(Credits {
    page: i64,
    render: i64,
    proxy_datacenter: i64,
    proxy_residential: i64,
    proxy_mobile: i64,
});

section!(Render {
    browser: String,
    sandbox: bool,
    browsers_max: i64,
    pages_per_browser_max: i64,
    waiting_max: i64,
    recycle_after_pages: i64,
    browser_memory_bytes_max: ByteSize,
    page_memory_bytes_max: ByteSize,
    page_bytes_max: ByteSize,
    html_bytes_max: ByteSize,
    requests_max: i64,
    idle_s: i64,
});

section!(Log { level: String, format: String });

section!(Pdf { timeout_ms: i64, bytes_max: ByteSize, memory_bytes_max: ByteSize, at_once: i64 });

section!(Llm {
    endpoint: String,
    model: String,
    api_key_env: String,
    timeout_ms: i64,
    input_bytes_max: ByteSize,
    max_tokens: i64,
    confidence_min_percent: i64,
    at_once: i64,
    credits: i64,
});

/// `[extract]`, whose sections are in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extract {
    #[serde(default)]
    pub(super) pdf: Pdf,
    #[serde(default)]
    pub(super) llm: Llm,
}

section!(S3 {
    buckets: Vec<String>,
    roles: Vec<String>,
    region: String,
    endpoint: String,
    sts_endpoint: String,
    key_id_env: String,
    key_env: String,
    session_env: String,
});

section!(Gcs { buckets: Vec<String>, endpoint: String, service_account_file: String });

/// `[object_store]`, whose sections are in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectStore {
    #[serde(default)]
    pub(super) s3: S3,
    #[serde(default)]
    pub(super) gcs: Gcs,
}

/// The sections within sections, and their keys.
pub(super) const NESTED: &[(&str, &str, &[&str])] = &[
    ("extract", "pdf", Pdf::KEYS),
    ("extract", "llm", Llm::KEYS),
    ("object_store", "s3", S3::KEYS),
    ("object_store", "gcs", Gcs::KEYS),
];

macro_rules! sections {
    ($($name:ident: $kind:ident,)*) => {
        /// All sections.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Raw {
            $(#[serde(default)] pub(super) $name: $kind,)*
            #[serde(default)]
            pub(super) plans: BTreeMap<String, Plan>,
            #[serde(default)]
            pub(super) workspaces: BTreeMap<String, String>,
            #[serde(default)]
            pub(super) extract: Extract,
            #[serde(default)]
            pub(super) object_store: ObjectStore,
            #[serde(default)]
            pub(super) proxies: Vec<Proxies>,
            #[serde(default)]
            pub(super) sources: Vec<toml::Table>,
        }

        /// The sections with fixed names, and their keys. `plans` and `workspaces` have names of their own.
        pub(super) const SECTIONS: &[(&str, &[&str])] = &[$((stringify!($name), $kind::KEYS),)*];
    };
}

sections! {
    server: Server,
    fetch: Fetch,
    politeness: Politeness,
    cache: Cache,
    scheduler: Scheduler,
    stream: Stream,
    jobs: Jobs,
    blobs: Blobs,
    webhooks: Webhooks,
    live: Live,
    journal: Journal,
    render: Render,
    credits: Credits,
    log: Log,
}
