//! How one attempt reaches its target: whether the target may be asked at all, through which proxy, with whose cookies;
//! and what is learned of both when it has ended.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pagewire_fetch::proxy::{NoProxy, Wish};
use pagewire_fetch::{Client, FetchError, Lease, Response};
use pagewire_types::{ProxyType, ScrapeOptions, TargetErrorCode, TargetUrl};

use crate::envelope::Failure;
use crate::proxies::{Proxies, sentence};
use crate::schedule::breaker::{Admitted, Breaker, Down, Reason};
use crate::scrape::{AttemptFailure, FailedAttempt};
use crate::session::{InSession, SessionName};

/// What decides on passages. Shared by all attempts.
#[derive(Debug, Clone)]
pub(crate) struct Passages {
    pub(crate) proxies: Proxies,
    pub(crate) breaker: Arc<Breaker>,
}

/// One attempt's way to its target.
#[derive(Debug)]
pub(crate) struct Passage {
    lease: Option<Lease>,
    /// The origin, as the breaker knows it.
    origin: String,
    /// How it was let through; none once it is known what came of it.
    admitted: Option<Admitted>,
    breaker: Arc<Breaker>,
}

/// What an attempt went through, for the page's `meta`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passed {
    pub(crate) proxy: Option<(ProxyType, Option<Arc<str>>)>,
}

/// One attempt at a URL: how many there were before, in which session it is, and in the end what it went through.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) attempts_before: u32,
    session: Option<&'a InSession>,
    passed: Mutex<Passed>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(attempts_before: u32, session: Option<&'a InSession>) -> Self {
        Self { attempts_before, session, passed: Mutex::default() }
    }

    pub(crate) fn went_through(&self, passed: Passed) {
        *self.passed.lock().unwrap_or_else(PoisonError::into_inner) = passed;
    }

    /// What it went through; nothing where it fetched nothing.
    pub(crate) fn passed(&self) -> Passed {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Passages {
    /// The way of an attempt; waits for a proxy that has room, within the attempt's time.
    pub(crate) async fn enter(
        &self,
        url: &TargetUrl,
        options: &ScrapeOptions,
        turn: &Turn<'_>,
    ) -> Result<Passage, FailedAttempt> {
        let session = turn.session.map(|session| &session.name);
        let kind = self.proxies.kind(options, turn.attempts_before).map_err(|_| unfit(options))?;
        let origin = url.as_url().origin().ascii_serialization();
        // What cannot be reached from here may be reached by a proxy.
        let origin = if kind == ProxyType::None { origin } else { format!("{origin} by proxy") };
        let admitted = self.breaker.admit(&origin, Instant::now()).map_err(|down| is_down(url, &down))?;
        let breaker = self.breaker.clone();
        let mut passage = Passage { lease: None, origin, admitted: Some(admitted), breaker };
        if kind != ProxyType::None {
            passage.lease = Some(self.lease(&wish(kind, url, options, session), options).await?);
        }
        Ok(passage)
    }

    /// Whether an attempt would find its proxy free.
    pub(crate) fn has_room(
        &self,
        url: &TargetUrl,
        options: &ScrapeOptions,
        attempts_before: u32,
        session: Option<&SessionName>,
    ) -> bool {
        match self.proxies.kind(options, attempts_before) {
            Ok(kind) => self.proxies.has_room(&wish(kind, url, options, session)),
            Err(_) => true,
        }
    }

    async fn lease(&self, wish: &Wish<'_>, options: &ScrapeOptions) -> Result<Lease, FailedAttempt> {
        let acquired = tokio::time::timeout(options.timeout, self.proxies.pools.acquire(wish)).await;
        match acquired {
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(NoProxy::Unfit)) => Err(unfit(options)),
            Ok(Err(resting @ NoProxy::Resting(wait))) => Err(no_proxy_now(&resting.to_string(), wait)),
            Err(_) => Err(no_proxy_now("all proxies that fit are busy", Duration::ZERO)),
        }
    }
}

fn wish<'a>(
    kind: ProxyType,
    url: &'a TargetUrl,
    options: &'a ScrapeOptions,
    session: Option<&SessionName>,
) -> Wish<'a> {
    Wish {
        kind,
        country: options.country.as_deref(),
        host: url.host(),
        session: session.map(SessionName::number),
    }
}

impl Passage {
    /// The client of this attempt.
    pub(crate) fn client(&self, client: &Client, turn: &Turn<'_>) -> Client {
        let mut own = match &self.lease {
            Some(lease) => client.by(lease.route().clone()),
            None => client.clone(),
        };
        if let Some(session) = turn.session {
            own = own.with_cookies(session.session.clone());
        }
        own
    }

    /// Takes in what came of it.
    pub(crate) fn learn(&mut self, came: Result<&Response, &FetchError>) {
        if let Some(lease) = &mut self.lease {
            lease.learn(came);
        }
        self.admitted = None;
        match came {
            Err(
                error @ (FetchError::Dns { .. }
                | FetchError::Connect { .. }
                | FetchError::Tls { .. }
                | FetchError::Timeout { .. }),
            ) => {
                let reason = Reason { code: error.code(), sentence: error.to_string() };
                self.breaker.not_reached(&self.origin, reason, Instant::now());
            }
            // The target was not asked, or broke off in the middle: it may be there or not.
            Err(
                FetchError::Proxy { .. }
                | FetchError::Blocked { .. }
                | FetchError::Request { .. }
                | FetchError::Exchange { .. }
                | FetchError::EndedEarly { .. },
            ) => self.breaker.not_tried(&self.origin),
            Ok(_) | Err(_) => self.breaker.reached(&self.origin),
        }
    }

    /// Something beside the fetch itself failed at the proxy.
    pub(crate) fn doubt(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.doubt();
        }
    }

    /// What was gone through.
    pub(crate) fn passed(&self) -> Passed {
        Passed { proxy: self.lease.as_ref().map(|lease| (lease.kind(), lease.country())) }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if self.admitted == Some(Admitted::AsTry) {
            self.breaker.not_tried(&self.origin);
        }
    }
}

impl Passed {
    /// The kind of proxy.
    pub(crate) fn kind(&self) -> ProxyType {
        self.proxy.as_ref().map_or(ProxyType::None, |(kind, _)| *kind)
    }
}

fn unfit(options: &ScrapeOptions) -> FailedAttempt {
    failed(
        TargetErrorCode::NoProxyAvailable,
        sentence(options.proxy_type, options.country.as_deref()),
        AttemptFailure::Permanent,
    )
}

fn no_proxy_now(why: &str, wait: Duration) -> FailedAttempt {
    failed(TargetErrorCode::ProxyFailed, format!("{why}; try again later"), AttemptFailure::Proxy(wait))
}

fn is_down(url: &TargetUrl, down: &Down) -> FailedAttempt {
    let Down { failures, last, wait } = down;
    let message = format!(
        "{} was not reached {failures} times in a row, so it is not asked for {} s; the last time: {}",
        url.host(),
        wait.as_secs() + 1,
        last.sentence
    );
    failed(last.code, message, AttemptFailure::HostDown)
}

fn failed(code: TargetErrorCode, message: String, kind: AttemptFailure) -> FailedAttempt {
    let retryable = kind != AttemptFailure::Permanent;
    FailedAttempt {
        failure: Failure { code, message, http_status: None, retryable, unsatisfied: None },
        kind,
        retry_after: None,
    }
}
