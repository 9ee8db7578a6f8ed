//! `/v1/sources`: what the live stream is fed by, and how each of them is. The values of headers are in no answer.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use pagewire_engine::live::sources::{SourceImportList, SourceQuery};
use pagewire_types::{FieldError, Problem, ProblemCode, SourceId, SourceStatus};
use serde::Deserialize;

use crate::auth::{Authorized, MayReadSources, MayWriteSources};
use crate::body::{JsonBody, NoBody, bytes_of};
use crate::edge::Edge;
use crate::problem::ApiError;

/// Sources of one page, and how many where nobody says.
const PAGE_MAX: u32 = 1_000;
const PAGE_DEFAULT: u32 = 100;
/// Bytes of a filter's text.
const TAG_BYTES_MAX: usize = 400;

/// Which sources to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    status: Option<String>,
    tag: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// Makes a source, which is polled at once.
#[utoipa::path(
    post, path = "/v1/sources", tag = "sources",
    security(("bearer" = ["sources:write"])),
    request_body(content = Object, description = "`source_type` and `url`; `id` (made of the URL where absent), `name`, `tags`, `interval_s`, `backfill`, `enabled`, `headers`; of a page `include_selectors`, `exclude_selectors`, `ignore`; of a firehose `protocol`, `map`, `filter`"),
    responses(
        (status = 201, description = "The source, with its health", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn create(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteSources>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let source = edge.engine.create_source(&authorized.caller, body).await?;
    let location = format!("/v1/sources/{}", source.spec.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(source)).into_response())
}

/// The sources of the workspace, by id, each with its health.
#[utoipa::path(
    get, path = "/v1/sources", tag = "sources",
    security(("bearer" = ["sources:read"])),
    params(
        ("status" = Option<String>, Query, description = "`pending`, `ok`, `degraded`, `failing`, `retired` or `disabled`"),
        ("tag" = Option<String>, Query, description = "Only those with this tag"),
        ("limit" = Option<u32>, Query, description = "1 to 1000, 100 where absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of sources, and `next_cursor`", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadSources>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) =
        query.map_err(|error| ApiError::new(ProblemCode::ValidationFailed, error.body_text()))?;
    let query = SourceQuery {
        status: query.status.as_deref().map(read_status).transpose()?,
        tag: query.tag.map(read_tag).transpose()?,
        limit: query.limit.as_deref().map_or(Ok(PAGE_DEFAULT), read_limit)?,
        after: query.cursor.map(|cursor| cursor.parse::<SourceId>().map_err(|_| bad_cursor())).transpose()?,
    };
    Ok(Json(edge.engine.sources(&authorized.caller, query).await?).into_response())
}

/// One source, with its health.
#[utoipa::path(
    get, path = "/v1/sources/{id}", tag = "sources",
    security(("bearer" = ["sources:read"])),
    params(("id" = String, Path, description = "The source's id")),
    responses(
        (status = 200, description = "The source; the values of its headers are masked", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn get(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadSources>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let source = edge.engine.source(&authorized.caller, source_id(&id)?).await?;
    Ok(Json(source.ok_or_else(not_found)?).into_response())
}

/// Changes a source: what is absent stays, what is `null` goes. One that is to watch another URL, or other parts of a page,
/// begins anew: what it finds first is taken as seen.
#[utoipa::path(
    patch, path = "/v1/sources/{id}", tag = "sources",
    security(("bearer" = ["sources:write"])),
    params(("id" = String, Path, description = "The source's id")),
    request_body(content = Object, description = "Any field of a new source but `id` and `source_type`; a header whose value is `***` keeps it"),
    responses(
        (status = 200, description = "The source as it is now", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request; 409 `read_only` where the configuration file declares the source", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn change(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteSources>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let source = edge.engine.change_source(&authorized.caller, source_id(&id)?, body).await?;
    Ok(Json(source.ok_or_else(not_found)?).into_response())
}

/// Deletes a source; its events stay.
#[utoipa::path(
    delete, path = "/v1/sources/{id}", tag = "sources",
    security(("bearer" = ["sources:write"])),
    params(("id" = String, Path, description = "The source's id")),
    responses(
        (status = 204, description = "Deleted"),
        (status = "4XX", description = "A problem of the request; 409 `read_only` where the configuration file declares the source", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn delete(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteSources>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let was_there = edge.engine.delete_source(&authorized.caller, source_id(&id)?).await?;
    if was_there { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(not_found()) }
}

/// Has a source polled as soon as may be.
#[utoipa::path(
    post, path = "/v1/sources/{id}/poll", tag = "sources",
    security(("bearer" = ["sources:write"])),
    params(("id" = String, Path, description = "The source's id")),
    responses(
        (status = 202, description = "The source as it was before", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn poll(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteSources>,
    Path(id): Path<String>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let source = edge.engine.poll_source(&authorized.caller, source_id(&id)?).await?;
    Ok((StatusCode::ACCEPTED, Json(source.ok_or_else(not_found)?)).into_response())
}

/// Tries a source: asks it once, tells how that went and what would be told of it. Nothing is kept.
#[utoipa::path(
    post, path = "/v1/sources/test", tag = "sources",
    security(("bearer" = ["sources:write"])),
    request_body(content = Object, description = "As of a new source"),
    responses(
        (status = 200, description = "`status`, `reason`, `http_status`, `latency_ms`, `moved_to`, `found_type`, up to 20 `events`, and of a page that was to be a feed the `feeds` that it leads to", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn test(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteSources>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    Ok(Json(edge.engine.test_source(&authorized.caller, body).await?).into_response())
}

/// Makes a source of each feed of a subscription list (OPML), unless there is one of its URL. Folders become tags.
#[utoipa::path(
    post, path = "/v1/sources/import", tag = "sources",
    security(("bearer" = ["sources:write"])),
    params(("tag" = Option<String>, Query, description = "A tag for all of them; repeatable")),
    request_body(content = String, content_type = "text/x-opml", description = "The list, up to 25 MB"),
    responses(
        (status = 200, description = "`imported`, `already_there`, `refused`, and the first 1000 lines that were refused as `invalid`", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn import(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteSources>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Query(query) =
        query.map_err(|error| ApiError::new(ProblemCode::ValidationFailed, error.body_text()))?;
    let tags = query.into_iter().map(|(name, value)| match name.as_str() {
        "tag" => read_tag(value),
        _ => Err(invalid(&name, "is no parameter here")),
    });
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let list = SourceImportList {
        tags: tags.collect::<Result<_, _>>()?,
        content_type: content_type.map(str::to_owned),
        body: bytes_of(&headers, body).await?,
    };
    Ok(Json(edge.engine.import_sources(&authorized.caller, list).await?).into_response())
}

/// The feeds of the workspace as a subscription list (OPML 2.0), their tags as categories.
#[utoipa::path(
    get, path = "/v1/sources/export.opml", tag = "sources",
    security(("bearer" = ["sources:read"])),
    responses((status = 200, description = "The list", content_type = "text/x-opml", body = String)),
)]
pub async fn export(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadSources>,
) -> Result<Response, ApiError> {
    let document = edge.engine.export_sources(&authorized.caller).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/x-opml; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"sources.opml\""),
    ];
    Ok((headers, document).into_response())
}

fn source_id(text: &str) -> Result<SourceId, ApiError> {
    text.parse().map_err(|_| not_found())
}

fn read_status(word: &str) -> Result<SourceStatus, ApiError> {
    SourceStatus::parse(word).ok_or_else(|| {
        invalid("status", "must be `pending`, `ok`, `degraded`, `failing`, `retired` or `disabled`")
    })
}

fn read_tag(text: String) -> Result<String, ApiError> {
    let fits = (1..=TAG_BYTES_MAX).contains(&text.len());
    if fits { Ok(text) } else { Err(invalid("tag", "must be 1 to 100 characters")) }
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

fn not_found() -> ApiError {
    ApiError::new(ProblemCode::NotFound, "there is no such source")
}
