//! Reading a request's JSON body, within bounds of bytes and time.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use pagewire_types::ProblemCode;
use serde_json::Value;

use crate::problem::ApiError;

/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 25 * 1024 * 1024;
/// Bytes of a body that should be none.
const NO_BODY_BYTES_MAX: usize = 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// A JSON body.
pub struct JsonBody(pub Value);

/// A body that says it is JSON, not yet looked at.
pub struct JsonText(pub Bytes);

/// Nothing, or an empty JSON object: whoever sends more expects more of it than comes.
pub struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let refused = || ApiError::new(ProblemCode::ValidationFailed, "this request takes no body");
        let body = Limited::new(request.into_body(), NO_BODY_BYTES_MAX);
        let collected = tokio::time::timeout(BODY_TIMEOUT, body.collect()).await.map_err(|_| refused())?;
        let bytes = collected.map_err(|_| refused())?.to_bytes();
        let is_empty = bytes.trim_ascii().is_empty()
            || serde_json::from_slice::<Value>(&bytes)
                .is_ok_and(|value| value.as_object().is_some_and(serde_json::Map::is_empty));
        if is_empty { Ok(Self) } else { Err(refused()) }
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonText(text) = JsonText::from_request(request, state).await?;
        serde_json::from_slice(&text).map(Self).map_err(|error| {
            ApiError::new(ProblemCode::InvalidJson, format!("the body is not JSON: {error}"))
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonText {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        require_json(&request)?;
        let (parts, body) = request.into_parts();
        bytes_of(&parts.headers, body).await.map(Self)
    }
}

/// The bytes of a body, whatever it is said to be.
pub(crate) async fn bytes_of(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let too_large = || {
        let mb = BODY_BYTES_MAX / 1024 / 1024;
        ApiError::new(
            ProblemCode::BodyTooLarge,
            format!("the body is over {mb} MB; send less in one request"),
        )
    };
    refuse_coding(headers)?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<u64>().ok()).is_some_and(|bytes| bytes > BODY_BYTES_MAX as u64)
    {
        return Err(too_large());
    }
    let body = Limited::new(body, BODY_BYTES_MAX);
    let collected = tokio::time::timeout(BODY_TIMEOUT, body.collect()).await.map_err(|_| {
        let seconds = BODY_TIMEOUT.as_secs();
        ApiError::new(ProblemCode::RequestTimeout, format!("the body did not arrive within {seconds} s"))
    })?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => {
            Err(ApiError::new(ProblemCode::InvalidJson, format!("the body could not be read: {error}")))
        }
    }
}

fn refuse_coding(headers: &HeaderMap) -> Result<(), ApiError> {
    let coding = headers.get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(ApiError::new(
            ProblemCode::UnsupportedMediaType,
            "compressed bodies are not read here; send the body without `Content-Encoding`",
        ));
    }
    Ok(())
}

fn require_json(request: &Request) -> Result<(), ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    refuse_coding(request.headers())?;
    let is_json =
        essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json");
    if is_json {
        return Ok(());
    }
    let found = if essence.is_empty() { "nothing" } else { essence };
    let found: String = found.chars().take(80).collect();
    Err(ApiError::new(
        ProblemCode::UnsupportedMediaType,
        format!("send the body as `Content-Type: application/json`, not {found}"),
    ))
}
