//! Fetches under way, by page: who wants a page that is being fetched waits for that fetch. When the one who fetches goes
//! away, the next of those who wait takes over; when the fetch has landed, nobody joins it any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::Served;
use super::key::PageKey;
use crate::scrape::FailedAttempt;

/// What a flight ends in, for all who wait for it.
pub(super) type Landing = OnceCell<Landed>;

/// How a flight has ended, and how long the one who fetched had for it.
pub(super) struct Landed {
    pub(super) outcome: Result<Served, FailedAttempt>,
    pub(super) patience: Duration,
}

/// The flights. They are as many as there are fetches.
#[derive(Default)]
pub(super) struct Flights {
    under_way: Arc<Mutex<HashMap<PageKey, Seats>>>,
}

struct Seats {
    landing: Arc<Landing>,
    taken: usize,
}

/// A seat on a flight.
pub(super) struct Flight {
    key: PageKey,
    landing: Arc<Landing>,
    under_way: Arc<Mutex<HashMap<PageKey, Seats>>>,
}

impl Flights {
    /// A seat on the flight that is under way, or on one that begins.
    pub(super) fn enter(&self, key: PageKey) -> Flight {
        let mut flights = lock(&self.under_way);
        let seats = flights.entry(key).or_insert_with(|| Seats { landing: Arc::default(), taken: 0 });
        seats.taken += 1;
        Flight { key, landing: seats.landing.clone(), under_way: self.under_way.clone() }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.under_way).is_empty()
    }
}

impl Flight {
    pub(super) fn landing(&self) -> &Landing {
        &self.landing
    }

    /// Lets nobody join any more.
    pub(super) fn close(&self) {
        let mut flights = lock(&self.under_way);
        if flights.get(&self.key).is_some_and(|seats| Arc::ptr_eq(&seats.landing, &self.landing)) {
            flights.remove(&self.key);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut flights = lock(&self.under_way);
        let Some(seats) = flights.get_mut(&self.key) else { return };
        if Arc::ptr_eq(&seats.landing, &self.landing) {
            seats.taken -= 1;
            if seats.taken == 0 {
                flights.remove(&self.key);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
