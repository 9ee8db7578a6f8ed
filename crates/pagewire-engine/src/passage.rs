//! How one attempt reaches its target: whether the target may be asked at all, through which proxy, with whose cookies;
//! and what is learned of both when it has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pagewire_fetch::proxy::{Blame, NoProxy, ProxyFault, Wish};
use pagewire_fetch::{Client, FetchError, Lease, Response};
use pagewire_types::{ProxyType, ScrapeOptions, TargetErrorCode, TargetUrl, WorkspaceId};

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
    /// Whose attempts these are.
    pub(crate) workspace: Option<WorkspaceId>,
}

/// One attempt's way to its target.
#[derive(Debug)]
pub(crate) struct Passage {
    lease: Option<Lease>,
    origin: Origin,
    /// How it was let through; none once it is known what came of it.
    admitted: Option<Admitted>,
    breaker: Arc<Breaker>,
}

/// A target's origin, as the breaker knows it.
#[derive(Debug)]
struct Origin {
    /// For all: who does not connect does so for nobody.
    shared: String,
    /// For one workspace: how soon an answer comes too late is for its requests to say, and nobody else's affair.
    own: String,
}

/// What a page came through, or was to come through; never which proxy it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passed {
    /// The kind of proxy, and where it stands if that is known.
    pub(crate) proxy: Option<(ProxyType, Option<Arc<str>>)>,
}

/// One attempt at a URL: how many there were before, in which session it is, and whether it has asked the target.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) attempts_before: u32,
    session: Option<&'a InSession>,
    has_asked: AtomicBool,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(attempts_before: u32, session: Option<&'a InSession>) -> Self {
        Self { attempts_before, session, has_asked: AtomicBool::new(false) }
    }

    /// The page is asked for from now on.
    pub(crate) fn asks(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
    }

    /// Whether the page was asked for: not where it was kept, or where another fetched it.
    pub(crate) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
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
        let origin = self.origin(url, kind);
        let wished = || Passed::through(kind, options.country.as_deref().map(Arc::from));
        let admitted = self.admit(&origin).map_err(|down| is_down(url, &down).tried(wished(), false))?;
        let breaker = self.breaker.clone();
        let mut passage = Passage { lease: None, origin, admitted: Some(admitted), breaker };
        if kind != ProxyType::None {
            let lease = self.lease(&wish(kind, url, options, session), options).await;
            passage.lease = Some(lease.map_err(|failed| failed.tried(wished(), false))?);
        }
        Ok(passage)
    }

    fn origin(&self, url: &TargetUrl, kind: ProxyType) -> Origin {
        let shared = url.as_url().origin().ascii_serialization();
        // What cannot be reached from here may be reached by a proxy.
        let shared = if kind == ProxyType::None { shared } else { format!("{shared} by proxy") };
        let workspace = self.workspace.as_ref().map_or("", WorkspaceId::as_str);
        let own = format!("{shared} for {workspace}");
        Origin { shared, own }
    }

    fn admit(&self, origin: &Origin) -> Result<Admitted, Down> {
        let now = Instant::now();
        let shared = self.breaker.admit(&origin.shared, now)?;
        match self.breaker.admit(&origin.own, now) {
            Ok(Admitted::Freely) => Ok(shared),
            Ok(Admitted::AsTry) => Ok(Admitted::AsTry),
            Err(down) => {
                if shared == Admitted::AsTry {
                    self.breaker.not_tried(&origin.shared);
                }
                Err(down)
            }
        }
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
            // By proxy it is often the target that does not answer; where the proxy is to blame, others reach the target.
            Err(
                error @ (FetchError::Dns { .. }
                | FetchError::Connect { .. }
                | FetchError::Tls { .. }
                | FetchError::Proxy { fault: ProxyFault::TargetUnreached(_), blame: Blame::Either }),
            ) => self.not_reached(error, &self.origin.shared, &self.origin.own),
            Err(error @ FetchError::Timeout { .. }) => {
                self.not_reached(error, &self.origin.own, &self.origin.shared);
            }
            // The target was not asked, for all that is known where a proxy says nothing; or it broke off in the middle. It may
            // be there or not.
            Err(
                FetchError::Proxy { .. }
                | FetchError::Blocked { .. }
                | FetchError::Request { .. }
                | FetchError::Exchange { .. }
                | FetchError::EndedEarly { .. },
            ) => self.not_tried(),
            Ok(_) | Err(_) => {
                self.breaker.reached(&self.origin.shared);
                self.breaker.reached(&self.origin.own);
            }
        }
    }

    /// The origin was not reached, as far as `told` is concerned; `other` is none the wiser.
    fn not_reached(&self, error: &FetchError, told: &str, other: &str) {
        let reason = Reason { code: error.code(), sentence: error.to_string() };
        self.breaker.not_reached(told, reason, Instant::now());
        self.breaker.not_tried(other);
    }

    fn not_tried(&self) {
        self.breaker.not_tried(&self.origin.shared);
        self.breaker.not_tried(&self.origin.own);
    }

    /// The site's robots.txt did not arrive in the attempt's time: who is silent is the proxy, where it was being dialled,
    /// or else the site.
    pub(crate) fn robots_too_late(&mut self, url: &TargetUrl, after: Duration) -> FailedAttempt {
        let is_dialling = self.lease.as_ref().is_some_and(|lease| lease.route().is_dialling());
        let (error, kind) = if is_dialling {
            let error = FetchError::Proxy { fault: ProxyFault::Silent, blame: Blame::Either };
            (error, AttemptFailure::Proxy(Duration::ZERO))
        } else {
            (FetchError::Timeout { host: url.host().to_owned(), after }, AttemptFailure::Network)
        };
        self.learn(Err(&error));
        let millis = after.as_millis();
        let message = format!("the site's robots.txt did not arrive within {millis} ms: {error}");
        failed(error.code(), message, kind)
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
            self.not_tried();
        }
    }
}

impl Passed {
    /// A proxy of that kind, which stands there; none of the kind that is none.
    pub(crate) fn through(kind: ProxyType, country: Option<Arc<str>>) -> Self {
        Self { proxy: (kind != ProxyType::None).then_some((kind, country)) }
    }

    /// The kind of proxy.
    #[must_use]
    pub fn kind(&self) -> ProxyType {
        self.proxy.as_ref().map_or(ProxyType::None, |(kind, _)| *kind)
    }

    /// Where it stands, if there is one and that is known.
    #[must_use]
    pub fn country(&self) -> Option<&str> {
        self.proxy.as_ref().and_then(|(_, country)| country.as_deref())
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
        failure: Failure { code, message, http_status: None, retryable, unsatisfied: None, tried: None },
        kind,
        retry_after: None,
    }
}
