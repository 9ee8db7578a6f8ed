//! `GET /v1/events`: how the jobs of a workspace move and end.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use http::HeaderMap;
use pagewire_types::ProblemCode;
use serde::Deserialize;

use crate::auth::{Authorized, MayReadEvents};
use crate::edge::Edge;
use crate::observe::{response, resume};
use crate::problem::ApiError;

/// There is nothing to ask for but, where there is no header, by which key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    // Looked at where keys are.
    #[serde(rename = "api_key")]
    _api_key: Option<String>,
}

/// Reads along with all jobs of the workspace: `job:progress`, `job:completed`, `job:failed`. It never ends by itself.
#[utoipa::path(
    get, path = "/v1/events", tag = "jobs",
    security(("bearer" = ["events:read"])),
    params(("Last-Event-ID" = Option<String>, Header, description = "The last event that the client has; from now on where absent")),
    responses(
        (status = 200, description = "Server-Sent Events, or NDJSON by `Accept`", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn events(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadEvents>,
    query: Result<Query<EventsQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    query.map_err(|error| ApiError::new(ProblemCode::InvalidFilter, error.body_text()))?;
    let after = resume::last_event_id(&headers)?.map(|position| position.0);
    let held = authorized.connect()?;
    let watch = edge.engine.watch_workspace(&authorized.caller, after).await?;
    Ok(response::answer(&edge, &authorized, &headers, held, watch))
}
