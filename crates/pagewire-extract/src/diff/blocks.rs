//! A part of a page as blocks: runs of text that stand on lines of their own. Beside them the elements that they stand
//! in, measured, which tell where things are repeated.
//!
//! A row of a table is one block, and so are a term and its first definition: `219 kr` alone would not say of what. Made
//! by one walk; linear in the page, in time and in memory.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::dom::{Element, NodeId, NodeRef, Tag, Visitor, local_name, walk};
use crate::main_content::Content;

use super::hash::Hash;

/// Characters of a row that is one block; a table that only lays a page out has longer ones.
const ROW_CHARACTERS_MAX: u32 = 1_000;
/// Bytes of a link's text that are kept.
const LINK_BYTES_MAX: usize = 300;
/// Bytes of the names of an element that its path is made of.
const NAME_BYTES_MAX: usize = 40;

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Heading,
    Paragraph,
    ListItem,
    Term,
    Row,
    /// All of it is a link.
    Link,
    Code,
}

/// A run of text.
#[derive(Debug)]
pub(super) struct RawBlock {
    pub(super) kind: Kind,
    /// Where it stands: the elements around it, by their kinds and names.
    pub(super) path: u64,
    pub(super) text: String,
    pub(super) starts_with_link: bool,
    /// Characters of it that are links.
    linked: u32,
}

/// An element that blocks stand in.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) id: NodeId,
    pub(super) parent: u32,
    pub(super) tag: Tag,
    /// Its kind and its names: repeated things share it.
    pub(super) signature: u64,
    /// The blocks in it.
    pub(super) first_block: u32,
    pub(super) end_block: u32,
    /// Characters in it, and those of them in links that lead away.
    pub(super) text: u32,
    pub(super) linked: u32,
    /// Links in it that lead away.
    pub(super) links: u32,
    pub(super) headings: u32,
    pub(super) has_id: bool,
}

/// A link that leads to another page.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: NodeId,
    /// The block that it begins in.
    pub(super) block: u32,
    pub(super) in_heading: bool,
    pub(super) text: String,
}

/// A part of a page.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) blocks: Vec<RawBlock>,
    pub(super) elements: Vec<Holder>,
    pub(super) links: Vec<Link>,
}

impl Blocks {
    /// The blocks of what is kept of a page.
    pub(super) fn of(content: &Content<'_>) -> Self {
        let mut all = Self::default();
        for root in content.roots() {
            let mut reading = Reading::new(content, root, all);
            walk(root, &mut reading);
            all = reading.end();
        }
        all
    }

    /// The blocks of a text without markup: its lines.
    pub(super) fn of_lines(text: &str) -> Self {
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        let path = Hash::new().end();
        let blocks = lines.filter(|line| !line.is_empty()).map(|text| RawBlock {
            kind: Kind::Paragraph,
            path,
            text,
            starts_with_link: false,
            linked: 0,
        });
        Self { blocks: blocks.collect(), ..Self::default() }
    }

    /// Characters of all blocks.
    pub(super) fn characters(&self) -> usize {
        self.blocks.iter().map(|block| block.text.chars().count()).sum()
    }
}

/// An element that was entered and not yet left.
struct Open {
    tag: Tag,
    element: Option<u32>,
    path: u64,
    first_block: u32,
    has_table: bool,
    link: Option<usize>,
}

struct Reading<'c, 'd> {
    content: &'c Content<'d>,
    root: NodeRef<'d>,
    all: Blocks,
    open: Vec<Open>,
    run: String,
    run_linked: u32,
    run_starts_with_link: bool,
    space_due: bool,
    /// Whether an element that is set apart has begun or ended since the last word.
    edge: bool,
    /// The link that is open.
    link: Option<usize>,
    headings: u32,
    code: u32,
    items: u32,
    terms: u32,
}

impl<'c, 'd> Reading<'c, 'd> {
    fn new(content: &'c Content<'d>, root: &NodeRef<'d>, all: Blocks) -> Self {
        Self {
            content,
            root: *root,
            all,
            open: Vec::new(),
            run: String::new(),
            run_linked: 0,
            run_starts_with_link: false,
            space_due: false,
            edge: false,
            link: None,
            headings: 0,
            code: 0,
            items: 0,
            terms: 0,
        }
    }

    fn end(mut self) -> Blocks {
        self.end_run();
        self.all
    }

    fn path(&self) -> u64 {
        self.open.last().map_or_else(|| Hash::new().end(), |open| open.path)
    }

    fn end_run(&mut self) {
        self.space_due = false;
        if self.run.is_empty() {
            return;
        }
        let mut text = std::mem::take(&mut self.run);
        if !text.is_ascii()
            && let Cow::Owned(normal) = ComposingNormalizerBorrowed::new_nfc().normalize(&text)
        {
            text = normal;
        }
        let characters = count(&text);
        let linked = std::mem::take(&mut self.run_linked);
        let kind = match () {
            () if self.headings > 0 => Kind::Heading,
            () if self.code > 0 => Kind::Code,
            () if linked * 10 >= characters * 9 => Kind::Link,
            () if self.terms > 0 => Kind::Term,
            () if self.items > 0 => Kind::ListItem,
            () => Kind::Paragraph,
        };
        if let Some(holder) = self.open.iter().rev().find_map(|open| open.element) {
            let element = &mut self.all.elements[holder as usize];
            element.text += characters;
            element.linked += linked;
        }
        let starts_with_link = std::mem::take(&mut self.run_starts_with_link);
        self.all.blocks.push(RawBlock { kind, path: self.path(), text, starts_with_link, linked });
    }

    fn counts(&mut self, tag: Tag, by: impl Fn(&mut u32)) {
        match tag {
            Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6 => by(&mut self.headings),
            Tag::Pre => by(&mut self.code),
            Tag::Li | Tag::Dd => by(&mut self.items),
            Tag::Dt => by(&mut self.terms),
            _ => {}
        }
    }

    fn words(&mut self, text: &str) {
        if text.starts_with(char::is_whitespace) {
            self.space_due = true;
        }
        for word in text.split_whitespace() {
            let space = !self.run.is_empty() && (self.space_due || self.edge && parts(&self.run, word));
            self.edge = false;
            if self.run.is_empty() {
                self.run_starts_with_link = self.link.is_some();
            }
            if space {
                self.run.push(' ');
            }
            self.run.push_str(word);
            if let Some(link) = self.link {
                self.run_linked += count(word) + u32::from(space);
                let told = &mut self.all.links[link].text;
                if told.len() + word.len() < LINK_BYTES_MAX {
                    if !told.is_empty() && space {
                        told.push(' ');
                    }
                    told.push_str(word);
                }
            }
            self.space_due = true;
        }
        self.space_due = text.ends_with(char::is_whitespace) || text.is_empty() && self.space_due;
    }

    /// The cells of a row, or a term and what it is, as one block.
    fn join(&mut self, from: usize, with: &str, kind: Kind, path: u64) {
        let mut parts = self.all.blocks.drain(from..);
        let Some(mut whole) = parts.next() else { return };
        for part in parts {
            whole.text.push_str(with);
            whole.text.push_str(&part.text);
            whole.linked += part.linked;
        }
        whole.kind = kind;
        whole.path = path;
        self.all.blocks.push(whole);
        let last = position(self.all.blocks.len() - 1);
        let links = self.all.links.iter_mut().rev().take_while(|link| link.block >= last);
        links.for_each(|link| link.block = last);
        let elements = self.all.elements.iter_mut().rev().take_while(|element| element.first_block >= last);
        for element in elements {
            element.first_block = last;
            element.end_block = last + 1;
        }
    }

    fn end_row(&mut self, row: &Open) {
        let from = row.first_block as usize;
        let characters: u32 = self.all.blocks[from..].iter().map(|block| count(&block.text)).sum();
        if !row.has_table && characters <= ROW_CHARACTERS_MAX && self.all.blocks.len() > from {
            self.join(from, " | ", Kind::Row, row.path);
        }
    }

    fn end_definition(&mut self, definition: &Open) {
        let from = definition.first_block as usize;
        let is_of_term = from > 0
            && self.all.blocks.len() == from + 1
            && self.all.blocks[from - 1].kind == Kind::Term
            && !self.all.blocks[from - 1].text.contains(": ");
        if is_of_term {
            let with = if self.all.blocks[from - 1].text.ends_with(':') { " " } else { ": " };
            self.join(from - 1, with, Kind::ListItem, definition.path);
        }
    }
}

impl Visitor for Reading<'_, '_> {
    fn text(&mut self, _: NodeId, text: &str) {
        if self.code == 0 {
            return self.words(text);
        }
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.end_run();
            }
            self.words(line);
        }
    }

    fn enter(&mut self, id: NodeId, tag: Tag, element: &Element<'_>) -> bool {
        if self.content.leaves_out(id, tag, element) && id != self.root.id {
            return false;
        }
        if tag == Tag::Br && self.headings > 0 {
            self.space_due = true;
            return false;
        }
        if tag.is_block() || tag.is_cell() {
            self.end_run();
        }
        self.edge |= is_set_apart(tag);
        if matches!(tag, Tag::Br | Tag::Hr | Tag::Wbr | Tag::Img) {
            return false;
        }
        let leads_away = tag == Tag::A && leads_away(element);
        let before = self.link;
        if leads_away {
            let block = position(self.all.blocks.len());
            self.link = Some(self.all.links.len());
            self.all.links.push(Link { id, block, in_heading: self.headings > 0, text: String::new() });
        }
        let path = self.path();
        let first_block = position(self.all.blocks.len());
        let mut open = Open { tag, element: None, path, first_block, has_table: false, link: before };
        if tag.is_block() || tag.is_cell() || matches!(tag, Tag::A | Tag::Other | Tag::Figure | Tag::Tbody) {
            let signature = signature(element);
            if tag != Tag::A {
                open.path = Hash::after(path).number(signature).end();
            }
            let parent = self.open.iter().rev().find_map(|open| open.element);
            open.element = Some(position(self.all.elements.len()));
            self.all.elements.push(Holder {
                id,
                parent: parent.unwrap_or(u32::MAX),
                tag,
                signature,
                first_block,
                end_block: first_block,
                text: 0,
                linked: 0,
                links: u32::from(leads_away),
                headings: u32::from(tag.is_heading()),
                has_id: element.attr(local_name!("id")).is_some_and(|id| !id.is_empty()),
            });
        }
        self.counts(tag, |count| *count += 1);
        self.open.push(open);
        true
    }

    fn leave(&mut self, tag: Tag) {
        if tag.is_block() || tag.is_cell() {
            self.end_run();
        }
        self.edge |= is_set_apart(tag);
        self.counts(tag, |count| *count = count.saturating_sub(1));
        let Some(open) = self.open.pop() else { return };
        if let Some(above) = self.open.last_mut() {
            above.has_table |= open.has_table || tag == Tag::Table;
        }
        if tag == Tag::A {
            self.link = open.link;
        }
        match open.tag {
            Tag::Tr => self.end_row(&open),
            Tag::Dd => self.end_definition(&open),
            _ => {}
        }
        if let Some(at) = open.element {
            // The text of a link in a line is not yet a block.
            let end = position(self.all.blocks.len() + usize::from(!self.run.is_empty()));
            let element = &mut self.all.elements[at as usize];
            element.end_block = element.end_block.max(end);
            let (text, linked, links, headings, parent) =
                (element.text, element.linked, element.links, element.headings, element.parent);
            if let Some(parent) = self.all.elements.get_mut(parent as usize) {
                parent.text += text;
                parent.linked += linked;
                parent.links += links;
                parent.headings += headings;
            }
        }
    }
}

/// Whether styles often set an element apart from what it touches.
fn is_set_apart(tag: Tag) -> bool {
    matches!(tag, Tag::A | Tag::Span | Tag::Time | Tag::Label | Tag::Other | Tag::Img)
}

/// Whether a name and a number touch there: a price in an element of its own behind what it is of.
fn parts(before: &str, after: &str) -> bool {
    let (before, after) = (before.chars().next_back(), after.chars().next());
    before.zip(after).is_some_and(|(before, after)| {
        before.is_alphabetic() && after.is_ascii_digit() || before.is_ascii_digit() && after.is_alphabetic()
    })
}

/// Whether a link leads to another page.
fn leads_away(link: &Element<'_>) -> bool {
    let Some(href) = link.attr(local_name!("href")) else { return false };
    let href = href.trim_start();
    let scheme =
        |scheme: &str| href.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    !href.is_empty()
        && !href.starts_with('#')
        && !scheme("javascript:")
        && !scheme("mailto:")
        && !scheme("tel:")
}

/// An element's kind and names. Names with digits are often made anew for each build or visit.
fn signature(element: &Element<'_>) -> u64 {
    let mut names = Hash::new().with(element.name.as_bytes());
    let is_plain =
        |name: &&str| name.len() <= NAME_BYTES_MAX && !name.bytes().any(|byte| byte.is_ascii_digit());
    let classes = element.attr(local_name!("class")).unwrap_or_default();
    for name in classes.split_ascii_whitespace().filter(is_plain).take(8) {
        names.add(name.as_bytes());
    }
    names.end()
}

fn count(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dom::Document;

    fn told(html: &str) -> Vec<(Kind, String)> {
        let document = Document::from(html);
        let blocks = Blocks::of(&Content::whole(&document)).blocks;
        blocks.into_iter().map(|block| (block.kind, block.text)).collect()
    }

    fn texts(html: &str) -> Vec<String> {
        told(html).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn each_run_of_text_is_a_block() {
        assert_eq!(
            told(
                "<p>H<sub>2</sub>O</p><p>Kettle<span>219</span>kr</p><h1>A <br>title</h1><p>One <b>bold</b>\n word.<ul><li>x<li><a href=/y>y</a></ul>tail<pre>a\n b</pre>"
            ),
            [
                (Kind::Paragraph, "H2O".to_owned()),
                (Kind::Paragraph, "Kettle 219 kr".to_owned()),
                (Kind::Heading, "A title".to_owned()),
                (Kind::Paragraph, "One bold word.".to_owned()),
                (Kind::ListItem, "x".to_owned()),
                (Kind::Link, "y".to_owned()),
                (Kind::Paragraph, "tail".to_owned()),
                (Kind::Code, "a".to_owned()),
                (Kind::Code, "b".to_owned()),
            ]
        );
    }

    #[test]
    fn a_row_is_a_block_and_so_is_a_term_with_what_it_is() {
        assert_eq!(
            texts(
                "<table><tr><th>USD<td>10.52<td><div>SEK</div><tr><td>EUR<td>11.40</table><dl><dt>Price<dd>219 kr<dt>Stock:<dd>4<dd>in two places</dl>"
            ),
            ["USD | 10.52 | SEK", "EUR | 11.40", "Price: 219 kr", "Stock: 4", "in two places"]
        );
    }

    #[test]
    fn a_table_that_lays_the_page_out_is_none() {
        let page = "<table><tr><td><p>one</p><table><tr><td>a<td>b</table><td>two</table>";
        assert_eq!(texts(page), ["one", "a | b", "two"]);
    }

    #[test]
    fn links_know_their_blocks_and_their_texts() {
        let document = Document::from(
            "<p>x</p><h2><a href=/a>A <i>b</i></a></h2><p>see <a href=#n>n</a> <a href=/c>c</a>",
        );
        let blocks = Blocks::of(&Content::whole(&document));
        let links: Vec<_> =
            blocks.links.iter().map(|link| (link.block, link.in_heading, &*link.text)).collect();
        assert_eq!(links, [(1, true, "A b"), (2, false, "c")]);
    }
}
