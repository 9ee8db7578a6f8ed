//! `/v1/websub/{token}`: what hubs ask and deliver (W3C WebSub). No key is asked for: the token cannot be guessed, and
//! what is delivered bears a signature.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode, header};
use pagewire_engine::live::websub::NotVerified;
use pagewire_types::ProblemCode;

use crate::body::bytes_of;
use crate::edge::Edge;
use crate::problem::ApiError;

const X_HUB_SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature");

/// A hub asks whether a subscription was wanted, and is answered with its challenge if it was.
#[utoipa::path(
    get, path = "/v1/websub/{token}", tag = "sources",
    security(()),
    params(
        ("token" = String, Path, description = "As the hub was told"),
        ("hub.mode" = String, Query, description = "`subscribe`, `unsubscribe` or `denied`"),
        ("hub.topic" = String, Query, description = "The feed"),
        ("hub.challenge" = Option<String>, Query, description = "What is to be answered"),
        ("hub.lease_seconds" = Option<String>, Query, description = "How long the hub will deliver"),
    ),
    responses(
        (status = 200, description = "The challenge", content_type = "text/plain", body = String),
        (status = "4XX", description = "No such subscription was asked for", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn verify(
    State(edge): State<Arc<Edge>>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let challenge = edge.engine.verify_hub(&token, query.as_deref().unwrap_or_default()).map_err(unknown)?;
    // It is a stranger's text, and no browser is to take it for a page.
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, challenge).into_response())
}

/// A hub delivers what is new in a feed.
#[utoipa::path(
    post, path = "/v1/websub/{token}", tag = "sources",
    security(()),
    params(
        ("token" = String, Path, description = "As the hub was told"),
        ("X-Hub-Signature" = Option<String>, Header, description = "`method=hex`: the body's HMAC with the secret that the hub was told. What bears none that fits is passed over"),
    ),
    request_body(content = String, description = "The feed, or what is new of it", content_type = "application/xml"),
    responses(
        (status = 202, description = "It was taken, or passed over"),
        (status = "4XX", description = "Nothing is subscribed to here", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn deliver(
    State(edge): State<Arc<Edge>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    if !edge.engine.is_hub_callback(&token) {
        return Err(unknown(NotVerified));
    }
    let body = bytes_of(&headers, body).await?;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = text(header::CONTENT_TYPE).map(str::to_owned);
    edge.engine.take_delivery(&token, text(X_HUB_SIGNATURE), content_type, body).map_err(unknown)?;
    Ok(StatusCode::ACCEPTED)
}

fn unknown(error: NotVerified) -> ApiError {
    ApiError::new(ProblemCode::NotFound, error.to_string())
}
