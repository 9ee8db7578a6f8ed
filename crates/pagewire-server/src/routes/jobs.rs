//! `/v1/jobs`: up to a million URLs to files.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use pagewire_engine::account::Caller;
use pagewire_engine::job::IdempotentRequest;
use pagewire_engine::job::results::{PAGE_RECORDS_MAX, ResultPage};
use pagewire_engine::job::view::{JobWithFiles, parse_status};
use pagewire_engine::{JobFilter, RunStatus};
use pagewire_journal::Position;
use pagewire_types::{FieldError, JobReply, JobRequest, Problem, ProblemCode, ReextractRequest, RunId};
use serde::Deserialize;

use crate::auth::{Authorized, MayReadJobs, MayWriteJobs};
use crate::body::{JsonText, NoBody};
use crate::edge::Edge;
use crate::observe::job::{Include, JobEvents};
use crate::observe::{record, response, resume};
use crate::problem::ApiError;
use crate::routes::downloads;
use crate::trace::RequestTrace;

/// Jobs of one page, and how many where nobody says.
const PAGE_JOBS_MAX: u32 = 200;
const PAGE_JOBS_DEFAULT: u32 = 50;
const PAGE_RECORDS_DEFAULT: usize = 100;
/// Characters of an idempotency key.
const KEY_CHARS_MAX: usize = 255;

/// A job, with links to its files.
async fn reply(
    edge: &Edge,
    caller: &Caller,
    headers: &HeaderMap,
    job: JobWithFiles,
) -> Result<JobReply, ApiError> {
    let links = downloads::links(edge, caller, headers, &job).await?;
    let files_pending = job.files_pending;
    Ok(JobReply {
        job: job.view,
        download_url: links.files.first().map(|file| file.url.clone()),
        download_url_expires_at: (!links.files.is_empty()).then_some(links.expires_at),
        files: links.files,
        files_pending,
    })
}

/// Takes a job.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs",
    security(("bearer" = ["jobs:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the request safe for 24 hours")),
    request_body(content = Object, description = "`urls` or `input`, `defaults`, `concurrency`, `output`, `webhook`, `name`"),
    responses(
        (status = 202, description = "The job is accepted", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn create(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteJobs>,
    trace: RequestTrace,
    headers: HeaderMap,
    JsonText(body): JsonText,
) -> Result<Response, ApiError> {
    let idempotent =
        idempotency_key(&headers)?.map(|key| IdempotentRequest { key, body_sha256: sha256(&body) });
    let request = JobRequest::parse(&body)?;
    drop(body);
    let accepted =
        edge.engine.submit_job(&authorized.caller, request, idempotent, trace.id.to_string()).await?;
    Ok(accepted_response(accepted.id, accepted.answer))
}

fn accepted_response(id: RunId, answer: String) -> Response {
    let location = format!("/v1/jobs/{}", id.job_id());
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::LOCATION, location.as_str())];
    (StatusCode::ACCEPTED, headers, answer).into_response()
}

/// One job. The files of a stream's job are made when it is first asked for, in NDJSON; while that takes longer than an
/// answer waits, `files_pending` is true.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs",
    security(("bearer" = ["jobs:read"])),
    params(("id" = String, Path, description = "The job's id, or that of the job that a stream left behind")),
    responses(
        (status = 200, description = "The job; `urls_total` is 0 until a list in an object store has been read", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn get(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadJobs>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let job = edge.engine.job_for_its_files(&authorized.caller, job_id(&id)?).await?;
    Ok(axum::Json(reply(&edge, &authorized.caller, &headers, job).await?).into_response())
}

/// Which jobs to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    status: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// The jobs of the workspace, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs",
    security(("bearer" = ["jobs:read"])),
    params(
        ("status" = Option<String>, Query, description = "`queued`, `running` (or `processing`), `completed`, `cancelled`, `failed`"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of jobs, and `next_cursor`", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadJobs>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) =
        query.map_err(|error| ApiError::new(ProblemCode::ValidationFailed, error.body_text()))?;
    let status = query.status.map(|word| read_status(&word)).transpose()?;
    let limit = query.limit.map_or(Ok(PAGE_JOBS_DEFAULT), |text| read_limit(&text, PAGE_JOBS_MAX))?;
    let before =
        query.cursor.map(|cursor| RunId::parse_job_id(&cursor).map_err(|_| bad_cursor())).transpose()?;
    let jobs = edge.engine.jobs(&authorized.caller, JobFilter { status, before, limit }).await?;
    Ok(axum::Json(jobs).into_response())
}

/// Which records to give.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultsQuery {
    limit: Option<String>,
    cursor: Option<String>,
}

/// The records of a job as they land.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/results", tag = "jobs",
    security(("bearer" = ["jobs:read"])),
    params(
        ("id" = String, Path, description = "The job's id"),
        ("limit" = Option<u32>, Query, description = "1 to 1,000, 100 where absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "`results` of `{event, id, data}`, and `next_cursor`, which is null once all is told", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn results(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadJobs>,
    Path(id): Path<String>,
    query: Result<Query<ResultsQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) =
        query.map_err(|error| ApiError::new(ProblemCode::ValidationFailed, error.body_text()))?;
    let limit = query.limit.map_or(Ok(PAGE_RECORDS_DEFAULT), |text| read_limit(&text, PAGE_RECORDS_MAX))?;
    let after = match query.cursor.as_deref() {
        None => Position::START,
        Some(cursor) => record::parse_id(cursor).map(Position).ok_or_else(bad_cursor)?,
    };
    let page = edge.engine.job_results(&authorized.caller, job_id(&id)?, after, limit).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], results_json(&page)).into_response())
}

/// The records stand in the answer as the bytes that they are.
fn results_json(page: &ResultPage) -> Vec<u8> {
    let bodies: usize = page.records.iter().map(|record| record.body.len() + 64).sum();
    let mut out = Vec::with_capacity(bodies + 64);
    out.extend_from_slice(b"{\"results\":[");
    for (index, record) in page.records.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let (name, id) = (record::event_name(record), record::id_text(record.position.0));
        out.extend_from_slice(format!("{{\"event\":\"{name}\",\"id\":\"{id}\",\"data\":").as_bytes());
        out.extend_from_slice(&record.body);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"next_cursor\":");
    if page.is_last {
        out.extend_from_slice(b"null}");
    } else {
        out.extend_from_slice(format!("\"{}\"}}", record::id_text(page.next.0)).as_bytes());
    }
    out
}

/// Ends a job: URLs under way finish, the others are skipped, and what is done becomes files.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs",
    security(("bearer" = ["jobs:write"])),
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 202, description = "It ends; the answer is the job as it is", content_type = "application/json", body = Object),
        (status = 200, description = "It had ended before", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn cancel(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteJobs>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = job_id(&id)?;
    let ends = edge.engine.cancel_job(&authorized.caller, id).await?;
    let job = edge.engine.job(&authorized.caller, id).await?;
    let status = if ends { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, axum::Json(reply(&edge, &authorized.caller, &headers, job).await?)).into_response())
}

/// Takes a new job of the URLs of an ended one that failed, with its overrides, parameters, output and webhook.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/retry", tag = "jobs",
    security(("bearer" = ["jobs:write"])),
    params(
        ("id" = String, Path, description = "The job's id, or that of the job that a stream left behind"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the request safe for 24 hours"),
    ),
    responses(
        (status = 202, description = "The new job is accepted", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn retry(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteJobs>,
    trace: RequestTrace,
    headers: HeaderMap,
    Path(id): Path<String>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let id = job_id(&id)?;
    // The job stands for the body that there is none of.
    let body_sha256 = sha256(format!("retry {}", id.job_id()).as_bytes());
    let idempotent = idempotency_key(&headers)?.map(|key| IdempotentRequest { key, body_sha256 });
    let accepted = edge.engine.retry_job(&authorized.caller, id, idempotent, trace.id.to_string()).await?;
    Ok(accepted_response(accepted.id, accepted.answer))
}

/// Takes a new job that reads the archived pages of an ended one: other fields, other formats, and nothing fetched.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/reextract", tag = "jobs",
    security(("bearer" = ["jobs:write"])),
    params(
        ("id" = String, Path, description = "The id of a job whose `defaults.formats` named `warc`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the request safe for 24 hours"),
    ),
    request_body(content = Object, description = "`formats`, `extract`, `only_main_content`, `include_selectors`, `exclude_selectors`, `extract_engine`; `output`, `webhook`, `name`"),
    responses(
        (status = 202, description = "The new job is accepted", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn reextract(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteJobs>,
    trace: RequestTrace,
    headers: HeaderMap,
    Path(id): Path<String>,
    JsonText(body): JsonText,
) -> Result<Response, ApiError> {
    let id = job_id(&id)?;
    // The same words for another job are another request.
    let body_sha256 = sha256(&[format!("reextract {} ", id.job_id()).as_bytes(), &body].concat());
    let idempotent = idempotency_key(&headers)?.map(|key| IdempotentRequest { key, body_sha256 });
    let request = ReextractRequest::parse(&body)?;
    let accepted =
        edge.engine.reextract_job(&authorized.caller, id, request, idempotent, trace.id.to_string()).await?;
    Ok(accepted_response(accepted.id, accepted.answer))
}

/// Which events to give.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamQuery {
    include: Option<String>,
    // Looked at where keys are.
    #[serde(rename = "api_key")]
    _api_key: Option<String>,
}

/// Reads along with a job: `progress`, `page`, `error`, and `done` at the end.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/stream", tag = "jobs",
    security(("bearer" = ["jobs:read"])),
    params(
        ("id" = String, Path, description = "The job's id"),
        ("include" = Option<String>, Query, description = "The events that are wanted, as `progress,done`; all where absent"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that the client has"),
    ),
    responses(
        (status = 200, description = "Server-Sent Events, or NDJSON by `Accept`", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn stream(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayReadJobs>,
    Path(id): Path<String>,
    query: Result<Query<StreamQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::new(ProblemCode::InvalidFilter, error.body_text()))?;
    let include = query.include.as_deref().map_or(Ok(Include::ALL), Include::parse)?;
    let after = resume::run_position(&headers)?;
    let held = authorized.connect()?;
    let watch = edge.engine.watch_job(&authorized.caller, job_id(&id)?, include.detail(), after).await?;
    Ok(response::answer(&edge, &authorized, &headers, held, JobEvents { watch, include }))
}

fn sha256(body: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

fn job_id(text: &str) -> Result<RunId, ApiError> {
    RunId::parse_job_id(text).map_err(|_| ApiError::new(ProblemCode::NotFound, "there is no such job"))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=KEY_CHARS_MAX).contains(&key.len()));
    let detail = "`Idempotency-Key` must be 1 to 255 visible ASCII characters";
    key.map(|key| Some(key.to_owned())).ok_or_else(|| ApiError::new(ProblemCode::ValidationFailed, detail))
}

fn read_status(word: &str) -> Result<RunStatus, ApiError> {
    parse_status(word)
        .ok_or_else(|| invalid("status", "must be `queued`, `running`, `completed`, `cancelled` or `failed`"))
}

fn read_limit<N: std::str::FromStr + PartialOrd + From<u8> + std::fmt::Display + Copy>(
    text: &str,
    max: N,
) -> Result<N, ApiError> {
    let limit = text.parse().ok().filter(|limit| (N::from(1)..=max).contains(limit));
    limit.ok_or_else(|| invalid("limit", &format!("must be a whole number from 1 to {max}")))
}

fn invalid(name: &str, detail: &str) -> ApiError {
    let errors = vec![FieldError::new(format!("/{name}"), detail)];
    Problem::invalid(ProblemCode::ValidationFailed, errors).into()
}

fn bad_cursor() -> ApiError {
    ApiError::new(ProblemCode::InvalidCursor, "`cursor` must be the `next_cursor` of the page before")
}
