//! What is kept of a page from poll to poll, as JSON of at most [`STATE_BYTES_MAX`].
//!
//! Of each block its fingerprint, its place and its text; what is told as removed later is that text. Where it is too much,
//! the texts are shortened, all to the same length: a change is still found, and what went is told by how it began. What
//! cannot be read again is as nothing kept: the next poll is the first.

use std::collections::{BTreeSet, HashSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::compare::Matching;
use super::fingerprint::Dates;
use super::hash::Hash;
use super::snapshot::{BLOCKS_MAX, Part, Snapshot, cut};
use super::volatile::{Place, Volatile};

/// Bytes of the JSON.
const STATE_BYTES_MAX: usize = 256 * 1024;
/// Characters of a block's text that are kept, at most.
pub(super) const TEXT_CHARACTERS_MAX: usize = 400;
/// Items that are known by name, whether they stand on the page or not.
const SEEN_MAX: usize = 1_000;
/// The form of the JSON.
const VERSION: u32 = 1;

/// A block that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptBlock {
    pub(super) words: u64,
    pub(super) dates: Dates,
    pub(super) slot: u32,
    pub(super) characters: u32,
    /// The item that it was in.
    pub(super) item: Option<u64>,
    pub(super) text: String,
}

/// A page as it was, and what was learned of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Baseline {
    pub(super) watch: u64,
    pub(super) part: Part,
    /// Since when it is watched: seconds since 1970.
    pub(super) since: i64,
    /// How often something was told since.
    pub(super) revision: u32,
    pub(super) title: String,
    pub(super) asks_password: bool,
    pub(super) blocks: Vec<KeptBlock>,
    /// Items that were met, the oldest first.
    pub(super) seen: VecDeque<u64>,
    pub(super) volatile: Volatile,
    /// What the page said beside its main content.
    pub(super) outside: HashSet<u64>,
    pub(super) other: Option<Other>,
}

/// A page that has nearly nothing in common with what was there, and since when it is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Other {
    /// What it says.
    pub(super) print: u64,
    /// Polls that found it.
    pub(super) polls: u32,
    /// When the first did: seconds since 1970.
    pub(super) since: i64,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    v: u32,
    watch: u64,
    part: u8,
    since: i64,
    revision: u32,
    title: String,
    password: bool,
    words: Vec<u64>,
    slots: Vec<u32>,
    characters: Vec<u32>,
    texts: Vec<String>,
    /// Of the blocks with dates: which, and what; less than nothing is an age.
    dates: Vec<(u32, i64)>,
    /// The items: how many blocks stand before the first since the last, how many are in it, and its name.
    items: Vec<(u32, u32, u64)>,
    seen: VecDeque<u64>,
    volatile: Vec<Place>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    outside: BTreeSet<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<Other>,
}

impl Baseline {
    /// What is kept of a page that is read for the first time; the places in which it differs when it is fetched again a
    /// moment later change with every fetch.
    pub(super) fn first(page: &Snapshot, again: Option<&Snapshot>, now: i64) -> Self {
        let mut baseline = Self::of(page, now);
        if let Some(again) = again {
            let matching = Matching::of(&baseline, again);
            let slots = matching.removed.iter().map(|at| baseline.blocks[*at].slot);
            let slots: Vec<u32> =
                slots.chain(matching.added.iter().map(|at| again.blocks[*at].slot)).collect();
            baseline.volatile = Volatile::of_probes(slots);
        }
        baseline
    }

    fn of(page: &Snapshot, since: i64) -> Self {
        let mut baseline = Self {
            watch: page.watch,
            part: page.part,
            since,
            revision: 0,
            title: page.signs.title.clone(),
            asks_password: page.signs.asks_password,
            blocks: (0..page.blocks.len()).map(|at| KeptBlock::of(page, at)).collect(),
            seen: VecDeque::new(),
            volatile: Volatile::default(),
            outside: page.outside.clone(),
            other: None,
        };
        baseline.meet(page.items.iter().rev().map(|item| item.identity));
        baseline
    }

    pub(super) fn part(&self) -> Part {
        self.part
    }

    pub(super) fn characters(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.characters)).sum()
    }

    /// Remembers that items were met.
    pub(super) fn meet(&mut self, items: impl IntoIterator<Item = u64>) {
        let known: HashSet<u64> = self.seen.iter().copied().collect();
        self.seen.extend(items.into_iter().filter(|item| !known.contains(item)));
        let over = self.seen.len().saturating_sub(SEEN_MAX);
        self.seen.drain(..over);
    }

    /// Reads what was kept, if it is of the same watch.
    pub(super) fn read(json: &str, watch: &super::Watch) -> Option<Self> {
        if json.len() > 2 * STATE_BYTES_MAX {
            return None;
        }
        let kept: Kept = serde_json::from_str(json).ok()?;
        let count = kept.words.len();
        let lengths = [kept.slots.len(), kept.characters.len(), kept.texts.len()];
        if kept.v != VERSION || kept.watch != watch.id || count > 2 * BLOCKS_MAX || lengths != [count; 3] {
            return None;
        }
        let part = match kept.part {
            0 => Part::Selected,
            1 => Part::Main,
            2 => Part::Whole,
            _ => return None,
        };
        let columns = kept.words.into_iter().zip(kept.slots).zip(kept.characters).zip(kept.texts);
        let mut blocks: Vec<KeptBlock> = columns
            .map(|(((words, slot), characters), text)| KeptBlock {
                words,
                dates: Dates::None,
                slot,
                characters,
                item: None,
                text,
            })
            .collect();
        for (at, date) in kept.dates {
            let block = blocks.get_mut(at as usize)?;
            block.dates = u32::try_from(date).map_or(Dates::Age, Dates::Told);
        }
        let mut at = 0_usize;
        for (before, held, identity) in kept.items {
            let start = at.checked_add(before as usize)?;
            at = start.checked_add(held as usize)?;
            blocks.get_mut(start..at)?.iter_mut().for_each(|block| block.item = Some(identity));
        }
        Some(Self {
            watch: kept.watch,
            part,
            since: kept.since,
            revision: kept.revision,
            title: kept.title,
            asks_password: kept.password,
            blocks,
            seen: kept.seen.into_iter().take(SEEN_MAX).collect(),
            volatile: kept.volatile.into_iter().collect(),
            outside: kept.outside.into_iter().collect(),
            other: kept.other,
        })
    }

    /// As JSON.
    pub(super) fn write(&self) -> String {
        let mut texts_max = TEXT_CHARACTERS_MAX;
        loop {
            let json = serde_json::to_string(&self.kept(texts_max)).unwrap_or_default();
            if json.len() <= STATE_BYTES_MAX || texts_max == 0 {
                return json;
            }
            texts_max /= 2;
        }
    }

    fn kept(&self, texts_max: usize) -> Kept {
        let texts = self
            .blocks
            .iter()
            .map(|block| if texts_max == 0 { String::new() } else { cut(&block.text, texts_max) });
        let dates = (0..).zip(&self.blocks).filter_map(|(at, block)| match block.dates {
            Dates::None => None,
            Dates::Age => Some((at, -1)),
            Dates::Told(dates) => Some((at, i64::from(dates))),
        });
        let mut items: Vec<(u32, u32, u64)> = Vec::new();
        let mut before = 0;
        let mut last = None;
        for block in &self.blocks {
            match (block.item, items.last_mut()) {
                (Some(item), Some(run)) if last == Some(item) => run.1 += 1,
                (Some(item), _) => {
                    items.push((before, 1, item));
                    before = 0;
                }
                (None, _) => before += 1,
            }
            last = block.item;
        }
        Kept {
            v: VERSION,
            watch: self.watch,
            part: match self.part {
                Part::Selected => 0,
                Part::Main => 1,
                Part::Whole => 2,
            },
            since: self.since,
            revision: self.revision,
            title: self.title.clone(),
            password: self.asks_password,
            words: self.blocks.iter().map(|block| block.words).collect(),
            slots: self.blocks.iter().map(|block| block.slot).collect(),
            characters: self.blocks.iter().map(|block| block.characters).collect(),
            texts: texts.collect(),
            dates: dates.collect(),
            items,
            seen: self.seen.clone(),
            volatile: self.volatile.places(),
            outside: self.outside.iter().copied().collect(),
            other: self.other.clone(),
        }
    }
}

impl KeptBlock {
    pub(super) fn of(page: &Snapshot, at: usize) -> Self {
        let block = &page.blocks[at];
        Self {
            words: block.fingerprint.words,
            dates: block.fingerprint.dates,
            slot: block.slot,
            characters: block.fingerprint.characters,
            item: block.item.map(|item| page.items[item as usize].identity),
            text: cut(&block.text, TEXT_CHARACTERS_MAX),
        }
    }
}

impl Snapshot {
    /// What all of it says, in whatever order.
    pub(super) fn print(&self) -> u64 {
        let sum = self
            .blocks
            .iter()
            .fold(0_u64, |sum, block| sum.wrapping_add(Hash::after(block.fingerprint.words).end()));
        Hash::new().number(sum).end()
    }
}
