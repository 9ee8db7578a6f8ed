//! `POST /v1/scrape`: one URL, one page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use pagewire_types::ScrapeRequest;

use crate::auth::{Authorized, MayScrape};
use crate::body::JsonBody;
use crate::edge::Edge;
use crate::problem::ApiError;

/// Fetches one page and answers with its envelope.
#[utoipa::path(
    post, path = "/v1/scrape", tag = "scrape",
    security(("bearer" = ["scrape"])),
    request_body(content = Object, description = "`url` and scrape parameters"),
    responses(
        (status = 200, description = "The page envelope", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
        (status = 502, description = "A failure of the target", content_type = "application/problem+json", body = Object),
        (status = 504, description = "The target did not answer in time", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn scrape(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayScrape>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let request = ScrapeRequest::parse(body)?;
    let page = edge.engine.scrape(&authorized.caller, request).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], page).into_response())
}
