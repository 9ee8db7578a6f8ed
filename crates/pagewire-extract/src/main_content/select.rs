//! Which part of a page is its content, decided on its outline: first what surrounds content goes, then the way goes
//! down from the body to the element that holds nearly all that is left, then that is cleaned.
//!
//! Recall comes first: nothing that holds much of a page's sentences is ever dropped by its name, and if too little is
//! left, all is kept but navigation.

use std::collections::HashMap;

use super::names::Hints;
use super::outline::{Amount, Block, Outline};
use super::root;
use super::title::Title;
use super::{cards, clean};
use crate::dom::Tag;

/// Share of the page's sentences up to which a block is dropped by its name.
const NAMED_SHARE: f32 = 0.35;
/// Characters in sentences from which on a page is an article.
const ARTICLE_PROSE: u32 = 350;
/// Characters in sentences that are an article whatever stands around them.
const LONG_PROSE: u32 = 1_000;
/// Share of the content that is in sentences, for a short text to be cleaned as an article.
const ARTICLE_SHARE: f32 = 0.3;
/// Share of the page's sentences that must be left when all is decided.
const LEFT_SHARE: f32 = 0.22;

/// Characters beside the title, from which on what holds it is what the page is about.
const BESIDE_TITLE: u32 = 150;

/// Elements within each other in a line of text.
const LINE_DEPTH_MAX: usize = 6;

/// Articles beside each other that make a page one of posts.
const POSTS_MIN: u32 = 3;

/// What kind of page this is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One text.
    Article,
    /// Posts of many.
    Discussion,
    /// Cards of other pages.
    List,
    /// Anything else: products, tools, front pages, tables of contents.
    Other,
}

impl Kind {
    /// Whether sentences say little of where the content is.
    pub(super) fn has_little_prose(self) -> bool {
        matches!(self, Self::List | Self::Other)
    }
}

/// What was chosen.
pub(super) struct Choice {
    pub(super) kind: Kind,
    pub(super) root: usize,
}

/// Chooses; what is not content is marked as dropped in the outline.
pub(super) fn choose(outline: &mut Outline, told: Option<Title>) -> Choice {
    let title = told.map(|title| title.at);
    let page = outline.blocks[0].sum;
    let kind = kind_of(outline, page, title);
    drop_surroundings(outline, kind, title);
    outline.add_up();
    let root = root::of(outline, kind, told);
    let held = outline.blocks[root].sum;
    let is_for_sale =
        title.is_some_and(|title| outline.is_within(title, root) && root::is_for_sale(outline, root, title));
    let is_scattered = held.prose < LONG_PROSE && held.prose_share() < ARTICLE_SHARE;
    let kind = if kind == Kind::Article && (is_scattered || is_for_sale) { Kind::Other } else { kind };
    if kind == Kind::Article {
        clean::article(outline, root);
    } else {
        clean::other(outline, root, title);
    }
    outline.add_up();
    let left = outline.blocks[root].sum;
    let too_little = if page.prose > 0 && !kind.has_little_prose() {
        (left.prose as f32) < LEFT_SHARE * page.prose as f32
    } else {
        let own = |amount: Amount| (amount.text - amount.link) as f32;
        (left.text as f32) < 0.1 * page.text as f32 && own(left) < 0.3 * own(page)
    };
    let is_titled =
        told.is_some_and(|title| title.is_told && outline.is_within(title.at, root)) && left.text >= 100;
    let marks = u32::from(outline.blocks[root].prices) + u32::from(left.linked_headings);
    let is_list = kind == Kind::List && marks >= POSTS_MIN;
    if too_little && !is_titled && !is_list && root_is_narrow(outline, root, page) {
        return all_but_navigation(outline, kind);
    }
    Choice { kind, root }
}

fn root_is_narrow(outline: &Outline, root: usize, page: Amount) -> bool {
    let left = outline.blocks[root].sum;
    // A page that is nearly all comments or teasers beside a text of some length keeps the text.
    left.prose < 2 * ARTICLE_PROSE && left.text < page.text / 3
}

/// The last resort: the whole body without what is navigation by its kind.
fn all_but_navigation(outline: &mut Outline, kind: Kind) -> Choice {
    for block in &mut outline.blocks {
        block.dropped = false;
    }
    outline.add_up();
    let page = outline.blocks[0].sum;
    for at in 1..outline.blocks.len() {
        let block = &outline.blocks[at];
        let surrounds = matches!(block.tag, Tag::Nav | Tag::Footer) || block.hints.any_of(Hints::UNSEEN);
        if !block.dropped && surrounds && is_small(block, page, 0.5) {
            outline.drop(at);
        }
    }
    outline.add_up();
    Choice { kind, root: 0 }
}

fn kind_of(outline: &Outline, page: Amount, title: Option<usize>) -> Kind {
    let mut comments = Amount::default();
    let mut called_content = 0;
    let mut at = 1;
    while at < outline.blocks.len() {
        let block = &outline.blocks[at];
        if block.hints.any_of(Hints::COMMENT) {
            comments.add(block.sum);
            at = block.end as usize;
        } else {
            if block.hints.any_of(Hints::CONTENT) {
                called_content = called_content.max(block.sum.text - block.sum.link);
            }
            at += 1;
        }
    }
    let others = (page.prose - comments.prose).max(called_content);
    if comments.prose > 200 && others < comments.prose / 2 || posts(outline).prose * 2 > page.prose {
        return Kind::Discussion;
    }
    if cards::fill_the_page(outline, title) {
        return Kind::List;
    }
    let teasers: u32 = teaser_lists(outline).iter().map(|at| outline.blocks[*at].sum.prose).sum();
    let is_called_content = comments.prose > 200 && called_content >= ARTICLE_PROSE;
    if is_called_content || page.prose.saturating_sub(comments.prose + teasers) >= ARTICLE_PROSE {
        Kind::Article
    } else {
        Kind::Other
    }
}

/// The articles that stand beside others, three or more, and what is called posts: of a thread, of a thing's buyers.
fn posts(outline: &Outline) -> Amount {
    let mut beside: HashMap<u32, (u32, Amount)> = HashMap::new();
    let mut comments_end = 0;
    for block in &outline.blocks {
        if block.hints.any_of(Hints::COMMENT) && block.end > comments_end {
            comments_end = block.end;
        }
        if block.end > comments_end
            && (block.tag == Tag::Article || block.hints.any_of(Hints::POST))
            && block.sum.linked_headings == 0
        {
            let (count, amount) = beside.entry(block.parent).or_default();
            *count += 1;
            amount.add(block.sum);
        }
    }
    let most =
        beside.into_values().filter(|(count, _)| *count >= POSTS_MIN).max_by_key(|(_, held)| held.prose);
    most.map(|(_, amount)| amount).unwrap_or_default()
}

/// Blocks that hold three or more teasers: children of one kind, each with a heading that is a link and little text.
fn teaser_lists(outline: &Outline) -> Vec<usize> {
    let mut lists = Vec::new();
    let mut at = 0;
    while at < outline.blocks.len() {
        let block = &outline.blocks[at];
        if block.dropped || block.sum.linked_headings < 3 {
            at = if block.dropped { block.end as usize } else { at + 1 };
            continue;
        }
        let teasers = outline
            .children(at)
            .filter(|child| {
                let child = &outline.blocks[*child];
                (1..=2).contains(&child.sum.linked_headings) && child.sum.text < 700
            })
            .count();
        if teasers >= 3 {
            lists.push(at);
            at = block.end as usize;
        } else {
            at += 1;
        }
    }
    lists
}

/// Whether a block holds so little of the page that it may go.
fn is_small(block: &Block, page: Amount, share: f32) -> bool {
    if page.prose >= ARTICLE_PROSE {
        block.sum.prose as f32 <= share * page.prose as f32
    } else {
        block.sum.text as f32 <= share * page.text as f32
    }
}

/// Drops what is around content by its kind or its name.
fn drop_surroundings(outline: &mut Outline, kind: Kind, title: Option<usize>) {
    let page = outline.blocks[0].sum;
    let mut within_article_until = 0;
    let mut at = 1;
    while at < outline.blocks.len() {
        let block = &outline.blocks[at];
        let within_article = at < within_article_until;
        let above = &outline.blocks[block.parent as usize];
        let is_heading = above.tag.is_heading() && at == block.parent as usize + 1;
        let is_in_line = is_heading || outline.is_within_a_line(at);
        let is_source = block.tag == Tag::Footer && above.tag == Tag::Blockquote;
        let may_go = !is_in_line && !is_source || block.hints.any_of(Hints::UNSEEN);
        let is_beside_text =
            block.hints.any_of(Hints::SIDE) && neighbours(outline, at).any(|beside| beside.own.prose > 0);
        let is_whats_titled = title.is_some_and(|title| {
            outline.is_within(title, at)
                && block.sum.text - block.sum.link > outline.blocks[title].sum.text + BESIDE_TITLE
        });
        if may_go && !is_whats_titled && surrounds(block, is_beside_text, page, kind, within_article) {
            let end = block.end as usize;
            outline.drop(at);
            at = end;
            continue;
        }
        if matches!(block.tag, Tag::Article | Tag::Main) || block.hints.any_of(Hints::CONTENT) {
            within_article_until = within_article_until.max(block.end as usize);
        }
        at += 1;
    }
    outline.add_up();
    if kind == Kind::Article {
        let page = outline.blocks[0].sum;
        for list in teaser_lists(outline) {
            let block = &outline.blocks[list];
            let is_rest = is_small(block, page, NAMED_SHARE) || page.prose - block.sum.prose >= LONG_PROSE;
            if list > 0 && is_rest && block.sum.prose_share() < 0.8 {
                outline.drop(list);
            }
        }
    }
}

/// The blocks right before and after one, in the same parent.
fn neighbours(outline: &Outline, at: usize) -> impl Iterator<Item = &Block> {
    let parent = outline.blocks[at].parent as usize;
    let is_sibling = move |one: &usize| *one > parent && outline.blocks[*one].parent as usize == parent;
    // What stands before may be a line, or a paragraph with a few elements in it.
    let before = std::iter::successors(at.checked_sub(1), |one| Some(outline.blocks[*one].parent as usize))
        .take(LINE_DEPTH_MAX)
        .find(is_sibling);
    let after =
        Some(outline.blocks[at].end as usize).filter(|one| *one < outline.blocks.len()).filter(is_sibling);
    before.into_iter().chain(after).map(|one| &outline.blocks[one])
}

fn surrounds(block: &Block, is_beside_text: bool, page: Amount, kind: Kind, within_article: bool) -> bool {
    if matches!(block.tag, Tag::Main | Tag::Article | Tag::Body) && !block.hints.any_of(Hints::COMMENT) {
        return block.hints.any_of(Hints::RELATED) && block.sum.text < 800 && block.sum.linked_headings > 0;
    }
    let hints = block.hints;
    // What says it twice may hold more of the page, where enough is left for it to be an article.
    let says_so_twice =
        block.tag == Tag::Footer || block.tag == Tag::Aside && block.hints.any_of(Hints::SIDE);
    let small = is_small(block, page, NAMED_SHARE)
        || kind.has_little_prose() && (block.sum.text as f32) < NAMED_SHARE * page.text as f32
        || says_so_twice && !within_article && page.prose.saturating_sub(block.sum.prose) >= ARTICLE_PROSE;
    let is_scrap = block.sum.text < 300 || (block.sum.text as f32) < 0.03 * page.text as f32;
    match block.tag {
        Tag::Nav if is_small(block, page, 0.5) => return true,
        Tag::Footer if small && (!within_article || kind == Kind::Article && block.sum.prose < 300) => {
            return true;
        }
        Tag::Header if small && !within_article => return true,
        Tag::Form if small && block.prices == 0 && (!within_article || block.sum.prose < 200) => {
            return block.sum.prose < 400;
        }
        Tag::Label if block.sum.text < 60 => return true,
        _ => {}
    }
    if hints == Hints::NONE {
        return false;
    }
    let called_content = hints.any_of(Hints::CONTENT);
    if hints.any_of(Hints::UNSEEN) && small {
        return true;
    }
    // A heading, a paragraph of sentences or a picture's text is what it is, whatever it is called.
    let is_text = (block.tag == Tag::P || block.tag.is_heading() || block.tag == Tag::Blockquote)
        && block.sum.prose > 0
        && block.sum.link_share() < 0.3;
    if called_content || is_text {
        return hints.any_of(Hints::COMMENT) && kind == Kind::Article && !called_content && small;
    }
    // What is advertised in a page of advertisements has sentences and leads nowhere.
    let is_ad = hints.any_of(Hints::AD) && (block.sum.prose < 100 || block.sum.link > 0);
    if (hints.any_of(Hints::NOISE) || is_ad) && small && !block.tag.is_cell() {
        return !block.tag.is_heading();
    }
    if hints.any_of(Hints::COMMENT) && kind != Kind::Discussion {
        return is_small(block, page, 0.6) && block.tag != Tag::A || is_scrap;
    }
    if hints.any_of(Hints::RELATED) && !kind.has_little_prose() {
        return small && !(block.tag.is_heading() && within_article);
    }
    if hints.any_of(Hints::SIDE) {
        // A box that the text flows around.
        if block.tag != Tag::Aside && block.sum.prose_share() > 0.6 && is_beside_text {
            return false;
        }
        return small
            && (!within_article
                || kind != Kind::Article
                || block.sum.prose_share() < 0.6
                || block.tag == Tag::Aside && is_small(block, page, 0.15));
    }
    if kind == Kind::Article {
        if hints.any_of(Hints::AUTHOR) {
            return is_small(block, page, 0.15) && block.sum.text < 900;
        }
        if hints.any_of(Hints::TAGS) {
            return block.sum.prose == 0 && is_scrap && !block.tag.is_heading();
        }
        if hints.any_of(Hints::BYLINE) {
            return block.sum.text < 250
                && block.sum.prose < 120
                && !block.tag.is_heading()
                && !block.tag.is_cell();
        }
    }
    false
}
