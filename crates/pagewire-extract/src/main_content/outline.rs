//! The elements of a page in document order, each with what it and all in it amount to.
//!
//! Made by one walk over the tree, and all that is decided afterwards is decided on it: linear in the page, and a
//! fraction of its size.

use crate::dom::{Document, Element, NodeData, NodeId, NodeRef, local_name};

use super::names::{self, Hints};
use super::phrases::{self, Phrase};
use super::visible::is_hidden;
use crate::dom::{ELEMENT_TABLES_BYTES, Tag, Visitor, walk};

/// What stands in an element, or in all that is in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Amount {
    /// Characters that are seen; those of scripts without an alphabet count twice.
    pub(super) text: u32,
    /// Of them those in links.
    pub(super) link: u32,
    /// Of them those in whole sentences.
    pub(super) prose: u32,
    /// How much this looks like what a reader came for, and not like what surrounds it.
    pub(super) score: f32,
    /// Runs of text.
    pub(super) runs: u16,
    /// Headings that are links: the mark of teasers.
    pub(super) linked_headings: u8,
    /// Pictures.
    pub(super) images: u8,
}

impl Amount {
    pub(super) fn add(&mut self, other: Self) {
        self.text += other.text;
        self.link += other.link;
        self.prose += other.prose;
        self.score += other.score;
        self.runs = self.runs.saturating_add(other.runs);
        self.linked_headings = self.linked_headings.saturating_add(other.linked_headings);
        self.images = self.images.saturating_add(other.images);
    }

    pub(super) fn share(part: u32, whole: u32) -> f32 {
        if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
    }

    pub(super) fn link_share(&self) -> f32 {
        Self::share(self.link, self.text)
    }

    pub(super) fn prose_share(&self) -> f32 {
        Self::share(self.prose, self.text)
    }
}

/// An element.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) id: NodeId,
    pub(super) parent: u32,
    /// One past the last block within this one.
    pub(super) end: u32,
    pub(super) own: Amount,
    pub(super) sum: Amount,
    pub(super) tag: Tag,
    pub(super) hints: Hints,
    /// What its own words are known for, if it has few.
    pub(super) phrase: Option<Phrase>,
    /// Whether its own words end as a sentence does.
    pub(super) ends_sentence: bool,
    pub(super) dropped: bool,
    /// Prices in it.
    pub(super) prices: u8,
}

impl Block {
    /// Whether it is a price itself.
    pub(super) fn is_price(&self) -> bool {
        self.phrase == Some(Phrase::Price) || self.prices > 0 && self.own.text > 0
    }
}

const _: () = assert!(size_of::<Block>() <= ELEMENT_TABLES_BYTES);

pub(super) struct Outline {
    pub(super) blocks: Vec<Block>,
}

/// A run of text: what stands between two beginnings or ends of blocks.
#[derive(Default)]
struct Run {
    owner: usize,
    first: Option<NodeId>,
    text: u32,
    link: u32,
    stops: u32,
    ends_sentence: bool,
}

/// Where the walk is: in how many links, headings, cells and so on.
#[derive(Default, Clone, Copy)]
struct Within {
    links: u16,
    /// Of them those that lead away; contents and headings link to their own places.
    links_away: u16,
    headings: u16,
    code: u16,
    cells: u16,
    items: u16,
}

impl Within {
    fn entering(&mut self, tag: Tag, by: i16) {
        let count = match tag {
            Tag::A => &mut self.links,
            Tag::Pre => &mut self.code,
            Tag::Td | Tag::Th => &mut self.cells,
            Tag::Li | Tag::Dt | Tag::Dd => &mut self.items,
            tag if tag.is_heading() => &mut self.headings,
            _ => return,
        };
        *count = count.saturating_add_signed(by);
    }
}

/// Characters of what is called a price.
const PRICE_CHARACTERS_MAX: u32 = 30;

impl Outline {
    pub(super) fn of(body: NodeRef<'_>) -> Self {
        let mut measuring = Measuring {
            document: body.document,
            // All at once: a list that grows holds the old and the new one for a while.
            blocks: Vec::with_capacity(body.document.elements()),
            open: Vec::new(),
            run: Run::default(),
            within: Within::default(),
        };
        walk(&body, &mut measuring);
        let mut outline = Self { blocks: measuring.blocks };
        outline.add_up();
        outline
    }

    /// Sums over what is not dropped.
    pub(super) fn add_up(&mut self) {
        for block in &mut self.blocks {
            block.sum = block.own;
            block.prices = u8::from(block.phrase == Some(Phrase::Price));
        }
        for at in (1..self.blocks.len()).rev() {
            let block = &mut self.blocks[at];
            let is_short = (1..=PRICE_CHARACTERS_MAX).contains(&block.sum.text);
            if block.prices == 0 && is_short && block.hints.any_of(Hints::PRICE) {
                block.prices = 1;
            }
            let Block { parent, sum, dropped, prices, .. } = self.blocks[at];
            if !dropped {
                let parent = &mut self.blocks[parent as usize];
                parent.sum.add(sum);
                parent.prices = parent.prices.saturating_add(prices);
            }
        }
    }

    /// The children of a block that are not dropped.
    pub(super) fn children(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let mut next = at + 1;
        let end = self.blocks[at].end as usize;
        std::iter::from_fn(move || {
            while next < end {
                let child = next;
                next = self.blocks[child].end as usize;
                if !self.blocks[child].dropped {
                    return Some(child);
                }
            }
            None
        })
    }

    /// Drops a block and all that is in it.
    pub(super) fn drop(&mut self, at: usize) {
        let end = self.blocks[at].end as usize;
        for block in &mut self.blocks[at..end] {
            block.dropped = true;
        }
    }

    /// Takes a block back in, for it to be written by itself or where its parent is.
    pub(super) fn keep(&mut self, at: usize) {
        let end = self.blocks[at].end as usize;
        for block in &mut self.blocks[at..end] {
            block.dropped = false;
        }
        let mut above = self.blocks[at].parent as usize;
        while self.blocks[above].dropped {
            self.blocks[above].dropped = false;
            above = self.blocks[above].parent as usize;
        }
    }

    /// The blocks that are dropped and not in another one that is.
    pub(super) fn dropped(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.blocks
            .iter()
            .filter(|block| block.dropped && !self.blocks[block.parent as usize].dropped)
            .map(|block| block.id)
    }

    /// Whether an element stands within a line of text: a name or a link's look says nothing of a few words there.
    pub(super) fn is_within_a_line(&self, at: usize) -> bool {
        let stands_alone = |tag: Tag| tag.is_block() || tag.is_cell();
        let mut at = at;
        while at > 0 && !stands_alone(self.blocks[at].tag) {
            at = self.blocks[at].parent as usize;
            if self.blocks[at].own.text > 1 {
                return true;
            }
        }
        false
    }

    /// The innermost block that holds both.
    pub(super) fn common(&self, one: usize, other: usize) -> usize {
        let mut at = one;
        while !self.is_within(other, at) {
            at = self.blocks[at].parent as usize;
        }
        at
    }

    /// Whether one block is another, or is in it.
    pub(super) fn is_within(&self, at: usize, outer: usize) -> bool {
        (outer..self.blocks[outer].end as usize).contains(&at)
    }
}

struct Measuring<'d> {
    document: &'d Document,
    blocks: Vec<Block>,
    open: Vec<usize>,
    run: Run,
    within: Within,
}

impl Visitor for Measuring<'_> {
    fn enter(&mut self, id: NodeId, tag: Tag, element: &Element<'_>) -> bool {
        if is_hidden(tag, element) && !self.blocks.is_empty() {
            return false;
        }
        let at = self.blocks.len();
        let parent = self.open.last().copied().unwrap_or(0);
        match tag {
            // A line break parts words, not runs.
            Tag::Br | Tag::Hr | Tag::Wbr => return false,
            Tag::Img => {
                if let Some(above) = self.blocks.get_mut(parent) {
                    above.own.images = above.own.images.saturating_add(1);
                }
                return false;
            }
            _ => {}
        }
        if tag.is_block() || tag.is_cell() {
            self.end_run();
        }
        let mut own = Amount::default();
        let leads_away = tag == Tag::A && leads_away(element);
        if leads_away && self.within.headings > 0 || tag.is_heading() && self.within.links_away > 0 {
            own.linked_headings = 1;
        }
        self.blocks.push(Block {
            id,
            parent: parent as u32,
            end: at as u32 + 1,
            own,
            sum: Amount::default(),
            tag,
            hints: hints_of(tag, element),
            phrase: None,
            ends_sentence: false,
            dropped: false,
            prices: 0,
        });
        self.within.entering(tag, 1);
        self.within.links_away += u16::from(leads_away);
        self.open.push(at);
        true
    }

    fn leave(&mut self, tag: Tag) {
        if tag.is_block() || tag.is_cell() {
            self.end_run();
        }
        self.within.entering(tag, -1);
        if self.within.links == 0 {
            // The parser lets no link stand in another.
            self.within.links_away = 0;
        }
        if let Some(at) = self.open.pop() {
            self.blocks[at].end = self.blocks.len() as u32;
        }
    }

    fn text(&mut self, id: NodeId, text: &str) {
        let Some(parent) = self.open.last().copied() else { return };
        let measure = Measure::of(text);
        if measure.characters == 0 {
            return;
        }
        if self.blocks[parent].tag == Tag::A && is_way_mark(text.trim()) {
            self.blocks[parent].dropped = true;
            return;
        }
        if self.run.first.is_none() {
            // Inline elements are not where a run belongs.
            let mut owner = parent;
            while owner > 0 && !(self.blocks[owner].tag.is_block() || self.blocks[owner].tag.is_cell()) {
                owner = self.blocks[owner].parent as usize;
            }
            self.run.owner = owner;
            self.run.first = Some(id);
        }
        let run = &mut self.run;
        run.text += measure.characters;
        run.stops += measure.stops;
        run.ends_sentence = measure.ends_sentence;
        let own = &mut self.blocks[parent].own;
        own.text += measure.characters;
        if self.within.links > 0 {
            run.link += measure.characters;
            own.link += measure.characters;
        }
    }
}

impl Measuring<'_> {
    fn end_run(&mut self) {
        let Some(first) = self.run.first else { return };
        let run = std::mem::take(&mut self.run);
        let within = self.within;
        let prose = run.is_prose() && within.headings == 0 && within.code == 0;
        let own = &mut self.blocks[run.owner].own;
        own.runs = own.runs.saturating_add(1);
        own.score += run.score(prose, within);
        if prose {
            own.prose += run.text;
        }
        self.blocks[run.owner].ends_sentence = run.ends_sentence;
        if run.text <= phrases::CHARACTERS_MAX {
            let phrase = match NodeRef::new(first, self.document).data() {
                NodeData::Text(text) => phrases::of_text(text, run.text),
                _ => None,
            };
            self.blocks[run.owner].phrase = phrase;
        }
    }
}

impl Run {
    fn is_prose(&self) -> bool {
        let is_linked = self.link * 5 > self.text * 2;
        let is_sentence = self.stops > 0 && (self.ends_sentence || self.text >= 60);
        !is_linked && (self.text >= 25 && is_sentence || self.text >= 110)
    }

    /// Long sentences count for more than their length, links and scraps against.
    fn score(&self, prose: bool, within: Within) -> f32 {
        let text = self.text as f32;
        let link = self.link as f32;
        if prose {
            return (text - link) * (0.6 + text.min(400.0) / 400.0) + self.stops.min(20) as f32;
        }
        if within.code > 0 {
            return 0.5 * text;
        }
        if self.link * 2 > self.text {
            return -(6.0 + 0.1 * link.min(150.0));
        }
        if within.headings > 0 || within.cells > 0 {
            0.0
        } else if within.items > 0 {
            -1.0
        } else {
            -4.0
        }
    }
}

/// What a piece of text amounts to.
struct Measure {
    characters: u32,
    stops: u32,
    ends_sentence: bool,
}

/// What a byte is to [`Measure`].
const SPACE: u8 = 0;
const LETTER: u8 = 1;
const WIDE: u8 = 2;
const STOP: u8 = 3;
const INNER: u8 = 4;
const CLOSING: u8 = 5;

const BYTES: [u8; 256] = {
    let mut table = [LETTER; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = match at as u8 {
            b' ' | b'\n' | b'\t' | b'\r' | 0x0C | 0 => SPACE,
            b'.' | b',' | b'!' | b'?' | b';' | b':' => STOP,
            b'"' | b'\'' | b')' | b']' => CLOSING,
            0x80..=0xBF => INNER,
            // The first byte of most of what is written without an alphabet.
            0xE3..=0xED => WIDE,
            _ => LETTER,
        };
        at += 1;
    }
    table
};

/// Ends of sentences beyond ASCII: Chinese and Japanese, Arabic, Devanagari, and closing quotation marks after them.
const STOPS: &[&str] = &["。", "！", "？", "、", "，", "؟", "،", "۔", "।", "…", "”", "’", "»", "」"];

impl Measure {
    fn of(text: &str) -> Self {
        let mut characters = 0;
        let mut stops = 0;
        let mut before = SPACE;
        for byte in text.bytes() {
            let class = BYTES[byte as usize];
            match class {
                SPACE => stops += u32::from(before == STOP),
                LETTER | STOP | CLOSING => characters += 1,
                WIDE => characters += 2,
                _ => {}
            }
            before = class;
        }
        let end = text.trim_end();
        let ends_in_ascii_stop = || {
            let end = end.trim_end_matches(['"', '\'', ')', ']']);
            end.ends_with(['.', '!', '?', ':', ';', ','])
        };
        let ends_sentence =
            ends_in_ascii_stop() || !end.is_ascii() && STOPS.iter().any(|stop| end.ends_with(stop));
        if !text.is_ascii() {
            stops += text
                .chars()
                .filter(|c| matches!(c, '。' | '！' | '？' | '，' | '、' | '؟' | '،' | '।' | '۔'))
                .count() as u32;
        }
        Self { characters, stops: stops + u32::from(ends_sentence), ends_sentence }
    }
}

/// Whether a link's text is the mark beside a heading that leads to it, or the one that leads back from a note.
fn is_way_mark(text: &str) -> bool {
    matches!(text, "¶" | "#" | "§" | "🔗" | "↩" | "↩︎" | "↑" | "^")
}

/// Whether a link leads to another place than one on its own page.
fn leads_away(link: &Element<'_>) -> bool {
    link.attr(local_name!("href")).is_some_and(|href| !href.trim_start().starts_with('#'))
}

/// What an element's tag and attributes hint at.
fn hints_of(tag: Tag, element: &Element<'_>) -> Hints {
    let mut hints = match tag {
        Tag::Nav | Tag::Menu => Hints::NOISE,
        Tag::Aside => Hints::SIDE,
        Tag::Figcaption => Hints::CAPTION,
        Tag::Address => Hints::BYLINE,
        _ => Hints::NONE,
    };
    let is_section =
        tag == Tag::Section || element.attr(local_name!("class")).is_some_and(|class| class == "section");
    for attribute in element.attributes() {
        let value = attribute.value;
        match *attribute.name {
            // The whole page is called many things.
            // Of a part of a document the id is its heading's words.
            local_name!("id") if is_section && names::is_sentence(value) => {}
            local_name!("class") | local_name!("id") if tag != Tag::Body => hints |= names::of_name(value),
            local_name!("role") => hints |= of_role(value),
            local_name!("itemprop") => hints |= of_property(value),
            local_name!("rel") if value.contains("author") => hints |= Hints::BYLINE,
            local_name!("rel") if value.contains("tag") => hints |= Hints::TAGS,
            local_name!("aria-hidden") if value == "true" => hints |= Hints::UNSEEN,
            local_name!("aria-label") => hints |= names::of_name(value).only(Hints::NOISE | Hints::RELATED),
            _ => {}
        }
    }
    hints
}

fn of_role(role: &str) -> Hints {
    match role.trim() {
        "navigation" | "banner" | "contentinfo" | "search" | "dialog" | "alertdialog" | "menu"
        | "menubar" | "toolbar" | "tooltip" | "alert" => Hints::NOISE,
        "complementary" => Hints::SIDE,
        "main" | "article" => Hints::NONE,
        _ => Hints::NONE,
    }
}

fn of_property(property: &str) -> Hints {
    match property.trim() {
        "articleBody" | "reviewBody" | "text" => Hints::CONTENT,
        "price" | "lowPrice" => Hints::PRICE,
        "author" | "datePublished" | "dateModified" => Hints::BYLINE,
        "comment" => Hints::COMMENT,
        "keywords" => Hints::TAGS,
        "breadcrumb" => Hints::NOISE,
        "caption" | "copyrightHolder" => Hints::CAPTION,
        _ => Hints::NONE,
    }
}
