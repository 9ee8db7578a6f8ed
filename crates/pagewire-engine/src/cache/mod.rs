//! The page cache: pages that callers say may be a little old (`max_age_s`), and what was read from them.
//!
//! ```text
//! attempt ──> page ──┬─ young enough ──────────────────────────────────────────────────┬─> readings ──> envelope
//!                    └─ flight: one fetch (robots) for all that wait ─┬─ 304: the kept ─┤   (memory)
//!                                                                     └─ 200: a new one ┘
//! index: what is kept, by last use   memory: bodies that are in use   writer: a blob a page, behind the answers
//! ```
//!
//! What holds:
//! - **The key is what changes the answer**: workspace, URL, every header that the caller sends, the kind of proxy that
//!   this attempt goes through, the country asked for, what is asked of a browser, and the client's own user agent
//!   ([`PageKey`]). So `Vary` is kept by having nothing left to vary by; a page that
//!   varies by everything (`*`) is not kept.
//! - **Kept is a page that a caller asked to have kept**: one fetched by GET with a `max_age_s` above 0, answered 200, and
//!   not `no-store`. Errors are not kept.
//! - **A torn page is never served**: a blob is its page and a digest over all of it, and what does not match is no page.
//! - **Nothing is unbounded**: bytes of blobs, bytes of memory, bytes that wait to be written, flights (as many as fetches).
//! - **The cache is never waited for**: what it cannot write now it does not keep, and what it cannot read it fetches.

mod entry;
mod flight;
mod index;
mod key;
mod readings;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use pagewire_fetch::Response;
use pagewire_store::{BlobError, Blobs};
use pagewire_types::TargetErrorCode;
use quick_cache::sync::Cache;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::scrape::FailedAttempt;
pub(crate) use entry::CachedPage;
use flight::{Flights, Landed};
use index::Index;
pub(crate) use key::PageKey;
use readings::ByBytes;
pub(crate) use readings::{Reading, ReadingKey};
use writer::Writer;

/// Settings of the page cache, from the configuration.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// Bytes of pages that are kept; none where it is 0.
    pub bytes: u64,
    /// Bytes of pages, and of what was read from them, that stay in memory.
    pub memory_bytes: u64,
}

/// The largest part of the cache that one page may take.
const PAGE_SHARE_MAX: u64 = 8;
/// What a page is thought to have, to size the tables in memory.
const PAGE_BYTES_USUAL: u64 = 16 << 10;

/// The pages that are kept. Clones share them.
#[derive(Clone)]
pub(crate) struct PageCache {
    shared: Arc<Shared>,
}

struct Shared {
    blobs: Blobs,
    settings: CacheSettings,
    index: Index,
    pages: Cache<PageKey, Arc<CachedPage>, ByBytes>,
    readings: Cache<ReadingKey, Arc<Reading>, ByBytes>,
    flights: Flights,
    writer: Writer,
    /// Whether the index knows what earlier processes have kept.
    is_loaded: AtomicBool,
}

/// A page for an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) page: Arc<CachedPage>,
    /// How long ago the target last said that the page is so; none where this very attempt has fetched it.
    pub(crate) age: Option<Duration>,
}

impl PageCache {
    /// The cache over these blobs, which are nobody else's. Its tasks end with the token.
    pub(crate) fn new(
        blobs: Blobs,
        settings: CacheSettings,
        tasks: &TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let half = settings.memory_bytes / 2;
        let entries = usize::try_from(half / PAGE_BYTES_USUAL).unwrap_or(usize::MAX).max(16);
        let (writer, queue) = writer::queue();
        let cache = Self {
            shared: Arc::new(Shared {
                blobs,
                settings,
                index: Index::default(),
                pages: Cache::with_weighter(entries, half, ByBytes),
                readings: Cache::with_weighter(entries, half, ByBytes),
                flights: Flights::default(),
                writer,
                is_loaded: AtomicBool::new(false),
            }),
        };
        if settings.bytes > 0 {
            tasks.spawn(writer::run(cache.clone(), queue, shutdown));
        }
        cache
    }

    /// A page that is kept and no older than that, where it can be had without a wait.
    pub(crate) fn at_hand(&self, key: &PageKey, max_age: Duration) -> Option<Served> {
        let kept = self.shared.index.touch(key)?;
        let page = self.shared.pages.get(key)?;
        let age = kept.age(Timestamp::now())?;
        (age <= max_age).then_some(Served { page, age: Some(age) })
    }

    /// The page: the kept one where it is young enough; or what `fetch` brings, which all who want the same page at the
    /// same time wait for together. `fetch` is given the headers by which the target can say that the kept page still is
    /// what it has. `patience` is how long it may take: who has more of it than the one who fetched, and gave up, goes on.
    pub(crate) async fn page<F>(
        &self,
        key: PageKey,
        max_age: Duration,
        patience: Duration,
        fetch: impl Fn(HeaderMap) -> F,
    ) -> Result<Served, FailedAttempt>
    where
        F: Future<Output = Result<CachedPage, FailedAttempt>>,
    {
        if let Some(served) = self.kept(&key, max_age).await {
            return Ok(served);
        }
        loop {
            let flight = self.shared.flights.enter(key);
            let mut is_leader = false;
            let landed = flight
                .landing()
                .get_or_init(|| {
                    is_leader = true;
                    async {
                        let outcome = self.lead(key, max_age, &fetch).await;
                        // Whoever comes from now on looks at what is kept.
                        flight.close();
                        Landed { outcome, patience }
                    }
                })
                .await;
            match &landed.outcome {
                Err(failed)
                    if failed.failure.code == TargetErrorCode::Timeout && landed.patience < patience => {}
                Err(failed) => return Err(failed.clone()),
                Ok(served) => {
                    // Fetched once: for one of those who waited, and had from there by the others.
                    let age = if is_leader { served.age } else { Some(served.age.unwrap_or_default()) };
                    return Ok(Served { age, ..served.clone() });
                }
            }
        }
    }

    /// What was read from a page, if that is still the page.
    pub(crate) fn reading(&self, key: &ReadingKey) -> Option<Arc<Reading>> {
        self.shared.readings.get(key)
    }

    /// Keeps what was read from a page.
    pub(crate) fn keep_reading(&self, key: ReadingKey, reading: Reading) {
        self.shared.readings.insert(key, Arc::new(reading));
    }

    async fn lead<F>(
        &self,
        key: PageKey,
        max_age: Duration,
        fetch: &impl Fn(HeaderMap) -> F,
    ) -> Result<Served, FailedAttempt>
    where
        F: Future<Output = Result<CachedPage, FailedAttempt>>,
    {
        // Between the look before and the flight another may have landed.
        let old = match self.kept_of_any_age(&key).await {
            Some(served) if served.age.is_some_and(|age| age <= max_age) => return Ok(served),
            Some(served) => Some(served.page),
            None => None,
        };
        let conditions = old.as_deref().map(CachedPage::conditions).unwrap_or_default();
        let is_conditional = !conditions.is_empty();
        let mut page = fetch(conditions).await?;
        if page.response().status == StatusCode::NOT_MODIFIED && is_conditional {
            // A 304 of another resource, where a redirect leads elsewhere now, says nothing of this one.
            if let Some(page) = old.filter(|old| old.response().final_url == page.response().final_url) {
                self.shared.index.confirm(&key, Timestamp::now());
                return Ok(Served { page, age: Some(Duration::ZERO) });
            }
            // Should the page have to wait for its turn now, it is not asked for by what it is not.
            self.forget(&key);
            page = fetch(HeaderMap::new()).await?;
        }
        let page = Arc::new(page);
        if may_be_kept(page.response()) {
            self.keep(key, &page);
        } else {
            self.forget(&key);
        }
        Ok(Served { page, age: None })
    }

    async fn kept(&self, key: &PageKey, max_age: Duration) -> Option<Served> {
        self.kept_of_any_age(key).await.filter(|served| served.age.is_some_and(|age| age <= max_age))
    }

    /// The page as it is kept, from memory or from its blob.
    async fn kept_of_any_age(&self, key: &PageKey) -> Option<Served> {
        let shared = &self.shared;
        let indexed = shared.index.touch(key);
        if indexed.is_none() && (shared.is_loaded.load(Ordering::Acquire) || shared.settings.bytes == 0) {
            return None;
        }
        let page = match shared.pages.get(key).filter(|_| indexed.is_some()) {
            Some(page) => page,
            None => {
                let page = Arc::new(self.read(key).await?);
                if !shared.index.found(key, page.blob_bytes(), page.fetched_at()) {
                    return None;
                }
                shared.pages.insert(*key, page.clone());
                page
            }
        };
        let age = shared.index.touch(key)?.age(Timestamp::now())?;
        Some(Served { page, age: Some(age) })
    }

    async fn read(&self, key: &PageKey) -> Option<CachedPage> {
        let limit = usize::try_from(self.shared.settings.bytes).unwrap_or(usize::MAX);
        let read = match self.shared.blobs.read(&key.blob(), None).await {
            Ok(reader) => reader.bytes(limit).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(bytes) => {
                let page = CachedPage::decode(&bytes);
                if page.is_none() {
                    tracing::warn!(blob = %key.blob(), "a page of the cache is damaged; it is fetched again");
                    self.forget(key);
                }
                page
            }
            Err(error) => {
                if !matches!(error, BlobError::Missing(_)) {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a page of the cache could not be read; it is fetched again"
                    );
                }
                self.shared.index.remove(key);
                None
            }
        }
    }

    fn keep(&self, key: PageKey, page: &Arc<CachedPage>) {
        let shared = &self.shared;
        if shared.settings.bytes == 0 || page.blob_bytes() > shared.settings.bytes / PAGE_SHARE_MAX {
            return self.forget(&key);
        }
        if !shared.writer.write(key, page.clone()) {
            return self.forget(&key);
        }
        shared.index.insert(key, page.blob_bytes(), page.fetched_at());
        shared.pages.insert(key, page.clone());
    }

    fn forget(&self, key: &PageKey) {
        self.shared.pages.remove(key);
        if self.shared.index.remove(key) {
            self.shared.writer.delete(*key);
        }
    }
}

/// Whether the target lets its answer be kept, as far as that is the target's to say. How old a page may be is for the
/// caller, who names it: `max-age`, `Expires`, `no-cache` and `private` are for those who do not.
fn may_be_kept(response: &Response) -> bool {
    let says = |name: header::HeaderName, word: &str| {
        response.headers.get_all(name).iter().any(|value| {
            let value = value.to_str().unwrap_or_default();
            value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
        })
    };
    response.status == StatusCode::OK && !says(header::CACHE_CONTROL, "no-store") && !says(header::VARY, "*")
}

#[cfg(test)]
mod tests;
