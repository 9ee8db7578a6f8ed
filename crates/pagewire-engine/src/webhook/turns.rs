//! Which endpoint may be tried now. It decides and does nothing; who asks it does the rest.
//!
//! An endpoint whose last try was taken promptly has a few places. Any other, be it new, slow or dead, has one, and all of
//! those together have half of the places at most. So however many hang, the prompt ones always find room.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Places of a prompt endpoint.
const PROMPT_PLACES: usize = 4;
/// A try that was taken within this is prompt.
pub(super) const PROMPT: Duration = Duration::from_secs(2);
/// Endpoints whose promptness is remembered. Past them all are forgotten, and prove themselves anew.
const REMEMBERED_MAX: usize = 10_000;

/// The places, and who has them.
pub(super) struct Turns {
    at_once: usize,
    /// By endpoint: how many are under way.
    under_way: HashMap<String, usize>,
    total: usize,
    total_doubtful: usize,
    prompt: HashSet<String>,
}

/// A place that was taken. It is given back by [`Turns::end`].
#[derive(Debug)]
#[must_use]
pub(super) struct Place {
    endpoint: String,
    is_doubtful: bool,
}

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.max(2),
            under_way: HashMap::new(),
            total: 0,
            total_doubtful: 0,
            prompt: HashSet::new(),
        }
    }

    /// Whether nobody at all may be tried now.
    pub(super) fn is_full(&self) -> bool {
        self.total >= self.at_once
    }

    /// Takes a place for an endpoint, if there is one for it.
    pub(super) fn begin(&mut self, endpoint: &str) -> Option<Place> {
        let is_doubtful = !self.prompt.contains(endpoint);
        let has = self.under_way.get(endpoint).copied().unwrap_or(0);
        let may_have = if is_doubtful { 1 } else { PROMPT_PLACES };
        let crowded = is_doubtful && self.total_doubtful >= self.at_once / 2;
        if self.is_full() || crowded || has >= may_have {
            return None;
        }
        self.total += 1;
        self.total_doubtful += usize::from(is_doubtful);
        self.under_way.insert(endpoint.to_owned(), has + 1);
        Some(Place { endpoint: endpoint.to_owned(), is_doubtful })
    }

    /// Gives a place back unused.
    pub(super) fn give_back(&mut self, place: &Place) {
        self.total -= 1;
        self.total_doubtful -= usize::from(place.is_doubtful);
        if let Some(has) = self.under_way.get_mut(&place.endpoint) {
            *has -= 1;
            if *has == 0 {
                self.under_way.remove(&place.endpoint);
            }
        }
    }

    /// Gives a place back, with how long it was until the receiver had taken the delivery; `None` where it did not.
    pub(super) fn end(&mut self, place: Place, taken_after: Option<Duration>) {
        self.give_back(&place);
        if taken_after.is_none_or(|time| time > PROMPT) {
            self.prompt.remove(&place.endpoint);
            return;
        }
        if self.prompt.len() >= REMEMBERED_MAX {
            self.prompt.clear();
        }
        self.prompt.insert(place.endpoint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Option<Duration> = Some(Duration::from_millis(20));

    fn places(turns: &mut Turns, endpoint: &str) -> Vec<Place> {
        std::iter::from_fn(|| turns.begin(endpoint)).collect()
    }

    #[test]
    fn an_endpoint_that_has_not_proved_itself_has_one_place() {
        let mut turns = Turns::new(100);
        let mut new = places(&mut turns, "a");
        assert_eq!(new.len(), 1);
        turns.end(new.remove(0), SOON);
        let prompt = places(&mut turns, "a");
        assert_eq!(prompt.len(), PROMPT_PLACES);
        for (place, taken) in prompt.into_iter().zip([SOON, SOON, SOON, None]) {
            turns.end(place, taken);
        }
        assert_eq!(places(&mut turns, "a").len(), 1, "a failure is enough");
    }

    #[test]
    fn what_is_taken_slowly_is_not_prompt() {
        let mut turns = Turns::new(100);
        let place = turns.begin("a").expect("a place");
        turns.end(place, Some(PROMPT + Duration::from_millis(1)));
        assert_eq!(places(&mut turns, "a").len(), 1);
    }

    #[test]
    fn however_many_hang_a_prompt_one_finds_room() {
        let mut turns = Turns::new(10);
        let place = turns.begin("prompt").expect("a place");
        turns.end(place, SOON);
        let hanging: Vec<Place> = (0..1_000).filter_map(|n| turns.begin(&format!("dead-{n}"))).collect();
        assert_eq!(hanging.len(), 5);
        assert_eq!(places(&mut turns, "prompt").len(), PROMPT_PLACES);
        for place in hanging {
            turns.end(place, None);
        }
        assert!(turns.begin("dead-999").is_some(), "what was full has room again");
    }

    #[test]
    fn every_place_that_is_given_back_is_free() {
        let mut turns = Turns::new(3);
        for round in 0..100 {
            let taken: Vec<Place> =
                ["a", "b", "c", "a"].iter().filter_map(|name| turns.begin(name)).collect();
            assert!(!taken.is_empty() && taken.len() <= 3, "round {round}");
            for (place, n) in taken.into_iter().zip(0..) {
                turns.end(place, if (n + round) % 3 == 0 { None } else { SOON });
            }
            assert_eq!((turns.total, turns.total_doubtful, turns.under_way.len()), (0, 0, 0));
        }
    }
}
