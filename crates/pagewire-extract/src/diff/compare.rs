//! Which blocks of a page are those that were there before: what is left on either side came or went.
//!
//! Blocks are matched by what they say, each with one that says the same, wherever it stands: what is moved is no change.
//! Linear in the number of blocks.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

use super::baseline::Baseline;
use super::snapshot::Snapshot;
use super::tokens::{self, Kind};

/// Blocks after it that one which went is held beside.
const BESIDE_MAX: usize = 8;
/// Words that two texts must share to be one text that was edited, in tenths of the shorter one's.
const SHARED_TENTHS: usize = 5;

/// What is where in two readings of a page.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// Those that are new, by their places in the page.
    pub(super) added: Vec<usize>,
    /// Those that are gone, by their places in what was kept.
    pub(super) removed: Vec<usize>,
}

impl Matching {
    pub(super) fn of(baseline: &Baseline, page: &Snapshot) -> Self {
        let mut before: Vec<Option<usize>> = vec![None; page.blocks.len()];
        let mut is_left = vec![true; baseline.blocks.len()];
        // Those that say the very same in the same item come first, then those that say it elsewhere, then those that
        // differ in a date that says nothing.
        let item_of = |at: usize| page.blocks[at].item.map(|item| page.items[item as usize].identity);
        let said = |at: usize| (page.blocks[at].fingerprint.words, page.blocks[at].fingerprint.dates);
        let kept = |at: usize| (baseline.blocks[at].words, baseline.blocks[at].dates);
        let any = |_: usize, _: usize| true;
        let of_words = |at: usize, kept: usize| {
            let kept = &baseline.blocks[kept];
            page.blocks[at].fingerprint.is_same_as(kept.words, kept.dates)
        };
        let mut pass = Pass { before: &mut before, is_left: &mut is_left };
        pass.run(|at| (said(at), item_of(at)), |at| (kept(at), baseline.blocks[at].item), any);
        pass.run(said, kept, any);
        pass.run(|at| (said(at).0, item_of(at)), |at| (kept(at).0, baseline.blocks[at].item), of_words);
        pass.run(|at| said(at).0, |at| kept(at).0, of_words);
        let added = (0..before.len()).filter(|at| before[*at].is_none()).collect();
        let removed = (0..is_left.len()).filter(|at| is_left[*at]).collect();
        Self { added, removed }
    }

    /// Share of what was there that is there still, edited or not; by characters, in thousandths.
    pub(super) fn kept_thousandths(&self, baseline: &Baseline, page: &Snapshot) -> u64 {
        let whole = baseline.characters();
        if whole == 0 {
            return 1_000;
        }
        let edited: HashSet<usize> =
            self.edits(baseline, page).into_iter().map(|(removed, _)| removed).collect();
        let gone: u64 = self
            .removed
            .iter()
            .filter(|at| !edited.contains(*at) && !page.outside.contains(&baseline.blocks[**at].words))
            .map(|at| u64::from(baseline.blocks[*at].characters))
            .sum();
        whole.saturating_sub(gone) * 1_000 / whole
    }

    /// Of those that went the ones that an edit made of one that came: they share words, numbers aside.
    fn edits(&self, baseline: &Baseline, page: &Snapshot) -> Vec<(usize, usize)> {
        let mut by_slot: HashMap<u32, usize> = HashMap::new();
        for at in self.added.iter().rev() {
            by_slot.insert(page.blocks[*at].slot, *at);
        }
        let mut is_taken = HashSet::new();
        let mut edits = Vec::new();
        let mut next = 0;
        for removed in &self.removed {
            let block = &baseline.blocks[*removed];
            let words = Words::of(&block.text);
            let here = by_slot.get(&block.slot).copied();
            let beside = self.added[next.min(self.added.len())..].iter().copied().take(BESIDE_MAX);
            let found = here
                .into_iter()
                .chain(beside)
                .find(|added| !is_taken.contains(added) && words.are_shared_with(&page.blocks[*added].text));
            if let Some(added) = found {
                is_taken.insert(added);
                edits.push((*removed, added));
            }
            while next < self.added.len() && is_taken.contains(&self.added[next]) {
                next += 1;
            }
        }
        edits
    }
}

/// Matches what is not matched yet.
struct Pass<'m> {
    before: &'m mut [Option<usize>],
    is_left: &'m mut [bool],
}

impl Pass<'_> {
    /// Each block with the first of those that are left under the same key, if it is the same.
    fn run<K: Hash + Eq>(
        &mut self,
        key: impl Fn(usize) -> K,
        key_before: impl Fn(usize) -> K,
        is_same: impl Fn(usize, usize) -> bool,
    ) {
        let mut left: HashMap<K, VecDeque<usize>> = HashMap::new();
        for at in (0..self.is_left.len()).filter(|at| self.is_left[*at]) {
            left.entry(key_before(at)).or_default().push_back(at);
        }
        for (at, before) in self.before.iter_mut().enumerate().filter(|(_, before)| before.is_none()) {
            let Some(left) = left.get_mut(&key(at)) else { continue };
            if left.front().is_some_and(|kept| is_same(at, *kept)) {
                *before = left.pop_front();
            }
            if let Some(kept) = *before {
                self.is_left[kept] = false;
            }
        }
    }
}

/// The words of a text; all numbers are one.
struct Words<'t>(HashSet<&'t str>);

impl<'t> Words<'t> {
    fn of(text: &'t str) -> Self {
        let mut all = Vec::new();
        tokens::read(text, &mut all);
        Self(
            all.into_iter()
                .filter(|token| token.kind != Kind::Dash)
                .map(|token| if token.kind == Kind::Number { "0" } else { token.text })
                .collect(),
        )
    }

    fn are_shared_with(&self, text: &str) -> bool {
        let other = Words::of(super::snapshot::head(text));
        let shared = self.0.iter().filter(|word| other.0.contains(**word)).count();
        let shorter = self.0.len().min(other.0.len());
        shorter > 0 && shared * 10 >= shorter * SHARED_TENTHS
    }
}
