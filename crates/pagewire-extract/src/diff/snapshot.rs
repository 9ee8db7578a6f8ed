//! A page as it was fetched once: what is watched of it, in blocks with fingerprints and places, and what it looks like as
//! a whole.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use memchr::memmem;
use serde_json::Value;
use url::Url;

use super::blocks::{Blocks, Kind, Link, RawBlock};
use super::fingerprint::{Fingerprint, Reader};
use super::hash::Hash;
use super::today::Today;
use super::watch::Watch;
use super::{address, items};
use crate::content::{self, ContentKind};
use crate::dom::{self, Document, NodeRef};
use crate::error::ExtractError;
use crate::main_content::Content;
use crate::signs::Signs;
use crate::{Input, charset, feed, links};

/// Blocks of a page that are watched: the first.
pub(super) const BLOCKS_MAX: usize = 2_500;
/// Blocks beside the main content that are known.
const OUTSIDE_MAX: usize = 500;
/// Characters of a block that are told.
const TOLD_CHARACTERS_MAX: usize = 4_000;
/// Characters of a title.
const TITLE_CHARACTERS_MAX: usize = 300;

/// Bytes of an item's address.
const ADDRESS_BYTES_MAX: usize = 4_096;

/// Characters of a main content that is a text.
const TEXT_MIN: usize = 1_000;
/// Share of the page that it must be, in tenths; and of it those in blocks as long as sentences.
const TEXT_TENTHS: usize = 6;
const SENTENCE_CHARACTERS: usize = 80;

/// What stands around content by its kind.
const SURROUNDINGS: [&str; 2] = [
    "nav, footer, aside",
    "[role=navigation], [role=contentinfo], [role=complementary], [role=dialog], [role=alertdialog]",
];
/// What shows that a page sells something: its price may stand beside its text.
const GOODS_NAMED: &[u8] = b"\"Product\"";
const GOODS: &str = "[itemprop=price], [itemprop=offers], meta[property='og:price:amount'], meta[property='product:price:amount']";

/// Which part of a page is watched. It is chosen once for a source: chosen anew for each poll, a page that is nearly one
/// and nearly the other would seem to come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What the selectors say.
    Selected,
    /// The main content, which is a text.
    Main,
    /// All but navigation.
    Whole,
}

/// A block of a page.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) fingerprint: Fingerprint,
    /// Where it stands: the same for what replaces it there.
    pub(super) slot: u32,
    /// The item that it is in.
    pub(super) item: Option<u32>,
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// A repeated thing.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// What it is, whatever it says: its link.
    pub(super) identity: u64,
    pub(super) url: Option<String>,
    pub(super) title: String,
    pub(super) blocks: Range<usize>,
}

/// A page as it was fetched.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) part: Part,
    pub(super) watch: u64,
    /// What it is called.
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
    pub(super) items: Vec<Item>,
    pub(super) signs: Signs,
    /// Whether there is more of it than is watched.
    pub(super) is_cut: bool,
    /// What the page says beside its main content: where that begins and ends may be seen otherwise another time.
    pub(super) outside: HashSet<u64>,
}

impl Watch {
    /// Reads a page; `part` is the one that was chosen when the source was read first.
    pub(super) fn read(
        &self,
        input: &Input<'_>,
        today: Today,
        part: Option<Part>,
    ) -> Result<Snapshot, ExtractError> {
        let (kind, content_type) = content::classify(input.content_type, input.body)?;
        let (text, _) = charset::decode(input.body, input.content_type, input.url);
        let is_feed = kind == ContentKind::Markup && feed::is_xml_feed(&text)
            || kind == ContentKind::Json && feed::is_json_feed(&text);
        match kind {
            _ if is_feed => Err(ExtractError::UnsupportedContent { content_type }),
            ContentKind::Pdf => Err(ExtractError::UnsupportedContent { content_type }),
            ContentKind::Markup | ContentKind::Feed => Ok(self.read_markup(&text, input.url, today, part)),
            ContentKind::Json => Ok(self.read_text(&pretty(&text), input.url, today)),
            ContentKind::Plain => Ok(self.read_text(&text, input.url, today)),
        }
    }

    fn read_markup(&self, text: &str, url: &Url, today: Today, part: Option<Part>) -> Snapshot {
        let document = dom::parse(text);
        let signs = Signs::of_page(text, &document);
        let sells = memmem::find(text.as_bytes(), GOODS_NAMED).is_some();
        let (part, raw, whole) = self.blocks_of(&document, part, sells);
        let title = first_of(&[&signs.heading, &signs.title]);
        let base = links::base_of(&document, url);
        let mut page = self.snapshot(part, &title, signs, &raw, today, Some((&document, &base)));
        if let Some(whole) = whole {
            page.outside = self.outside(&page, &whole, today);
        }
        page
    }

    /// What the blocks of a whole page say that its main content does not.
    fn outside(&self, page: &Snapshot, whole: &Blocks, today: Today) -> HashSet<u64> {
        let reader = Reader::new(today);
        let inside: HashSet<u64> = page.blocks.iter().map(|block| block.fingerprint.words).collect();
        let said = whole.blocks.iter().map(|block| reader.read(&self.without_ignored(&block.text)));
        let outside = said.filter(|said| said.characters > 0 && !inside.contains(&said.words));
        outside.map(|said| said.words).take(OUTSIDE_MAX).collect()
    }

    fn read_text(&self, text: &str, url: &Url, today: Today) -> Snapshot {
        let signs = Signs::of_text(text);
        let name = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
        self.snapshot(Part::Whole, name, signs, &Blocks::of_lines(text), today, None)
    }

    /// The blocks of the part that is watched, chosen where it is not yet; beside the main content those of the whole page.
    fn blocks_of(
        &self,
        document: &Document,
        part: Option<Part>,
        sells: bool,
    ) -> (Part, Blocks, Option<Blocks>) {
        if !self.include.is_empty() {
            let mut content = Content::whole(document);
            content.include(document, &self.include);
            return (Part::Selected, self.without_excluded(document, content), None);
        }
        let main = || self.without_excluded(document, Content::main(document));
        let whole = || {
            let mut content = Content::whole(document);
            content.exclude(document, &SURROUNDINGS.map(str::to_owned));
            self.without_excluded(document, content)
        };
        match part {
            Some(Part::Main) => (Part::Main, main(), Some(whole())),
            Some(Part::Whole | Part::Selected) => (Part::Whole, whole(), None),
            None => {
                let (main, whole) = (main(), whole());
                if is_text(&main, &whole) && !sells && document.select_first(GOODS).is_none() {
                    (Part::Main, main, Some(whole))
                } else {
                    (Part::Whole, whole, None)
                }
            }
        }
    }

    fn without_excluded<'d>(&self, document: &'d Document, mut content: Content<'d>) -> Blocks {
        content.exclude(document, &self.exclude);
        Blocks::of(&content)
    }

    fn snapshot(
        &self,
        part: Part,
        title: &str,
        signs: Signs,
        raw: &Blocks,
        today: Today,
        page: Option<(&Document, &Url)>,
    ) -> Snapshot {
        let reader = Reader::new(today);
        let ranges = items::find(raw);
        let mut blocks = Vec::with_capacity(raw.blocks.len().min(BLOCKS_MAX));
        let mut found: Vec<Item> = Vec::new();
        let mut known = HashSet::new();
        let mut places: HashMap<u64, u32> = HashMap::new();
        let mut ranges = ranges.into_iter().peekable();
        let mut links = raw.links.iter().peekable();
        let mut current: Option<(usize, u32)> = None;
        for (at, block) in raw.blocks.iter().enumerate().take(BLOCKS_MAX) {
            if let Some((holder, range)) = ranges.next_if(|(_, range)| range.start == at) {
                while links.next_if(|link| (link.block as usize) < range.start).is_some() {}
                let mut of_item = Vec::new();
                while let Some(link) = links.next_if(|link| (link.block as usize) < range.end) {
                    of_item.push(link);
                }
                let id = raw.elements[holder].id;
                let mut item = item_of(
                    &raw.blocks[range.clone()],
                    &of_item,
                    page.map(|(document, base)| (NodeRef::new(id, document), base)),
                    &reader,
                );
                if !known.insert(item.identity) {
                    // Several lead to the same place.
                    item.identity = Hash::after(item.identity).with(item.title.as_bytes()).end();
                    known.insert(item.identity);
                }
                item.blocks = blocks.len()..blocks.len();
                current = Some((range.end, u32::try_from(found.len()).unwrap_or(u32::MAX)));
                found.push(item);
            }
            current = current.filter(|(end, _)| at < *end);
            let fingerprint = reader.read(&self.without_ignored(&block.text));
            if fingerprint.characters == 0 {
                continue;
            }
            let item = current.map(|(_, item)| item);
            let place = match item {
                Some(item) => Hash::after(found[item as usize].identity).number(block.path).end(),
                None => block.path,
            };
            let nth = places.entry(place).or_default();
            let slot = (Hash::after(place).number(u64::from(*nth)).end() >> 32) as u32;
            *nth += 1;
            blocks.push(Block {
                fingerprint,
                slot,
                item,
                kind: block.kind,
                text: cut(&block.text, TOLD_CHARACTERS_MAX),
            });
            if let Some(item) = item {
                found[item as usize].blocks.end = blocks.len();
            }
        }
        let title = cut(title, TITLE_CHARACTERS_MAX);
        let is_cut = raw.blocks.len() > BLOCKS_MAX;
        Snapshot { part, watch: self.id, title, blocks, items: found, signs, is_cut, outside: HashSet::new() }
    }
}

impl Snapshot {
    /// The part that was watched.
    pub(super) fn part(&self) -> Part {
        self.part
    }

    /// Characters that are watched.
    pub(super) fn characters(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.fingerprint.characters)).sum()
    }
}

/// Whether a main content is a text, and most of the page.
fn is_text(main: &Blocks, whole: &Blocks) -> bool {
    let characters = main.characters();
    let in_sentences: usize = main
        .blocks
        .iter()
        .map(|block| block.text.chars().count())
        .filter(|length| *length >= SENTENCE_CHARACTERS)
        .sum();
    characters >= TEXT_MIN
        && characters * 10 >= whole.characters() * TEXT_TENTHS
        && in_sentences * 10 >= characters * TEXT_TENTHS
        && items::find(main).is_empty()
}

/// An item by its link: that of its heading, or the one that says most; without one by the name of its element.
fn item_of(blocks: &[RawBlock], links: &[&Link], page: Option<(NodeRef<'_>, &Url)>, reader: &Reader) -> Item {
    let heading = blocks.iter().find(|block| block.kind == Kind::Heading);
    let best = links
        .iter()
        .copied()
        .max_by_key(|link| (link.in_heading, link.text.len(), std::cmp::Reverse(link.block)));
    let resolve = |link: &Link| {
        let (node, base) = page?;
        let url = base.join(NodeRef::new(link.id, node.document).attr("href")?.trim()).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= ADDRESS_BYTES_MAX).then_some(url)
    };
    let url = best.and_then(resolve);
    let first =
        blocks.iter().map(|block| block.text.as_str()).find(|text| text.chars().any(char::is_alphanumeric));
    let title = heading
        .map(|heading| heading.text.as_str())
        .or(best.map(|link| link.text.as_str()).filter(|text| !text.is_empty()))
        .or(first);
    let title = cut(title.unwrap_or_default(), TITLE_CHARACTERS_MAX);
    let name = page.and_then(|(node, _)| node.attr("id")).filter(|id| !id.is_empty());
    let identity = match (&url, name) {
        (Some(url), _) => Hash::new().with(b"link").with(address::without_session(url).as_bytes()),
        (None, Some(name)) => Hash::new().with(b"id").with(name.as_bytes()),
        (None, None) => Hash::new().with(b"title").number(reader.read(&title).words),
    };
    let anchor = || {
        let mut url = page?.1.clone();
        url.set_fragment(Some(name?));
        Some(url)
    };
    Item { identity: identity.end(), url: url.or_else(anchor).map(String::from), title, blocks: 0..0 }
}

/// A JSON document in lines.
fn pretty(text: &str) -> String {
    let value: Option<Value> = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok();
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| text.to_owned())
}

fn first_of(texts: &[&str]) -> String {
    texts.iter().find(|text| !text.is_empty()).map(ToString::to_string).unwrap_or_default()
}

/// A text up to so many characters, with a mark where it goes on.
pub(super) fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_owned(),
    }
}

/// As much of a text as is kept of it.
pub(super) fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(super::baseline::TEXT_CHARACTERS_MAX)]
}
