//! Problem details (RFC 9457): the one form of every error answer, and the table of its codes.

use serde::{Deserialize, Serialize};

use crate::fields::FieldError;
use crate::target_error::TargetErrorCode;

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal, $retryable:literal;)*) => {
        /// Stable codes of the API's own errors. [`TargetErrorCode`] has those of the target.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemCode { $($(#[$doc])* $variant,)* }

        impl ProblemCode {
            /// Every code, by status.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status that the code stands under.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The same short phrase for every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Whether the same request may succeed later, unchanged.
            #[must_use]
            pub fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }
        }
    };
}

problem_codes! {
    /// The body is not JSON.
    InvalidJson = "invalid_json", 400, "The body is not valid JSON", false;
    /// A URL cannot be fetched by anybody.
    InvalidUrl = "invalid_url", 400, "A URL is not valid", false;
    /// A filter of the live stream cannot be read.
    InvalidFilter = "invalid_filter", 400, "A filter is not valid", false;
    /// More filter values than the key may use.
    FilterOverCap = "filter_over_cap", 400, "Too many filter values", false;
    /// The cursor names no position of this stream.
    InvalidCursor = "invalid_cursor", 400, "The cursor is not valid", false;
    /// Parameters that contradict each other.
    ConflictParams = "conflict_params", 400, "The parameters contradict each other", false;
    /// No key came with the request.
    MissingCredentials = "missing_credentials", 401, "An API key is needed", false;
    /// What came is not a key: wrong form or checksum.
    MalformedKey = "malformed_key", 401, "The API key is mistyped", false;
    /// A well-formed key that was never issued here.
    UnknownKey = "unknown_key", 401, "The API key is unknown", false;
    /// The key was revoked.
    RevokedKey = "revoked_key", 401, "The API key has been revoked", false;
    /// The key's time is over.
    ExpiredKey = "expired_key", 401, "The API key has expired", false;
    /// The workspace's credits are used up.
    CreditsExhausted = "credits_exhausted", 402, "The credits are used up", false;
    /// The key lacks the scope that the detail names.
    InsufficientScope = "insufficient_scope", 403, "The API key lacks a scope", false;
    /// The key may not be used from this address.
    IpNotAllowed = "ip_not_allowed", 403, "The API key may not be used from this address", false;
    /// No such thing in the caller's workspace.
    NotFound = "not_found", 404, "Not found", false;
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here", false;
    /// The client asked for a type that is not made here.
    NotAcceptable = "not_acceptable", 406, "No acceptable representation", false;
    /// The client did not send its request in time.
    RequestTimeout = "request_timeout", 408, "The request did not arrive in time", true;
    /// The idempotency key was used with another body.
    IdempotencyConflict = "idempotency_conflict", 409, "The idempotency key was used for another request", false;
    /// The first request with this idempotency key is still under way.
    IdempotencyInProgress = "idempotency_in_progress", 409, "A request with this idempotency key is under way", true;
    /// The job has no result yet.
    JobNotFinished = "job_not_finished", 409, "The job is not finished", true;
    /// The job's pages were not archived.
    NoArchive = "no_archive", 409, "The job has no archive", false;
    /// Something of that id is there already.
    AlreadyExists = "already_exists", 409, "It is there already", false;
    /// It was declared where requests do not reach.
    ReadOnly = "read_only", 409, "It cannot be changed by a request", false;
    /// Another connection holds the stream.
    StreamAlreadyAttached = "stream_already_attached", 409, "The stream is already attached", true;
    /// The cursor is older than what is held.
    CursorExpired = "cursor_expired", 410, "The cursor has expired", false;
    /// The stream's window for resuming is over.
    StreamExpired = "stream_expired", 410, "The stream has expired", false;
    /// The download's time is over.
    DownloadExpired = "download_expired", 410, "The download has expired", false;
    /// The request's body is over its cap.
    BodyTooLarge = "body_too_large", 413, "The body is too large", false;
    /// More URLs than one request may hold.
    TooManyUrls = "too_many_urls", 413, "Too many URLs", false;
    /// The body's media type is not read here.
    UnsupportedMediaType = "unsupported_media_type", 415, "The media type is not supported", false;
    /// Fields that are missing, unknown or out of range; `errors` names each.
    ValidationFailed = "validation_failed", 422, "The request is not valid", false;
    /// The `extract` of the request is broken; `errors` names where.
    SchemaInvalid = "schema_invalid", 422, "The extraction schema is not valid", false;
    /// The extracted data does not satisfy a strict schema.
    ExtractionInvalid = "extraction_invalid", 422, "The extracted data does not satisfy the schema", false;
    /// No proxy of the asked type and country is configured; `errors` names where it is asked for.
    NoProxyAvailable = "no_proxy_available", 422, "No such proxy is configured", false;
    /// Too many requests in the window.
    RateLimited = "rate_limited", 429, "Too many requests", true;
    /// Too many connections at once.
    TooManyConnections = "too_many_connections", 429, "Too many connections at once", true;
    /// A fault of this server.
    Internal = "internal", 500, "Internal error", true;
    /// This server cannot take more right now.
    Overloaded = "overloaded", 503, "The server is overloaded", true;
    /// This server is shutting down.
    Draining = "draining", 503, "The server is shutting down", true;
}

/// A problem document (RFC 9457 section 3) with this API's extension members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// A URL that tells more about the code: `/docs/errors/CODE`.
    #[serde(rename = "type")]
    pub type_url: String,
    /// The same short phrase for every occurrence of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, where, and what to do.
    pub detail: String,
    /// The path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The stable code that programs branch on.
    pub code: String,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// Seconds to wait before trying again (with 429 and 503).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// Names the request in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The faults of a request that does not validate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Members that only some codes have, such as `oldest_id` of `cursor_expired`.
    #[serde(flatten)]
    pub members: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem of the API itself.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self::assemble(code.as_str(), code.title(), code.status(), code.retryable(), detail.into())
    }

    /// A failure of the target, as `/v1/scrape` answers it.
    #[must_use]
    pub fn of_target(code: TargetErrorCode, retryable: bool, detail: impl Into<String>) -> Self {
        Self::assemble(code.as_str(), code.title(), code.scrape_status(), retryable, detail.into())
    }

    /// A request whose fields do not validate.
    #[must_use]
    pub fn invalid(code: ProblemCode, errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [] => code.title().to_owned(),
            [only] => only.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        };
        Self { errors, ..Self::new(code, detail) }
    }

    /// The same problem with one more extension member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<serde_json::Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// The same problem with a time to wait, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    fn assemble(code: &str, title: &str, status: u16, retryable: bool, detail: String) -> Self {
        Self {
            type_url: format!("/docs/errors/{code}"),
            title: title.to_owned(),
            status,
            detail,
            instance: None,
            code: code.to_owned(),
            retryable,
            retry_after_s: None,
            trace_id: None,
            errors: Vec::new(),
            members: serde_json::Map::new(),
        }
    }
}
