//! Answers by which a target refuses programs: told as what they are, and not tried again. Nothing here, and nothing
//! behind it, gets past one.

use pagewire_extract::challenge::{Seen, Wall, recognise};
use pagewire_fetch::Response;
use pagewire_types::TargetErrorCode;

use crate::envelope::Failure;
use crate::scrape::{AttemptFailure, FailedAttempt};

/// Whose wall an answer is, if it is one.
pub(crate) fn wall(response: &Response) -> Option<Wall> {
    let header = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok());
    recognise(&Seen { status: response.status.as_u16(), header: &header, body: &response.body })
}

/// The attempt that ended at it.
pub(crate) fn failed(wall: Wall, status: u16) -> FailedAttempt {
    let message = format!(
        "the site answered with a challenge or refusal for programs ({}); it is not got around: ask the site for leave or \
         an API",
        wall.name()
    );
    FailedAttempt {
        failure: Failure {
            code: TargetErrorCode::BlockedByTarget,
            message,
            http_status: Some(status),
            retryable: false,
            unsatisfied: None,
            tried: None,
        },
        kind: AttemptFailure::Permanent,
        retry_after: None,
    }
}
