//! What goes from within the content: lists of links, teasers, forms, bylines, invitations, headings of nothing.

use super::cards;
use super::names::Hints;
use super::outline::{Block, Outline};
use super::phrases::Phrase;
use crate::dom::Tag;

/// Cleans the content of an article.
pub(super) fn article(outline: &mut Outline, root: usize) {
    let end = outline.blocks[root].end as usize;
    let whole = outline.blocks[root].sum;
    let mut at = root + 1;
    while at < end {
        let block = &outline.blocks[at];
        let next = block.end as usize;
        if block.dropped {
            at = next;
            continue;
        }
        let small = (block.sum.prose as f32) < 0.2 * whole.prose as f32;
        let in_list = outline.blocks[block.parent as usize].tag == Tag::Li;
        if small && !in_list && (is_link_block(block) || is_phrase(block) || leads_elsewhere(block)) {
            outline.drop(at);
            at = next;
        } else {
            at += 1;
        }
    }
    outline.add_up();
    drop_scraps_at_the_ends(outline, root);
    drop_empty_headings(outline, root);
}

/// Cleans the content of a page that is no article: less is known, so less goes.
pub(super) fn other(outline: &mut Outline, root: usize, title: Option<usize>) {
    if let Some(title) = title.filter(|title| *title >= root) {
        cards::drop_below_a_thing(outline, root, title);
        outline.add_up();
    }
    drop_menus(outline, root, title);
    let end = outline.blocks[root].end as usize;
    for at in root + 1..end {
        let block = &outline.blocks[at];
        let is_furniture = block.phrase == Some(Phrase::Furniture) && is_a_line(block);
        let is_tags = block.hints.any_of(Hints::TAGS) && block.sum.link_share() > 0.5 && block.sum.text < 300;
        if !block.dropped && (is_furniture || is_tags && !block.tag.is_heading()) {
            outline.drop(at);
        }
    }
    outline.add_up();
    drop_empty_headings(outline, root);
}

/// Drops lists of short links and nothing else, unless they are most of what is there.
fn drop_menus(outline: &mut Outline, root: usize, title: Option<usize>) {
    let end = outline.blocks[root].end as usize;
    let mut menus = Vec::new();
    let mut characters = 0;
    let mut at = root + 1;
    while at < end {
        let block = &outline.blocks[at];
        let next = block.end as usize;
        let holds_title = title.is_some_and(|title| outline.is_within(title, at));
        if block.dropped {
            at = next;
        } else if !holds_title && is_menu(block) {
            characters += block.sum.text;
            menus.push(at);
            at = next;
        } else {
            at += 1;
        }
    }
    let held = &outline.blocks[root];
    let lists_things = u32::from(held.prices) + u32::from(held.sum.linked_headings) >= 4;
    let is_index = held.sum.link_share() > 0.6 && !lists_things;
    if characters * 2 < held.sum.text && !is_index {
        for menu in menus {
            outline.drop(menu);
        }
        outline.add_up();
    }
}

fn is_menu(block: &Block) -> bool {
    let holds = matches!(
        block.tag,
        Tag::Ul | Tag::Ol | Tag::Div | Tag::Section | Tag::Aside | Tag::Details | Tag::Form
    );
    let sum = block.sum;
    let runs = u32::from(sum.runs);
    holds
        && runs >= 4
        && sum.link_share() > 0.85
        && sum.text < 30 * runs
        && sum.images == 0
        && block.prices == 0
        && sum.linked_headings == 0
        && sum.prose == 0
}

/// Whether a block is one line of text and nothing else.
fn is_a_line(block: &Block) -> bool {
    block.sum.runs <= 1 && block.sum.text <= 130 && block.sum.images == 0
}

fn is_phrase(block: &Block) -> bool {
    match block.phrase {
        Some(Phrase::Furniture) => is_a_line(block) && !block.tag.is_cell(),
        Some(Phrase::Elsewhere) => {
            is_a_line(block)
                && (block.sum.link_share() > 0.3 || block.tag.is_heading() || block.sum.text < 30)
        }
        Some(Phrase::Byline | Phrase::Price) | None => false,
    }
}

/// A heading or label of other pages with its list below it, in one block.
fn leads_elsewhere(block: &Block) -> bool {
    block.phrase == Some(Phrase::Elsewhere) && block.sum.link_share() > 0.5 && block.sum.text < 600
}

/// Lists, boxes and paragraphs that are links and little else.
fn is_link_block(block: &Block) -> bool {
    let link_share = block.sum.link_share();
    match block.tag {
        Tag::Ul | Tag::Ol | Tag::Div | Tag::Section | Tag::Table | Tag::Aside | Tag::Dl | Tag::Details => {
            block.sum.text > 0
                && block.sum.runs > 1
                && link_share > if block.sum.prose > 0 { 0.75 } else { 0.6 }
        }
        Tag::P => {
            block.sum.text < 120
                && link_share > 0.9
                && block.own.runs == 1
                && !block.hints.any_of(Hints::CONTENT)
        }
        _ => false,
    }
}

/// Before the first sentence and after the last one stand labels, dates and counts.
fn drop_scraps_at_the_ends(outline: &mut Outline, root: usize) {
    let end = outline.blocks[root].end as usize;
    let sentences = |outline: &Outline| {
        (root..end)
            .filter(|at| !outline.blocks[*at].dropped && outline.blocks[*at].own.prose > 0)
            .collect::<Vec<_>>()
    };
    let held = sentences(outline);
    let (Some(first), Some(last)) = (held.first().copied(), held.last().copied()) else { return };
    for at in root + 1..end {
        let block = &outline.blocks[at];
        if block.dropped
            || (first..=last).contains(&at)
            || outline.is_within(first, at)
            || outline.is_within(last, at)
        {
            continue;
        }
        let is_label =
            block.sum.prose == 0 && block.sum.text > 0 && block.sum.text < 60 && block.sum.images == 0;
        let may_go =
            matches!(block.tag, Tag::Div | Tag::Span | Tag::Section | Tag::A | Tag::Center | Tag::Address)
                || block.tag == Tag::P
                    && (block.sum.text < 30 && !block.ends_sentence || block.phrase.is_some())
                || at < first && matches!(block.tag, Tag::Ul | Tag::Ol);
        // What comes after the last sentence may be its list.
        if is_label && may_go && (at < first || block.sum.runs <= 1) && !outline.is_within_a_line(at) {
            outline.drop(at);
        }
    }
    for at in held {
        let block = &outline.blocks[at];
        if block.phrase == Some(Phrase::Byline)
            && is_a_line(block)
            && !block.tag.is_cell()
            && !outline.blocks[at].dropped
        {
            outline.drop(at);
        }
    }
}

/// Headings that have nothing left below them, where something was.
fn drop_empty_headings(outline: &mut Outline, root: usize) {
    let end = outline.blocks[root].end as usize;
    let mut text_since = false;
    let mut dropped_since = false;
    // The level of the heading last met, going backwards; a heading right before a lower one has that below it.
    let mut level_below = usize::MAX;
    for at in (root + 1..end).rev() {
        let block = &outline.blocks[at];
        if block.dropped {
            dropped_since |= block.own.text > 0;
            continue;
        }
        let Some(level) = block.tag.heading_level() else {
            let in_heading = outline.blocks[block.parent as usize].tag.is_heading();
            text_since |= !in_heading && (block.own.text > 0 || block.own.images > 0);
            continue;
        };
        let stands_over = text_since || level_below > level && level_below != usize::MAX;
        if !stands_over && dropped_since && level > 1 {
            outline.drop(at);
            continue;
        }
        text_since = false;
        dropped_since = false;
        level_below = level;
    }
}
