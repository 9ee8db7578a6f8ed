//! `POST /v1/stream`: up to 10,000 URLs, each page as it finishes; and taking up a stream where it broke off.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use pagewire_engine::Attachment;
use pagewire_types::{ProblemCode, RunId, StreamRequest};

use crate::auth::{Authorized, MayReadStreams, MayStream};
use crate::body::JsonText;
use crate::edge::Edge;
use crate::observe::{response, resume};
use crate::problem::ApiError;
use crate::trace::RequestTrace;

/// Starts a stream. The answer is an event stream: `page`, `error`, `progress`, `warning`, and `end` at the end.
#[utoipa::path(
    post, path = "/v1/stream", tag = "stream",
    security(("bearer" = ["stream:write"])),
    request_body(content = Object, description = "`urls`, `concurrency`, and scrape parameters"),
    responses(
        (status = 200, description = "Server-Sent Events, or NDJSON by `Accept`", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn start(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayStream>,
    trace: RequestTrace,
    headers: HeaderMap,
    JsonText(body): JsonText,
) -> Result<Response, ApiError> {
    let request = StreamRequest::parse(&body)?;
    drop(body);
    let held = authorized.connect()?;
    let attachment = edge.engine.start_stream(&authorized.caller, request, trace.id.to_string()).await?;
    Ok(answer(&edge, &authorized, &headers, attachment, held))
}

/// Takes a stream up after `Last-Event-ID`, or from its start.
#[utoipa::path(
    post, path = "/v1/stream/{id}", tag = "stream",
    security(("bearer" = ["stream:write"])),
    params(("id" = String, Path, description = "The stream's id"), ("Last-Event-ID" = Option<String>, Header, description = "The last event that the client has")),
    responses(
        (status = 200, description = "What came after that event, and what is still to come", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn resume(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayStream>,
    trace: RequestTrace,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    take_up(&edge, &authorized, trace, &id, &headers).await
}

/// The same for EventSource, which can only GET.
#[utoipa::path(
    get, path = "/v1/stream/{id}", tag = "stream",
    security(("bearer" = ["stream:read", "stream:write"])),
    params(("id" = String, Path, description = "The stream's id"), ("Last-Event-ID" = Option<String>, Header, description = "The last event that the client has")),
    responses(
        (status = 200, description = "What came after that event, and what is still to come", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn resume_by_get(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadStreams>,
    trace: RequestTrace,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    take_up(&edge, &authorized, trace, &id, &headers).await
}

async fn take_up<S>(
    edge: &Edge,
    authorized: &Authorized<S>,
    trace: RequestTrace,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let after = resume::run_position(headers)?;
    let id = RunId::parse_stream_id(id)
        .map_err(|_| ApiError::new(ProblemCode::NotFound, "there is no such stream"))?;
    let held = authorized.connect()?;
    let attachment = edge.engine.resume_stream(&authorized.caller, id, after, trace.id.to_string()).await?;
    Ok(answer(edge, authorized, headers, attachment, held))
}

fn answer<S>(
    edge: &Edge,
    authorized: &Authorized<S>,
    headers: &HeaderMap,
    attachment: Attachment,
    held: pagewire_engine::account::ConnectionPermit,
) -> Response {
    let id = attachment.run().id();
    let mut response = response::answer(edge, authorized, headers, held, attachment);
    for (name, value) in [
        ("pagewire-stream-id", id.stream_id()),
        ("pagewire-job-id", id.job_id()),
        ("location", format!("/v1/stream/{}", id.stream_id())),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
