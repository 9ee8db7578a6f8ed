//! What is kept, in the order of its last use: the only thing that says of a page that it is kept, how large it is, and when
//! its target last said that it is so.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::key::PageKey;

/// What is known of a page that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    bytes: u64,
    used: u64,
    /// Of a page that an earlier process has kept they are known once it has been read.
    times: Option<Times>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    fetched_at: Timestamp,
    confirmed_at: Timestamp,
}

impl Kept {
    /// How long ago the target last said so. A clock that was set back makes nothing young.
    pub(super) fn age(&self, now: Timestamp) -> Option<Duration> {
        let since = now.duration_since(self.times?.confirmed_at);
        Some(Duration::try_from(since).unwrap_or(Duration::MAX))
    }
}

/// All that is kept.
#[derive(Debug, Default)]
pub(super) struct Index {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<PageKey, Kept>,
    by_use: BTreeMap<u64, PageKey>,
    bytes: u64,
    uses: u64,
}

impl Index {
    /// What is known of a page, which is used now.
    pub(super) fn touch(&self, key: &PageKey) -> Option<Kept> {
        self.lock().touch(key)
    }

    /// A page is kept from now on, in the place of one that was kept under its name.
    pub(super) fn insert(&self, key: PageKey, bytes: u64, fetched_at: Timestamp) {
        let mut state = self.lock();
        state.remove(&key);
        state.insert(key, bytes, Some(Times { fetched_at, confirmed_at: fetched_at }));
    }

    /// A page was read from its blob. Whether it is the one that is kept: another, which stands there until the newer one
    /// has been written, is not.
    pub(super) fn found(&self, key: &PageKey, bytes: u64, fetched_at: Timestamp) -> bool {
        let times = Times { fetched_at, confirmed_at: fetched_at };
        let mut state = self.lock();
        match state.kept.get_mut(key) {
            Some(kept) => kept.times.get_or_insert(times).fetched_at == fetched_at,
            None => {
                state.insert(*key, bytes, Some(times));
                true
            }
        }
    }

    /// There is a page of an earlier process.
    pub(super) fn listed(&self, key: PageKey, bytes: u64) {
        let mut state = self.lock();
        if !state.kept.contains_key(&key) {
            state.insert(key, bytes, None);
        }
    }

    /// The target says that the page is so still.
    pub(super) fn confirm(&self, key: &PageKey, at: Timestamp) {
        if let Some(times) = self.lock().kept.get_mut(key).and_then(|kept| kept.times.as_mut()) {
            times.confirmed_at = at;
        }
    }

    /// A page is kept no longer; whether it was.
    pub(super) fn remove(&self, key: &PageKey) -> bool {
        self.lock().remove(key)
    }

    /// Takes out the page that was used longest ago, where there are more bytes than that.
    pub(super) fn pop_over(&self, bytes_max: u64) -> Option<PageKey> {
        let mut state = self.lock();
        if state.bytes <= bytes_max {
            return None;
        }
        let oldest = *state.by_use.first_key_value()?.1;
        state.remove(&oldest);
        Some(oldest)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn touch(&mut self, key: &PageKey) -> Option<Kept> {
        let kept = self.kept.get_mut(key)?;
        self.by_use.remove(&kept.used);
        self.uses += 1;
        kept.used = self.uses;
        self.by_use.insert(kept.used, *key);
        Some(*kept)
    }

    fn insert(&mut self, key: PageKey, bytes: u64, times: Option<Times>) {
        self.uses += 1;
        self.kept.insert(key, Kept { bytes, used: self.uses, times });
        self.by_use.insert(self.uses, key);
        self.bytes += bytes;
    }

    fn remove(&mut self, key: &PageKey) -> bool {
        let Some(kept) = self.kept.remove(key) else { return false };
        self.by_use.remove(&kept.used);
        self.bytes -= kept.bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> PageKey {
        PageKey::of_blob(&format!("cache/{number:02x}/{number:064x}").parse().expect("a key"))
            .expect("a page")
    }

    #[test]
    fn what_was_used_longest_ago_goes_first_until_the_rest_fits() {
        let (index, now) = (Index::default(), Timestamp::UNIX_EPOCH);
        for number in 0..5 {
            index.insert(key(number), 10, now);
        }
        index.touch(&key(0));
        index.insert(key(1), 12, now);
        let gone: Vec<PageKey> = std::iter::from_fn(|| index.pop_over(32)).collect();
        assert_eq!(gone, [key(2), key(3)]);
        assert_eq!(index.lock().bytes, 32);
        assert!(index.remove(&key(0)) && !index.remove(&key(0)));
        let state = index.lock();
        assert_eq!((state.bytes, state.by_use.len()), (22, 2));
    }

    #[test]
    fn a_page_of_an_earlier_process_has_an_age_once_it_was_read_and_what_is_newer_stays() {
        let (index, then) = (Index::default(), Timestamp::UNIX_EPOCH);
        let later = Timestamp::from_second(100).expect("a time");
        index.listed(key(1), 10);
        assert_eq!(index.touch(&key(1)).expect("kept").age(later), None);
        assert!(index.found(&key(1), 10, then));
        assert_eq!(index.touch(&key(1)).expect("kept").age(later), Some(Duration::from_secs(100)));
        index.confirm(&key(1), later);
        index.listed(key(1), 99);
        assert!(!index.found(&key(1), 99, later), "another page than the one that is kept");
        let kept = index.touch(&key(1)).expect("kept");
        assert_eq!((kept.bytes, kept.age(later)), (10, Some(Duration::ZERO)));
        assert_eq!(kept.age(then), Some(Duration::MAX), "a clock that was set back");
    }
}
