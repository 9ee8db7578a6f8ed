//! Pages that change, as a kind of source.

use pagewire_types::TargetErrorCode;

use super::watch::{Poll, Polled, Verdict};
use crate::source::Source;

/// Asks once whether a page has changed.
#[expect(clippy::unused_async, reason = "it fetches once the comparison stands")]
pub(crate) async fn poll(_source: &Source, poll: Poll<'_>) -> Polled {
    let detail = format!("{} cannot be compared yet", poll.url.as_str());
    Polled::of(Verdict::Failed { code: TargetErrorCode::UnsupportedContent, detail })
}
