//! Why a connection to an upstream ended, or was not to be had.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use pagewire_fetch::{FetchError, Heard, retry_after};
use pagewire_types::TargetErrorCode;

/// The end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) code: TargetErrorCode,
    /// For people.
    pub(super) detail: String,
    /// How long the upstream asks to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// What the end means for the next connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// The upstream ended it as its protocol has it.
    InOrder,
    /// It broke, or was refused.
    Broke,
    /// It may end the same way each time it goes on at the same place: the place is refused, or what follows it cannot be
    /// read over.
    AtThisPlace,
}

impl Fault {
    fn new(kind: FaultKind, code: TargetErrorCode, detail: impl Into<String>) -> Self {
        Self { kind, code, detail: detail.into(), retry_after: None }
    }

    /// Nothing can be connected to.
    pub(super) fn of_source(detail: impl Into<String>) -> Self {
        Self::new(FaultKind::Broke, TargetErrorCode::InvalidUrl, detail)
    }

    /// The upstream answered with another status than the one that opens a stream.
    pub(super) fn of_status(status: StatusCode, headers: &HeaderMap) -> Self {
        let kind = match status.as_u16() {
            400 | 410 | 412 | 416 => FaultKind::AtThisPlace,
            _ => FaultKind::Broke,
        };
        let fault = Self::new(kind, TargetErrorCode::HttpError, format!("the upstream answers {status}"));
        Self { retry_after: retry_after(headers), ..fault }
    }

    /// It redirects where nothing follows it.
    pub(super) fn of_redirect(detail: impl Into<String>) -> Self {
        Self::new(FaultKind::Broke, TargetErrorCode::TooManyRedirects, detail)
    }

    /// It answers with something that is no such stream.
    pub(super) fn of_content(detail: impl Into<String>) -> Self {
        Self::new(FaultKind::Broke, TargetErrorCode::UnsupportedContent, detail)
    }

    pub(super) fn of_fetch(error: &FetchError) -> Self {
        let kind = match error {
            FetchError::WebSocket { .. } | FetchError::MessageTooLarge { .. } => FaultKind::AtThisPlace,
            _ => FaultKind::Broke,
        };
        Self::new(kind, error.code(), error.to_string())
    }

    /// The body came to its end.
    pub(super) fn end_of_body() -> Self {
        Self::new(FaultKind::InOrder, TargetErrorCode::ConnectFailed, "the upstream ended its answer")
    }

    /// A WebSocket was closed (RFC 6455, section 7.4.1).
    pub(super) fn of_close(code: u16, reason: &str) -> Self {
        let kind = match code {
            // Done, going away, or restarting.
            1000 | 1001 | 1012 => FaultKind::InOrder,
            _ => FaultKind::Broke,
        };
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let detail = format!("the upstream closed the WebSocket with {code}{reason}");
        Self::new(kind, TargetErrorCode::ConnectFailed, detail)
    }

    /// Nothing has come for too long.
    pub(super) fn of_silence(silence: Duration) -> Self {
        let detail = format!("nothing has come for {} s", silence.as_secs());
        Self::new(FaultKind::Broke, TargetErrorCode::Timeout, detail)
    }
}

/// What of a WebSocket's words is the end of it.
pub(super) fn end_of(heard: Result<Heard, FetchError>) -> Result<Heard, Fault> {
    match heard {
        Ok(Heard::Closed { code, reason }) => Err(Fault::of_close(code, &reason)),
        Ok(heard) => Ok(heard),
        Err(error) => Err(Fault::of_fetch(&error)),
    }
}
