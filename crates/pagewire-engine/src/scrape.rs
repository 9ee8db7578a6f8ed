//! One URL to one page: every door's only pipeline. Robots, fetch, extraction, envelope; one attempt, no retries, no
//! journal.

mod again;
mod fetch;
mod kept;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pagewire_extract::{ExtractError, Unsatisfied};
use pagewire_fetch::Response;
use pagewire_types::{Format, TargetErrorCode, UrlEntry};
use serde_json::Value;

use crate::archive::Recorder;
use crate::envelope::{EnvelopeWriter, Failure, FetchFacts, Tried};
use crate::passage::{Passages, Passed, Turn};
use crate::pdf::PdfFault;
use crate::read::{Body, PageReader, PageWarning, ReadFacts, Unread};
use crate::recipe::Recipe;
use crate::render::{Rendering, append_pictures};
use crate::schedule::Scheduler;
use crate::session::SessionName;
use crate::source::Source;
use crate::turns::Turns;
use kept::{Came, KeptPages, head_of};

/// A page that became a record's JSON.
#[derive(Debug)]
pub struct Page {
    /// The envelope.
    pub json: Bytes,
    /// What it costs.
    pub credits: u32,
}

/// A failed attempt, and what it means for the next one.
#[derive(Debug, Clone)]
pub struct FailedAttempt {
    /// What the record would say.
    pub failure: Failure,
    /// What kind of failure it is, for the retry rule.
    pub kind: AttemptFailure,
    /// How long the target asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// Failures by what a retry can hope for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptFailure {
    /// No whole answer came.
    Network,
    /// The target answered with a 5xx status.
    ServerError,
    /// The target answered 429.
    TooManyRequests,
    /// The proxy failed, or none could be had for so long; the target was not asked.
    Proxy(Duration),
    /// The host has been dead for a while, and was not asked.
    HostDown,
    /// Another attempt would end the same.
    Permanent,
    /// It was no attempt: the host is to be asked at that time.
    Deferred(Instant),
}

impl AttemptFailure {
    /// Whether the target was asked for anything.
    pub(crate) fn was_asked(self) -> bool {
        !matches!(self, Self::Proxy(_) | Self::HostDown | Self::Deferred(_))
    }
}

impl FailedAttempt {
    /// The same, with how it went about the page.
    pub(crate) fn tried(mut self, passed: Passed, is_rendered: bool) -> Self {
        self.failure.tried = Some(Tried { passed, is_rendered });
        self
    }
}

/// Fetches and reads pages.
#[derive(Clone)]
pub struct Scraper {
    source: Source,
    passages: Passages,
    rendering: Rendering,
    reader: PageReader,
    scheduler: Arc<Scheduler>,
    kept: Option<KeptPages>,
    recorder: Option<Recorder>,
    page_credits: u32,
    record_bytes_max: usize,
}

impl Scraper {
    /// A scraper over a source and a reader.
    #[must_use]
    pub(crate) fn new(
        source: Source,
        passages: Passages,
        rendering: Rendering,
        reader: PageReader,
        scheduler: Arc<Scheduler>,
        page_credits: u32,
        record_bytes_max: usize,
    ) -> Self {
        Self {
            source,
            passages,
            rendering,
            reader,
            scheduler,
            kept: None,
            recorder: None,
            page_credits,
            record_bytes_max,
        }
    }

    /// The same scraper for one attempt, of which is recorded what comes.
    pub(crate) fn recorded(&self, recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), ..self.clone() }
    }

    /// The turns of what computes.
    pub(crate) fn turns(&self) -> &Turns {
        self.reader.turns()
    }

    /// Whether there is a proxy that an attempt may go through.
    pub(crate) fn goes_through_proxies(&self) -> bool {
        matches!(self.source, Source::Web(_)) && !self.passages.proxies.pools.is_empty()
    }

    /// Whether an attempt at a URL would not have to wait for a proxy.
    pub(crate) fn has_room(
        &self,
        entry: &UrlEntry,
        attempts_before: u32,
        recipe: &Recipe,
        session: Option<&SessionName>,
    ) -> bool {
        !self.goes_through_proxies()
            || self.passages.has_room(&entry.url, &recipe.options, attempts_before, session)
    }

    /// The name under which the scheduler knows a host.
    pub(crate) fn scheduled_host(&self, host: &str) -> Arc<str> {
        self.source.scheduled_host(host)
    }

    /// One attempt at one URL.
    pub(crate) async fn attempt(
        &self,
        entry: &UrlEntry,
        index: u32,
        recipe: &Recipe,
        turn: &Turn<'_>,
    ) -> Result<Page, FailedAttempt> {
        let started = Instant::now();
        let came = self.page(entry, recipe, turn, started).await?;
        let page = if came.page.response().status.as_u16() >= 400 {
            Err(http_error(came.page.response()))
        } else {
            self.page_of(entry, recipe, &came, (index, turn.attempts_before + 1), started).await
        };
        page.map_err(|failed| failed.tried(came.page.passed().clone(), came.page.shown().is_rendered))
    }

    /// Reads the page that came, and writes its envelope.
    async fn page_of(
        &self,
        entry: &UrlEntry,
        recipe: &Recipe,
        came: &Came,
        (index, attempts): (u32, u32),
        started: Instant,
    ) -> Result<Page, FailedAttempt> {
        let response = came.page.response();
        // Escaping lengthens HTML by a few percent; other formats are far smaller than their page.
        let data_bytes = if recipe.options.formats.contains(Format::RawHtml) {
            response.body.len() + response.body.len() / 8
        } else {
            0
        };
        let envelope = EnvelopeWriter::begin(&head_of(entry, &came.page), data_bytes);
        let (mut envelope, mut facts) = self.read_or_recall(envelope, came, recipe).await?;
        let (shown, passed) = (came.page.shown().clone(), came.page.passed().clone());
        append_pictures(envelope.data(), came.pictures.screenshot.as_ref(), &came.pictures.step_screenshots);
        facts.warnings.extend(PageWarning::of_refused_requests(shown.requests_refused));
        // What came from the cache has been paid for; what a model was asked has not.
        let of_page = match came.age {
            None => {
                let of_proxy = self.passages.proxies.credits.of(passed.kind());
                self.page_credits + of_proxy + self.rendering.credits_of(&shown)
            }
            Some(_) => 0,
        };
        let credits = of_page + facts.credits;
        let json = envelope.end(
            index,
            &facts,
            &FetchFacts {
                bytes: response.body.len() as u64,
                fetched_at: Some(came.page.fetched_at()),
                elapsed: started.elapsed(),
                attempts,
                age: came.age,
                shown,
                passed,
                credits,
            },
        );
        if json.len() > self.record_bytes_max {
            return Err(permanent(
                TargetErrorCode::BodyTooLarge,
                format!(
                    "the page makes a record of {} bytes, more than the {} that one event may have; ask for fewer formats",
                    json.len(),
                    self.record_bytes_max
                ),
            ));
        }
        Ok(Page { json, credits })
    }

    async fn read(
        &self,
        envelope: EnvelopeWriter,
        response: &Response,
        recipe: &Recipe,
    ) -> Result<(EnvelopeWriter, ReadFacts), FailedAttempt> {
        let body = Body {
            bytes: response.body.clone(),
            content_type: response.content_type.as_deref().map(Arc::from),
            base: Arc::new(response.final_url.as_url().clone()),
        };
        self.reader.read(envelope, &body, recipe).await.map_err(|unread| {
            let message = unread.to_string();
            match unread {
                Unread::Content(ExtractError::Unsatisfied(unsatisfied)) => {
                    self.extraction_invalid(unsatisfied, message)
                }
                Unread::Content(error) => permanent(error.code(), message),
                Unread::Pdf(fault) => unread_pdf(&fault),
                Unread::Panicked => permanent(TargetErrorCode::UnsupportedContent, message),
            }
        })
    }

    /// The data goes with the failure, unless no record could hold it.
    fn extraction_invalid(&self, mut unsatisfied: Box<Unsatisfied>, message: String) -> FailedAttempt {
        let fits = unsatisfied.data.to_string().len() <= self.record_bytes_max / 2;
        if !fits {
            unsatisfied.data = Value::Null;
        }
        let mut failed = permanent(TargetErrorCode::ExtractionInvalid, message);
        failed.failure.unsatisfied = Some(unsatisfied);
        failed
    }
}

/// A PDF ends the same another time, unless it was only too many that were read.
fn unread_pdf(fault: &PdfFault) -> FailedAttempt {
    let mut failed = permanent(fault.code(), fault.to_string());
    if *fault == PdfFault::Busy {
        failed.failure.retryable = true;
        failed.kind = AttemptFailure::Network;
    }
    failed
}

fn permanent(code: TargetErrorCode, message: String) -> FailedAttempt {
    FailedAttempt {
        failure: Failure {
            code,
            message,
            http_status: None,
            retryable: false,
            unsatisfied: None,
            tried: None,
        },
        kind: AttemptFailure::Permanent,
        retry_after: None,
    }
}

fn http_error(response: &Response) -> FailedAttempt {
    let status = response.status;
    let kind = match status.as_u16() {
        429 => AttemptFailure::TooManyRequests,
        500.. => AttemptFailure::ServerError,
        _ => AttemptFailure::Permanent,
    };
    FailedAttempt {
        failure: Failure {
            code: TargetErrorCode::HttpError,
            message: format!("the target answered {status}"),
            http_status: Some(status.as_u16()),
            retryable: kind != AttemptFailure::Permanent,
            unsatisfied: None,
            tried: None,
        },
        kind,
        retry_after: response.retry_after,
    }
}
