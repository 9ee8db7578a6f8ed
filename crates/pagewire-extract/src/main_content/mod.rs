//! What of a page is content: the nodes that are written, and those within them that are left out.
//!
//! [`outline`] measures the page in one walk, [`select`] decides on the measures where the content is, and [`clean`]
//! what within it is not; all is linear in the size of the page. What elements are called is in [`names`], what short
//! lines say in [`phrases`]: words, not code.

mod clean;
mod names;
mod outline;
mod phrases;
mod select;
mod visible;

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use dom_query::{Document, Element, NodeId, NodeRef};

use crate::dom::Tag;
use outline::Outline;
use select::Kind;

/// The part of a document that is written.
pub(crate) struct Content<'d> {
    roots: Vec<NodeRef<'d>>,
    dropped: IdSet,
    /// Heading that says what the page's title says; the text of an article stands without it.
    title: Option<NodeId>,
    is_article: bool,
}

impl<'d> Content<'d> {
    /// All that is visible.
    pub(crate) fn whole(document: &'d Document) -> Self {
        let roots = document.body().into_iter().collect();
        Self { roots, dropped: IdSet::default(), title: None, is_article: false }
    }

    /// The main content.
    pub(crate) fn main(document: &'d Document) -> Self {
        let Some(body) = document.body() else { return Self::whole(document) };
        let mut outline = Outline::of(body);
        if outline.blocks.is_empty() {
            return Self::whole(document);
        }
        let choice = select::choose(&mut outline);
        let title = title_of(&outline, choice.root);
        if let Some(title) = title {
            outline.keep(title);
        }
        let before = title.filter(|title| !outline.is_within(*title, choice.root));
        let roots = before.into_iter().chain([choice.root]);
        let roots = roots.map(|at| NodeRef::new(outline.blocks[at].id, body.tree)).collect();
        Self {
            roots,
            dropped: outline.dropped().collect(),
            title: title.map(|at| outline.blocks[at].id),
            is_article: choice.kind == Kind::Article,
        }
    }

    /// Reads only within these selectors. What boilerplate was dropped before stays out.
    pub(crate) fn include(&mut self, document: &'d Document, selectors: &[String]) {
        if selectors.is_empty() {
            return;
        }
        let mut taken = HashSet::new();
        self.dropped.clear();
        self.title = None;
        self.is_article = false;
        self.roots.clear();
        for node in document.select(&selectors.join(", ")).nodes() {
            // In the order of the document: an ancestor comes before what is within it.
            if !node.ancestors_it(None).any(|ancestor| taken.contains(&ancestor.id)) && taken.insert(node.id)
            {
                self.roots.push(*node);
            }
        }
    }

    /// Leaves out what these selectors match.
    pub(crate) fn exclude(&mut self, document: &'d Document, selectors: &[String]) {
        for selector in selectors {
            self.dropped.extend(document.select(selector).nodes().iter().map(|node| node.id));
        }
    }

    /// Where writing begins.
    pub(crate) fn roots(&self) -> &[NodeRef<'d>] {
        &self.roots
    }

    /// Whether an element is left out, with all that is in it.
    pub(crate) fn leaves_out(&self, id: NodeId, tag: Tag, element: &Element) -> bool {
        visible::is_hidden(tag, element) || self.dropped.contains(&id)
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

type IdSet = HashSet<NodeId, BuildHasherDefault<IdHasher>>;

/// Ids are small numbers that nobody outside chooses one by one; they are spread and no more.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests;
