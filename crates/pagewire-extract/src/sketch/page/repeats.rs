//! Things that repeat: siblings of one make. Where each links on to a page of its own they are cards, and about other
//! things than the page is; and they are what a list of objects is filled from.

use std::collections::HashMap;
use std::ops::Range;

use super::{At, Page, flag};
use crate::dom::Tag;

/// Cards of a list, and elements of one that are looked at for what makes it a card.
const CARDS_MIN: usize = 3;
const CARD_ELEMENTS_MAX: usize = 60;
/// Groups that are given at most.
const GROUPS_MAX: usize = 400;

/// Siblings of one make.
#[derive(Debug)]
pub(in crate::sketch) struct Group {
    pub(in crate::sketch) items: Vec<At>,
}

/// The children of an element that are made alike: the same tag and the same first name.
fn groups_of(page: &Page<'_>, parent: At, least: usize) -> Vec<Group> {
    // Most elements have few children; those are seen through at once.
    if page.children(parent).take(least).count() < least {
        return Vec::new();
    }
    let mut by_make: HashMap<(Tag, &str), usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for child in page.children(parent) {
        let element = page.element(child);
        if matches!(element.tag, Tag::Br | Tag::Hr | Tag::Td | Tag::Th | Tag::Dt | Tag::Dd) {
            continue;
        }
        let make = (element.tag, page.names(child).lines().next().unwrap_or_default());
        let at = *by_make.entry(make).or_insert_with(|| {
            groups.push(Group { items: Vec::new() });
            groups.len() - 1
        });
        groups[at].items.push(child);
    }
    groups.retain(|group| group.items.len() >= least);
    groups
}

/// Marks the cards of a page, and all that is in them.
pub(super) fn mark_cards(page: &mut Page<'_>) {
    let mut cards: Vec<Range<At>> = Vec::new();
    for parent in page.all() {
        for group in groups_of(page, parent, CARDS_MIN) {
            let like_cards = group.items.iter().filter(|item| is_like_a_card(page, **item)).count();
            let holds_title = group.items.iter().any(|item| {
                page.within(*item).take(CARD_ELEMENTS_MAX * 5).any(|inner| page.element(inner).tag == Tag::H1)
            });
            if like_cards >= CARDS_MIN && like_cards * 3 >= group.items.len() * 2 && !holds_title {
                cards.extend(group.items.iter().map(|item| page.within(*item)));
            }
        }
    }
    for card in cards {
        for at in card {
            page.elements[at as usize].flags |= flag::CARD;
        }
    }
}

/// Whether an element leads on to a page of its own: a heading or a picture that is a link, or is a link itself with
/// more than words in it.
fn is_like_a_card(page: &Page<'_>, item: At) -> bool {
    let element = page.element(item);
    if page.len(item) < 8 || matches!(element.tag, Tag::Tr | Tag::P) {
        return false;
    }
    let within = || page.within(item).take(CARD_ELEMENTS_MAX);
    let links = |at: At| page.element(at).tag == Tag::A;
    if links(item) {
        return within().any(|at| page.element(at).tag.is_heading() || page.element(at).tag == Tag::Img);
    }
    within().skip(1).any(|at| {
        let inner = page.element(at);
        let in_link = page.is(at, flag::LINK);
        (inner.tag.is_heading() && (in_link || page.children(at).any(links)))
            || inner.tag == Tag::Img && in_link
    })
}

/// Groups of a part of the page, from which a list may be filled.
pub(in crate::sketch) fn groups_in(page: &Page<'_>, part: &Range<At>) -> Vec<Group> {
    let mut groups = Vec::new();
    for parent in part.clone() {
        if groups.len() >= GROUPS_MAX {
            break;
        }
        groups.extend(groups_of(page, parent, 2).into_iter().filter(|group| {
            group.items.iter().filter(|item| page.len(**item) > 0).count() * 2 > group.items.len()
        }));
    }
    groups
}
