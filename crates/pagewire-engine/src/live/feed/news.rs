//! What of a document is new: entries that were not there before, and entries that say something else now.
//!
//! | the entry | on the first document | later |
//! |---|---|---|
//! | was never seen | marked as seen; told, if it is among the newest that were asked for | told |
//! | was seen, says the same | – | – |
//! | was seen, says something else | – | told, as its next version |
//! | bears a new identity, but says what an entry said that is gone, at the same date | – | that entry, renamed |

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use pagewire_types::SourceType;

use super::entry::Entry;
use super::identity::{Identity, identities};
use super::kept::{Kept, Seen};
use crate::live::event::{EventKey, NewEvent};

/// What was found.
#[derive(Debug)]
pub(super) struct News {
    /// What is to be told, the oldest first.
    pub(super) events: Vec<NewEvent>,
    /// What is to be remembered of the entries of documents before, of this one's, and of identities that are not used.
    pub(super) past: Vec<Seen>,
    pub(super) present: Vec<Seen>,
    pub(super) shared: Vec<u64>,
}

/// What a document is compared with, and how it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'k> {
    /// What was kept; `None` at the first document.
    pub(super) kept: Option<&'k Kept>,
    /// How many entries of the first document are told.
    pub(super) backfill: u32,
    pub(super) source_type: SourceType,
    pub(super) now: Timestamp,
}

/// Compares a document's entries with those that were seen.
pub(super) fn of(entries: Vec<Entry>, reading: &Reading<'_>) -> News {
    let known: &[Seen] = reading.kept.map_or(&[], |kept| &kept.seen);
    let mut shared: HashSet<u64> = reading.kept.iter().flat_map(|kept| kept.shared.iter().copied()).collect();
    let identities = identities(&entries, &mut shared);
    let mut memory = Memory::new(known, &identities);
    let is_first = reading.kept.is_none_or(|kept| kept.is_partial);
    let is_comparable = reading.kept.is_none_or(Kept::is_comparable);
    let (mut present, mut told) = (Vec::with_capacity(entries.len()), Vec::new());
    let mut met = HashSet::with_capacity(entries.len());
    for (place, (entry, identity)) in entries.into_iter().zip(identities).enumerate() {
        if !met.insert(identity.0) {
            continue;
        }
        let known = memory.take(identity, &entry);
        let is_edited = is_comparable && known.is_some_and(|known| known.said != entry.said);
        let version = known.map_or(0, |known| known.version.wrapping_add(is_edited.into()));
        let seen = Seen {
            identity: identity.0,
            said: entry.said,
            published_s: seconds(entry.published_at),
            version,
        };
        present.push(seen);
        if known.is_none() || is_edited {
            told.push(Told { entry, seen, place });
        }
    }
    in_order(&mut told);
    if is_first {
        let older = told.len().saturating_sub(usize::try_from(reading.backfill).unwrap_or(usize::MAX));
        told.drain(..older);
    }
    let events = told.into_iter().map(|told| told.event(reading)).collect();
    News { events, past: memory.left(known), present, shared: shared.into_iter().collect() }
}

/// The entries that were seen.
struct Memory {
    by_identity: HashMap<u64, Seen>,
    /// Of entries that the document does not hold under their identity: where they are, by what they said, and when.
    gone: HashMap<(u64, u32), u64>,
}

impl Memory {
    fn new(known: &[Seen], present: &[Identity]) -> Self {
        let present: HashSet<u64> = present.iter().map(|identity| identity.0).collect();
        let gone = known.iter().filter(|seen| !present.contains(&seen.identity));
        Self {
            gone: gone.map(|seen| ((seen.said, seen.published_s), seen.identity)).collect(),
            by_identity: known.iter().map(|seen| (seen.identity, *seen)).collect(),
        }
    }

    /// What was seen of an entry, under whatever identity.
    fn take(&mut self, identity: Identity, entry: &Entry) -> Option<Seen> {
        self.by_identity.remove(&identity.0).or_else(|| {
            let renamed = self.gone.remove(&(entry.said, seconds(entry.published_at)))?;
            self.by_identity.remove(&renamed)
        })
    }

    /// What the document holds no more, in its old order.
    fn left(self, known: &[Seen]) -> Vec<Seen> {
        known.iter().filter(|seen| self.by_identity.contains_key(&seen.identity)).copied().collect()
    }
}

/// A date as it is kept. Every date is between 1971 and now.
fn seconds(at: Option<Timestamp>) -> u32 {
    at.and_then(|at| u32::try_from(at.as_second()).ok()).unwrap_or(0)
}

/// An entry that is to be told.
struct Told {
    entry: Entry,
    seen: Seen,
    /// Its place in the document.
    place: usize,
}

impl Told {
    fn event(self, reading: &Reading<'_>) -> NewEvent {
        let Self { entry, seen, .. } = self;
        NewEvent {
            key: EventKey::of(&[
                &seen.identity.to_le_bytes(),
                &seen.version.to_le_bytes(),
                &seen.said.to_le_bytes(),
            ]),
            source_type: reading.source_type,
            url: entry.url,
            title: entry.title,
            content: entry.content,
            author: entry.author,
            tags: entry.tags,
            published_at: entry.published_at.map(|at| at.to_string()),
            fetched_at: reading.now,
            diff: None,
        }
    }
}

/// The oldest first: by their dates where all have one, or else against the order of the document, which has the newest
/// at its head.
fn in_order(told: &mut [Told]) {
    told.reverse();
    if told.iter().all(|told| told.entry.published_at.is_some()) {
        told.sort_by_key(|told| (told.entry.published_at, std::cmp::Reverse(told.place)));
    }
}
