//! What a page has asked of the network and got: its caps, and whether the network is quiet.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::error::FetchError;

/// Origins whose failures are remembered.
const FAILURES_MAX: usize = 64;

/// The account of one page.
#[derive(Debug)]
pub(in crate::render) struct Ledger {
    bytes: AtomicU64,
    bytes_max: u64,
    requests: AtomicU64,
    requests_max: u64,
    refused: AtomicU64,
    in_flight: AtomicU64,
    opened: Instant,
    /// Milliseconds from when it was opened to the last byte or request.
    moved: AtomicU64,
    over: CancellationToken,
    failures: Mutex<BTreeMap<String, FetchError>>,
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct InFlight(std::sync::Arc<Ledger>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.touch();
    }
}

impl Ledger {
    pub(super) fn new(bytes_max: u64, requests_max: u64) -> Self {
        Self {
            bytes: AtomicU64::new(0),
            bytes_max,
            requests: AtomicU64::new(0),
            requests_max,
            refused: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            opened: Instant::now(),
            moved: AtomicU64::new(0),
            over: CancellationToken::new(),
            failures: Mutex::default(),
        }
    }

    /// A request begins, unless the page has made as many as it may.
    pub(super) fn begin(self: &std::sync::Arc<Self>) -> Option<InFlight> {
        if self.requests.fetch_add(1, Ordering::Relaxed) >= self.requests_max {
            self.refuse();
            return None;
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.touch();
        Some(InFlight(self.clone()))
    }

    /// A request was not let through.
    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes came; whether the page may have them.
    pub(super) fn take(&self, bytes: usize) -> bool {
        self.touch();
        let before = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let fits = before + bytes as u64 <= self.bytes_max;
        if !fits {
            self.over.cancel();
        }
        fits
    }

    /// An origin could not be reached, or may not be.
    pub(super) fn fail(&self, authority: String, error: FetchError) {
        if matches!(error, FetchError::Blocked { .. }) {
            self.refuse();
        }
        let mut failures = self.lock();
        if failures.len() < FAILURES_MAX {
            failures.insert(authority, error);
        }
    }

    /// Why an origin could not be reached, if it could not. Told once.
    pub(in crate::render) fn failure_of(&self, authority: &str) -> Option<FetchError> {
        self.lock().remove(authority)
    }

    /// Why some origin could not be reached, if one could not. Told once.
    pub(in crate::render) fn any_failure(&self) -> Option<FetchError> {
        let mut failures = self.lock();
        let authority = failures.keys().next().cloned()?;
        failures.remove(&authority)
    }

    /// Until the page has brought more bytes than it may.
    pub(in crate::render) async fn over(&self) {
        self.over.cancelled().await;
    }

    /// The bytes that it may bring.
    pub(in crate::render) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// The bytes that it brought.
    pub(in crate::render) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Requests that were not let through.
    pub(in crate::render) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// For how long nothing has been asked for and nothing has come; `None` while an answer is awaited.
    pub(in crate::render) fn quiet_for(&self) -> Option<Duration> {
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        Some(self.opened.elapsed().saturating_sub(moved))
    }

    fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(now, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, FetchError>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn requests_and_bytes_beyond_the_caps_are_refused() {
        let ledger = Arc::new(Ledger::new(100, 2));
        let (first, second) = (ledger.begin(), ledger.begin());
        assert!(first.is_some() && second.is_some() && ledger.begin().is_none());
        assert_eq!(ledger.refused(), 1);
        assert_eq!(ledger.quiet_for(), None);
        drop((first, second));
        assert!(ledger.quiet_for().is_some());
        assert!(ledger.take(100) && !ledger.over.is_cancelled());
        assert!(!ledger.take(1) && ledger.over.is_cancelled());
    }
}
