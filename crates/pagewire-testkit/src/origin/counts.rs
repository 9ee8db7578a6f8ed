//! What the site has been asked.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tokio::sync::Notify;

use super::{Request, lock};

/// A request as the site saw it.
#[derive(Debug, Clone)]
pub struct SeenRequest {
    /// The method.
    pub method: String,
    /// Headers in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl SeenRequest {
    /// The first header of that name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    total: AtomicU64,
    connections: AtomicU64,
    in_flight: AtomicU64,
    in_flight_max: AtomicU64,
    by_path: Mutex<BTreeMap<String, (u64, SeenRequest)>>,
    changed: Notify,
}

/// Held while a request is answered.
pub(super) struct InFlight<'a>(&'a Counts);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
    }
}

impl Counts {
    pub(super) fn request(&self, request: &Request) -> InFlight<'_> {
        let seen = SeenRequest {
            method: request.method.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        };
        {
            let mut by_path = lock(&self.by_path);
            let count = by_path.get(&request.target).map_or(0, |(count, _)| *count);
            by_path.insert(request.target.clone(), (count + 1, seen));
        }
        if request.target != "/robots.txt" {
            self.total.fetch_add(1, SeqCst);
        }
        let now = self.in_flight.fetch_add(1, SeqCst) + 1;
        self.in_flight_max.fetch_max(now, SeqCst);
        self.changed.notify_waiters();
        InFlight(self)
    }

    pub(super) fn connection(&self) {
        self.connections.fetch_add(1, SeqCst);
    }

    pub(super) fn total(&self) -> u64 {
        self.total.load(SeqCst)
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(SeqCst)
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(SeqCst)
    }

    pub(super) fn in_flight_max(&self) -> u64 {
        self.in_flight_max.load(SeqCst)
    }

    pub(super) fn of(&self, path: &str) -> u64 {
        lock(&self.by_path).get(path).map_or(0, |(count, _)| *count)
    }

    pub(super) fn last(&self, path: &str) -> Option<SeenRequest> {
        lock(&self.by_path).get(path).map(|(_, seen)| seen.clone())
    }

    /// Waits for a further request, or a moment: one that came between a look at the count and this call is then seen.
    pub(super) async fn changed(&self) {
        let _ = tokio::time::timeout(std::time::Duration::from_millis(20), self.changed.notified()).await;
    }
}
