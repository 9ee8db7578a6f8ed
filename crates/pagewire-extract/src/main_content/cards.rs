//! Cards: what lists are made of, in shops, in search results, on front pages. Blocks beside each other, each of which
//! leads to a page and shows a little of it: its picture, its price, its heading.

use std::collections::HashSet;

use super::names::Hints;
use super::outline::{Block, Outline};
use crate::dom::Tag;

/// Cards beside each other that make a list.
const CARDS_MIN: usize = 3;
/// Cards on a page that is made of them.
const CARDS_OF_PAGE_MIN: usize = 4;
/// Characters of a card.
const CARD_CHARACTERS_MAX: u32 = 900;
/// The same of one that stands below a thing that is for sale.
const CARD_BELOW_CHARACTERS_MAX: u32 = 300;
/// Characters in sentences between the title and the list, from which on they are what the page is about.
const PROSE_BEFORE: u32 = 350;
/// The same wherever they stand outside of lists.
const PROSE_BESIDE: u32 = 1_000;

fn is_card(block: &Block) -> bool {
    (block.sum.link > 0 || block.prices > 0 && block.sum.images > 0)
        && block.sum.text <= CARD_CHARACTERS_MAX
        && block.sum.text >= 8
        // More are a row of cards.
        && block.sum.linked_headings <= 2
        && (block.prices > 0 || block.sum.linked_headings > 0 || block.sum.images > 0)
}

/// Whether this is a list of cards, as far as its children go.
fn is_list(outline: &Outline, at: usize) -> bool {
    outline.children(at).filter(|child| is_card(&outline.blocks[*child])).take(CARDS_MIN).count() == CARDS_MIN
}

/// Whether the page is lists of cards, and no text above them that they only go with.
pub(super) fn fill_the_page(outline: &Outline, title: Option<usize>) -> bool {
    let page = outline.blocks[0].sum;
    let start = title.map_or(1, |title| title + 1);
    let mut lists = HashSet::new();
    let (mut cards, mut prose) = (0, 0);
    let mut prose_before = None;
    let mut at = 1;
    while at < outline.blocks.len() {
        let block = &outline.blocks[at];
        let holds_title = title.is_some_and(|title| outline.is_within(title, at));
        let surrounds = matches!(block.tag, Tag::Nav | Tag::Footer | Tag::Aside)
            || block.hints.any_of(Hints::NOISE) && block.sum.text * 3 < page.text;
        let is_listed = !holds_title && lists.contains(&block.parent) && is_card(block);
        if is_listed && at >= start {
            prose_before.get_or_insert(prose);
            cards += 1;
        }
        if is_listed || surrounds && !holds_title {
            at = block.end as usize;
            continue;
        }
        if at >= start {
            prose += block.own.prose;
        }
        if is_list(outline, at) {
            lists.insert(at as u32);
        }
        at += 1;
    }
    cards >= CARDS_OF_PAGE_MIN
        && prose_before.is_some_and(|before| before < PROSE_BEFORE)
        && prose < PROSE_BESIDE
}

/// Drops the lists of other things that stand below what the page is about, where that is one thing that is for sale.
pub(super) fn drop_below_a_thing(outline: &mut Outline, root: usize, title: usize) {
    let end = outline.blocks[root].end as usize;
    let mut is_thing = false;
    let mut lists = HashSet::new();
    let mut at = title + 1;
    while at < end {
        let block = &outline.blocks[at];
        let next = block.end as usize;
        let is_listed =
            lists.contains(&block.parent) && is_card(block) && block.sum.text <= CARD_BELOW_CHARACTERS_MAX;
        if block.dropped {
            at = next;
        } else if is_listed {
            if !is_thing {
                return;
            }
            outline.drop(at);
            at = next;
        } else {
            is_thing |= block.is_price();
            if is_list(outline, at) {
                lists.insert(at as u32);
            }
            at += 1;
        }
    }
}
