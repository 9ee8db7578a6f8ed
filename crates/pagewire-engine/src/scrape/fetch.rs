//! One fetch of an attempt: its way to the target, robots.txt, the page; and what each of them tells of the way.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use pagewire_fetch::{FailureKind, FetchError, RenderError, Request, RobotsVerdict};
use pagewire_types::{RobotsRule, TargetErrorCode, UrlEntry};

use super::{AttemptFailure, FailedAttempt, Scraper, permanent};
use crate::blocked;
use crate::passage::{Passage, Passed, Turn};
use crate::recipe::Recipe;
use crate::render::{Acquired, NotAcquired};
use crate::source::Source;

/// How long a page stands back that found more waiting for a browser than may: so many wait there that none stands idle.
const BROWSER_PAUSE: Duration = Duration::from_millis(100);

impl Scraper {
    /// The page as its target answers it, and what it came through.
    pub(super) async fn fetch(
        &self,
        entry: &UrlEntry,
        recipe: &Recipe,
        turn: &Turn<'_>,
        conditions: HeaderMap,
        started: Instant,
    ) -> Result<(Acquired, Passed), FailedAttempt> {
        let Source::Web(client) = &self.source else {
            if recipe.options.robots == RobotsRule::Respect {
                leave(self.source.robots(&entry.url).await)?;
            }
            let request = request(entry, recipe, conditions, started);
            let came = self.acquire(&Source::Sandbox, &request, recipe, turn, None).await;
            return came.map(|acquired| (acquired, Passed::default()));
        };
        let mut passage = self.passages.enter(&entry.url, &recipe.options, turn).await?;
        let (source, passed) = (Source::Web(passage.client(client, turn)), passage.passed());
        if recipe.options.robots == RobotsRule::Respect {
            let leave = self.leave(&source, entry, recipe, &mut passage).await;
            leave.map_err(|failed| failed.tried(passed.clone(), false))?;
        }
        let request = request(entry, recipe, conditions, started);
        let acquired = self.acquire(&source, &request, recipe, turn, Some(&mut passage)).await?;
        Ok((acquired, passed))
    }

    /// What robots.txt says. Where it asks for a delay, the page waits for its turn.
    async fn leave(
        &self,
        source: &Source,
        entry: &UrlEntry,
        recipe: &Recipe,
        passage: &mut Passage,
    ) -> Result<(), FailedAttempt> {
        let timeout = recipe.options.timeout;
        let Ok(verdict) = tokio::time::timeout(timeout, source.robots(&entry.url)).await else {
            return Err(passage.robots_too_late(&entry.url, timeout));
        };
        if let RobotsVerdict::Unreachable(why) = &verdict
            && let Some((fault, blame)) = why.proxy
        {
            passage.learn(Err(&FetchError::Proxy { fault, blame }));
        }
        if let Some(delay) = leave(verdict)? {
            let host = self.scheduled_host(entry.url.host());
            let too_early =
                |until| deferred(until, "the site's robots.txt asks for a delay between two requests");
            self.scheduler.crawl_turn(&host, delay).map_err(too_early)?;
        }
        Ok(())
    }

    /// The page, and what it tells of the way that it came by.
    async fn acquire(
        &self,
        source: &Source,
        request: &Request,
        recipe: &Recipe,
        turn: &Turn<'_>,
        mut passage: Option<&mut Passage>,
    ) -> Result<Acquired, FailedAttempt> {
        turn.asks();
        let recorded = self.recorder.as_ref().map(|recorder| source.recorded(recorder.recording()));
        let source = recorded.as_ref().unwrap_or(source);
        let acquired = self.rendering.acquire(source, request, &recipe.options, turn.attempts_before).await;
        if let (Some(recorder), Ok(acquired)) = (&self.recorder, &acquired) {
            recorder.came(&acquired.response, acquired.shown.is_rendered);
        }
        if let Some(passage) = &mut passage {
            match &acquired {
                Ok(Acquired { response, .. }) => passage.learn(Ok(response)),
                Err(NotAcquired::Fetch(error) | NotAcquired::Render(RenderError::Fetch(error))) => {
                    passage.learn(Err(error));
                }
                Err(NotAcquired::Render(RenderError::Load { .. } | RenderError::Timeout { .. })) => {
                    passage.doubt();
                }
                Err(NotAcquired::Render(_)) => {}
            }
        }
        let passed = || passage.as_ref().map(|passage| passage.passed()).unwrap_or_default();
        let acquired = acquired.map_err(|error| {
            let is_rendered = matches!(error, NotAcquired::Render(_));
            not_acquired(&error).tried(passed(), is_rendered)
        })?;
        match blocked::wall(&acquired.response) {
            Some(wall) => {
                let failed = blocked::failed(wall, acquired.response.status.as_u16());
                Err(failed.tried(passed(), acquired.shown.is_rendered))
            }
            None => Ok(acquired),
        }
    }
}

/// What the target is asked for, in the time that is left.
fn request(entry: &UrlEntry, recipe: &Recipe, conditions: HeaderMap, started: Instant) -> Request {
    let options = &recipe.options;
    let mut headers = options.headers.clone();
    headers.extend(conditions);
    Request {
        url: entry.url.clone(),
        method: options.method.clone(),
        headers,
        body: options.body.clone().map(Bytes::from),
        timeout: options.timeout.saturating_sub(started.elapsed()),
    }
}

fn not_acquired(error: &NotAcquired) -> FailedAttempt {
    if error.is_busy() {
        return deferred(Instant::now() + BROWSER_PAUSE, "no browser has room for the page");
    }
    let mut failed = permanent(error.code(), error.to_string());
    failed.kind = kind_of(error.code(), error.kind());
    failed.failure.retryable = failed.kind != AttemptFailure::Permanent;
    failed
}

fn kind_of(code: TargetErrorCode, kind: FailureKind) -> AttemptFailure {
    match kind {
        _ if code == TargetErrorCode::ProxyFailed => AttemptFailure::Proxy(Duration::ZERO),
        FailureKind::Network => AttemptFailure::Network,
        FailureKind::Permanent => AttemptFailure::Permanent,
    }
}

/// Not now: the place is given to others until then.
fn deferred(until: Instant, why: &str) -> FailedAttempt {
    let failed = permanent(TargetErrorCode::Timeout, why.to_owned());
    FailedAttempt { kind: AttemptFailure::Deferred(until), ..failed }
}

/// What robots.txt lets be fetched: the delay that it asks for. What stands in the way is told by what it is.
fn leave(verdict: RobotsVerdict) -> Result<Option<Duration>, FailedAttempt> {
    match verdict {
        RobotsVerdict::Allowed { crawl_delay } => Ok(crawl_delay),
        RobotsVerdict::Disallowed { line } => Err(permanent(
            TargetErrorCode::RobotsDisallowed,
            format!(
                "the site's robots.txt disallows it (`{line}`); send `robots: \"ignore\"` if you have the site's leave"
            ),
        )),
        RobotsVerdict::Unreachable(why) => {
            let message =
                format!("the site's robots.txt is not known, so the page was not asked for: {}", why.reason);
            let mut failed = permanent(why.code, message);
            failed.kind = kind_of(why.code, why.kind);
            failed.failure.retryable =
                failed.kind != AttemptFailure::Permanent || why.code == TargetErrorCode::RobotsDisallowed;
            Err(failed)
        }
    }
}
