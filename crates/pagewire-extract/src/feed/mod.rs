//! Feeds: RSS 0.9x to 2.0 and RDF, Atom, JSON Feed, read into one model, for whoever asks for the page and for whoever
//! follows the source.
//!
//! `feed-rs` reads them, and knows the many ways in which their dates are wrong. Around it: the text is decoded already
//! ([`source`]), what it is strict about is mended, texts become clean HTML, addresses absolute. It neither expands
//! entities nor goes anywhere for them, and reads elements as a stream, so hostile XML costs what its length costs.

mod advertised;
mod body;
mod date;
mod html;
mod hubs;
mod item;
mod json_feed;
mod json_repair;
mod period;
mod repair;
mod root;
mod sniff;
mod source;

use feed_rs::model::FeedType;
use url::Url;

pub use body::{FeedLink, NotAFeed};
pub use item::{Attachment, FeedItem};
pub(crate) use sniff::{is_json_feed, is_xml_feed};

/// Items that are given at most.
const ITEMS_MAX: usize = 10_000;

/// A feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// What it is written in: `rss`, `atom` or `json_feed`.
    pub kind: &'static str,
    /// Its name.
    pub title: Option<String>,
    /// What it is about, as text.
    pub description: Option<String>,
    /// The page that it is the feed of.
    pub home_page_url: Option<String>,
    /// Where the feed says that it is.
    pub feed_url: Option<String>,
    /// Its language, in its own words.
    pub language: Option<String>,
    /// Who writes it.
    pub authors: Vec<String>,
    /// Its picture.
    pub image: Option<String>,
    /// When it was changed last, RFC 3339 UTC.
    pub updated_at: Option<String>,
    /// How long it asks not to be read again, in seconds: `ttl`, or the syndication module's period.
    pub ttl_s: Option<u64>,
    /// The WebSub hubs that it is published through.
    pub hubs: Vec<String>,
    /// Whether it breaks off, so that more may follow what could be read.
    pub is_cut: bool,
    /// Its items, in its order.
    pub items: Vec<FeedItem>,
}

impl Feed {
    /// Reads a feed that was found at the URL. `None` where the text is none that can be read.
    #[must_use]
    pub fn read(text: &str, url: &Url) -> Option<Self> {
        let source::Parsed { feed, is_cut } = source::parse(text, url)?;
        let base = html::web_page(url);
        let absolute = |address: &str| html::absolute(base, address);
        let link = |wanted: &[Option<&str>]| {
            let fits =
                |link: &&feed_rs::model::Link| link.target.is_none() && wanted.contains(&link.rel.as_deref());
            feed.links.iter().find(fits).and_then(|link| absolute(&link.href))
        };
        let image = feed.logo.as_ref().or(feed.icon.as_ref()).and_then(|image| absolute(&image.uri));
        Some(Self {
            kind: match feed.feed_type {
                FeedType::Atom => "atom",
                FeedType::JSON => "json_feed",
                FeedType::RSS0 | FeedType::RSS1 | FeedType::RSS2 => "rss",
            },
            title: feed.title.as_ref().and_then(|text| item::one_line(&text.content)),
            description: feed.description.as_ref().and_then(|text| item::one_line(&text.content)),
            home_page_url: link(&[None, Some("alternate")]),
            feed_url: link(&[Some("self")]),
            language: feed.language.clone().filter(|language| !language.trim().is_empty()),
            authors: item::names(&feed.authors),
            image,
            updated_at: feed.updated.or(feed.published).map(|at| item::utc(&at.to_rfc3339())),
            ttl_s: feed.ttl.map(|minutes| u64::from(minutes) * 60).or_else(|| period::seconds(text)),
            hubs: hubs::of(&feed, text, base),
            is_cut,
            items: feed.entries.iter().take(ITEMS_MAX).map(|entry| FeedItem::of(entry, base)).collect(),
        })
    }
}

#[cfg(test)]
mod tests;
