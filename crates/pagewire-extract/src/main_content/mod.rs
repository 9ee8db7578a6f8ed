//! What of a page is content: the nodes that are written, and those within them that are left out.
//!
//! [`outline`] measures the page in one walk, [`select`] decides on the measures where the content is, and [`clean`]
//! what within it is not; all is linear in the size of the page. What elements are called is in [`names`], what short
//! lines say in [`phrases`]: words, not code.

mod cards;
mod clean;
mod names;
mod outline;
mod phrases;
mod root;
mod select;
mod title;
mod visible;

use std::collections::HashSet;

use crate::dom::{Document, Element, NodeId, NodeRef};

use crate::dom::Tag;
use outline::Outline;
use select::Kind;

/// The part of a document that is written.
pub(crate) struct Content<'d> {
    roots: Vec<NodeRef<'d>>,
    dropped: NodeSet,
    /// Heading that says what the page's title says; the text of an article stands without it.
    title: Option<NodeId>,
    is_article: bool,
    /// Characters that were counted in it.
    characters: usize,
}

impl<'d> Content<'d> {
    /// All that is visible.
    pub(crate) fn whole(document: &'d Document) -> Self {
        let roots = document.body().into_iter().collect();
        Self { roots, dropped: NodeSet::default(), title: None, is_article: false, characters: 0 }
    }

    /// The main content.
    pub(crate) fn main(document: &'d Document) -> Self {
        let Some(body) = document.body() else { return Self::whole(document) };
        let mut outline = Outline::of(body);
        if outline.blocks.is_empty() {
            return Self::whole(document);
        }
        let titled = title::of_page(&outline, document);
        let choice = select::choose(&mut outline, titled);
        let end = outline.blocks[choice.root].end as usize;
        let told = titled.filter(|title| title.is_told && title.at < end).map(|title| title.at);
        let told = told.filter(|title| outline.blocks[*title].tag == Tag::H1);
        let title = told.or_else(|| title_of(&outline, choice.root));
        if let Some(title) = title {
            outline.keep(title);
        }
        let before = title.filter(|title| !outline.is_within(*title, choice.root));
        let roots = before.into_iter().chain([choice.root]);
        let roots = roots.map(|at| NodeRef::new(outline.blocks[at].id, body.document)).collect();
        let mut dropped = NodeSet::default();
        outline.dropped().for_each(|id| dropped.insert(id));
        Self {
            roots,
            dropped,
            title: title.map(|at| outline.blocks[at].id),
            is_article: choice.kind == Kind::Article,
            characters: outline.blocks[choice.root].sum.text as usize,
        }
    }

    /// Reads only within these selectors. What boilerplate was dropped before stays out.
    pub(crate) fn include(&mut self, document: &'d Document, selectors: &[String]) {
        if selectors.is_empty() {
            return;
        }
        let mut taken = HashSet::new();
        self.dropped = NodeSet::default();
        self.title = None;
        self.is_article = false;
        self.roots.clear();
        for node in document.select(&selectors.join(", ")) {
            // In the order of the document: an ancestor comes before what is within it.
            if !node.ancestors().any(|ancestor| taken.contains(&ancestor.id)) && taken.insert(node.id) {
                self.roots.push(node);
            }
        }
    }

    /// Leaves out what these selectors match.
    pub(crate) fn exclude(&mut self, document: &'d Document, selectors: &[String]) {
        for selector in selectors {
            for node in document.select(selector) {
                self.dropped.insert(node.id);
            }
        }
    }

    /// Where writing begins.
    pub(crate) fn roots(&self) -> &[NodeRef<'d>] {
        &self.roots
    }

    /// Room for the text, where it was measured.
    pub(crate) fn buffer(&self) -> String {
        String::with_capacity(self.characters + self.characters / 8)
    }

    /// Whether an element is left out, with all that is in it.
    pub(crate) fn leaves_out(&self, id: NodeId, tag: Tag, element: &Element<'_>) -> bool {
        visible::is_hidden(tag, element) || self.dropped.contains(id)
    }

    /// Whether an element is of the page but not of the text itself: an article's title, a picture's caption.
    pub(crate) fn stands_beside_the_text(&self, id: NodeId, tag: Tag) -> bool {
        self.is_article && (self.title == Some(id) || tag == Tag::Figcaption)
    }
}

/// The first heading of the first level that has words, before the content or in it.
fn title_of(outline: &Outline, root: usize) -> Option<usize> {
    let end = outline.blocks[root].end as usize;
    let titles: Vec<usize> = (1..end)
        .filter(|at| {
            let block = &outline.blocks[*at];
            block.tag == Tag::H1 && (1..=400).contains(&block.sum.text)
        })
        .collect();
    let within = titles.iter().find(|at| outline.is_within(**at, root) && !outline.blocks[**at].dropped);
    within.or_else(|| titles.iter().rev().find(|at| **at < root)).copied()
}

/// Nodes of a document, a bit for each.
#[derive(Debug, Default)]
struct NodeSet(Vec<u64>);

impl NodeSet {
    fn insert(&mut self, id: NodeId) {
        let (word, bit) = (id.place() / 64, id.place() % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    fn contains(&self, id: NodeId) -> bool {
        self.0.get(id.place() / 64).is_some_and(|word| word & (1 << (id.place() % 64)) != 0)
    }
}

#[cfg(test)]
mod tests;
