//! From a message to what an event says: which of its values become which field, and which messages become events at all.
//!
//! With a map, a field is what its pointer finds, and nothing else. Without one the usual names are looked for, in the order
//! of [`USUAL`]; where neither a title nor a content is found, the content is the message itself.

use std::borrow::Cow;

use pagewire_types::{FirehoseMap, SourceSpec, TargetUrl};
use url::Url;

use super::filter::Filter;
use super::pick::{Picked, Picker, Slot};
use super::when::when;

/// A longer title is cut.
const TITLE_BYTES_MAX: usize = 4 << 10;
const AUTHOR_BYTES_MAX: usize = 1 << 10;
const TAGS_MAX: usize = 32;
const TAG_BYTES_MAX: usize = 128;
/// A longer cursor could not be sent back in a URL.
const CURSOR_BYTES_MAX: usize = 4 << 10;

/// Where the fields are looked for without a map: field by field, the first that is there counts. No field is looked for
/// to tell messages apart, or to go on after a break: an upstream must be known for that.
pub const USUAL: [(&str, &[&str]); 6] = [
    ("url", &["/url", "/link", "/uri", "/href", "/permalink", "/meta/uri"]),
    ("title", &["/title", "/name", "/headline", "/subject"]),
    ("content", &["/content", "/text", "/body", "/message", "/description", "/summary", "/comment"]),
    ("author", &["/author/name", "/author", "/user/name", "/user", "/username"]),
    (
        "published_at",
        &["/published_at", "/published", "/created_at", "/timestamp", "/time", "/date", "/meta/dt"],
    ),
    ("tags", &["/tags", "/categories", "/hashtags"]),
];

/// The mapping and the filter of a source, ready for its messages.
#[derive(Debug)]
pub struct Mapping {
    picker: Picker,
    fields: Fields,
    filter: Filter,
    is_usual: bool,
    source_url: String,
}

#[derive(Debug, Default)]
struct Fields {
    id: Option<Slot>,
    cursor: Option<Slot>,
    url: Vec<Slot>,
    title: Vec<Slot>,
    content: Vec<Slot>,
    author: Vec<Slot>,
    published_at: Vec<Slot>,
    tags: Vec<Slot>,
}

/// What a message was read as.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    /// Where to go on after it.
    pub cursor: Option<Cow<'a, str>>,
    /// What is told of it.
    pub outcome: Outcome<'a>,
}

/// What is told of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// An event.
    Told(Told<'a>),
    /// Nothing: the filter does not want it.
    Filtered,
    /// Nothing: the mapping found neither a URL nor a title nor a content.
    Blank,
}

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
pub struct Told<'a> {
    /// What tells the message apart.
    pub id: Option<Cow<'a, str>>,
    /// Absolute; the source's own where the message has none.
    pub url: String,
    /// May be empty.
    pub title: String,
    /// May be empty.
    pub content: String,
    /// Who wrote it.
    pub author: Option<String>,
    /// RFC 3339, in UTC.
    pub published_at: Option<String>,
    /// Tags beside the source's own.
    pub tags: Vec<String>,
}

impl Mapping {
    /// The mapping that a source declares.
    #[must_use]
    pub fn of(spec: &SourceSpec) -> Self {
        let mut picker = Picker::default();
        let fields = match &spec.map {
            Some(map) => mapped(map, &mut picker),
            None => usual(&mut picker),
        };
        let filter = Filter::compile(&spec.filter, &mut picker);
        Self { picker, fields, filter, is_usual: spec.map.is_none(), source_url: public_url(&spec.url) }
    }

    /// Reads a message. An error says why it is no JSON.
    pub fn read<'a>(&self, message: &'a str) -> Result<Reading<'a>, serde_json::Error> {
        let picked = self.picker.pick(message)?;
        let cursor = self.fields.cursor.and_then(|slot| picked.text(slot));
        let cursor = cursor.filter(|cursor| !cursor.is_empty() && cursor.len() <= CURSOR_BYTES_MAX);
        let outcome =
            if self.filter.takes(&picked) { self.tell(message, &picked) } else { Outcome::Filtered };
        Ok(Reading { cursor, outcome })
    }

    fn tell<'a>(&self, message: &'a str, picked: &Picked<'a>) -> Outcome<'a> {
        let Fields { id, url, title, content, author, published_at, tags, .. } = &self.fields;
        let url = url.iter().find_map(|slot| target(&picked.text(*slot)?));
        let title = first(picked, title);
        let mut content = first(picked, content);
        if title.is_none() && content.is_none() {
            if self.is_usual {
                content = Some(Cow::Borrowed(message));
            } else if url.is_none() {
                return Outcome::Blank;
            }
        }
        Outcome::Told(Told {
            id: id.and_then(|slot| picked.text(slot)),
            url: url.unwrap_or_else(|| self.source_url.clone()),
            title: cut(title.unwrap_or_default().trim(), TITLE_BYTES_MAX).to_owned(),
            content: content.unwrap_or_default().into_owned(),
            author: first(picked, author).map(|author| cut(author.trim(), AUTHOR_BYTES_MAX).to_owned()),
            published_at: published_at.iter().find_map(|slot| when(&picked.text(*slot)?)),
            tags: tags.iter().find_map(|slot| tag_list(picked.raw(*slot)?)).unwrap_or_default(),
        })
    }
}

fn mapped(map: &FirehoseMap, picker: &mut Picker) -> Fields {
    let mut slot = |pointer: &Option<String>| pointer.as_deref().and_then(|pointer| picker.add(pointer));
    Fields {
        id: slot(&map.id),
        cursor: slot(&map.cursor),
        url: slot(&map.url).into_iter().collect(),
        title: slot(&map.title).into_iter().collect(),
        content: slot(&map.content).into_iter().collect(),
        author: slot(&map.author).into_iter().collect(),
        published_at: slot(&map.published_at).into_iter().collect(),
        tags: slot(&map.tags).into_iter().collect(),
    }
}

fn usual(picker: &mut Picker) -> Fields {
    let [url, title, content, author, published_at, tags] =
        USUAL.map(|(_, pointers)| pointers.iter().filter_map(|pointer| picker.add(pointer)).collect());
    Fields { id: None, cursor: None, url, title, content, author, published_at, tags }
}

/// The text in the first of the slots that has one.
fn first<'a>(picked: &Picked<'a>, slots: &[Slot]) -> Option<Cow<'a, str>> {
    slots.iter().find_map(|slot| picked.text(*slot).filter(|text| !text.trim().is_empty()))
}

/// What may be led to: an absolute `http` or `https` URL.
fn target(text: &str) -> Option<String> {
    TargetUrl::parse(text.trim()).ok().map(|url| url.as_str().to_owned())
}

/// Tags as a message has them: a string, or an array of strings and numbers. None for none.
fn tag_list(json: &str) -> Option<Vec<String>> {
    let tag =
        |tag: &str| Some(cut(tag.trim(), TAG_BYTES_MAX)).filter(|tag| !tag.is_empty()).map(str::to_owned);
    if json.starts_with('{') {
        return None;
    }
    if !json.starts_with('[') {
        return super::pick::text(json).and_then(|text| tag(&text)).map(|tag| vec![tag]);
    }
    let values: Vec<&serde_json::value::RawValue> = serde_json::from_str(json).ok()?;
    let texts = values.into_iter().filter(|value| !value.get().starts_with(['{', '[']));
    let tags = texts.filter_map(|value| super::pick::text(value.get()).and_then(|text| tag(&text)));
    Some(tags.take(TAGS_MAX).collect()).filter(|tags: &Vec<String>| !tags.is_empty())
}

/// A text's beginning of at most so many bytes.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The source's URL as it may be shown: its query may hold secrets.
fn public_url(url: &str) -> String {
    let http = match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => Cow::Owned(format!("http://{rest}")),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("wss") => Cow::Owned(format!("https://{rest}")),
        _ => Cow::Borrowed(url),
    };
    let Ok(mut url) = Url::parse(&http) else { return http.into_owned() };
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[cfg(test)]
mod tests;
