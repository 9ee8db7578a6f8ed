//! What an attempt has to do with the page cache: whose pages are whose, and what of an answer is made anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use pagewire_types::{ScrapeOptions, TargetErrorCode, UrlEntry, WorkspaceId};

use super::{AttemptFailure, FailedAttempt, Scraper, permanent};
use crate::cache::{CachedPage, PageCache, PageKey, Reading, ReadingKey, Served};
use crate::envelope::{EnvelopeWriter, FetchFacts, Head};
use crate::passage::{Passages, Turn};
use crate::read::ReadFacts;
use crate::recipe::{self, Recipe};
use crate::render::{Acquired, Pictures};
use crate::source::Source;

/// Who waits for a fetch that others wait for as well gives up this much later than its fetch would have: the failure of the
/// fetch says more.
const LEADERS_START: Duration = Duration::from_millis(250);

/// The pages that a workspace has kept.
#[derive(Clone)]
pub(super) struct KeptPages {
    cache: PageCache,
    workspace: WorkspaceId,
}

/// A page, and what is kept of it.
pub(super) struct Came {
    pub(super) page: Arc<CachedPage>,
    pub(super) age: Option<Duration>,
    pub(super) pictures: Pictures,
    key: Option<PageKey>,
}

impl Came {
    /// A page that nothing is kept of.
    pub(super) fn of(page: Arc<CachedPage>, age: Option<Duration>) -> Self {
        Self { page, age, pictures: Pictures::default(), key: None }
    }

    fn reading_key(&self, recipe: [u8; 32]) -> Option<ReadingKey> {
        // What nobody has asked for again is not kept a second time.
        self.age?;
        Some(ReadingKey::new(self.key?, &self.page, recipe))
    }
}

impl Scraper {
    /// The same scraper for the requests of a workspace, whose pages are kept for it alone.
    pub(crate) fn of(&self, workspace: &WorkspaceId, cache: &PageCache) -> Self {
        let kept = match self.source {
            Source::Web(_) => Some(KeptPages { cache: cache.clone(), workspace: workspace.clone() }),
            // Its pages come from nowhere, and take no time.
            Source::Sandbox => None,
        };
        let passages = Passages { workspace: Some(workspace.clone()), ..self.passages.clone() };
        Self { kept, passages, ..self.clone() }
    }

    /// The page, kept or fetched.
    pub(super) async fn page(
        &self,
        entry: &UrlEntry,
        recipe: &Recipe,
        turn: &Turn<'_>,
        started: Instant,
    ) -> Result<Came, FailedAttempt> {
        let options = &recipe.options;
        let fetch = async |conditions| {
            let fetched = self.fetch(entry, recipe, turn, conditions, started);
            let (Acquired { response, shown, pictures }, passed) = fetched.await?;
            Ok((CachedPage::new(response, Timestamp::now(), passed, shown), pictures))
        };
        let Some((kept, key)) = self.key(entry, options, turn.attempts_before) else {
            let (page, pictures) = fetch(HeaderMap::new()).await?;
            return Ok(Came { page: Arc::new(page), age: None, pictures, key: None });
        };
        // Of what is kept no pictures are taken.
        let fetch = async |conditions| fetch(conditions).await.map(|(page, _)| page);
        let served = kept.cache.page(key, options.max_age, options.timeout, fetch);
        match tokio::time::timeout(options.timeout + LEADERS_START, served).await {
            Ok(served) => served.map(|Served { page, age }| Came { key: Some(key), ..Came::of(page, age) }),
            Err(_) => {
                let millis = options.timeout.as_millis();
                let message = format!(
                    "the page, which others have asked for at the same time, did not arrive within {millis} ms"
                );
                let mut failed = permanent(TargetErrorCode::Timeout, message);
                failed.kind = AttemptFailure::Network;
                failed.failure.retryable = true;
                Err(failed)
            }
        }
    }

    /// Appends the `data` object to the envelope: as it was read before, or read now.
    pub(super) async fn read_or_recall(
        &self,
        mut envelope: EnvelopeWriter,
        came: &Came,
        recipe: &Recipe,
    ) -> Result<(EnvelopeWriter, ReadFacts), FailedAttempt> {
        let kept = self.kept.as_ref().zip(came.reading_key(recipe.fingerprint));
        let Some((kept, key)) = kept else {
            return self.read(envelope, came.page.response(), recipe).await;
        };
        if let Some(reading) = kept.cache.reading(&key) {
            envelope.data().extend_from_slice(&reading.data);
            return Ok((envelope, reading.facts.clone().into()));
        }
        let start = envelope.len();
        let (envelope, facts) = self.read(envelope, came.page.response(), recipe).await?;
        // What was not done as asked, or has its price, is done anew.
        if facts.warnings.is_empty() && facts.credits == 0 {
            let data = Bytes::copy_from_slice(envelope.since(start));
            kept.cache.keep_reading(key, Reading { data, facts: facts.page.clone() });
        }
        Ok((envelope, facts))
    }

    /// The envelope of a page that is kept and was read in these words before: had without a wait, a fetch or a turn.
    pub(crate) fn at_hand(&self, entry: &UrlEntry, options: &ScrapeOptions) -> Option<Bytes> {
        let started = Instant::now();
        let (kept, key) = self.key(entry, options, 0)?;
        let Served { page, age } = kept.cache.at_hand(&key, options.max_age)?;
        let came = Came { key: Some(key), ..Came::of(page, age) };
        let reading = kept.cache.reading(&came.reading_key(recipe::fingerprint(options))?)?;
        let mut envelope = EnvelopeWriter::begin(&head_of(entry, &came.page), reading.data.len());
        envelope.data().extend_from_slice(&reading.data);
        let facts = FetchFacts {
            bytes: came.page.response().body.len() as u64,
            fetched_at: Some(came.page.fetched_at()),
            elapsed: started.elapsed(),
            attempts: 1,
            age,
            shown: came.page.shown().clone(),
            passed: came.page.passed().clone(),
            credits: 0,
        };
        let json = envelope.end(0, &reading.facts.clone().into(), &facts);
        (json.len() <= self.record_bytes_max).then_some(json)
    }

    fn key(
        &self,
        entry: &UrlEntry,
        options: &ScrapeOptions,
        attempts_before: u32,
    ) -> Option<(&KeptPages, PageKey)> {
        // What is archived is what was fetched for it.
        let kept = self.kept.as_ref().filter(|_| self.recorder.is_none())?;
        if !self.rendering.may_be_kept(options, attempts_before) {
            return None;
        }
        // The kind that this very attempt goes through: what an earlier one has failed to get is not what this one gets.
        let kind = self.passages.proxies.kind(options, attempts_before).ok()?;
        let key = PageKey::of(&kept.workspace, entry, options, kind, self.source.user_agent())?;
        Some((kept, key))
    }
}

/// What stands before the `data` of a page.
pub(super) fn head_of<'a>(entry: &'a UrlEntry, page: &'a CachedPage) -> Head<'a> {
    let response = page.response();
    Head {
        url: Some(entry.given()),
        final_url: Some(response.final_url.as_str()),
        http_status: Some(response.status.as_u16()),
        custom_id: entry.custom_id.as_deref(),
        metadata: entry.metadata.as_deref(),
    }
}
