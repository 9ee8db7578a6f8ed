//! The visible page, as fields are looked for in it: its elements in document order, each with its text as a range of one
//! buffer and its names (classes, ids, test ids) as words; what those names mean; and which text is the label of which.
//!
//! Made by one walk over the tree. An element's descendants follow it without a gap, so that a part of the page is a range.

mod gather;
mod hits;
mod labels;
mod regions;
mod repeats;

use std::ops::Range;

use crate::dom::{Document, NodeId, NodeRef};

use super::lexicon::{Lexicon, Term};
use crate::dom::Tag;

pub(super) use gather::attribute_of;
pub(super) use labels::words_of;
pub(super) use repeats::groups_in;

/// Elements that are looked at: a page of more is read up to there.
const ELEMENTS_MAX: usize = 40_000;
/// Bytes of text that are gathered.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An element by its place.
pub(super) type At = u32;

/// A bit set of what is around an element, and of what it is itself.
pub(super) mod flag {
    pub(in crate::sketch) const NAV: u16 = 1;
    pub(in crate::sketch) const FOOTER: u16 = 2;
    pub(in crate::sketch) const ASIDE: u16 = 4;
    pub(in crate::sketch) const HEADER: u16 = 8;
    /// Other things of the same kind: related products, teasers, comments.
    pub(in crate::sketch) const OTHERS: u16 = 16;
    /// Forms and buttons.
    pub(in crate::sketch) const CONTROL: u16 = 32;
    /// Crossed out, or named as what was before.
    pub(in crate::sketch) const STRUCK: u16 = 64;
    pub(in crate::sketch) const BREADCRUMB: u16 = 128;
    pub(in crate::sketch) const LINK: u16 = 256;
    /// In one of several cards of a list.
    pub(in crate::sketch) const CARD: u16 = 512;
    pub(in crate::sketch) const MAIN: u16 = 1024;
    pub(in crate::sketch) const HEADING: u16 = 2048;
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub(super) id: NodeId,
    pub(super) tag: Tag,
    pub(super) flags: u16,
    pub(super) parent: At,
    /// One past the last element within this one.
    pub(super) end: At,
    text: (u32, u32),
    names: (u32, u32),
}

/// What an element's names say of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) at: At,
    pub(super) term: Term,
    /// How much of the name says so, 0 to 1.
    pub(super) share: f32,
}

/// A value that a label stands by.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) term: Term,
    /// The element that holds the label.
    pub(super) label_at: At,
    pub(super) label: Range<u32>,
    pub(super) value: Valued,
    /// How surely this is the label of that, 0 to 1.
    pub(super) share: f32,
    /// Which of the pairs of a label it was when they were found.
    rank: u32,
}

/// Where a value stands.
#[derive(Debug, Clone)]
pub(super) enum Valued {
    Element(At),
    /// Several elements that follow one another.
    Elements(Box<[At]>),
    Text(Range<u32>),
}

pub(super) struct Page<'d> {
    pub(super) document: &'d Document,
    pub(super) elements: Vec<Element>,
    text: String,
    names: String,
    pub(super) hits: Vec<Hit>,
    pub(super) pairs: Vec<Pair>,
}

impl<'d> Page<'d> {
    /// What is in a node.
    pub(super) fn of(root: NodeRef<'d>, lexicon: &Lexicon) -> Self {
        let mut page = gather::gather(root);
        regions::mark(&mut page);
        repeats::mark_cards(&mut page);
        page.hits = hits::find(&page, lexicon);
        page.pairs = labels::find(&page, lexicon);
        page
    }

    /// Bytes that it takes so far.
    fn bytes(&self) -> usize {
        size_of_val(&*self.elements) + self.text.len() + self.names.len() + size_of_val(&*self.hits)
    }

    pub(super) fn element(&self, at: At) -> &Element {
        &self.elements[at as usize]
    }

    pub(super) fn node(&self, at: At) -> NodeRef<'d> {
        NodeRef::new(self.element(at).id, self.document)
    }

    pub(super) fn is(&self, at: At, flags: u16) -> bool {
        self.element(at).flags & flags != 0
    }

    /// The whole of the page.
    pub(super) fn all(&self) -> Range<At> {
        0..At::try_from(self.elements.len()).unwrap_or(At::MAX)
    }

    /// An element and all that is in it.
    pub(super) fn within(&self, at: At) -> Range<At> {
        at..self.element(at).end
    }

    pub(super) fn children(&self, at: At) -> impl Iterator<Item = At> + '_ {
        let end = self.element(at).end;
        std::iter::successors(Some(at + 1).filter(|child| *child < end), move |child| {
            Some(self.element(*child).end).filter(|next| *next < end)
        })
    }

    pub(super) fn next_sibling(&self, at: At) -> Option<At> {
        let next = self.element(at).end;
        (at > 0 && next < self.element(self.element(at).parent).end).then_some(next)
    }

    pub(super) fn text_range(&self, at: At) -> Range<u32> {
        let (start, end) = self.element(at).text;
        start..end
    }

    /// Text as it stands in the buffer: a line break where a block ends.
    pub(super) fn raw(&self, range: &Range<u32>) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    pub(super) fn raw_text(&self, at: At) -> &str {
        self.raw(&self.text_range(at))
    }

    /// An element's text on one line.
    pub(super) fn text(&self, at: At) -> String {
        folded(self.raw_text(at))
    }

    /// Text within an element that is not struck out.
    pub(super) fn unstruck_text(&self, at: At) -> String {
        if self.is(at, flag::STRUCK) {
            return self.text(at);
        }
        let range = self.text_range(at);
        let mut text = String::new();
        let mut from = range.start;
        let mut inner = at + 1;
        while inner < self.element(at).end {
            if self.is(inner, flag::STRUCK) {
                let struck = self.text_range(inner);
                text.push_str(self.raw(&(from..struck.start)));
                text.push(' ');
                from = struck.end.max(from);
                inner = self.element(inner).end;
            } else {
                inner += 1;
            }
        }
        text.push_str(self.raw(&(from..range.end)));
        folded(&text)
    }

    /// Whether a heading names the site: all of it leads to the site's first page.
    pub(super) fn names_the_site(&self, at: At) -> bool {
        let up = self.element(at).parent;
        let link =
            self.within(at).skip(1).take(4).chain([up]).find(|inner| self.element(*inner).tag == Tag::A);
        link.and_then(|link| self.attribute(link, "href")).is_some_and(|href| {
            let place = href
                .split_once("://")
                .map_or(href.as_str(), |(_, rest)| rest.split_once('/').map_or("", |(_, place)| place));
            matches!(place, "" | "/" | "./" | "index.html" | "/index.html" | "index.php")
        })
    }

    pub(super) fn len(&self, at: At) -> usize {
        let (start, end) = self.element(at).text;
        (end - start) as usize
    }

    /// The names of an element, a line each.
    pub(super) fn names(&self, at: At) -> &str {
        let (start, end) = self.element(at).names;
        self.names.get(start as usize..end as usize).unwrap_or_default()
    }

    pub(super) fn attribute(&self, at: At, name: &str) -> Option<String> {
        attribute_of(&self.node(at), name)
    }

    /// Hits within a part of the page, in document order.
    pub(super) fn hits_in(&self, part: &Range<At>) -> &[Hit] {
        let start = self.hits.partition_point(|hit| hit.at < part.start);
        let end = self.hits.partition_point(|hit| hit.at < part.end);
        &self.hits[start..end]
    }

    /// Pairs whose labels are within a part of the page.
    pub(super) fn pairs_in(&self, part: &Range<At>) -> &[Pair] {
        let start = self.pairs.partition_point(|pair| pair.label_at < part.start);
        let end = self.pairs.partition_point(|pair| pair.label_at < part.end);
        &self.pairs[start..end]
    }

    /// A selector that tells a reader where an element stands.
    pub(super) fn told(&self, at: At) -> String {
        let node = self.node(at);
        let name = node.name().map(ToString::to_string).unwrap_or_default();
        let class =
            attribute_of(&node, "class").and_then(|class| class.split_whitespace().next().map(str::to_owned));
        match (attribute_of(&node, "id").filter(|id| !id.contains(char::is_whitespace)), class) {
            (Some(id), _) => format!("{name}#{id}"),
            (None, Some(class)) => format!("{name}.{class}"),
            (None, None) => name,
        }
    }
}

/// White space folded to single spaces.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
