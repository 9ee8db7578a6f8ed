//! `POST /v1/uploads`: a list of URLs for jobs, judged while it streams in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, StatusCode, header};
use pagewire_engine::Refusal;
use pagewire_engine::upload::{
    NotUploaded, OnInvalid, UNPACKED_BYTES_MAX, UploadCoding, UploadError, UploadFailure, UploadForm,
    UploadSpec, Uploaded, WIRE_BYTES_MAX,
};
use pagewire_types::job_request::JOB_URLS_MAX;
use pagewire_types::{FieldError, Problem, ProblemCode, UploadReply};
use serde::Deserialize;

use crate::auth::{Authorized, MayWriteJobs};
use crate::edge::Edge;
use crate::problem::ApiError;

/// How long a body may send nothing.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What becomes of lines that are no URL.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadQuery {
    on_invalid: Option<String>,
}

/// Takes a list of up to a million URLs: NDJSON (a URL in quotes, or an object with `url` and overrides, a line) or CSV
/// (a header with `url`; other columns are overrides), plain or with `Content-Encoding: gzip`, up to 1 GB.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "jobs",
    security(("bearer" = ["jobs:write"])),
    params(("on_invalid" = Option<String>, Query, description = "`refuse` (the default): lines that are no URL refuse the list; `record`: they become `error` records")),
    request_body(content = String, content_type = "application/x-ndjson", description = "The list"),
    responses(
        (status = 201, description = "The list is kept: `{upload_id, urls, bytes, format, invalid}`", content_type = "application/json", body = Object),
        (status = "4XX", description = "A problem of the request", content_type = "application/problem+json", body = Object),
    ),
)]
pub async fn upload(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayWriteJobs>,
    query: Result<Query<UploadQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Query(query) =
        query.map_err(|error| ApiError::new(ProblemCode::ValidationFailed, error.body_text()))?;
    refuse_what_is_too_large(&headers)?;
    let spec = UploadSpec {
        form: form_of(&headers)?,
        coding: coding_of(&headers)?,
        on_invalid: on_invalid(query.on_invalid.as_deref())?,
        urls_max: JOB_URLS_MAX,
        unpacked_bytes_max: UNPACKED_BYTES_MAX,
    };
    let frames = Box::pin(impatient(body.into_data_stream()));
    match edge.engine.upload(&authorized.caller, spec, frames).await.map_err(refusal)? {
        Uploaded::Kept(id, summary) => {
            let reply = UploadReply {
                upload_id: id.as_str().to_owned(),
                urls: summary.urls,
                bytes: summary.bytes,
                format: spec.form.name().into(),
                invalid: summary.invalid_told,
            };
            Ok((StatusCode::CREATED, axum::Json(reply)).into_response())
        }
        Uploaded::Refused(summary) => {
            let told = summary.invalid_told.into_iter();
            let errors =
                told.map(|line| FieldError::new(format!("/lines/{}", line.line), line.detail)).collect();
            let mut problem = Problem::invalid(ProblemCode::ValidationFailed, errors);
            problem.detail = format!(
                "{} lines are no URL; mend them, or send `?on_invalid=record` to keep them as errors",
                summary.invalid
            );
            Err(problem.with("invalid", summary.invalid).into())
        }
    }
}

/// Before any of it is read, where it says how large it is.
fn refuse_what_is_too_large(headers: &HeaderMap) -> Result<(), ApiError> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > WIRE_BYTES_MAX) {
        let error = UploadError::TooLarge { max: WIRE_BYTES_MAX };
        return Err(ApiError::new(ProblemCode::BodyTooLarge, error.to_string()));
    }
    Ok(())
}

/// Why a body does not come to its end.
#[derive(Debug, thiserror::Error)]
enum BodyFault {
    #[error("nothing came for {} s", SILENCE_MAX.as_secs())]
    Silence,
    #[error("{0}")]
    Broken(axum::Error),
}

/// The frames of a body, none of which may be waited for too long.
fn impatient(body: BodyDataStream) -> impl Stream<Item = Result<Bytes, BodyFault>> {
    futures_util::stream::unfold(Some(body), |body| async move {
        let mut body = body?;
        match tokio::time::timeout(SILENCE_MAX, body.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(body))),
            Ok(Some(Err(error))) => Some((Err(BodyFault::Broken(error)), None)),
            Err(_) => Some((Err(BodyFault::Silence), None)),
        }
    })
}

fn form_of(headers: &HeaderMap) -> Result<UploadForm, ApiError> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(UploadForm::Ndjson),
        "text/csv" => Ok(UploadForm::Csv),
        _ => Err(ApiError::new(
            ProblemCode::UnsupportedMediaType,
            "send the list as `Content-Type: application/x-ndjson` or `text/csv`",
        )),
    }
}

fn coding_of(headers: &HeaderMap) -> Result<UploadCoding, ApiError> {
    let value = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    match value.map_or("identity", str::trim).to_ascii_lowercase().as_str() {
        "identity" | "" => Ok(UploadCoding::Identity),
        "gzip" | "x-gzip" => Ok(UploadCoding::Gzip),
        _ => Err(ApiError::new(
            ProblemCode::UnsupportedMediaType,
            "lists are read plain or with `Content-Encoding: gzip`",
        )),
    }
}

fn on_invalid(word: Option<&str>) -> Result<OnInvalid, ApiError> {
    match word {
        None | Some("refuse") => Ok(OnInvalid::Refuse),
        Some("record") => Ok(OnInvalid::Record),
        Some(_) => {
            let errors = vec![FieldError::new("/on_invalid", "must be `refuse` or `record`")];
            Err(Problem::invalid(ProblemCode::ValidationFailed, errors).into())
        }
    }
}

fn refusal(error: NotUploaded<BodyFault>) -> ApiError {
    let sentence = error.to_string();
    match error {
        NotUploaded::Refused(refusal) => refusal.into(),
        NotUploaded::List(UploadFailure::Body(BodyFault::Silence)) => {
            ApiError::new(ProblemCode::RequestTimeout, sentence)
        }
        NotUploaded::List(UploadFailure::Body(fault @ BodyFault::Broken(_))) => {
            ApiError::new(ProblemCode::ValidationFailed, format!("{sentence}: {fault}"))
        }
        NotUploaded::List(UploadFailure::List(error)) => match error {
            UploadError::TooLarge { .. } | UploadError::Bomb { .. } => {
                ApiError::new(ProblemCode::BodyTooLarge, sentence)
            }
            UploadError::TooManyUrls { .. } => ApiError::new(ProblemCode::TooManyUrls, sentence),
            UploadError::Blob(cause) => Refusal::Blob(cause).into(),
            UploadError::Ended => ApiError::internal(&error),
            UploadError::Gzip(_) | UploadError::Utf16 | UploadError::Header(_) | UploadError::Empty => {
                ApiError::new(ProblemCode::ValidationFailed, sentence)
            }
        },
    }
}
