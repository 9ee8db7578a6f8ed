//! The client: one server, one key, a pool of connections.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pagewire_types::Problem;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::backoff::{Backoff, RetryPolicy};
use crate::connector::Connector;
use crate::error::{ApiError, ClientError};
use crate::stream::StreamEvents;

/// Bytes of a problem document.
const PROBLEM_BYTES_MAX: usize = 1 << 20;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const STREAM_ID: HeaderName = HeaderName::from_static("pagewire-stream-id");

/// The client's bounds.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long a connection may take, and its TLS handshake.
    pub connect_timeout: Duration,
    /// How long a scrape may take, the server's retries included.
    pub scrape_timeout: Duration,
    /// How long a stream's answer may take to begin.
    pub open_timeout: Duration,
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
    http: HyperClient<Connector, Full<Bytes>>,
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
        let body = json(body)?;
        let timeout = self.options.scrape_timeout;
        let cap = self.options.page_bytes_max;
        let answer = self.until_taken(|| async {
            let request = self.request(Method::POST, "/v1/scrape", "application/json", body.clone())?;
            let whole = async { read(self.send(request).await?, cap).await };
            tokio::time::timeout(timeout, whole).await.map_err(|_| ClientError::Timeout(timeout))?
        });
        serde_json::from_slice(&answer.await?)
            .map(Page)
            .map_err(|source| ClientError::Unreadable { what: "the page".to_owned(), source: Some(source) })
    }

    /// Fetches many pages, each as it finishes. The body is what `POST /v1/stream` takes.
    pub async fn stream<B: Serialize + ?Sized>(&self, body: &B) -> Result<StreamEvents, ClientError> {
        let body = json(body)?;
        let answer = self.until_taken(|| async {
            self.open(self.request(Method::POST, "/v1/stream", "text/event-stream", body.clone())?).await
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

    /// One attempt at taking up a stream.
    pub(crate) async fn reopen(&self, stream_id: &str, after: Option<&str>) -> Result<Incoming, ClientError> {
        let path = format!("/v1/stream/{stream_id}");
        let mut request = self.request(Method::POST, &path, "text/event-stream", Bytes::new())?;
        if let Some(after) = after {
            let value = HeaderValue::try_from(after).map_err(|_| ClientError::Unreadable {
                what: "an event's id cannot stand in a header".to_owned(),
                source: None,
            })?;
            request.headers_mut().insert(LAST_EVENT_ID, value);
        }
        Ok(self.open(request).await?.into_body())
    }

    /// Tries again as long as the server surely did nothing, within the policy's bounds.
    async fn until_taken<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut backoff = Backoff::new(self.options.retry);
        loop {
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !error.surely_undone() {
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
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let uri = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(ACCEPT, accept)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(USER_AGENT, concat!("pagewire-client/", env!("CARGO_PKG_VERSION")));
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(body)).map_err(|_| ClientError::BaseUrl(self.base.to_string()))
    }

    /// A stream's answer, up to its head.
    async fn open(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ClientError> {
        let timeout = self.options.open_timeout;
        tokio::time::timeout(timeout, self.send(request)).await.map_err(|_| ClientError::Timeout(timeout))?
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ClientError> {
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

fn json<B: Serialize + ?Sized>(body: &B) -> Result<Bytes, ClientError> {
    serde_json::to_vec(body).map(Bytes::from).map_err(ClientError::Body)
}

async fn read(answer: Response<Incoming>, bytes_max: usize) -> Result<Bytes, ClientError> {
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
