//! From a page that was fetched twice to what is told of it.
//!
//! Told is what both fetches found. What only one of them found is as before until a later poll, and its place is held to
//! change by itself; what is masked is taken over in silence.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::baseline::{Baseline, KeptBlock};
use super::blocks::Kind;
use super::compare::Matching;
use super::fingerprint::Dates;
use super::hash::Hash;
use super::snapshot::{BLOCKS_MAX, Item, Snapshot, cut};
use super::volatile::Mask;

/// Changes that one poll tells.
const CHANGES_MAX: usize = 200;
/// Blocks of a side of a change.
const BLOCKS_TOLD_MAX: usize = 500;
/// Characters of a side of a change, and of its text.
const CHARACTERS_TOLD_MAX: usize = 60_000;
/// Characters of a title.
const TITLE_CHARACTERS_MAX: usize = 300;
/// Share of what is watched that must be left when what changes from poll to poll is masked, in tenths: a price that
/// somebody asked for changes with each.
const UNMASKED_TENTHS: u64 = 2;
/// Share of an item that must be new, in tenths, where it stands on the page for the first time.
const NEW_TENTHS: u32 = 5;

/// One in so many items of a list may be new by its link alone.
const RENAMED_SHARE_MAX: usize = 3;

/// A change that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is, together with the revision that it was found from: the same whenever it is found again.
    pub identity: u64,
    /// Where it can be read, where that is not the page.
    pub url: Option<String>,
    /// What it is called.
    pub title: String,
    /// What it says: what was added, or where nothing was, what was removed.
    pub content: String,
    /// Blocks that came.
    pub added: Vec<String>,
    /// Blocks that went.
    pub removed: Vec<String>,
}

/// What two readings differ in, masks aside.
struct Difference {
    matching: Matching,
    added: Vec<usize>,
    removed: Vec<usize>,
}

impl Baseline {
    /// The first so many items of a list, for a source that is read for the first time.
    pub(super) fn backfill(&self, page: &Snapshot, count: usize) -> Vec<Change> {
        let mut changes: Vec<Change> = page
            .items
            .iter()
            .take(count)
            .filter(|item| !item.blocks.is_empty())
            .map(|item| Change::of_item(page, item))
            .collect();
        changes.reverse();
        changes
    }

    /// Whether every part of the page changes with every fetch.
    pub(super) fn nothing_lasts(&self) -> bool {
        !self.blocks.is_empty()
            && self.blocks.iter().all(|block| self.volatile.mask_of(block.slot) == Mask::Fetches)
    }

    /// Whether a page differs in something that is not masked: it must be fetched again before that is told.
    pub(super) fn differs(&self, page: &Snapshot) -> bool {
        let difference = self.difference(page);
        !difference.added.is_empty() || !difference.removed.is_empty() || !self.met_first(page).is_empty()
    }

    /// Takes over a page that does not differ.
    pub(super) fn keep(&mut self, page: &Snapshot) {
        let matching = Matching::of(self, page);
        let changed = self.replaced(page, &matching.removed, &matching.added);
        self.blocks = (0..page.blocks.len()).map(|at| KeptBlock::of(page, at)).collect();
        self.after(page, &changed, &BTreeSet::new());
    }

    /// What is kept when a page of which all is another is taken for what is there now; nothing of it is told.
    pub(super) fn replaced_by(&self, page: &Snapshot) -> Self {
        let mut next = Self::first(page, None, self.since);
        next.part = self.part;
        next.revision = self.revision.wrapping_add(1);
        next
    }

    /// Takes over what two fetches of a page agree on, and tells it.
    pub(super) fn take(&mut self, first: &Snapshot, page: &Snapshot) -> Vec<Change> {
        let before = self.difference(first);
        let now = self.difference(page);
        let (added, only_now) = both(&now.added, &before.added, |at| page.said(at), |at| first.said(at));
        let in_first: HashSet<usize> = before.removed.iter().copied().collect();
        let in_page: HashSet<usize> = now.removed.iter().copied().collect();
        // Places in which the two fetches differ: in some each finds something else that is new, in the others one of them
        // finds what was there.
        let (_, only_then) = both(&before.added, &now.added, |at| first.said(at), |at| page.said(at));
        let of_now: BTreeSet<u32> = only_now.iter().map(|at| page.blocks[*at].slot).collect();
        let of_then: BTreeSet<u32> = only_then.iter().map(|at| first.blocks[*at].slot).collect();
        let flapped: BTreeSet<u32> = of_now.intersection(&of_then).copied().collect();
        let in_one = in_first.symmetric_difference(&in_page).map(|at| self.blocks[*at].slot);
        let wavering: BTreeSet<u32> = of_now.into_iter().chain(of_then).chain(in_one).collect();
        // What went where something wavers did not go.
        let (removed, back): (Vec<usize>, Vec<usize>) = now
            .removed
            .iter()
            .copied()
            .partition(|at| in_first.contains(at) && !wavering.contains(&self.blocks[*at].slot));

        let in_both: HashSet<u64> =
            self.met_first(first).intersection(&self.met_first(page)).copied().collect();
        let changes = self.changes(page, &added, &removed, &in_both);
        let mut changed = self.replaced(page, &removed, &added);
        let slots_removed = now.matching.removed.iter().map(|at| self.blocks[*at].slot);
        changed.extend(slots_removed.filter(|slot| self.is_known_to_change(*slot)));
        changed.extend(wavering);

        let not_yet: HashSet<usize> = only_now.into_iter().collect();
        let mut blocks: Vec<KeptBlock> = (0..page.blocks.len())
            .filter(|at| !not_yet.contains(at))
            .map(|at| KeptBlock::of(page, at))
            .collect();
        blocks.extend(back.into_iter().map(|at| self.blocks[at].clone()));
        blocks.truncate(BLOCKS_MAX);
        self.blocks = blocks;
        if !changes.is_empty() || !added.is_empty() || !removed.is_empty() {
            self.revision = self.revision.wrapping_add(1);
        }
        self.after(page, &changed, &flapped);
        changes
    }

    fn after(&mut self, page: &Snapshot, changed: &BTreeSet<u32>, flapped: &BTreeSet<u32>) {
        self.volatile.learn(changed, flapped);
        self.title.clone_from(&page.signs.title);
        self.asks_password = page.signs.asks_password;
        self.outside.clone_from(&page.outside);
        self.other = None;
        let kept: HashSet<u64> = self.blocks.iter().filter_map(|block| block.item).collect();
        self.meet(page.items.iter().rev().map(|item| item.identity).filter(|item| kept.contains(item)));
    }

    fn is_known_to_change(&self, slot: u32) -> bool {
        self.volatile.mask_of(slot) != Mask::None
    }

    fn difference(&self, page: &Snapshot) -> Difference {
        let matching = Matching::of(self, page);
        let left: u64 = self
            .blocks
            .iter()
            .filter(|block| !self.is_known_to_change(block.slot))
            .map(|block| u64::from(block.characters))
            .sum();
        let leaves_enough = left * 10 >= self.characters() * UNMASKED_TENTHS;
        let is_masked = |slot: u32| match self.volatile.mask_of(slot) {
            Mask::None => false,
            Mask::Polls => leaves_enough,
            Mask::Fetches => true,
        };
        // What was on the page already, or is still, has only come into the main content, or gone from it.
        let is_new = |at: &usize| {
            let block = &page.blocks[*at];
            !is_masked(block.slot) && !self.outside.contains(&block.fingerprint.words)
        };
        let is_gone = |at: &usize| {
            let block = &self.blocks[*at];
            !is_masked(block.slot) && !page.outside.contains(&block.words)
        };
        let mut added: Vec<usize> = matching.added.iter().copied().filter(is_new).collect();
        let mut removed: Vec<usize> = matching.removed.iter().copied().filter(is_gone).collect();
        if page.is_cut || self.blocks.len() >= BLOCKS_MAX {
            // What lies beyond the last block that is watched moves in and out.
            drop_end(&mut added, page.blocks.len());
            drop_end(&mut removed, self.blocks.len());
        }
        Difference { matching, added, removed }
    }

    /// The places in which something stands in the place of something else.
    fn replaced(&self, page: &Snapshot, removed: &[usize], added: &[usize]) -> BTreeSet<u32> {
        let came: HashSet<u32> = added.iter().map(|at| page.blocks[*at].slot).collect();
        removed.iter().map(|at| self.blocks[*at].slot).filter(|slot| came.contains(slot)).collect()
    }

    /// The items that were never met. Where many of those that say what others said lead elsewhere, it is the site that has
    /// changed its addresses, or makes new ones for each visit, and none of them is new.
    fn met_first(&self, page: &Snapshot) -> HashSet<u64> {
        let known: HashSet<u64> =
            self.seen.iter().copied().chain(self.blocks.iter().filter_map(|block| block.item)).collect();
        // One without a block of its own says nothing, and is not kept.
        let unknown = |item: &&Item| !known.contains(&item.identity) && !item.blocks.is_empty();
        if !page.items.iter().any(|item| unknown(&item)) {
            return HashSet::new();
        }
        let added: HashSet<usize> = Matching::of(self, page).added.into_iter().collect();
        let (new, renamed): (Vec<&Item>, Vec<&Item>) =
            page.items.iter().filter(unknown).partition(|item| is_new(page, item, &added));
        let are_new = renamed.len() * RENAMED_SHARE_MAX <= page.items.len();
        let renamed = renamed.into_iter().filter(|_| are_new);
        new.into_iter().chain(renamed).map(|item| item.identity).collect()
    }

    fn changes(
        &self,
        page: &Snapshot,
        added: &[usize],
        removed: &[usize],
        met_first: &HashSet<u64>,
    ) -> Vec<Change> {
        let mut rest_added: Vec<usize> = Vec::new();
        let mut of_item: HashMap<u32, Vec<usize>> = HashMap::new();
        for at in added {
            match page.blocks[*at].item {
                Some(item) => of_item.entry(item).or_default().push(*at),
                None => rest_added.push(*at),
            }
        }
        let seen: HashSet<u64> = self.seen.iter().copied().collect();
        let here: HashSet<u64> = self.blocks.iter().filter_map(|block| block.item).collect();
        let (items_removed, rest_removed) = self.removed_by_item(page, removed, &of_item);
        let mut new = Vec::new();
        let mut edited = Vec::new();
        for (at, item) in (0_u32..).zip(&page.items) {
            let blocks = of_item.remove(&at).unwrap_or_default();
            let went = items_removed.get(&item.identity).map_or(&[][..], Vec::as_slice);
            if here.contains(&item.identity) {
                if !blocks.is_empty() || !went.is_empty() {
                    edited.push(self.edit(page, item, &blocks, went));
                }
            } else if met_first.contains(&item.identity) {
                new.push((at, Change::of_item(page, item)));
            } else if !seen.contains(&item.identity) {
                rest_added.extend(blocks);
            }
        }
        rest_added.sort_unstable();
        let last_known = (0_u32..)
            .zip(&page.items)
            .filter(|(_, item)| here.contains(&item.identity))
            .map(|(at, _)| at)
            .max();
        // A list grows at its top, where the newest then stands first, or at its end.
        let grows_at_end = last_known.is_some_and(|last| new.iter().all(|(at, _)| *at > last));
        let mut changes: Vec<Change> = new.into_iter().map(|(_, change)| change).collect();
        if !grows_at_end {
            changes.reverse();
        }
        let over = changes.len().saturating_sub(CHANGES_MAX);
        changes.drain(..over);
        changes.extend(edited.into_iter().take(CHANGES_MAX));
        if !rest_added.is_empty() || !rest_removed.is_empty() {
            changes.push(self.of_page(page, &rest_added, &rest_removed));
        }
        changes
    }

    /// What went, by the items that are still there; and what went besides, without the items that a list has let go at
    /// one end since it has grown at the other.
    fn removed_by_item(
        &self,
        page: &Snapshot,
        removed: &[usize],
        added: &HashMap<u32, Vec<usize>>,
    ) -> (HashMap<u64, Vec<usize>>, Vec<usize>) {
        let there: HashSet<u64> = page.items.iter().map(|item| item.identity).collect();
        let mut order: Vec<u64> = self.blocks.iter().filter_map(|block| block.item).collect();
        order.dedup();
        let here: HashSet<u64> = order.iter().copied().collect();
        let came = added.keys().filter(|item| !here.contains(&page.items[**item as usize].identity)).count();
        let is_gone = |item: &&u64| !there.contains(*item);
        let at_end: HashSet<u64> = order.iter().rev().take_while(is_gone).copied().collect();
        let at_start: HashSet<u64> = order.iter().take_while(is_gone).copied().collect();
        let let_go = |item: u64| {
            came > 0
                && [&at_end, &at_start].into_iter().any(|run| run.len() <= came + 1 && run.contains(&item))
        };
        let mut by_item: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut rest = Vec::new();
        for at in removed {
            match self.blocks[*at].item {
                Some(item) if there.contains(&item) => by_item.entry(item).or_default().push(*at),
                Some(item) if let_go(item) => {}
                _ => rest.push(*at),
            }
        }
        (by_item, rest)
    }

    /// An item that says something else than before.
    fn edit(&self, page: &Snapshot, item: &Item, added: &[usize], removed: &[usize]) -> Change {
        let change = self.side_by_side(page, added, removed);
        Change {
            url: item.url.clone(),
            title: item.title.clone(),
            identity: Hash::after(item.identity).number(change.identity).end(),
            ..change
        }
    }

    /// What changed on a page beside its items, or on one that has none.
    fn of_page(&self, page: &Snapshot, added: &[usize], removed: &[usize]) -> Change {
        let change = self.side_by_side(page, added, removed);
        let section = section_of(page, added);
        let title = match section {
            Some(section) if page.title.is_empty() || section == page.title => section,
            Some(section) => format!("{}: {section}", page.title),
            None => page.title.clone(),
        };
        Change { title: cut(&title, TITLE_CHARACTERS_MAX), ..change }
    }

    fn side_by_side(&self, page: &Snapshot, added: &[usize], removed: &[usize]) -> Change {
        let mut identity = Hash::new();
        for at in added {
            let (words, _) = page.said(*at);
            identity = identity.number(words);
        }
        identity.add(b"removed");
        for at in removed {
            identity = identity.number(self.blocks[*at].words);
        }
        let added = told(added.iter().map(|at| page.blocks[*at].text.as_str()));
        let removed = told(removed.iter().map(|at| self.blocks[*at].text.as_str()));
        let content =
            if added.is_empty() { format!("Removed: {}", removed.join("\n")) } else { added.join("\n") };
        Change { identity: identity.end(), url: None, title: String::new(), content, added, removed }
    }
}

impl Change {
    fn of_item(page: &Snapshot, item: &Item) -> Self {
        let added = told(page.blocks[item.blocks.clone()].iter().map(|block| block.text.as_str()));
        let (url, title) = (item.url.clone(), item.title.clone());
        Self { identity: item.identity, url, title, content: added.join("\n"), added, removed: Vec::new() }
    }
}

impl Snapshot {
    /// What a block says, as far as two fetches of one poll can differ in it.
    fn said(&self, at: usize) -> (u64, Dates) {
        let fingerprint = &self.blocks[at].fingerprint;
        (fingerprint.words, if fingerprint.is_stamp { Dates::Age } else { fingerprint.dates })
    }
}

/// Which of some blocks are among others as well, each as often; and which are not.
fn both<T: std::hash::Hash + Eq>(
    these: &[usize],
    those: &[usize],
    say: impl Fn(usize) -> T,
    other: impl Fn(usize) -> T,
) -> (Vec<usize>, Vec<usize>) {
    let mut left: HashMap<T, usize> = HashMap::new();
    for at in those {
        *left.entry(other(*at)).or_default() += 1;
    }
    these.iter().partition(|at| match left.get_mut(&say(**at)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    })
}

/// Whether an item says something that was not there before.
fn is_new(page: &Snapshot, item: &Item, added: &HashSet<usize>) -> bool {
    let characters = |at: usize| page.blocks[at].fingerprint.characters;
    let whole: u32 = item.blocks.clone().map(characters).sum();
    let new: u32 = item.blocks.clone().filter(|at| added.contains(at)).map(characters).sum();
    new * 10 >= whole * NEW_TENTHS && new > 0
}

/// The heading that what came stands under, where it is one for all.
fn section_of(page: &Snapshot, added: &[usize]) -> Option<String> {
    let heading_of = |at: usize| (0..=at).rev().find(|at| page.blocks[*at].kind == Kind::Heading);
    let (first, last) = (heading_of(*added.first()?)?, heading_of(*added.last()?)?);
    let text = &page.blocks[first].text;
    (first == last && *text != page.title).then(|| text.clone())
}

/// Leaves out what stands at the very end.
fn drop_end(blocks: &mut Vec<usize>, count: usize) {
    let mut end = count;
    while end > 0 && blocks.last() == Some(&(end - 1)) {
        blocks.pop();
        end -= 1;
    }
}

/// Texts as they are told: so many, and so long together.
fn told<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut left = CHARACTERS_TOLD_MAX;
    let mut told = Vec::new();
    for text in texts.take(BLOCKS_TOLD_MAX) {
        if left == 0 {
            break;
        }
        let text = cut(text, left);
        left = left.saturating_sub(text.chars().count());
        told.push(text);
    }
    told
}
