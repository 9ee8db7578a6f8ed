//! `POST /v1/parse`: a page that the caller has already, read as a fetched one is.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use pagewire_types::ParseRequest;

use crate::auth::{Authorized, MayScrape};
use crate::body::JsonBody;
use crate::edge::Edge;
use crate::problem::ApiError;

/// Reads a page that the caller brings and answers with its envelope; nothing is fetched.
///
/// Exactly one of `html` and `text` is the page; `content_type` says what it is where that is neither HTML nor plain text
/// (a feed, JSON). Relative links stand on the page's `<base>` and on `url`; without either they are left out.
///
/// The envelope is that of a scrape. What only a fetch could tell is there and empty: `http_status` and
/// `meta.fetched_at` are `null`, `meta.attempts` is 0, and so are `url` and `final_url` where no `url` was given. A page
/// costs what a fetched one costs.
#[utoipa::path(
    post, path = "/v1/parse", tag = "scrape",
    security(("bearer" = ["scrape"])),
    request_body(
        content = Object,
        description = "`html` or `text`, and optionally `url`, `content_type`, `formats`, `extract`, `extract_engine`, \
            `only_main_content`, `include_selectors`, `exclude_selectors`, `custom_id`, `metadata`",
    ),
    responses(
        (status = 200, description = "The page envelope", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
        (status = 503, description = "The server cannot take it now", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn parse(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayScrape>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let request = ParseRequest::parse(body)?;
    let page = edge.engine.parse(&authorized.caller, request).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], page).into_response())
}
