//! Where the content begins: the element that holds it, found on the way down from the body.
//!
//! The sentences of an article show the way by their weight. A page of another kind has few sentences or has them in many
//! places: there its title shows the way, since what the page is about stands below it.

use super::names::Hints;
use super::outline::{Amount, Block, Outline};
use super::select::Kind;
use super::title::Title;
use crate::dom::Tag;

/// Share of a block's score that a child must hold for the way to go down into it.
const DOMINANT_SHARE: f32 = 0.82;
/// The same for a child that says of itself to be the content.
const CALLED_CONTENT_SHARE: f32 = 0.5;
/// The same from a block that says so to one that does not.
const WRAPPER_SHARE: f32 = 0.97;
/// Share of what stands below the title in a block that the child with the title must hold for the way to go down into it.
const BELOW_TITLE_SHARE: f32 = 0.55;
/// What a character of a link weighs there.
const LINK_WEIGHT: f32 = 0.004;
/// Marks of lists from which on they count.
const LIST_MARKS: u32 = 4;
/// Characters in sentences that may stand between a title and a price.
const PROSE_BEFORE_PRICE: u32 = 250;
/// Characters in sentences between the title and a text that are of the text.
const PROSE_BEFORE: u32 = 150;
/// Characters in sentences of a text that has no lists before it.
const LONG_PROSE: u32 = 2_500;

/// The block that holds the content.
pub(super) fn of(outline: &mut Outline, kind: Kind, title: Option<Title>) -> usize {
    let heaviest = by_weight(outline);
    let Some(title) = title else { return heaviest };
    let mut anchor = title.at;
    // Where the title goes with what stands around it, its place is still where the content begins.
    while outline.blocks[anchor].dropped {
        anchor = outline.blocks[anchor].parent as usize;
    }
    if kind.has_little_prose() {
        drop_links_before(outline, title.at);
        outline.add_up();
        if title.is_told || kind == Kind::List {
            return below_title(outline, title.at, anchor);
        }
    }
    let common = outline.common(anchor, heaviest);
    let is_all = kind == Kind::Article
        && !is_for_sale(outline, common, title.at)
        && !begins_before(outline, title.at, heaviest);
    if is_all { heaviest } else { common }
}

/// Whether there is a price below the title: what the page is about is for sale.
pub(super) fn is_for_sale(outline: &Outline, root: usize, title: usize) -> bool {
    let end = outline.blocks[root].end as usize;
    let mut prose = 0;
    for block in &outline.blocks[(title + 1).min(end)..end] {
        if block.dropped {
            continue;
        }
        if block.is_price() {
            return true;
        }
        prose += block.own.prose;
        if prose > PROSE_BEFORE_PRICE {
            return false;
        }
    }
    false
}

/// Whether between the title and the heaviest block there are sentences, or lists of things and no links.
fn begins_before(outline: &Outline, title: usize, heaviest: usize) -> bool {
    let (mut prose, mut items, mut item_text) = (0, 0, 0);
    for block in outline.blocks.get(title + 1..heaviest).unwrap_or_default() {
        if block.dropped {
            continue;
        }
        if block.tag == Tag::P {
            prose += block.own.prose;
        }
        let own = block.sum.text - block.sum.link;
        if matches!(block.tag, Tag::Li | Tag::Dd | Tag::Td) && own >= 8 && own > block.sum.link {
            items += 1;
            item_text += own;
        }
    }
    prose >= PROSE_BEFORE || items >= 3 && item_text >= 60 && outline.blocks[heaviest].sum.prose < LONG_PROSE
}

/// Drops what stands before the title and is links: menus, the way to the page, its tools.
fn drop_links_before(outline: &mut Outline, title: usize) {
    let mut at = 1;
    while at < title {
        let block = &outline.blocks[at];
        let end = block.end as usize;
        let holds_title = outline.is_within(title, at);
        let is_links = block.sum.link * 5 > block.sum.text * 3 && block.sum.text > 0;
        if block.dropped || !holds_title && is_links && !outline.is_within_a_line(at) {
            if !block.dropped {
                outline.drop(at);
            }
            at = end;
        } else {
            at += 1;
        }
    }
}

/// What stands below a title.
#[derive(Clone, Copy, Default)]
struct Below {
    text: f32,
    /// Headings that are links, and prices: what lists of things have.
    marks: u32,
}

/// The way down to the title, as long as most of what stands below it is there.
fn below_title(outline: &Outline, title: usize, anchor: usize) -> usize {
    let mut at = anchor;
    let mut ways = Vec::new();
    while at > 0 {
        ways.push(at);
        at = outline.blocks[at].parent as usize;
    }
    ways.push(0);
    // From the inside out, each to its own end: one walk over what stands below the title.
    let mut below = Below::default();
    let mut next = outline.blocks[title].end as usize;
    let mut chosen = None;
    let mut held: Vec<Below> = Vec::with_capacity(ways.len());
    for way in &ways {
        let end = outline.blocks[*way].end as usize;
        while next < end {
            let block = &outline.blocks[next];
            if block.dropped {
                next = block.end as usize;
                continue;
            }
            below.text += (block.own.text - block.own.link) as f32 + LINK_WEIGHT * block.own.link as f32;
            below.marks += u32::from(block.own.linked_headings) + u32::from(block.is_price());
            next += 1;
        }
        held.push(below);
    }
    for (inner, way) in ways.iter().enumerate().rev() {
        let is_container = outline.blocks[*way].tag.is_container();
        let outer = held.get(inner + 1).copied().unwrap_or_default();
        let most = held[inner].text >= BELOW_TITLE_SHARE * outer.text
            && (outer.marks < LIST_MARKS
                || held[inner].marks as f32 >= BELOW_TITLE_SHARE * outer.marks as f32);
        if inner + 1 < ways.len() && !(is_container && most) {
            break;
        }
        chosen = Some(*way);
    }
    chosen.unwrap_or(0)
}

/// The block that holds nearly all, as far down as that goes.
fn by_weight(outline: &Outline) -> usize {
    let mut at = 0;
    let mut called_content = false;
    loop {
        let here = outline.blocks[at].sum;
        let best = outline
            .children(at)
            .filter(|child| outline.blocks[*child].tag.is_container())
            .max_by(|a, b| weight(&outline.blocks[*a]).total_cmp(&weight(&outline.blocks[*b])));
        let Some(best) = best else { return at };
        let child = &outline.blocks[best];
        let says_so = child.hints.any_of(Hints::CONTENT) || matches!(child.tag, Tag::Article | Tag::Main);
        let share = match (called_content, says_so) {
            (false, true) => CALLED_CONTENT_SHARE,
            (false, false) => DOMINANT_SHARE,
            (true, true) => DOMINANT_SHARE,
            (true, false) => WRAPPER_SHARE,
        };
        if weight(child) <= 0.0 || weight(child) < share * of_amount(here) {
            return at;
        }
        called_content |= says_so;
        at = best;
    }
}

fn weight(block: &Block) -> f32 {
    of_amount(block.sum)
}

/// What a block weighs on the way down: its score, and where there are no sentences, its text.
fn of_amount(amount: Amount) -> f32 {
    amount.score.max(0.0) + 0.05 * (amount.text - amount.link) as f32 + 0.01 * amount.link as f32
}
