//! `/v1/webhooks/{id}/deliveries` and `/v1/deliveries`: what has become of what webhooks are told, and sending it again.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use pagewire_engine::DeliveryFilter;
use pagewire_types::{DeliveryId, DeliveryStatus, FieldError, Problem, ProblemCode};
use serde::Deserialize;

use crate::auth::{Authorized, MayReadWebhooks, MayWriteWebhooks};
use crate::edge::Edge;
use crate::problem::ApiError;
use crate::routes::webhooks::{not_found, webhook_id};

/// Deliveries of one page, and how many where nobody says.
const PAGE_MAX: u32 = 100;
const PAGE_DEFAULT: u32 = 50;

/// Which deliveries to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    status: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// The deliveries to a webhook, the newest first, each with what came of its tries.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/deliveries", tag = "webhooks",
    security(("bearer" = ["webhooks:read"])),
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("status" = Option<String>, Query, description = "`pending`, `delivered` or `dead`"),
        ("limit" = Option<u32>, Query, description = "1 to 100, 50 where absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of deliveries, and `next_cursor`", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadWebhooks>,
    Path(id): Path<String>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) =
        query.map_err(|error| ApiError::new(ProblemCode::ValidationFailed, error.body_text()))?;
    let filter = DeliveryFilter {
        status: query.status.as_deref().map(read_status).transpose()?,
        limit: query.limit.as_deref().map_or(Ok(PAGE_DEFAULT), read_limit)?,
        before: query
            .cursor
            .map(|cursor| cursor.parse::<DeliveryId>().map_err(|_| bad_cursor()))
            .transpose()?,
    };
    let page = edge.engine.deliveries(&authorized.caller, webhook_id(&id)?, filter).await?;
    Ok(Json(page.ok_or_else(not_found)?).into_response())
}

/// Sends a delivery once more, under the same id, with all its tries before it.
#[utoipa::path(
    post, path = "/v1/deliveries/{id}/replay", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path, description = "The delivery's id, which is the `webhook-id` of its requests")),
    responses(
        (status = 202, description = "The delivery, which is due now", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn replay(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteWebhooks>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let no_such = || ApiError::new(ProblemCode::NotFound, "there is no such delivery");
    let id = id.parse().map_err(|_| no_such())?;
    let delivery = edge.engine.replay_delivery(&authorized.caller, id).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.ok_or_else(no_such)?)).into_response())
}

fn read_status(word: &str) -> Result<DeliveryStatus, ApiError> {
    DeliveryStatus::parse(word).ok_or_else(|| invalid("status", "must be `pending`, `delivered` or `dead`"))
}

fn read_limit(text: &str) -> Result<u32, ApiError> {
    let limit = text.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
    limit.ok_or_else(|| invalid("limit", &format!("must be a whole number from 1 to {PAGE_MAX}")))
}

fn invalid(name: &str, detail: &str) -> ApiError {
    let errors = vec![FieldError::new(format!("/{name}"), detail)];
    Problem::invalid(ProblemCode::ValidationFailed, errors).into()
}

fn bad_cursor() -> ApiError {
    ApiError::new(ProblemCode::InvalidCursor, "`cursor` must be the `next_cursor` of the page before")
}
