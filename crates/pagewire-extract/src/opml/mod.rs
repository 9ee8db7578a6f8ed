//! OPML 1.0 and 2.0 (<http://opml.org/spec2.opml>) as subscription lists: the feeds in it, each with the folders that it
//! stands in as tags, and the lines that could not be read.
//!
//! Lists are edited by hand and made by careless programs, so one bad line takes no other with it: `<` may stand nowhere in
//! a tag, so a tag that is broken ends where the next one begins ([`pieces`]). No entity is resolved but the five of XML;
//! what a document declares is passed over. Time is linear, and depth costs a place on a list.

mod pieces;

use std::borrow::Cow;

use quick_xml::escape::unescape;
use quick_xml::events::attributes::Attributes;
use url::Url;

use crate::charset;
use pieces::{Piece, Pieces};

/// Feeds of one list.
const FEEDS_MAX: usize = 100_000;
/// Bad lines that are told.
const BAD_LINES_MAX: usize = 1_000;
/// Folders in folders; what is deeper counts as in the deepest.
const DEPTH_MAX: usize = 64;
/// Tags of a feed.
const TAGS_MAX: usize = 32;
/// Characters of a tag.
const TAG_CHARS_MAX: usize = 100;
/// Characters of a title.
const TITLE_CHARS_MAX: usize = 200;

/// What a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outlines {
    /// The feeds, in their order.
    pub feeds: Vec<FeedOutline>,
    /// The first lines that could not be read.
    pub bad: Vec<BadLine>,
    /// How many there are of them.
    pub bad_lines: u64,
}

/// A feed of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedOutline {
    /// The line that it begins on, from 1.
    pub line: u64,
    /// Where it is, as it was written.
    pub url: String,
    /// What it is called.
    pub title: Option<String>,
    /// Its `type`, in lower case: `rss` in most lists, whatever the feed is.
    pub kind: Option<String>,
    /// The folders that it stands in, and its own categories.
    pub tags: Vec<String>,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub detail: String,
}

/// The document has no outlines at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no OPML: there is no `<outline>` in it")]
pub struct NotOpml;

/// Reads a list.
pub fn read(body: &[u8], content_type: Option<&str>) -> Result<Outlines, NotOpml> {
    let text = decode(body, content_type);
    let mut reader = Reader::default();
    for (line, piece) in Pieces::of(&text) {
        reader.take(line, &piece);
    }
    if reader.is_opml { Ok(reader.found) } else { Err(NotOpml) }
}

fn decode<'b>(body: &'b [u8], content_type: Option<&str>) -> Cow<'b, str> {
    // Only a detection that has nothing else to go by asks where the text is from.
    let nowhere = Url::parse("about:blank").expect("a constant that is a URL");
    charset::decode(body, content_type, &nowhere).0
}

#[derive(Default)]
struct Reader<'t> {
    found: Outlines,
    /// The outlines that are open, with their names where they are folders.
    open: Vec<Option<Cow<'t, str>>>,
    /// Those that are deeper.
    open_beyond: usize,
    last_bad: u64,
    in_body: bool,
    is_opml: bool,
}

impl<'t> Reader<'t> {
    fn take(&mut self, line: u64, piece: &Piece<'t>) {
        match piece {
            Piece::Tag(tag) => self.take_tag(line, tag),
            Piece::Text if self.in_body => self.bad(line, "is no outline"),
            Piece::Text => {}
            Piece::Broken if self.in_body => self.bad(line, "is a tag that does not end"),
            Piece::Broken => {}
        }
    }

    fn take_tag(&mut self, line: u64, tag: &'t str) {
        let is_closed = tag.ends_with('/');
        let tag = tag.strip_suffix('/').unwrap_or(tag);
        let name_len = tag.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(tag.len());
        let name = &tag[..name_len];
        if name.eq_ignore_ascii_case("outline") {
            (self.is_opml, self.in_body) = (true, true);
            self.take_outline(line, tag, name_len, is_closed);
        } else if name.eq_ignore_ascii_case("/outline") {
            self.close();
        } else if name.eq_ignore_ascii_case("body") {
            self.in_body = !is_closed;
            self.is_opml = true;
        } else if name.eq_ignore_ascii_case("/body") {
            self.in_body = false;
        } else if self.in_body {
            self.bad(line, "is no outline");
        }
    }

    fn take_outline(&mut self, line: u64, tag: &'t str, name_len: usize, is_closed: bool) {
        let outline = match Outline::read(tag, name_len) {
            Ok(outline) => outline,
            Err(detail) => {
                self.bad(line, detail);
                if !is_closed {
                    self.open(None);
                }
                return;
            }
        };
        let name = outline.text.or(outline.title);
        let Some(url) = outline.url.filter(|url| !url.trim().is_empty()) else {
            if is_closed {
                self.bad(line, "has no `xmlUrl`");
            } else {
                self.open(name);
            }
            return;
        };
        if self.found.feeds.len() < FEEDS_MAX {
            let feed = FeedOutline {
                line,
                url: url.trim().to_owned(),
                title: name.as_deref().and_then(|name| clean(name, TITLE_CHARS_MAX)),
                kind: outline
                    .kind
                    .map(|kind| kind.trim().to_ascii_lowercase())
                    .filter(|kind| !kind.is_empty()),
                tags: self.tags(outline.category.as_deref().unwrap_or_default()),
            };
            self.found.feeds.push(feed);
        } else {
            self.bad(line, &format!("comes after {FEEDS_MAX} feeds"));
        }
        if !is_closed {
            self.open(None);
        }
    }

    fn tags(&self, categories: &str) -> Vec<String> {
        let folders = self.open.iter().flatten().map(Cow::as_ref);
        let categories = categories.split(',').map(|category| category.trim().trim_matches('/'));
        let mut tags: Vec<String> = Vec::new();
        for tag in folders.chain(categories).filter_map(|text| clean(text, TAG_CHARS_MAX)) {
            if tags.len() < TAGS_MAX && !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }

    fn open(&mut self, name: Option<Cow<'t, str>>) {
        if self.open.len() < DEPTH_MAX {
            self.open.push(name);
        } else {
            self.open_beyond += 1;
        }
    }

    fn close(&mut self) {
        if self.open_beyond > 0 {
            self.open_beyond -= 1;
        } else {
            self.open.pop();
        }
    }

    /// Notes a line; what else is wrong with it follows from that.
    fn bad(&mut self, line: u64, detail: &str) {
        if self.last_bad == line {
            return;
        }
        self.last_bad = line;
        self.found.bad_lines += 1;
        if self.found.bad.len() < BAD_LINES_MAX {
            self.found.bad.push(BadLine { line, detail: detail.to_owned() });
        }
    }
}

/// What an outline says of itself.
#[derive(Default)]
struct Outline<'t> {
    text: Option<Cow<'t, str>>,
    title: Option<Cow<'t, str>>,
    url: Option<Cow<'t, str>>,
    kind: Option<Cow<'t, str>>,
    category: Option<Cow<'t, str>>,
}

impl<'t> Outline<'t> {
    fn read(tag: &'t str, name_len: usize) -> Result<Self, &'static str> {
        let mut outline = Self::default();
        let mut attributes = Attributes::new(tag, name_len);
        // Of two attributes of one name the first counts; to look for them would take quadratic time.
        for attribute in attributes.with_checks(false) {
            let attribute = attribute.map_err(|_| "has attributes that cannot be read")?;
            let name: &str = attribute.key.as_ref();
            let place = match name.to_ascii_lowercase().as_str() {
                "text" => &mut outline.text,
                "title" => &mut outline.title,
                "xmlurl" => &mut outline.url,
                "type" => &mut outline.kind,
                "category" => &mut outline.category,
                _ => continue,
            };
            if place.is_none() {
                *place = Some(value(attribute.value));
            }
        }
        Ok(outline)
    }
}

/// An attribute's value. An `&` that begins no reference is an `&`: many lists have them in their URLs.
fn value(raw: Cow<'_, str>) -> Cow<'_, str> {
    match unescape(&raw).map(Cow::into_owned) {
        Ok(text) if text != raw => Cow::Owned(text),
        _ => raw,
    }
}

/// On one line, within a bound; `None` where nothing is left.
fn clean(text: &str, chars_max: usize) -> Option<String> {
    let words: Vec<&str> = text.split(|letter: char| letter.is_whitespace() || letter.is_control()).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let text: String = words.join(" ").chars().take(chars_max).collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
