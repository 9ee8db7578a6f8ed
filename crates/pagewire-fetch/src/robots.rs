//! robots.txt of the targets (RFC 9309): fetched once for an origin, cached, and asked for a URL and an agent.
//!
//! What cannot be fetched decides as section 2.3.1 says: a 4xx allows all, a 5xx disallows all. Where no connection can
//! be made all is allowed, so that the fetch of the page tells of its own failure. The cache is bounded in entries and
//! in bytes; an origin is fetched once for all that wait for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use pagewire_types::TargetUrl;
use tokio::sync::OnceCell;
use url::Position;

use crate::{
    body::{BodyCaps, OverCap},
    client::{Caps, Client},
    error::{FailureKind, FetchError},
    message::{Request, origin},
};

/// What is read of a file (RFC 9309, section 2.5: at least 500 KiB).
const FILE_BYTES_MAX: u64 = 500 << 10;
/// Redirects followed (RFC 9309, section 2.3.1.2: at least five).
const REDIRECTS_MAX: u8 = 5;
/// What fetching a file may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an answer of the origin holds (RFC 9309, section 2.4: at most a day).
const ANSWER_TTL: Duration = Duration::from_secs(3600);
/// How long the lack of an answer holds.
const FAILURE_TTL: Duration = Duration::from_secs(60);
/// Origins in the cache.
const ORIGINS_MAX: usize = 4096;
/// Bytes of files in the cache.
const CACHE_BYTES_MAX: usize = 64 << 20;
/// Agents for which a file is kept parsed.
const AGENTS_MAX: usize = 8;

/// What the origin's robots.txt says of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RobotsVerdict {
    /// The URL may be fetched.
    Allowed {
        /// The delay between two fetches that the file asks for.
        crawl_delay: Option<Duration>,
    },
    /// The URL may not be fetched.
    Disallowed {
        /// The line of the file that says so, or what stands for it.
        line: String,
    },
}

/// The robots.txt files of a client's targets.
#[derive(Debug, Default)]
pub struct Robots {
    files: Mutex<HashMap<Box<str>, Slot>>,
}

/// An origin's place in the cache; its file may still be on the way.
#[derive(Debug, Clone)]
struct Slot {
    file: Arc<OnceCell<File>>,
    since: Instant,
}

#[derive(Debug)]
struct File {
    rules: Rules,
    until: Instant,
    parsed: Mutex<Vec<(Box<str>, Arc<robotxt::Robots>)>>,
}

#[derive(Debug)]
enum Rules {
    AllowAll,
    Unreachable,
    Text(Bytes),
}

impl Robots {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Whether `agent` (a product token, or a whole `User-Agent`) may fetch the URL; fetches the file if need be.
    pub async fn allowed(&self, client: &Client, url: &TargetUrl, agent: &str) -> RobotsVerdict {
        let slot = self.slot(origin(url));
        let file = slot.file.get_or_init(|| fetch(client, url)).await;
        file.verdict(url, product(agent))
    }

    /// The origin's place: the one that is there, unless its file is too old.
    fn slot(&self, origin: &str) -> Slot {
        let mut files = self.lock();
        let now = Instant::now();
        if let Some(slot) = files.get(origin)
            && slot.file.get().is_none_or(|file| now < file.until)
        {
            return slot.clone();
        }
        make_room(&mut files, now);
        let slot = Slot { file: Arc::new(OnceCell::new()), since: now };
        files.insert(origin.into(), slot.clone());
        slot
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Slot>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of what is too old, and of the oldest quarter where that is not enough.
fn make_room(files: &mut HashMap<Box<str>, Slot>, now: Instant) {
    let bytes: usize = files.values().map(Slot::bytes).sum();
    if files.len() < ORIGINS_MAX && bytes < CACHE_BYTES_MAX {
        return;
    }
    files.retain(|_, slot| slot.file.get().is_none_or(|file| now < file.until));
    let mut ages: Vec<Instant> = files.values().map(|slot| slot.since).collect();
    ages.sort_unstable();
    if let Some(oldest) = ages.get(ages.len() / 4).copied() {
        files.retain(|_, slot| slot.since > oldest);
    }
}

impl Slot {
    fn bytes(&self) -> usize {
        match self.file.get().map(|file| &file.rules) {
            Some(Rules::Text(text)) => text.len(),
            Some(Rules::AllowAll | Rules::Unreachable) | None => 0,
        }
    }
}

impl File {
    fn verdict(&self, url: &TargetUrl, agent: &str) -> RobotsVerdict {
        let text = match &self.rules {
            Rules::AllowAll => return RobotsVerdict::Allowed { crawl_delay: None },
            Rules::Unreachable => {
                let line =
                    "robots.txt could not be fetched: the site answered with a server error".to_owned();
                return RobotsVerdict::Disallowed { line };
            }
            Rules::Text(text) => text,
        };
        let robots = self.parsed(text, agent);
        let path = &url.as_url()[Position::BeforePath..Position::AfterQuery];
        if url.as_url().path() == "/robots.txt" || robots.is_allowed(path) {
            return RobotsVerdict::Allowed { crawl_delay: robots.crawl_delay() };
        }
        let pattern = robots.matching_rule(path).map_or("/", robotxt::Rule::pattern);
        RobotsVerdict::Disallowed { line: format!("Disallow: {pattern}") }
    }

    fn parsed(&self, text: &[u8], agent: &str) -> Arc<robotxt::Robots> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, robots)) = parsed.iter().find(|(name, _)| **name == *agent) {
            return Arc::clone(robots);
        }
        let robots = Arc::new(robotxt::Robots::parse(text, agent));
        if parsed.len() >= AGENTS_MAX {
            parsed.remove(0);
        }
        parsed.push((agent.into(), Arc::clone(&robots)));
        robots
    }
}

/// The product token of a `User-Agent`: `Pagewire` of `Pagewire/0.1 (+https://…)`.
fn product(agent: &str) -> &str {
    agent.split(['/', ' ']).next().unwrap_or(agent)
}

async fn fetch(client: &Client, url: &TargetUrl) -> File {
    let (rules, ttl) = match url.join("/robots.txt") {
        Ok(url) => {
            let caps = Caps {
                body: BodyCaps { wire: FILE_BYTES_MAX, unpacked: FILE_BYTES_MAX, over: OverCap::Cut },
                redirects: REDIRECTS_MAX,
            };
            match client.fetch_capped(&Request::get(url, FETCH_TIMEOUT), caps).await {
                Ok(response) if response.status.is_success() => (Rules::Text(response.body), ANSWER_TTL),
                Ok(response) if response.status.is_server_error() => (Rules::Unreachable, FAILURE_TTL),
                Ok(_) => (Rules::AllowAll, ANSWER_TTL),
                Err(error) => (Rules::AllowAll, failure_ttl(&error)),
            }
        }
        Err(_) => (Rules::AllowAll, FAILURE_TTL),
    };
    File { rules, until: Instant::now() + ttl, parsed: Mutex::default() }
}

fn failure_ttl(error: &FetchError) -> Duration {
    tracing::debug!(%error, "robots.txt could not be fetched");
    match error.kind() {
        FailureKind::Network => FAILURE_TTL,
        FailureKind::Permanent => ANSWER_TTL,
    }
}
