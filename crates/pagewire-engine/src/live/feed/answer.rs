//! What an answer says about a feed: pure.
//!
//! | status | verdict |
//! |---|---|
//! | 2xx, a feed | changed or unchanged |
//! | 2xx, something else | failed: what it is instead |
//! | 304 | unchanged |
//! | 410 of the feed's own URL | retired |
//! | 429, 503 | failed, with the wait that the host asks for |
//! | any other | failed |

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use pagewire_extract::feed::{Feed, FeedLink, NotAFeed};
use pagewire_fetch::Response;
use pagewire_types::{SourceType, TargetErrorCode, TargetUrl};

use super::entry::Entry;
use super::kept::{Kept, Validators};
use super::news::{self, Reading};
use super::{Given, hash, wait};
use crate::live::watch::{Polled, Verdict};
use crate::live::websub;

/// Feeds of a page that are named when it came in a feed's place.
const FEEDS_NAMED_MAX: usize = 5;

/// What the answer to a poll says.
pub(super) fn polled(response: &Response, given: &Given) -> Polled {
    let moved_to = new_place(response, given);
    let headers = &response.headers;
    let polled = match response.status {
        StatusCode::NOT_MODIFIED => unchanged(headers, given),
        status if status.is_success() => {
            let document = Document {
                body: &response.body,
                content_type: response.content_type.as_deref(),
                url: &response.final_url,
            };
            read(&document, headers, given)
        }
        StatusCode::GONE if response.redirects == 0 || response.redirects_are_permanent => {
            let reason = format!("{} answers 410: the feed is gone for good", response.final_url.as_str());
            Polled::of(Verdict::Retired { reason })
        }
        status => {
            let detail = format!("{} answers {status}", response.final_url.as_str());
            let wait = response.retry_after.filter(|_| asks_for_a_pause(status));
            Polled { wait, ..failed(TargetErrorCode::HttpError, detail) }
        }
    };
    let is_feed = matches!(polled.verdict, Verdict::Changed | Verdict::Unchanged);
    Polled { http_status: Some(response.status.as_u16()), moved_to: moved_to.filter(|_| is_feed), ..polled }
}

/// A document that came from somewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<'b> {
    pub(super) body: &'b [u8],
    pub(super) content_type: Option<&'b str>,
    pub(super) url: &'b TargetUrl,
}

/// Reads a document, which came with these headers.
pub(super) fn read(document: &Document<'_>, headers: &HeaderMap, given: &Given) -> Polled {
    if given.kept.as_ref().is_some_and(|kept| kept.body == hash::of_bytes(document.body)) {
        return unchanged(headers, given);
    }
    let url = document.url.as_url();
    let feed = match Feed::read_body(document.body, document.content_type, url) {
        Ok(feed) => feed,
        Err(not) => return failed(TargetErrorCode::UnsupportedContent, instead(document.url, &not)),
    };
    let source_type = SourceType::parse(feed.kind).unwrap_or(SourceType::Rss);
    let home = feed.home_page_url.unwrap_or_else(|| document.url.to_string());
    let entries = feed.items.into_iter().map(|item| Entry::of(item, &home, given.now)).collect();
    let reading =
        Reading { kept: given.kept.as_ref(), backfill: given.backfill, source_type, now: given.now };
    let news = news::of(entries, &reading);
    let is_first = given.kept.as_ref().is_none_or(|kept| kept.is_partial);
    let verdict = if is_first || !news.events.is_empty() { Verdict::Changed } else { Verdict::Unchanged };

    let mut kept = Kept::new(&given.url, validators(headers), document.body);
    kept.ttl_s = feed.ttl_s;
    kept.remember(news.past, news.present, news.shared, given.past_max());
    if feed.is_cut {
        // The rest of it may come under the same validators. It is waited for once: some feeds always break off.
        kept = kept.without_validators();
        kept.is_partial = given.kept.is_none();
    }
    Polled {
        events: news.events,
        state: (given.kept.as_ref() != Some(&kept)).then(|| kept.to_state()),
        wait: wait::asked(headers, feed.ttl_s),
        source_type: Some(source_type),
        hub: websub::hub_of(headers, &feed.hubs, feed.feed_url.as_deref(), document.url).map(Box::new),
        ..Polled::of(verdict)
    }
}

/// What a hub's delivery says: a document, or the part of it that is new. What the feed's own server says of its
/// document, and how long it lasts, stays as it was.
pub(super) fn delivered(document: &Document<'_>, given: &Given) -> Polled {
    let Some(before) = &given.kept else {
        let detail = "nothing is known of the feed that a part of it could be compared with".to_owned();
        return failed(TargetErrorCode::UnsupportedContent, detail);
    };
    let polled = read(document, &HeaderMap::new(), given);
    let state =
        polled.state.as_deref().and_then(Kept::read).map(|kept| before.with_entries_of(kept).to_state());
    Polled { state, wait: before.ttl_s.map(Duration::from_secs), hub: None, ..polled }
}

/// An answer without a document that is another.
fn unchanged(headers: &HeaderMap, given: &Given) -> Polled {
    let Some(kept) = &given.kept else {
        let detail = "the answer is 304, and nothing was there to be left unchanged".to_owned();
        return failed(TargetErrorCode::HttpError, detail);
    };
    Polled { wait: wait::asked(headers, kept.ttl_s), ..Polled::of(Verdict::Unchanged) }
}

fn failed(code: TargetErrorCode, detail: String) -> Polled {
    Polled::of(Verdict::Failed { code, detail })
}

fn asks_for_a_pause(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// What came in the place of a feed, for people.
fn instead(url: &TargetUrl, not: &NotAFeed) -> String {
    let url = url.as_str();
    match not {
        NotAFeed::Empty => format!("{url} is empty"),
        NotAFeed::Unreadable => format!("{url} is no feed that can be read"),
        NotAFeed::Page { feeds } if feeds.is_empty() => {
            format!(
                "{url} is an HTML page, not a feed, and leads to none; watch it as `html`, or find its feed"
            )
        }
        NotAFeed::Page { feeds } => {
            let named: Vec<&str> =
                feeds.iter().take(FEEDS_NAMED_MAX).map(|FeedLink { url, .. }| url.as_str()).collect();
            format!("{url} is an HTML page, not a feed; it leads to {}", named.join(", "))
        }
    }
}

fn validators(headers: &HeaderMap) -> Validators {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Validators { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) }
}

/// Where to ask from now on. What is secret is not taken to another site, and no one is led from HTTPS to HTTP for good.
fn new_place(response: &Response, given: &Given) -> Option<TargetUrl> {
    let place = response.moved_permanently_to()?;
    let (from, to) = (given.url.as_url(), place.as_url());
    let is_safe = to.scheme() == "https" || from.scheme() == "http";
    let keeps_secrets = !given.has_headers || from.origin() == to.origin();
    (is_safe && keeps_secrets && place != &given.url).then(|| place.clone())
}
