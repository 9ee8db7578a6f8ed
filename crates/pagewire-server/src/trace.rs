//! The outermost layer: names each request, logs and counts it, and writes out its problem if it has one.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pagewire_engine::account::{RateState, WorkspaceAccount};
use pagewire_types::TraceId;
use tracing::Instrument as _;

use crate::problem::{self, ApiError};

const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a request is known by, and what was learned of its caller on the way in.
#[derive(Clone)]
pub struct RequestTrace {
    /// Its name.
    pub id: TraceId,
    answered: Arc<OnceLock<Answered>>,
}

/// The caller's standing, for the headers of the answer.
struct Answered {
    account: Arc<WorkspaceAccount>,
    rate: Option<RateState>,
}

impl RequestTrace {
    pub(crate) fn note_caller(&self, account: Arc<WorkspaceAccount>, rate: Option<RateState>) {
        // Once a request: the first extractor tells.
        let _ = self.answered.set(Answered { account, rate });
    }
}

impl<S: Sync> FromRequestParts<S> for RequestTrace {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Every route stands below the layer that puts it there.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(Self::new))
    }
}

impl RequestTrace {
    fn new() -> Self {
        Self::of(TraceId::generate())
    }

    fn of(id: TraceId) -> Self {
        Self { id, answered: Arc::default() }
    }
}

/// The layer.
pub(crate) async fn layer(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let trace = RequestTrace::of(incoming_id(request.headers()).unwrap_or_else(TraceId::generate));
    let id = trace.id.to_string();
    // The path alone: the query may hold a key.
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(trace.clone());

    let span = tracing::info_span!("request", trace_id = %id, %method, %path);
    let mut response = next.run(request).instrument(span.clone()).await;

    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let document = problem::document(&error, &path, &id);
        *response.body_mut() = Body::from(document);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    }
    let status = response.status();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(X_TRACE_ID, value.clone());
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(answered) = trace.answered.get() {
        write_standing(headers, answered);
    }

    let elapsed = started.elapsed();
    let labels = [("method", method.to_string()), ("route", route), ("status", status.as_u16().to_string())];
    metrics::counter!("pagewire_http_requests_total", &labels).increment(1);
    metrics::histogram!("pagewire_http_request_seconds").record(elapsed.as_secs_f64());
    span.in_scope(|| {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status = status.as_u16(), elapsed_ms, "answered");
    });
    response
}

/// A caller's own trace is kept: `traceparent` of W3C Trace Context, or this API's header.
fn incoming_id(headers: &HeaderMap) -> Option<TraceId> {
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    traceparent
        .and_then(|text| text.split('-').nth(1))
        .and_then(TraceId::parse)
        .or_else(|| headers.get(X_TRACE_ID)?.to_str().ok().and_then(TraceId::parse))
}

/// `RateLimit-Policy` and `RateLimit` as the IETF draft has them, and the connections of the workspace.
fn write_standing(headers: &mut HeaderMap, answered: &Answered) {
    let mut put = |name: &'static str, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    match (answered.account.rate.quota(), answered.rate) {
        (Some(quota), Some(state)) => {
            put("ratelimit-policy", format!("\"default\";q={quota};w=1"));
            put("ratelimit", format!("\"default\";r={};t=1", state.remaining));
        }
        (Some(quota), None) => {
            put("ratelimit-policy", format!("\"default\";q={quota};w=1"));
            put("ratelimit", "\"default\";r=0;t=1".to_owned());
        }
        (None, _) => put("ratelimit-policy", "\"unlimited\"".to_owned()),
    }
    let connections = &answered.account.connections;
    put("pagewire-concurrent-used", connections.used().to_string());
    put(
        "pagewire-concurrent-cap",
        connections.cap().map_or_else(|| "unlimited".to_owned(), |cap| cap.to_string()),
    );
}
