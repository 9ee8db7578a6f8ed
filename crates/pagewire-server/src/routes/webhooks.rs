//! `/v1/webhooks`: who is told of events, and by which secret he knows that it is so. A secret is in the answer that makes
//! it, and nowhere else.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use pagewire_types::{NewWebhook, ProblemCode, WebhookChange, WebhookId};

use crate::auth::{Authorized, MayReadWebhooks, MayWriteWebhooks};
use crate::body::JsonBody;
use crate::edge::Edge;
use crate::problem::ApiError;

/// Makes a webhook.
#[utoipa::path(
    post, path = "/v1/webhooks", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])),
    request_body(content = Object, description = "`url`; `events` (all where absent), `description`, `enabled`, `secret` (`whsec_…`, made where absent)"),
    responses(
        (status = 201, description = "The webhook; its `secret` is shown this once", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn create(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteWebhooks>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let webhook = edge.engine.create_webhook(&authorized.caller, NewWebhook::read(body)?).await?;
    let location = format!("/v1/webhooks/{}", webhook.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(webhook)).into_response())
}

/// The webhooks of the workspace, oldest first, without those of single jobs.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "webhooks",
    security(("bearer" = ["webhooks:read"])),
    responses((status = 200, description = "`webhooks`, without their secrets", content_type = "application/json", body = Object)),
)]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadWebhooks>,
) -> Result<Response, ApiError> {
    Ok(Json(edge.engine.webhooks(&authorized.caller).await?).into_response())
}

/// One webhook, also that of a single job.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", tag = "webhooks",
    security(("bearer" = ["webhooks:read"])),
    params(("id" = String, Path, description = "The webhook's id")),
    responses(
        (status = 200, description = "The webhook, without its secret", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn get(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadWebhooks>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let webhook = edge.engine.webhook(&authorized.caller, webhook_id(&id)?).await?;
    Ok(Json(webhook.ok_or_else(not_found)?).into_response())
}

/// Changes a webhook; what is absent stays. With `rotate_secret` the one before signs beside the new one for 24 hours.
#[utoipa::path(
    patch, path = "/v1/webhooks/{id}", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path, description = "The webhook's id")),
    request_body(content = Object, description = "Any of `url`, `events`, `description`, `enabled`, and `rotate_secret` with or without `secret`"),
    responses(
        (status = 200, description = "The webhook as it is now; a new `secret` is shown this once", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn change(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteWebhooks>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let (id, change) = (webhook_id(&id)?, WebhookChange::read(body)?);
    let webhook = edge.engine.change_webhook(&authorized.caller, id, change).await?;
    Ok(Json(webhook.ok_or_else(not_found)?).into_response())
}

/// Deletes a webhook with its deliveries.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path, description = "The webhook's id")),
    responses(
        (status = 204, description = "Deleted"),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn delete(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteWebhooks>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let was_there = edge.engine.delete_webhook(&authorized.caller, webhook_id(&id)?).await?;
    if was_there { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(not_found()) }
}

/// Sends a webhook a signed test now, and tells what came of it.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/test", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path, description = "The webhook's id")),
    responses(
        (status = 200, description = "`delivered`, and what the receiver answered or why it did not", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn test(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteWebhooks>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let tested = edge.engine.test_webhook(&authorized.caller, webhook_id(&id)?).await?;
    Ok(Json(tested.ok_or_else(not_found)?).into_response())
}

pub(super) fn webhook_id(text: &str) -> Result<WebhookId, ApiError> {
    text.parse().map_err(|_| not_found())
}

pub(super) fn not_found() -> ApiError {
    ApiError::new(ProblemCode::NotFound, "there is no such webhook")
}
