//! The files at hand, by origin: bounded in origins and bytes, one fetch at a time for each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::OnceCell;

use super::file::File;

/// Origins in the table.
const ORIGINS_MAX: usize = 4096;
/// Bytes of files in the table.
const BYTES_MAX: usize = 64 << 20;

/// The files of all origins.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Mutex<HashMap<Box<str>, Slot>>,
}

/// An origin's place in the table; its file may still be on the way.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) file: Arc<OnceCell<File>>,
    /// What the place had before, which is too old.
    pub(super) before: Option<File>,
    since: Instant,
}

impl Slot {
    fn is_current(&self, now: Instant) -> bool {
        self.file.get().is_none_or(|file| now < file.until)
    }

    fn bytes(&self) -> usize {
        self.file.get().or(self.before.as_ref()).map_or(0, |file| file.bytes)
    }
}

impl Table {
    /// The origin's place: the one that is there, unless its file is too old.
    pub(super) fn slot(&self, origin: &str) -> Slot {
        let mut slots = self.lock();
        let now = Instant::now();
        let before = match slots.get(origin) {
            Some(slot) if slot.is_current(now) => return slot.clone(),
            Some(old) => old.file.get().cloned(),
            None => None,
        };
        make_room(&mut slots, now);
        let slot = Slot { file: Arc::default(), before, since: now };
        slots.insert(origin.into(), slot.clone());
        slot
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of what is too old, and of the oldest quarter where that is not enough.
fn make_room(slots: &mut HashMap<Box<str>, Slot>, now: Instant) {
    let bytes: usize = slots.values().map(Slot::bytes).sum();
    if slots.len() < ORIGINS_MAX && bytes < BYTES_MAX {
        return;
    }
    slots.retain(|_, slot| slot.is_current(now));
    let mut ages: Vec<Instant> = slots.values().map(|slot| slot.since).collect();
    ages.sort_unstable();
    if let Some(oldest) = ages.get(ages.len() / 4).copied() {
        slots.retain(|_, slot| slot.since > oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn file(bytes: usize, holds: Duration) -> File {
        File { bytes, ..File::said(robotxt::Robots::allow_all(), 0, holds) }
    }

    #[test]
    fn the_table_is_bounded_in_origins_and_in_bytes() {
        let table = Table::default();
        for number in 0..3 * ORIGINS_MAX {
            let slot = table.slot(&format!("http://{number}.example"));
            slot.file.set(file(100, Duration::from_secs(60))).expect("empty");
        }
        assert!(table.lock().len() <= ORIGINS_MAX, "{}", table.lock().len());
        let newest = table.slot(&format!("http://{}.example", 3 * ORIGINS_MAX - 1));
        assert!(newest.file.get().is_some(), "the newest stays");
        for number in 0..1_000 {
            let slot = table.slot(&format!("http://{number}.large.example"));
            slot.file.set(file(500 << 10, Duration::from_secs(60))).expect("empty");
        }
        let bytes: usize = table.lock().values().map(Slot::bytes).sum();
        assert!(bytes <= BYTES_MAX + (500 << 10), "{bytes}");
    }

    #[test]
    fn a_file_that_is_too_old_is_fetched_again_and_known_until_then() {
        let table = Table::default();
        table.slot("http://a.example").file.set(file(7, Duration::ZERO)).expect("empty");
        let again = table.slot("http://a.example");
        assert!(again.file.get().is_none());
        assert_eq!(again.before.map(|file| file.bytes), Some(7));
    }
}
