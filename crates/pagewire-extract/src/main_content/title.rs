//! The heading that says what the page is about: the one that the title of the document repeats.

use super::outline::Outline;
use crate::dom::{Document, NodeRef, Tag};

/// Headings that are looked at.
const HEADINGS_MAX: usize = 200;
/// Characters of a heading.
const HEADING_CHARACTERS_MAX: u32 = 300;
/// Characters that have to be the same for a heading to be the title.
const SAME_BYTES_MIN: usize = 4;

/// The heading of the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Title {
    pub(super) at: usize,
    /// Whether the title of the document says the same.
    pub(super) is_told: bool,
}

/// The heading of the page. Most of its words in the title of the document win, then the level, then who comes first.
pub(super) fn of_page(outline: &Outline, document: &Document) -> Option<Title> {
    let told = document.select_first("title").map(|title| letters(&title.text())).unwrap_or_default();
    let headings = outline.blocks.iter().enumerate().filter(|(_, block)| {
        block.tag.heading_level().is_some_and(|level| level <= 4)
            && (1..=HEADING_CHARACTERS_MAX).contains(&block.sum.text)
    });
    let mut best = None;
    for (at, block) in headings.take(HEADINGS_MAX) {
        let words = letters(&NodeRef::new(block.id, document).text());
        let same = if words.len() >= SAME_BYTES_MIN && told.contains(&words) { words.len() } else { 0 };
        // A site's name leads to its first page.
        let level = usize::from(block.tag == Tag::H1 && block.sum.link_share() < 0.8);
        if same == 0 && level == 0 {
            continue;
        }
        if best.is_none_or(|(most, _)| (same, level) > most) {
            best = Some(((same, level), at));
        }
    }
    best.map(|((same, _), at)| Title { at, is_told: same > 0 })
}

/// What is written, without what stands between the words.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
