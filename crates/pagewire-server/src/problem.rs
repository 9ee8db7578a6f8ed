//! Every error answer: a problem document (RFC 9457), made in one place and logged once.
//!
//! A handler fails with an [`ApiError`]; the answer carries the problem as an extension, and the outermost layer
//! ([`crate::trace`]) writes it out once it knows the path and the trace.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use pagewire_engine::account::AuthError;
use pagewire_engine::live::OpenError;
use pagewire_engine::{Refusal, ScrapeFailure};
use pagewire_types::{Problem, ProblemCode};

use crate::observe::record;

/// A failed request.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Problem>);

impl ApiError {
    /// A problem of that code.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// A fault of this server: the cause is logged, the caller is told that there is one.
    #[must_use]
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request failed through a fault of this server");
        Self::new(
            ProblemCode::Internal,
            "something failed on this server's side; its log tells more under the trace id",
        )
    }

    /// The problem.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

impl From<Box<Problem>> for ApiError {
    fn from(problem: Box<Problem>) -> Self {
        Self(problem)
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::Malformed => ProblemCode::MalformedKey,
            AuthError::Unknown => ProblemCode::UnknownKey,
            AuthError::Revoked => ProblemCode::RevokedKey,
            AuthError::Expired => ProblemCode::ExpiredKey,
            AuthError::IpNotAllowed(_) => ProblemCode::IpNotAllowed,
            AuthError::Store(cause) => return Self::internal(cause),
        };
        Self::new(code, error.to_string())
    }
}

/// Seconds after which a server that is overloaded or going down may be asked again.
const RETRY_AFTER_S: u64 = 2;

/// Seconds after which a disk that is full may have room again.
const DISK_RETRY_S: u64 = 60;

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let sentence = refusal.to_string();
        if refusal.is_disk_full() {
            let detail =
                "the server's disk is full; what was accepted is kept, and goes on when there is room";
            return Problem::new(ProblemCode::Overloaded, detail).retry_after(DISK_RETRY_S).into();
        }
        match refusal {
            Refusal::Invalid(problem) => Self(problem),
            Refusal::CreditsExhausted => Self::new(
                ProblemCode::CreditsExhausted,
                "the workspace's credits are used up; they come back with the plan's next period, or with another plan",
            ),
            Refusal::Overloaded(_) => {
                Problem::new(ProblemCode::Overloaded, sentence).retry_after(RETRY_AFTER_S).into()
            }
            Refusal::Draining => {
                Problem::new(ProblemCode::Draining, sentence).retry_after(RETRY_AFTER_S).into()
            }
            Refusal::NotFound => Self::new(ProblemCode::NotFound, sentence),
            Refusal::StreamExpired => Self::new(
                ProblemCode::StreamExpired,
                "the stream was kept for its window after the connection dropped, and that is over; start a new one",
            ),
            Refusal::CursorPastEnd { .. } => Self::new(ProblemCode::InvalidCursor, sentence),
            Refusal::CursorExpired { oldest } => Problem::new(ProblemCode::CursorExpired, sentence)
                .with("oldest_id", record::id_text(oldest))
                .into(),
            Refusal::Store(cause) => Self::internal(&cause),
            Refusal::Journal(cause) => Self::internal(&cause),
            Refusal::Vault(cause) => Self::internal(&cause),
            Refusal::Blob(cause) => Self::internal(&cause),
        }
    }
}

impl From<OpenError> for ApiError {
    fn from(error: OpenError) -> Self {
        let sentence = error.to_string();
        match error {
            OpenError::InvalidCursor => Self::new(ProblemCode::InvalidCursor, sentence),
            OpenError::Expired(expired) => Problem::new(ProblemCode::CursorExpired, sentence)
                .with("oldest_id", expired.oldest.map(|id| id.to_string()))
                .with("reason", expired.reason.as_str())
                .into(),
            OpenError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<ScrapeFailure> for ApiError {
    fn from(failure: ScrapeFailure) -> Self {
        match failure {
            ScrapeFailure::Refused(refusal) => refusal.into(),
            ScrapeFailure::Target(failure) => {
                let mut problem = Problem::of_target(failure.code, failure.retryable, failure.message);
                if let Some(unsatisfied) = failure.unsatisfied {
                    problem.errors = unsatisfied.faults;
                    problem = problem.with("data", unsatisfied.data);
                }
                if let Some(tried) = failure.tried {
                    problem = problem.with("proxy_type", tried.passed.kind().as_str());
                    if let Some(country) = tried.passed.country() {
                        problem = problem.with("proxy_country", country);
                    }
                    problem = problem.with("rendered", tried.is_rendered);
                }
                match failure.http_status {
                    Some(status) => problem.with("http_status", status).into(),
                    None => problem.into(),
                }
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"pagewire\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The document, once the request is known.
pub(crate) fn document(error: &ApiError, path: &str, trace_id: &str) -> Vec<u8> {
    let mut problem = error.problem().clone();
    problem.instance = Some(path.to_owned());
    problem.trace_id = Some(trace_id.to_owned());
    // Plain data with string keys always serialises.
    serde_json::to_vec(&problem).unwrap_or_default()
}
