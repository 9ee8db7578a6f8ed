//! One item of a feed.

use feed_rs::model::{Entry, Person, Text};
use url::Url;

use super::html::{absolute, clean};
use crate::{dom, main_content::Content, text};

/// Attachments of one item.
const ATTACHMENTS_MAX: usize = 50;
/// Characters of what stands on one line.
const LINE_CHARS_MAX: usize = 1_000;

/// One item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedItem {
    /// The feed's own id of it: guid, `rdf:about`, Atom's id. None is made up.
    pub id: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// Its title, as text.
    pub title: Option<String>,
    /// What it says in short, as text.
    pub summary: Option<String>,
    /// What it says, as clean HTML with absolute addresses; the summary's where it says no more.
    pub content_html: Option<String>,
    /// The same as text.
    pub content_text: Option<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// When it was published, RFC 3339 UTC.
    pub published_at: Option<String>,
    /// When it was changed last, RFC 3339 UTC.
    pub updated_at: Option<String>,
    /// Its categories.
    pub tags: Vec<String>,
    /// Its picture.
    pub image: Option<String>,
    /// Its files.
    pub attachments: Vec<Attachment>,
}

/// A file that an item comes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Where it is.
    pub url: String,
    /// Its media type, as the feed names it.
    pub content_type: Option<String>,
    /// Its size, as the feed tells it.
    pub bytes: Option<u64>,
}

impl FeedItem {
    pub(super) fn of(entry: &Entry, base: Option<&Url>) -> Self {
        // What Atom's `xml:base` says of relative addresses.
        let own_base = entry.base.as_deref().and_then(|own| match base {
            Some(base) => base.join(own).ok(),
            None => Url::parse(own).ok(),
        });
        let base = own_base.as_ref().or(base);
        let summary = entry.summary.as_ref();
        let content = entry.content.as_ref().and_then(|content| {
            let body = content.body.as_deref()?;
            let is_text = content.content_type.ty() == "text";
            let is_plain = is_text && content.content_type.subty() == "plain";
            (is_text || content.content_type.subty().as_str().contains("html"))
                .then(|| body_of(body, is_plain, base))
        });
        let summary_body = || summary.map(|text| body_of(&text.content, is_plain(text), base));
        let (html, words) = content.or_else(summary_body).filter(|(_, words)| !words.is_empty()).unzip();
        let id = Some(entry.id.trim()).filter(|id| !id.is_empty()).map(str::to_owned);
        let attachments = attachments_of(entry, base);
        Self {
            url: url_of(entry, id.as_deref(), base),
            title: entry.title.as_ref().and_then(|text| one_line(&text.content)),
            summary: summary.and_then(|text| one_line(&text.content)),
            authors: names(&entry.authors),
            published_at: entry.published.map(|at| utc(&at.to_rfc3339())),
            updated_at: entry.updated.map(|at| utc(&at.to_rfc3339())),
            tags: entry
                .categories
                .iter()
                .filter_map(|tag| one_line(tag.label.as_deref().unwrap_or(&tag.term)))
                .collect(),
            image: image_of(entry, &attachments, base),
            attachments,
            content_html: html,
            content_text: words,
            id,
        }
    }
}

/// Plain text with markup in it was meant as markup: of all fields, feeds tell this one wrong most often.
fn is_plain(text: &Text) -> bool {
    text.content_type.subty() == "plain" && !text.content.contains("</") && !text.content.contains("/>")
}

/// A body as clean HTML, and as text.
fn body_of(body: &str, is_plain: bool, base: Option<&Url>) -> (String, String) {
    let body = body.trim();
    if is_plain {
        let mut html = String::new();
        for paragraph in body.split("\n\n").map(str::trim).filter(|text| !text.is_empty()) {
            html.push_str("<p>");
            super::html::escape(&mut html, paragraph);
            html.push_str("</p>");
        }
        return (html, body.to_owned());
    }
    let document = dom::parse(body);
    let content = Content::whole(&document);
    (clean(&content, base), text::of_content(&content))
}

fn url_of(entry: &Entry, id: Option<&str>, base: Option<&Url>) -> Option<String> {
    let link = |rels: &[Option<&str>]| {
        let fits =
            |link: &&feed_rs::model::Link| link.target.is_none() && rels.contains(&link.rel.as_deref());
        entry.links.iter().find(fits).and_then(|link| absolute(base, &link.href))
    };
    let by_id = || id.filter(|id| id.starts_with("http")).and_then(|id| absolute(base, id));
    link(&[Some("alternate"), None]).or_else(by_id)
}

fn attachments_of(entry: &Entry, base: Option<&Url>) -> Vec<Attachment> {
    let enclosed =
        entry.links.iter().filter(|link| link.rel.as_deref() == Some("enclosure")).filter_map(|link| {
            let url = absolute(base, &link.href)?;
            Some(Attachment { url, content_type: link.media_type.clone(), bytes: link.length })
        });
    let media = entry.media.iter().flat_map(|media| &media.content).filter_map(|content| {
        Some(Attachment {
            url: absolute(base, content.url.as_ref()?.as_str())?,
            content_type: content.content_type.as_ref().map(ToString::to_string),
            bytes: content.size,
        })
    });
    let mut attachments: Vec<Attachment> = Vec::new();
    for attachment in enclosed.chain(media).take(ATTACHMENTS_MAX) {
        if !attachments.iter().any(|known| known.url == attachment.url) {
            attachments.push(attachment);
        }
    }
    attachments
}

fn image_of(entry: &Entry, attachments: &[Attachment], base: Option<&Url>) -> Option<String> {
    let is_image = |attachment: &&Attachment| {
        attachment.content_type.as_deref().is_some_and(|of| of.starts_with("image/"))
    };
    let thumbnails = entry.media.iter().flat_map(|media| &media.thumbnails);
    thumbnails
        .filter_map(|thumbnail| absolute(base, &thumbnail.image.uri))
        .next()
        .or_else(|| attachments.iter().find(is_image).map(|attachment| attachment.url.clone()))
}

pub(super) fn names(people: &[Person]) -> Vec<String> {
    // RSS wants `address (name)`, of which the parentheses may be left.
    let name = |person: &Person| {
        let name = person.name.as_deref().map(|name| name.trim().trim_matches(['(', ')']));
        name.and_then(one_line).or_else(|| person.email.clone())
    };
    people.iter().filter_map(name).collect()
}

/// Text that stands on one line. Titles are text, or HTML, or HTML escaped once more: nobody can tell, and readers take
/// them for HTML.
pub(super) fn one_line(text: &str) -> Option<String> {
    let folded = if text.contains(['&', '<']) {
        let document = dom::parse(text);
        text::of_content(&Content::whole(&document))
    } else {
        text.to_owned()
    };
    let line = folded.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(line.chars().take(LINE_CHARS_MAX).collect::<String>()).filter(|line| !line.is_empty())
}

/// A time of RFC 3339 with its offset, which is none, in the house's spelling.
pub(super) fn utc(time: &str) -> String {
    time.replace("+00:00", "Z")
}
