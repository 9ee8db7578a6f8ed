//! Places of a page that change all the time: learned, masked, and let go when they are quiet.
//!
//! For each place that has changed lately the last sixteen polls are known, a bit for each. A place is masked once it has
//! changed in most of the last few; or at once, where two fetches a moment apart differed in it. It is watched again when
//! it was quiet in all of the sixteen. A list that grows at one end is no such place: only what is replaced where it
//! stands counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Places that are known.
const PLACES_MAX: usize = 500;
/// The last polls that decide, and those of them with a change that mask a place.
const RECENT: u16 = 0b11111;
const RECENT_MIN: u32 = 4;
/// What counts for so many polls: that two fetches of one poll found something new in a place, and not the same.
const FLAP_BITS: u32 = 3;

/// Why a place is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mask {
    /// It is not.
    #[serde(rename = "n")]
    None,
    /// It changes from poll to poll.
    #[serde(rename = "p")]
    Polls,
    /// It changes from one fetch to the next.
    #[serde(rename = "f")]
    Fetches,
}

/// What is known of a place: where it is, its last polls, whether it is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place(u32, u16, Mask);

/// The places that have changed lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Volatile {
    places: BTreeMap<u32, (u16, Mask)>,
}

impl Volatile {
    /// Those that two fetches at the beginning differed in.
    pub(super) fn of_probes(slots: impl IntoIterator<Item = u32>) -> Self {
        let places = slots.into_iter().take(PLACES_MAX).map(|slot| (slot, (u16::MAX, Mask::Fetches)));
        Self { places: places.collect() }
    }

    pub(super) fn mask_of(&self, slot: u32) -> Mask {
        self.places.get(&slot).map_or(Mask::None, |(_, mask)| *mask)
    }

    /// Another poll is over: these places were changed by it, and in those each of its fetches found something else.
    pub(super) fn learn(&mut self, changed: &BTreeSet<u32>, flapped: &BTreeSet<u32>) {
        for slot in changed.iter().chain(flapped) {
            if self.places.len() < PLACES_MAX {
                self.places.entry(*slot).or_insert((0, Mask::None));
            }
        }
        for (slot, (bits, mask)) in &mut self.places {
            let has_flapped = flapped.contains(slot);
            *bits = match (has_flapped, changed.contains(slot)) {
                (true, _) => (*bits << FLAP_BITS) | ((1 << FLAP_BITS) - 1),
                (false, true) => (*bits << 1) | 1,
                (false, false) => *bits << 1,
            };
            if (*bits & RECENT).count_ones() >= RECENT_MIN {
                *mask = if has_flapped || *mask == Mask::Fetches { Mask::Fetches } else { Mask::Polls };
            }
        }
        self.places.retain(|_, (bits, _)| *bits != 0);
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.places.iter().map(|(slot, (bits, mask))| Place(*slot, *bits, *mask)).collect()
    }
}

impl FromIterator<Place> for Volatile {
    fn from_iter<I: IntoIterator<Item = Place>>(places: I) -> Self {
        let places = places.into_iter().take(PLACES_MAX).map(|Place(slot, bits, mask)| (slot, (bits, mask)));
        Self { places: places.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: u32 = 7;

    fn poll(volatile: &mut Volatile, changed: bool) -> Mask {
        volatile.learn(&changed.then_some(SLOT).into_iter().collect(), &BTreeSet::new());
        volatile.mask_of(SLOT)
    }

    #[test]
    fn a_place_that_changes_in_nearly_every_poll_is_masked_and_let_go_when_it_is_quiet() {
        let mut volatile = Volatile::default();
        let masks: Vec<Mask> =
            [true, true, false, true, true].into_iter().map(|changed| poll(&mut volatile, changed)).collect();
        assert_eq!(masks, [Mask::None, Mask::None, Mask::None, Mask::None, Mask::Polls]);
        for _ in 0..15 {
            assert_eq!(poll(&mut volatile, false), Mask::Polls);
        }
        assert_eq!(poll(&mut volatile, false), Mask::None);
        assert_eq!(volatile, Volatile::default());
    }

    #[test]
    fn a_place_that_changes_now_and_then_is_not() {
        let mut volatile = Volatile::default();
        for round in 0..60 {
            assert_eq!(poll(&mut volatile, round % 2 == 0), Mask::None);
        }
    }

    #[test]
    fn two_differences_within_polls_mask_a_place() {
        let mut volatile = Volatile::default();
        let flapped = BTreeSet::from([SLOT]);
        volatile.learn(&BTreeSet::new(), &flapped);
        assert_eq!(volatile.mask_of(SLOT), Mask::None);
        volatile.learn(&BTreeSet::new(), &flapped);
        assert_eq!(volatile.mask_of(SLOT), Mask::Fetches);
    }

    #[test]
    fn places_are_bounded() {
        let mut volatile = Volatile::default();
        volatile.learn(&(0..5_000).collect(), &BTreeSet::new());
        assert_eq!(volatile.places().len(), PLACES_MAX);
    }
}
