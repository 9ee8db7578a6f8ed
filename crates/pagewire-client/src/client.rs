//! The client: one server, one key, a pool of connections.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pagewire_types::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::backoff::{Backoff, RetryPolicy};
use crate::connector::Connector;
use crate::error::{ApiError, ClientError};
use crate::frames::Source;
use crate::stream::StreamEvents;

/// Who we are.
pub(crate) const AGENT: &str = concat!("pagewire-client/", env!("CARGO_PKG_VERSION"));

/// Bytes of a problem document.
const PROBLEM_BYTES_MAX: usize = 1 << 20;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const STREAM_ID: HeaderName = HeaderName::from_static("pagewire-stream-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Bytes of an answer that tells of jobs: a job of many parts has as many links.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What a request sends along.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A body that can be sent again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body(Bytes);

impl Body {
    pub(crate) fn json<B: Serialize + ?Sized>(body: &B) -> Result<Self, ClientError> {
        serde_json::to_vec(body).map(|text| Self(text.into())).map_err(ClientError::Body)
    }

    fn once(&self) -> RequestBody {
        Full::new(self.0.clone()).map_err(|never| match never {}).boxed_unsync()
    }
}

pub(crate) fn no_body() -> RequestBody {
    Body::default().once()
}

/// The client's bounds.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long a connection may take, and its TLS handshake.
    pub connect_timeout: Duration,
    /// How long a scrape may take, the server's retries included.
    pub scrape_timeout: Duration,
    /// How long any other answer may take, or a stream's to begin.
    pub open_timeout: Duration,
    /// How long an upload may take.
    pub upload_timeout: Duration,
    /// How long a stream may be silent; the server sends a comment every 30 s unless configured otherwise.
    pub idle_timeout: Duration,
    /// Cap on a page, and on one event of a stream.
    pub page_bytes_max: usize,
    /// When to try again.
    pub retry: RetryPolicy,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            scrape_timeout: Duration::from_secs(900),
            open_timeout: Duration::from_secs(60),
            upload_timeout: Duration::from_secs(3_600),
            idle_timeout: Duration::from_secs(95),
            page_bytes_max: 96 << 20,
            retry: RetryPolicy::default(),
        }
    }
}

/// The page envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Page(pub Value);

/// A server and the key to it. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    base: Url,
    authorization: HeaderValue,
    http: HyperClient<Connector, RequestBody>,
    options: ClientOptions,
}

/// Without the key.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the server at `base_url`, such as `http://127.0.0.1:7700`.
    pub fn new(base_url: &str, api_key: &str) -> Result<Self, ClientError> {
        Self::with_options(base_url, api_key, ClientOptions::default())
    }

    /// A client with bounds of its own.
    pub fn with_options(base_url: &str, api_key: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {api_key}")).map_err(|_| ClientError::Key)?;
        authorization.set_sensitive(true);
        let http = HyperClient::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(8)
            .pool_timer(TokioTimer::new())
            .build(Connector::new(options.connect_timeout)?);
        Ok(Self { base: base(base_url)?, authorization, http, options })
    }

    /// Fetches one page. The body is what `POST /v1/scrape` takes.
    pub async fn scrape<B: Serialize + ?Sized>(&self, body: &B) -> Result<Page, ClientError> {
        let body = Body::json(body)?;
        let timeout = self.options.scrape_timeout;
        let cap = self.options.page_bytes_max;
        let answer = self.until_taken(|| async {
            let request = self.request(Method::POST, "/v1/scrape", "application/json", &body)?;
            let whole = async { read(self.send(request).await?, cap).await };
            tokio::time::timeout(timeout, whole).await.map_err(|_| ClientError::Timeout(timeout))?
        });
        understood(&answer.await?, "the page").map(Page)
    }

    /// Fetches many pages, each as it finishes. The body is what `POST /v1/stream` takes.
    pub async fn stream<B: Serialize + ?Sized>(&self, body: &B) -> Result<StreamEvents, ClientError> {
        let body = Body::json(body)?;
        let answer = self.until_taken(|| async {
            self.open(self.request(Method::POST, "/v1/stream", "text/event-stream", &body)?).await
        });
        let answer = answer.await?;
        let id = answer.headers().get(&STREAM_ID).and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
        let id = id.ok_or_else(|| ClientError::Unreadable {
            what: format!("the answer has no {STREAM_ID}"),
            source: None,
        })?;
        Ok(StreamEvents::new(self.clone(), id, None, Some(answer.into_body())))
    }

    /// Takes up a stream that was begun before, after the event of that id or from its start.
    #[must_use]
    pub fn resume(&self, stream_id: &str, last_event_id: Option<String>) -> StreamEvents {
        StreamEvents::new(self.clone(), stream_id.to_owned(), last_event_id, None)
    }

    pub(crate) fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// One attempt at taking up an event stream.
    pub(crate) async fn reopen(&self, source: &Source, after: Option<&str>) -> Result<Incoming, ClientError> {
        let mut request =
            self.request(source.method.clone(), &source.path, "text/event-stream", &Body::default())?;
        if let Some(after) = after {
            request.headers_mut().insert(LAST_EVENT_ID, header_value(after, "an event's id")?);
        }
        Ok(self.open(request).await?.into_body())
    }

    /// Asks without a body, which may be asked again however the first time went.
    pub(crate) async fn tell<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        what: &str,
    ) -> Result<T, ClientError> {
        let answer = self.until(ClientError::passes, || async {
            self.whole(self.request(method.clone(), path, "application/json", &Body::default())?).await
        });
        understood(&answer.await?, what)
    }

    /// Posts. A request whose answer was lost is sent again only under a key that makes that safe.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Body,
        idempotency_key: Option<&str>,
        what: &str,
    ) -> Result<T, ClientError> {
        let key = idempotency_key.map(|key| header_value(key, "an idempotency key")).transpose()?;
        let again = if key.is_some() { ClientError::passes } else { ClientError::surely_undone };
        let answer = self.until(again, || async {
            let mut request = self.request(Method::POST, path, "application/json", &body)?;
            if let Some(key) = &key {
                request.headers_mut().insert(IDEMPOTENCY_KEY, key.clone());
            }
            self.whole(request).await
        });
        understood(&answer.await?, what)
    }

    /// Tries again as long as the server surely did nothing, within the policy's bounds.
    async fn until_taken<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        self.until(ClientError::surely_undone, attempt).await
    }

    /// Tries again after failures of that kind, within the policy's bounds.
    async fn until<T, F>(
        &self,
        again: fn(&ClientError) -> bool,
        attempt: impl Fn() -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut backoff = Backoff::new(self.options.retry);
        loop {
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !again(&error) {
                return Err(error);
            }
            match backoff.failed(error.retry_after()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        accept: &'static str,
        body: &Body,
    ) -> Result<Request<RequestBody>, ClientError> {
        let mut request = self.request_with(method, path, accept, body.once())?;
        if !body.0.is_empty() {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(request)
    }

    pub(crate) fn request_with(
        &self,
        method: Method,
        path: &str,
        accept: &'static str,
        body: RequestBody,
    ) -> Result<Request<RequestBody>, ClientError> {
        let uri = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(ACCEPT, accept)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(USER_AGENT, AGENT);
        request.body(body).map_err(|_| ClientError::BaseUrl(self.base.to_string()))
    }

    /// An answer, read to its end.
    async fn whole(&self, request: Request<RequestBody>) -> Result<Bytes, ClientError> {
        let timeout = self.options.open_timeout;
        let whole = async { read(self.send(request).await?, ANSWER_BYTES_MAX).await };
        tokio::time::timeout(timeout, whole).await.map_err(|_| ClientError::Timeout(timeout))?
    }

    /// A stream's answer, up to its head.
    pub(crate) async fn open(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, ClientError> {
        let timeout = self.options.open_timeout;
        tokio::time::timeout(timeout, self.send(request)).await.map_err(|_| ClientError::Timeout(timeout))?
    }

    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, ClientError> {
        let answer = self
            .http
            .request(request)
            .await
            .map_err(|source| ClientError::Unreachable { server: self.base.to_string(), source })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let retry_after = retry_after(answer.headers());
        let problem = match read(answer, PROBLEM_BYTES_MAX).await {
            Ok(body) => serde_json::from_slice(&body).unwrap_or_else(|_| unreadable_problem(status)),
            Err(_) => unreadable_problem(status),
        };
        let retry_after = retry_after.or(problem.retry_after_s.map(Duration::from_secs));
        Err(ApiError { status: status.as_u16(), problem: Box::new(problem), retry_after }.into())
    }
}

fn base(text: &str) -> Result<Url, ClientError> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    url.ok_or_else(|| ClientError::BaseUrl(text.chars().take(200).collect()))
}

fn header_value(text: &str, what: &str) -> Result<HeaderValue, ClientError> {
    HeaderValue::try_from(text).map_err(|_| ClientError::Unreadable {
        what: format!("{what} cannot stand in a header"),
        source: None,
    })
}

pub(crate) fn understood<T: DeserializeOwned>(answer: &[u8], what: &str) -> Result<T, ClientError> {
    serde_json::from_slice(answer)
        .map_err(|source| ClientError::Unreadable { what: what.to_owned(), source: Some(source) })
}

pub(crate) async fn read(answer: Response<Incoming>, bytes_max: usize) -> Result<Bytes, ClientError> {
    let limited = Limited::new(answer.into_body(), bytes_max);
    match limited.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ClientError::TooLarge(bytes_max)),
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(broken) => ClientError::Broken(*broken),
            Err(other) => ClientError::Unreadable { what: other.to_string(), source: None },
        }),
    }
}

/// Seconds only: this server sends no dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// What somebody between the server and us answered.
fn unreadable_problem(status: StatusCode) -> Problem {
    Problem {
        type_url: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Unknown status").to_owned(),
        status: status.as_u16(),
        detail: format!("{status}, without a problem document"),
        instance: None,
        code: "unreadable".to_owned(),
        retryable: status.is_server_error(),
        retry_after_s: None,
        trace_id: None,
        errors: Vec::new(),
        members: serde_json::Map::new(),
    }
}
