//! Waiting out what may pass: a disk that is full, a store that does not answer just now.
//!
//! For work that was accepted, and so must not fail for it. A request that can be refused is refused instead.

use std::error::Error;
use std::time::Duration;

use pagewire_store::{BlobError, StoreError};

use crate::refusal::Refusal;

/// Between two attempts.
pub(crate) const PAUSE: Duration = Duration::from_secs(5);

/// A failure of which is known whether the same may succeed later.
pub(crate) trait Passing: Error + 'static {
    fn may_pass(&self) -> bool;
}

impl Passing for StoreError {
    fn may_pass(&self) -> bool {
        StoreError::may_pass(self)
    }
}

impl Passing for BlobError {
    fn may_pass(&self) -> bool {
        BlobError::may_pass(self)
    }
}

impl Passing for Refusal {
    fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::Blob(error) => error.may_pass(),
            _ => self.is_disk_full(),
        }
    }
}

/// Attempts it until it succeeds or fails for good. It is the caller that bounds the time, by dropping this.
pub(crate) async fn persist<T, E: Passing, F: Future<Output = Result<T, E>>>(
    what: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E> {
    loop {
        match attempt().await {
            Err(error) if error.may_pass() => {
                tracing::warn!(error = &error as &dyn Error, "{what} failed; it is tried again");
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_what_cannot_is_told() {
        let mut failures = vec![
            StoreError::damaged("a row"),
            StoreError::Full("no room".into()),
            StoreError::Database("no answer".into()),
        ];
        let outcome = persist("reading", || ready(failures.pop().map_or(Ok(()), Err))).await;
        assert!(matches!(outcome, Err(StoreError::Damaged(_))), "{outcome:?}");
        let outcome = persist("reading", || ready(failures.pop().map_or(Ok(()), Err))).await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}
