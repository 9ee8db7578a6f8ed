//! An entry of a feed, as it is compared and told.
//!
//! Compared is what it says, without what changes though nothing is new: white space, invisible characters, the scheme
//! and the tracking parameters of its link, and its dates. Told is what it says as it stands.

use jiff::Timestamp;
use pagewire_extract::feed::FeedItem;
use url::Url;

use super::hash;

/// Bytes of an event's text; what is longer is cut.
const CONTENT_BYTES_MAX: usize = 256 * 1024;
/// Tags of one entry, and characters of each.
const TAGS_MAX: usize = 20;
const TAG_CHARS_MAX: usize = 100;
/// Before this no entry was published: what says so (1 January of 1970, of the year 1) says that it knows of no date.
const DATES_FROM_S: i64 = 365 * 86_400;

/// An entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its id, as it is compared.
    pub(super) id: Option<String>,
    /// Its link, as it is compared.
    pub(super) link: Option<String>,
    /// The hash of what it says.
    pub(super) said: u64,
    /// When it was published, or else changed: no later than it was seen.
    pub(super) published_at: Option<Timestamp>,
    pub(super) url: String,
    pub(super) title: String,
    pub(super) content: String,
    pub(super) author: Option<String>,
    pub(super) tags: Vec<String>,
}

impl Entry {
    /// The entry, for which `home` stands where it has no address of its own.
    pub(super) fn of(item: FeedItem, home: &str, now: Timestamp) -> Self {
        let link = item.url.as_deref().map(comparable_url);
        let title = item.title.unwrap_or_default();
        let mut content = item.content_text.or(item.summary).unwrap_or_default();
        let author = Some(item.authors.join(", ")).filter(|names| !names.is_empty());
        let said = hash::of(&[
            link.as_deref().unwrap_or_default(),
            &comparable(&title),
            &comparable(&content),
            &comparable(author.as_deref().unwrap_or_default()),
        ]);
        content.truncate(content.floor_char_boundary(CONTENT_BYTES_MAX));
        let time =
            |text: Option<&str>| text.and_then(|text| text.parse().ok()).and_then(|at| plausible(at, now));
        Self {
            id: item.id.as_deref().map(comparable_id).filter(|id| !id.is_empty()),
            link,
            said,
            published_at: time(item.published_at.as_deref()).or_else(|| time(item.updated_at.as_deref())),
            url: item.url.unwrap_or_else(|| home.to_owned()),
            title,
            content,
            author,
            tags: item
                .tags
                .into_iter()
                .take(TAGS_MAX)
                .map(|tag| tag.chars().take(TAG_CHARS_MAX).collect())
                .collect(),
        }
    }
}

/// What was seen now was published by now, whatever its date is of: an embargo, an event to come, a clock that is wrong.
fn plausible(at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (at.as_second() >= DATES_FROM_S).then(|| at.min(now))
}

/// A text without what cannot be seen of it.
pub(super) fn comparable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !is_invisible(*c)));
    }
    line
}

/// Soft hyphens, zero-width characters and marks of direction.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

fn comparable_id(id: &str) -> String {
    let id = id.trim();
    if id.starts_with("http://") || id.starts_with("https://") { comparable_url(id) } else { id.to_owned() }
}

/// Parameters that tell who sent the reader, not what is read.
fn is_tracking(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "fbclid",
        "gclid",
        "dclid",
        "gbraid",
        "wbraid",
        "msclkid",
        "yclid",
        "twclid",
        "igshid",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "_hsenc",
        "_hsmi",
        "vero_id",
        "wt_mc",
        "at_medium",
        "at_campaign",
        "ns_campaign",
        "cmpid",
        "ocid",
        "spm",
        "partner",
        "ref_src",
    ];
    name.starts_with("utm_") || NAMES.contains(&name)
}

/// An address by which the same thing is known again: a site that moves to HTTPS has published nothing.
fn comparable_url(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return address.to_owned() };
    if url.query().is_some() {
        let kept: Vec<&str> = url
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !is_tracking(&pair.split('=').next().unwrap_or_default().to_ascii_lowercase()))
            .collect();
        let kept = kept.join("&");
        url.set_query(Some(kept.as_str()).filter(|query| !query.is_empty()));
    }
    let text = String::from(url);
    match text.strip_prefix("http://") {
        Some(rest) => format!("https://{rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "https://s.example/";

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().expect("a time")
    }

    fn item() -> FeedItem {
        FeedItem {
            id: Some("tag:1".to_owned()),
            url: Some("https://s.example/1?b=2&utm_source=rss&a=1#top".to_owned()),
            title: Some("One".to_owned()),
            content_text: Some("Words of it".to_owned()),
            published_at: Some("2026-02-01T00:00:00Z".to_owned()),
            ..FeedItem::default()
        }
    }

    fn said(change: impl FnOnce(&mut FeedItem)) -> u64 {
        let mut item = item();
        change(&mut item);
        Entry::of(item, HOME, now()).said
    }

    #[test]
    fn noise_is_no_change_of_what_an_entry_says() {
        let before = said(|_| {});
        assert_eq!(before, said(|item| item.content_text = Some(" Words\n of\u{200b} it ".to_owned())));
        assert_eq!(
            before,
            said(|item| item.url = Some("http://s.example/1?b=2&UTM_Medium=x&a=1#top".to_owned()))
        );
        assert_eq!(before, said(|item| item.updated_at = Some("2026-02-20T00:00:00Z".to_owned())));
        assert_eq!(before, said(|item| item.published_at = None));
        assert_eq!(before, said(|item| item.id = None));
    }

    #[test]
    fn words_an_address_and_an_author_are() {
        let before = said(|_| {});
        assert_ne!(before, said(|item| item.content_text = Some("Words of it, and more".to_owned())));
        assert_ne!(before, said(|item| item.title = Some("Two".to_owned())));
        assert_ne!(before, said(|item| item.url = Some("https://s.example/1?b=2&a=2#top".to_owned())));
        assert_ne!(before, said(|item| item.authors = vec!["Ann".to_owned()]));
    }

    #[test]
    fn a_date_in_the_future_is_now_and_one_before_all_feeds_is_none() {
        for (date, expected) in [
            ("2026-02-01T00:00:00Z", Some("2026-02-01T00:00:00Z")),
            ("2026-03-01T12:00:01Z", Some("2026-03-01T12:00:00Z")),
            ("2999-01-01T00:00:00Z", Some("2026-03-01T12:00:00Z")),
            ("1970-01-01T00:00:00Z", None),
            ("0001-01-01T00:00:00Z", None),
            ("yesterday", None),
        ] {
            let entry = Entry::of(FeedItem { published_at: Some(date.to_owned()), ..item() }, HOME, now());
            assert_eq!(entry.published_at.map(|at| at.to_string()).as_deref(), expected, "{date}");
        }
    }

    #[test]
    fn an_entry_without_an_address_is_at_the_feeds_home_and_a_long_one_is_cut() {
        let entry =
            Entry::of(FeedItem { url: None, content_text: Some("ö".repeat(300_000)), ..item() }, HOME, now());
        assert_eq!((entry.url.as_str(), entry.content.len()), (HOME, CONTENT_BYTES_MAX));
    }
}
