//! The configuration as the rest of the program sees it: typed, in range, complete.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use pagewire_engine::account::{CreditAllowance, Plan};
use pagewire_engine::cache::CacheSettings;
use pagewire_fetch::ResolverChoice;
use pagewire_journal::Durability;
use pagewire_types::{RobotsRule, SourceSpec, TargetUrl, WorkspaceId};

use super::blobs::BlobPlace;
use super::byte_size::ByteSize;
use super::live::Live;
use super::object_store::ObjectStore;
use super::proxies::ProxyPool;
use super::raw::{self, Raw};
use super::render::Render;

/// Waits between the tries of a delivery.
const RETRIES_MAX: usize = 50;

/// A setting whose value is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value}: must be {allowed}")]
pub(crate) struct Fault {
    /// Section and key.
    pub(crate) key: String,
    /// What was found.
    pub(crate) value: String,
    /// What is allowed.
    pub(crate) allowed: String,
}

/// The whole configuration.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    /// The HTTP edge.
    pub(crate) server: Server,
    /// How targets are fetched.
    pub(crate) fetch: Fetch,
    /// What one host may be asked.
    pub(crate) politeness: Politeness,
    /// What targets may be reached through.
    pub(crate) proxies: Vec<ProxyPool>,
    /// How much of the pages is kept.
    pub(crate) cache: CacheSettings,
    /// How much is done at once.
    pub(crate) scheduler: Scheduler,
    /// The bounds of a stream.
    pub(crate) stream: Stream,
    /// The bounds of jobs.
    pub(crate) jobs: Jobs,
    /// How webhooks are delivered.
    pub(crate) webhooks: Webhooks,
    /// What the live stream keeps, and how sources are watched.
    pub(crate) live: Live,
    /// The sources that the file declares.
    pub(crate) sources: Vec<(WorkspaceId, SourceSpec)>,
    /// How records are kept.
    pub(crate) journal: Journal,
    /// How what is not HTML is read, and by whom else fields are filled.
    pub(crate) extract: Extract,
    /// Where jobs may read their lists from.
    pub(crate) object_store: ObjectStore,
    /// `[blobs]`
    pub(crate) blobs: BlobPlace,
    /// Plans by name; `enterprise` is always among them.
    pub(crate) plans: BTreeMap<String, Plan>,
    /// The names of the plans that workspaces were given.
    pub(crate) workspaces: BTreeMap<WorkspaceId, String>,
    /// `[render]`
    pub(crate) render: Render,
    /// What things cost.
    pub(crate) credits: Credits,
    /// What is logged.
    pub(crate) log: Log,
}

/// `[server]`
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where state and journals are.
    pub(crate) data_dir: PathBuf,
    /// Connections open at once.
    pub(crate) connections_max: usize,
    /// How long a request's head may take.
    pub(crate) header_read_timeout: Duration,
    /// The kernel's send buffer of a connection.
    pub(crate) send_buffer: ByteSize,
    /// Whether event streams take their key from the query.
    pub(crate) api_key_in_query: bool,
    /// Where clients reach this server.
    pub(crate) public_url: Option<String>,
}

/// `[fetch]`
#[derive(Debug, Clone)]
pub(crate) struct Fetch {
    /// The `User-Agent` of requests that bring none.
    pub(crate) user_agent: String,
    /// Who this server is to a robots.txt.
    pub(crate) product: String,
    /// Ranges lifted from the target guard.
    pub(crate) allow_targets: Vec<IpNet>,
    /// Cap on a page over the wire.
    pub(crate) wire_bytes_max: ByteSize,
    /// Cap on a page unpacked.
    pub(crate) unpacked_bytes_max: ByteSize,
    /// Cap on an answer's headers.
    pub(crate) header_bytes_max: ByteSize,
    /// Redirects followed.
    pub(crate) redirects_max: u8,
    /// How long all addresses of a host may take.
    pub(crate) connect_timeout: Duration,
    /// How long a name may take.
    pub(crate) dns_timeout: Duration,
    /// Where names are looked up.
    pub(crate) resolver: ResolverChoice,
    /// Roots trusted beside the built-in ones.
    pub(crate) extra_roots_pem: Option<PathBuf>,
}

/// `[politeness]`
#[derive(Debug, Clone)]
pub(crate) struct Politeness {
    /// Requests at once to a host.
    pub(crate) requests_per_host_max: u32,
    /// The least time between two.
    pub(crate) delay: Duration,
    /// The longest rest that a `Retry-After` is granted.
    pub(crate) rest_max: Duration,
    /// Failures in a row after which a host is not asked for a while.
    pub(crate) host_failures_max: u32,
    /// What robots.txt means where a request says nothing.
    pub(crate) robots: RobotsRule,
    /// The longest delay between two requests that a robots.txt is granted.
    pub(crate) crawl_delay_max: Duration,
}

/// `[scheduler]`
#[derive(Debug, Clone)]
pub(crate) struct Scheduler {
    /// Fetches at once.
    pub(crate) fetches_max: usize,
    /// Runs at once.
    pub(crate) runs_max: usize,
}

/// `[stream]`
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    /// How long a stream without a reader is kept.
    pub(crate) resume_window: Duration,
    /// The longest that a stream goes on.
    pub(crate) wall_time: Duration,
    /// Between two comments on an idle connection.
    pub(crate) ping: Duration,
    /// Cap on one event.
    pub(crate) event_bytes_max: ByteSize,
    /// Bytes finished and unsent before a stream pauses.
    pub(crate) unwritten_bytes_max: ByteSize,
}

/// `[jobs]`
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    /// Jobs under way at once.
    pub(crate) under_way_max: usize,
    /// The longest that one goes on.
    pub(crate) wall_time: Duration,
    /// How long ended ones are kept.
    pub(crate) keep: Duration,
}

/// `[webhooks]`
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    /// How long one try may take.
    pub(crate) attempt_timeout: Duration,
    /// How long is waited after each try that fails.
    pub(crate) retry_delays: Vec<Duration>,
    /// Tries at once.
    pub(crate) at_once: usize,
}

/// `[journal]`
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    /// What a record survives before it is shown.
    pub(crate) durability: Durability,
    /// The oldest that a record gets before its commit.
    pub(crate) commit_interval: Duration,
    /// Where a segment ends.
    pub(crate) segment_bytes: ByteSize,
    /// The hot tail of each journal.
    pub(crate) ring_bytes: ByteSize,
    /// How long the records of an ended run are kept.
    pub(crate) keep_runs: Duration,
}

/// `[extract]`
#[derive(Debug, Clone)]
pub(crate) struct Extract {
    /// `[extract.pdf]`
    pub(crate) pdf: Pdf,
    /// `[extract.llm]`, where there is a model.
    pub(crate) llm: Option<Llm>,
}

/// `[extract.llm]`
#[derive(Debug, Clone)]
pub(crate) struct Llm {
    /// Where chat completions are.
    pub(crate) completions: TargetUrl,
    /// The model's name there.
    pub(crate) model: String,
    /// The variable of the environment that holds the key.
    pub(crate) api_key_env: Option<String>,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
    /// Bytes of a page that it is shown.
    pub(crate) input_bytes_max: usize,
    /// Tokens of an answer.
    pub(crate) tokens_max: u32,
    /// How sure a field must be, from 0 to 1.
    pub(crate) confidence_min: f64,
    /// Questions at once.
    pub(crate) at_once: usize,
    /// What an answer costs.
    pub(crate) credits: u32,
}

/// `[extract.pdf]`
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pdf {
    /// How long one may take.
    pub(crate) timeout: Duration,
    /// The largest that is read.
    pub(crate) bytes_max: usize,
    /// The address space of the process that reads one.
    pub(crate) memory_bytes_max: u64,
    /// How many are read at once.
    pub(crate) at_once: usize,
}

/// `[credits]`
#[derive(Debug, Clone)]
pub(crate) struct Credits {
    /// A page.
    pub(crate) page: u32,
    /// Rendering it.
    pub(crate) render: u32,
    /// A data-centre proxy.
    pub(crate) proxy_datacenter: u32,
    /// A residential proxy.
    pub(crate) proxy_residential: u32,
    /// A mobile proxy.
    pub(crate) proxy_mobile: u32,
}

/// `[log]`
#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// A level or filters.
    pub(crate) level: String,
    /// How lines look.
    pub(crate) format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// For programs.
    Json,
}

impl Checked {
    /// Judges what was written, and names every fault at once.
    pub(super) fn of(raw: &Raw) -> Result<Self, Vec<Fault>> {
        let mut judge = Judge::default();
        let object_store = judge.object_store(&raw.object_store);
        let live = judge.live(&raw.live);
        let checked = Self {
            server: judge.server(&raw.server),
            fetch: judge.fetch(&raw.fetch),
            politeness: judge.politeness(&raw.politeness),
            proxies: judge.proxies(&raw.proxies),
            cache: judge.cache(&raw.cache),
            scheduler: judge.scheduler(&raw.scheduler),
            stream: judge.stream(&raw.stream),
            jobs: judge.jobs(&raw.jobs),
            webhooks: judge.webhooks(&raw.webhooks),
            sources: judge.sources(&raw.sources, &live),
            live,
            journal: judge.journal(&raw.journal),
            extract: Extract { pdf: judge.pdf(&raw.extract.pdf), llm: judge.llm(&raw.extract.llm) },
            blobs: judge.blobs(&raw.blobs, &object_store),
            object_store,
            plans: raw.plans.iter().map(|(name, plan)| (name.clone(), judge.plan(name, plan))).collect(),
            workspaces: judge.workspaces(raw),
            render: judge.render(&raw.render),
            credits: judge.credits(&raw.credits),
            log: judge.log(&raw.log),
        };
        if judge.faults.is_empty() { Ok(checked) } else { Err(judge.faults) }
    }
}

/// Collects faults. A value at fault is replaced by something harmless, which never leaves [`Checked::of`].
#[derive(Default)]
pub(super) struct Judge {
    faults: Vec<Fault>,
}

impl Judge {
    pub(super) fn fault(&mut self, key: &str, value: impl std::fmt::Display, allowed: impl Into<String>) {
        self.faults.push(Fault { key: key.to_owned(), value: value.to_string(), allowed: allowed.into() });
    }

    pub(super) fn whole<N: TryFrom<i64> + Default>(
        &mut self,
        key: &str,
        value: Option<i64>,
        min: i64,
        max: i64,
    ) -> N {
        let allowed = || format!("a whole number from {min} to {max}");
        let Some(value) = value else {
            self.fault(key, "(nothing)", allowed());
            return N::default();
        };
        let converted = (min..=max).contains(&value).then(|| N::try_from(value).ok()).flatten();
        converted.unwrap_or_else(|| {
            self.fault(key, value, allowed());
            N::default()
        })
    }

    pub(super) fn seconds(&mut self, key: &str, value: Option<i64>, min: i64, max: i64) -> Duration {
        Duration::from_secs(self.whole(key, value, min, max))
    }

    pub(super) fn millis(&mut self, key: &str, value: Option<i64>, min: i64, max: i64) -> Duration {
        Duration::from_millis(self.whole(key, value, min, max))
    }

    pub(super) fn bytes(&mut self, key: &str, value: Option<ByteSize>, min: u64, max: u64) -> ByteSize {
        let shown = value.map_or_else(|| "(nothing)".to_owned(), |size| size.to_string());
        match value {
            Some(size) if (min..=max).contains(&size.0) => size,
            _ => {
                self.fault(key, shown, format!("an amount from {} to {}", ByteSize(min), ByteSize(max)));
                ByteSize(min)
            }
        }
    }

    fn parsed<T: std::str::FromStr>(&mut self, key: &str, value: Option<&str>, allowed: &str) -> Option<T> {
        let text = value.unwrap_or("(nothing)");
        let parsed = value.and_then(|text| text.parse().ok());
        if parsed.is_none() {
            self.fault(key, format!("{text:?}"), allowed);
        }
        parsed
    }

    fn one_of<T: Copy>(&mut self, key: &str, value: Option<&str>, choices: [(&str, T); 2]) -> T {
        let found = value.and_then(|text| choices.iter().find(|(name, _)| *name == text));
        if let Some((_, choice)) = found {
            return *choice;
        }
        let [(first, fallback), (second, _)] = choices;
        self.fault(key, format!("{:?}", value.unwrap_or_default()), format!("{first:?} or {second:?}"));
        fallback
    }

    fn path(&mut self, key: &str, value: Option<&str>) -> PathBuf {
        let path = value.unwrap_or_default();
        if path.is_empty() {
            self.fault(key, "\"\"", "a path");
        }
        PathBuf::from(path)
    }

    fn server(&mut self, raw: &raw::Server) -> Server {
        let listen = self.parsed(
            "server.listen",
            raw.listen.as_deref(),
            "an address and a port, such as \"127.0.0.1:7700\" or \"[::]:7700\"",
        );
        if raw.api_key_in_query.is_none() {
            self.fault("server.api_key_in_query", "(nothing)", "true or false");
        }
        Server {
            listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            data_dir: self.path("server.data_dir", raw.data_dir.as_deref()),
            connections_max: self.whole("server.connections_max", raw.connections_max, 1, 1_000_000),
            header_read_timeout: self.seconds(
                "server.header_read_timeout_s",
                raw.header_read_timeout_s,
                1,
                300,
            ),
            send_buffer: self.bytes("server.send_buffer_bytes", raw.send_buffer_bytes, 4 << 10, 16 << 20),
            api_key_in_query: raw.api_key_in_query.unwrap_or_default(),
            public_url: self.public_url(raw.public_url.as_deref().unwrap_or_default()),
        }
    }

    fn public_url(&mut self, text: &str) -> Option<String> {
        let is_base = |text: &str| {
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
        };
        if !text.is_empty() && !is_base(text) {
            let allowed = "empty, or a URL such as \"https://pagewire.example.com\"";
            self.fault("server.public_url", format!("{text:?}"), allowed);
        }
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }

    fn cache(&mut self, raw: &raw::Cache) -> CacheSettings {
        CacheSettings {
            bytes: self.bytes("cache.bytes", raw.bytes, 0, 1 << 44).0,
            memory_bytes: self.bytes("cache.memory_bytes", raw.memory_bytes, 1 << 20, 64 << 30).0,
        }
    }

    fn jobs(&mut self, raw: &raw::Jobs) -> Jobs {
        Jobs {
            under_way_max: self.whole("jobs.under_way_max", raw.under_way_max, 1, 1_000),
            wall_time: self.hours("jobs.wall_time_h", raw.wall_time_h, 1, 168),
            keep: self.hours("jobs.keep_h", raw.keep_h, 1, 8_760),
        }
    }

    fn webhooks(&mut self, raw: &raw::Webhooks) -> Webhooks {
        let delays = raw.retry_delays_s.as_deref().unwrap_or_default();
        if delays.len() > RETRIES_MAX {
            let allowed = format!("a list of at most {RETRIES_MAX} waits");
            self.fault("webhooks.retry_delays_s", format!("{} waits", delays.len()), allowed);
        }
        let key = "webhooks.retry_delays_s";
        Webhooks {
            attempt_timeout: self.seconds("webhooks.attempt_timeout_s", raw.attempt_timeout_s, 1, 60),
            retry_delays: delays.iter().map(|wait| self.seconds(key, Some(*wait), 0, 604_800)).collect(),
            at_once: self.whole("webhooks.at_once", raw.at_once, 2, 10_000),
        }
    }

    fn hours(&mut self, key: &str, value: Option<i64>, min: i64, max: i64) -> Duration {
        let hours: u32 = self.whole(key, value, min, max);
        Duration::from_secs(u64::from(hours) * 3_600)
    }

    fn fetch(&mut self, raw: &raw::Fetch) -> Fetch {
        let product = raw.product.clone().unwrap_or_default();
        let user_agent = self.user_agent(raw, &product);
        let mut allow_targets = Vec::new();
        for text in raw.allow_targets.iter().flatten() {
            let range: Option<IpNet> = self.parsed(
                "fetch.allow_targets",
                Some(text),
                "a list of ranges such as \"10.0.0.0/8\" or \"::1/128\"",
            );
            allow_targets.extend(range);
        }
        let roots = raw.extra_roots_pem.as_deref().filter(|path| !path.is_empty());
        Fetch {
            user_agent,
            product,
            allow_targets,
            wire_bytes_max: self.bytes("fetch.wire_bytes_max", raw.wire_bytes_max, 1 << 10, 1 << 30),
            unpacked_bytes_max: self.bytes(
                "fetch.unpacked_bytes_max",
                raw.unpacked_bytes_max,
                1 << 10,
                1 << 30,
            ),
            header_bytes_max: self.bytes("fetch.header_bytes_max", raw.header_bytes_max, 1 << 10, 1 << 20),
            redirects_max: self.whole("fetch.redirects_max", raw.redirects_max, 0, 50),
            connect_timeout: self.millis("fetch.connect_timeout_ms", raw.connect_timeout_ms, 100, 120_000),
            dns_timeout: self.millis("fetch.dns_timeout_ms", raw.dns_timeout_ms, 100, 120_000),
            resolver: self.one_of(
                "fetch.resolver",
                raw.resolver.as_deref(),
                [("hickory", ResolverChoice::Hickory), ("system", ResolverChoice::System)],
            ),
            extra_roots_pem: roots.map(PathBuf::from),
        }
    }

    /// The header as it is given, or made of the product token and the contact URL.
    fn user_agent(&mut self, raw: &raw::Fetch, product: &str) -> String {
        let is_token = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-');
        if product.is_empty() || product.len() > 64 || !product.bytes().all(is_token) {
            // RFC 9309, section 2.2.1.
            self.fault("fetch.product", format!("{product:?}"), "1 to 64 letters, `_` and `-`");
        }
        let contact = raw.contact_url.as_deref().unwrap_or_default();
        let leads_somewhere =
            ["https://", "http://", "mailto:"].iter().any(|scheme| contact.starts_with(scheme));
        let plain = contact.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'(' | b')'));
        if !contact.is_empty() && (contact.len() > 256 || !leads_somewhere || !plain) {
            let allowed = "empty, or a URL such as \"https://example.com/bot\" or \"mailto:bot@example.com\"";
            self.fault("fetch.contact_url", format!("{contact:?}"), allowed);
        }
        let given = raw.user_agent.as_deref().unwrap_or_default();
        let visible = given.bytes().all(|b| (0x20..0x7f).contains(&b));
        // Who reads the header in a log looks for the name by which robots.txt can refuse it.
        let says_who = given.to_ascii_lowercase().contains(&product.to_ascii_lowercase());
        if given.len() > 512 || !visible || !(given.is_empty() || says_who) {
            let allowed = format!(
                "empty, or at most 512 visible ASCII characters with the product token, {product:?}, in them"
            );
            self.fault("fetch.user_agent", format!("{given:?}"), allowed);
        }
        match (given, contact) {
            ("", "") => format!("{product}/{}", env!("CARGO_PKG_VERSION")),
            ("", contact) => format!("{product}/{} (+{contact})", env!("CARGO_PKG_VERSION")),
            (given, _) => given.to_owned(),
        }
    }

    fn politeness(&mut self, raw: &raw::Politeness) -> Politeness {
        Politeness {
            crawl_delay_max: self.seconds("politeness.crawl_delay_max_s", raw.crawl_delay_max_s, 0, 3_600),
            requests_per_host_max: self.whole(
                "politeness.requests_per_host_max",
                raw.requests_per_host_max,
                1,
                10_000,
            ),
            delay: self.millis("politeness.delay_ms", raw.delay_ms, 0, 600_000),
            rest_max: self.seconds("politeness.rest_max_s", raw.rest_max_s, 0, 86_400),
            host_failures_max: self.whole(
                "politeness.host_failures_max",
                raw.host_failures_max,
                0,
                1_000_000,
            ),
            robots: self.one_of(
                "politeness.robots",
                raw.robots.as_deref(),
                [("respect", RobotsRule::Respect), ("ignore", RobotsRule::Ignore)],
            ),
        }
    }

    fn scheduler(&mut self, raw: &raw::Scheduler) -> Scheduler {
        Scheduler {
            fetches_max: self.whole("scheduler.fetches_max", raw.fetches_max, 1, 65_536),
            runs_max: self.whole("scheduler.runs_max", raw.runs_max, 1, 100_000),
        }
    }

    fn stream(&mut self, raw: &raw::Stream) -> Stream {
        Stream {
            resume_window: self.seconds("stream.resume_window_s", raw.resume_window_s, 1, 86_400),
            wall_time: self.seconds("stream.wall_time_s", raw.wall_time_s, 1, 604_800),
            ping: self.seconds("stream.ping_s", raw.ping_s, 1, 300),
            event_bytes_max: self.bytes("stream.event_bytes_max", raw.event_bytes_max, 64 << 10, 32 << 20),
            unwritten_bytes_max: self.bytes(
                "stream.unwritten_bytes_max",
                raw.unwritten_bytes_max,
                1 << 20,
                1 << 30,
            ),
        }
    }

    fn journal(&mut self, raw: &raw::Journal) -> Journal {
        let hours: u64 = self.whole("journal.keep_runs_h", raw.keep_runs_h, 1, 8_760);
        Journal {
            durability: self.one_of(
                "journal.durability",
                raw.durability.as_deref(),
                [("full", Durability::Full), ("normal", Durability::Process)],
            ),
            commit_interval: self.millis("journal.commit_interval_ms", raw.commit_interval_ms, 0, 1_000),
            segment_bytes: self.bytes("journal.segment_bytes", raw.segment_bytes, 1 << 20, 4 << 30),
            ring_bytes: self.bytes("journal.ring_bytes", raw.ring_bytes, 64 << 10, 1 << 30),
            keep_runs: Duration::from_secs(hours * 3_600),
        }
    }

    fn pdf(&mut self, raw: &raw::Pdf) -> Pdf {
        let bytes = self.bytes("extract.pdf.bytes_max", raw.bytes_max, 1 << 10, 1 << 30);
        let memory = self.bytes("extract.pdf.memory_bytes_max", raw.memory_bytes_max, 128 << 20, 64 << 30);
        Pdf {
            timeout: self.millis("extract.pdf.timeout_ms", raw.timeout_ms, 100, 120_000),
            bytes_max: usize::try_from(bytes.0).unwrap_or(usize::MAX),
            memory_bytes_max: memory.0,
            at_once: self.whole("extract.pdf.at_once", raw.at_once, 1, 1_000),
        }
    }

    fn llm(&mut self, raw: &raw::Llm) -> Option<Llm> {
        let endpoint = raw.endpoint.as_deref().unwrap_or_default().trim_end_matches('/');
        let model = raw.model.clone().unwrap_or_default();
        let key = raw.api_key_env.clone().filter(|name| !name.is_empty());
        // What begins so is a setting, and a setting of no name that is known is refused.
        if let Some(name) = key.as_ref().filter(|name| name.starts_with("PAGEWIRE_") || name.contains('=')) {
            self.fault(
                "extract.llm.api_key_env",
                name,
                "the name of a variable that does not begin with PAGEWIRE_",
            );
        }
        let percent: u32 =
            self.whole("extract.llm.confidence_min_percent", raw.confidence_min_percent, 0, 100);
        let input = self.bytes("extract.llm.input_bytes_max", raw.input_bytes_max, 1 << 10, 16 << 20);
        let timeout = self.millis("extract.llm.timeout_ms", raw.timeout_ms, 100, 110_000);
        let tokens_max = self.whole("extract.llm.max_tokens", raw.max_tokens, 1, 1_000_000);
        let at_once = self.whole("extract.llm.at_once", raw.at_once, 1, 1_000);
        let credits = self.whole("extract.llm.credits", raw.credits, 0, 10_000);
        if endpoint.is_empty() {
            return None;
        }
        if model.is_empty() {
            self.fault("extract.llm.model", "\"\"", "the model's name, where there is an endpoint");
        }
        let Ok(completions) = TargetUrl::parse(&format!("{endpoint}/chat/completions")) else {
            let allowed = "a base URL such as \"https://api.example.com/v1\", or empty for no model";
            self.fault("extract.llm.endpoint", format!("{endpoint:?}"), allowed);
            return None;
        };
        Some(Llm {
            completions,
            model,
            api_key_env: key,
            timeout,
            input_bytes_max: usize::try_from(input.0).unwrap_or(usize::MAX),
            tokens_max,
            confidence_min: f64::from(percent) / 100.0,
            at_once,
            credits,
        })
    }

    fn plan(&mut self, name: &str, raw: &raw::Plan) -> Plan {
        let key = |field: &str| format!("plans.{name}.{field}");
        let limit = |judge: &mut Self, field: &str, value: Option<i64>| {
            Some(judge.whole::<u32>(&key(field), value.or(Some(0)), 0, 1_000_000)).filter(|n| *n > 0)
        };
        let credits = |judge: &mut Self, field: &str, value: Option<i64>| {
            Some(judge.whole::<u64>(&key(field), value.or(Some(0)), 0, i64::MAX)).filter(|n| *n > 0)
        };
        let total = credits(self, "credits_total", raw.credits_total);
        let per_day = credits(self, "credits_per_day", raw.credits_per_day);
        let allowance = match (total, per_day) {
            (None, None) => CreditAllowance::Unlimited,
            (Some(total), None) => CreditAllowance::InAll(total),
            (None, Some(per_day)) => CreditAllowance::PerDay(per_day),
            (Some(total), Some(_)) => {
                self.fault(&key("credits_total"), total, "absent or 0 where credits_per_day is given");
                CreditAllowance::Unlimited
            }
        };
        Plan {
            requests_per_s: limit(self, "requests_per_s", raw.requests_per_s),
            burst_percent: self.whole(&key("burst_percent"), raw.burst_percent.or(Some(0)), 0, 1_000),
            connections_max: limit(self, "connections_max", raw.connections_max),
            credits: allowance,
        }
    }

    fn workspaces(&mut self, raw: &Raw) -> BTreeMap<WorkspaceId, String> {
        let mut given = BTreeMap::new();
        for (name, plan) in &raw.workspaces {
            let key = format!("workspaces.{name}");
            if !raw.plans.contains_key(plan) {
                let plans: Vec<&str> = raw.plans.keys().map(String::as_str).collect();
                self.fault(&key, format!("{plan:?}"), format!("one of the plans: {}", plans.join(", ")));
            }
            match name.parse() {
                Ok(workspace) => {
                    given.insert(workspace, plan.clone());
                }
                Err(_) => {
                    let allowed =
                        "under the name of a workspace: `[a-z0-9][a-z0-9_-]*`, at most 64 characters";
                    self.fault(&key, format!("{plan:?}"), allowed);
                }
            }
        }
        given
    }

    fn credits(&mut self, raw: &raw::Credits) -> Credits {
        Credits {
            page: self.whole("credits.page", raw.page, 0, 10_000),
            render: self.whole("credits.render", raw.render, 0, 10_000),
            proxy_datacenter: self.whole("credits.proxy_datacenter", raw.proxy_datacenter, 0, 10_000),
            proxy_residential: self.whole("credits.proxy_residential", raw.proxy_residential, 0, 10_000),
            proxy_mobile: self.whole("credits.proxy_mobile", raw.proxy_mobile, 0, 10_000),
        }
    }

    fn log(&mut self, raw: &raw::Log) -> Log {
        let level = raw.level.clone().unwrap_or_default();
        if tracing_subscriber::EnvFilter::try_new(&level).is_err() || level.is_empty() {
            self.fault(
                "log.level",
                format!("{level:?}"),
                "a level such as \"info\", or filters such as \"info,hyper=warn\"",
            );
        }
        let format = match raw.format.as_deref() {
            Some("auto") => LogFormat::Auto,
            Some("human") => LogFormat::Human,
            Some("json") => LogFormat::Json,
            other => {
                let found = format!("{:?}", other.unwrap_or_default());
                self.fault("log.format", found, "\"auto\", \"human\" or \"json\"");
                LogFormat::Auto
            }
        };
        Log { level, format }
    }
}
