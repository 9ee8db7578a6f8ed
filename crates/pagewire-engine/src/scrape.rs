//! One URL to one page: every door's only pipeline. Robots, fetch, extraction, envelope; one attempt, no retries, no
//! journal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pagewire_extract::{ExtractError, Facts, Input, Scan};
use pagewire_fetch::{Client, FailureKind, Request, Response, RobotsVerdict};
use pagewire_types::{Format, ProxyType, RobotsRule, TargetErrorCode, UrlEntry};
use tokio::sync::Semaphore;

use crate::envelope::{EnvelopeWriter, Failure, FetchFacts};
use crate::recipe::Recipe;

/// Bodies up to this size are scanned on the thread that fetched them: handing 64 KiB to another thread costs more
/// than the scan.
const SCAN_INLINE_BYTES_MAX: usize = 64 * 1024;

/// A page that became a record's JSON.
#[derive(Debug)]
pub struct Page {
    /// The envelope.
    pub json: Bytes,
    /// What it costs.
    pub credits: u32,
}

/// A failed attempt, and what it means for the next one.
#[derive(Debug)]
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
    /// Another attempt would end the same.
    Permanent,
}

/// Fetches and reads pages.
#[derive(Clone)]
pub struct Scraper {
    client: Client,
    parsing: Arc<Semaphore>,
    page_credits: u32,
    record_bytes_max: usize,
}

impl Scraper {
    /// A scraper that parses on as many threads as the machine has cores.
    #[must_use]
    pub fn new(client: Client, page_credits: u32, record_bytes_max: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { client, parsing: Arc::new(Semaphore::new(cores)), page_credits, record_bytes_max }
    }

    /// One attempt at one URL.
    pub async fn attempt(
        &self,
        entry: &UrlEntry,
        index: u32,
        attempts_before: u32,
        recipe: &Recipe,
    ) -> Result<Page, FailedAttempt> {
        let started = Instant::now();
        if recipe.options.proxy_type != ProxyType::None {
            let kind = recipe.options.proxy_type.as_str();
            return Err(permanent(
                TargetErrorCode::NoProxyAvailable,
                format!(
                    "no proxy of type `{kind}` is configured on this server; send `proxy_type: \"none\"`"
                ),
            ));
        }
        let response = self.fetch(entry, recipe, started).await?;
        let status = response.status.as_u16();
        if status >= 400 {
            return Err(http_error(&response));
        }
        // Escaping lengthens HTML by a few percent; other formats are far smaller than their page.
        let data_bytes = if recipe.options.formats.contains(Format::RawHtml) {
            response.body.len() + response.body.len() / 8
        } else {
            0
        };
        let envelope = EnvelopeWriter::begin(entry, response.final_url.as_str(), status, data_bytes);
        let (envelope, facts) = self.read(envelope, &response, recipe).await?;
        let json = envelope.end(
            index,
            &facts,
            &FetchFacts {
                bytes: response.body.len() as u64,
                elapsed: started.elapsed(),
                attempts: attempts_before + 1,
                credits: self.page_credits,
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
        Ok(Page { json, credits: self.page_credits })
    }

    async fn fetch(
        &self,
        entry: &UrlEntry,
        recipe: &Recipe,
        started: Instant,
    ) -> Result<Response, FailedAttempt> {
        let options = &recipe.options;
        if options.robots == RobotsRule::Respect {
            let asked = self.client.robots().allowed(&self.client, &entry.url, self.client.user_agent());
            let verdict = tokio::time::timeout(options.timeout, asked).await.map_err(|_| FailedAttempt {
                failure: Failure {
                    code: TargetErrorCode::Timeout,
                    message: format!(
                        "the site's robots.txt did not arrive within {} ms",
                        options.timeout.as_millis()
                    ),
                    http_status: None,
                    retryable: true,
                },
                kind: AttemptFailure::Network,
                retry_after: None,
            })?;
            if let RobotsVerdict::Disallowed { line } = verdict {
                return Err(permanent(
                    TargetErrorCode::RobotsDisallowed,
                    format!(
                        "the site's robots.txt disallows it (`{line}`); send `robots: \"ignore\"` if you have the site's leave"
                    ),
                ));
            }
        }
        let request = Request {
            url: entry.url.clone(),
            method: options.method.clone(),
            headers: options.headers.clone(),
            body: options.body.clone().map(Bytes::from),
            timeout: options.timeout.saturating_sub(started.elapsed()),
        };
        self.client.fetch(&request).await.map_err(|error| {
            let kind = match error.kind() {
                FailureKind::Network => AttemptFailure::Network,
                FailureKind::Permanent => AttemptFailure::Permanent,
            };
            FailedAttempt {
                failure: Failure {
                    code: error.code(),
                    message: error.to_string(),
                    http_status: None,
                    retryable: kind == AttemptFailure::Network,
                },
                kind,
                retry_after: None,
            }
        })
    }

    /// Appends the `data` object: inline where a scan of a small page will do, on the parsing threads otherwise.
    async fn read(
        &self,
        mut envelope: EnvelopeWriter,
        response: &Response,
        recipe: &Recipe,
    ) -> Result<(EnvelopeWriter, Facts), FailedAttempt> {
        if response.body.len() <= SCAN_INLINE_BYTES_MAX {
            let input =
                input_of(&response.body, response.content_type.as_deref(), response.final_url.as_url());
            match recipe.plan.scan(&input, envelope.data()) {
                Ok(Scan::Done(facts)) => return Ok((envelope, facts)),
                Ok(Scan::NeedsTree) => {}
                Err(error) => return Err(unreadable(&error)),
            }
        }
        let turn = self.parsing.clone().acquire_owned().await;
        let (plan, body) = (recipe.plan.clone(), response.body.clone());
        let (content_type, url) = (response.content_type.clone(), response.final_url.clone());
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let input = input_of(&body, content_type.as_deref(), url.as_url());
            let facts = plan.extract(&input, envelope.data());
            facts.map(|facts| (envelope, facts)).map_err(|error| unreadable(&error))
        })
        .await
        .unwrap_or_else(|error| {
            tracing::error!(%error, "reading a page panicked");
            Err(permanent(
                TargetErrorCode::UnsupportedContent,
                "the page could not be read: reading it failed in a way that is a fault of this server"
                    .to_owned(),
            ))
        })
    }
}

fn input_of<'a>(body: &'a [u8], content_type: Option<&'a str>, url: &'a url::Url) -> Input<'a> {
    Input { body, content_type, url }
}

fn unreadable(error: &ExtractError) -> FailedAttempt {
    permanent(error.code(), error.to_string())
}

fn permanent(code: TargetErrorCode, message: String) -> FailedAttempt {
    FailedAttempt {
        failure: Failure { code, message, http_status: None, retryable: false },
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
        },
        kind,
        retry_after: response.retry_after,
    }
}
