//! The feeds of a site, from any of its addresses.
//!
//! The address may be a feed itself; else the page there names its feeds; else they are looked for where they usually
//! are. What is named or guessed is believed once it was read as a feed. All in at most [`FETCHES_MAX`] fetches.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use pagewire_extract::feed::{Feed, NotAFeed};
use pagewire_fetch::{Request, Response};
use pagewire_types::{SourceSpec, SourceType, TargetErrorCode, TargetUrl};

use crate::source::Source;

/// Fetches of one look.
const FETCHES_MAX: usize = 8;
/// Feeds that are given of one site.
const FEEDS_MAX: usize = 5;
/// Where feeds usually are, the likeliest first.
const USUAL_PATHS: &[&str] =
    &["/feed", "/rss.xml", "/atom.xml", "/index.xml", "/feed.xml", "/feed.json", "/rss"];

/// A feed that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFeed {
    /// Where it is: past all redirects that are for good.
    pub url: TargetUrl,
    /// What it calls itself.
    pub title: Option<String>,
    /// What it is written in.
    pub source_type: SourceType,
    /// How many entries it has.
    pub entries: usize,
}

/// What is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A feed.
    Feed(FoundFeed),
    /// A page, and the feeds that it leads to, the one that it names first at the head; there may be none.
    Page(Vec<FoundFeed>),
    /// Something else, or nothing that can be fetched.
    Failed {
        /// What failed.
        code: TargetErrorCode,
        /// The same for people.
        detail: String,
    },
}

/// Looks what is at a source's URL, and where its feeds are. `timeout` is that of each fetch. What is secret in the
/// source's headers stays with its site.
pub(crate) async fn discover(
    source: &Source,
    spec: &SourceSpec,
    url: &TargetUrl,
    timeout: Duration,
) -> Found {
    let look = Look { source, url, headers: headers(spec), timeout };
    let response = match look.fetch(url).await {
        Ok(response) => response,
        Err(error) => return Found::Failed { code: error.code(), detail: error.to_string() },
    };
    if !response.status.is_success() {
        let detail = format!("{} answers {}", response.final_url.as_str(), response.status);
        return Found::Failed { code: TargetErrorCode::HttpError, detail };
    }
    let (response, read) = read(response).await;
    match read {
        Ok(feed) => Found::Feed(found(url, &response, feed)),
        Err(NotAFeed::Page { feeds }) => {
            let named = feeds.iter().filter_map(|feed| TargetUrl::parse(&feed.url).ok()).collect();
            Found::Page(look.feeds(named, &response.final_url).await)
        }
        Err(NotAFeed::Empty) => failed(&response, "is empty"),
        Err(NotAFeed::Unreadable) => failed(&response, "is neither a page nor a feed that can be read"),
    }
}

struct Look<'l> {
    source: &'l Source,
    url: &'l TargetUrl,
    headers: HeaderMap,
    timeout: Duration,
}

impl Look<'_> {
    async fn fetch(&self, url: &TargetUrl) -> Result<Response, pagewire_fetch::FetchError> {
        let mut request = Request::get(url.clone(), self.timeout);
        if url.as_url().origin() == self.url.as_url().origin() {
            request.headers = self.headers.clone();
        }
        self.source.fetch(&request).await
    }

    /// The feeds that the page names; where none of them is one, the first that is where feeds usually are.
    async fn feeds(&self, named: Vec<TargetUrl>, page: &TargetUrl) -> Vec<FoundFeed> {
        let mut feeds = Vec::new();
        let mut fetches = 1;
        for candidate in &named {
            if feeds.len() == FEEDS_MAX || fetches == FETCHES_MAX {
                return feeds;
            }
            fetches += 1;
            feeds.extend(self.feed(candidate).await);
        }
        if !feeds.is_empty() {
            return feeds;
        }
        for candidate in usual_places(page).into_iter().filter(|place| !named.contains(place)) {
            if fetches == FETCHES_MAX {
                break;
            }
            fetches += 1;
            if let Some(feed) = self.feed(&candidate).await {
                return vec![feed];
            }
        }
        feeds
    }

    async fn feed(&self, url: &TargetUrl) -> Option<FoundFeed> {
        let response = self.fetch(url).await.ok().filter(|response| response.status.is_success())?;
        let (response, read) = read(response).await;
        read.ok().map(|feed| found(url, &response, feed))
    }
}

/// Below the page, and at the site's root.
fn usual_places(page: &TargetUrl) -> Vec<TargetUrl> {
    let mut places: Vec<TargetUrl> = Vec::new();
    for path in ["feed"].iter().chain(USUAL_PATHS) {
        places.extend(page.join(path).ok().filter(|place| !places.contains(place)));
    }
    places
}

/// A document may be large, and threads that wait for sockets are few.
async fn read(response: Response) -> (Response, Result<Feed, NotAFeed>) {
    let body = response.body.clone();
    let (content_type, url) = (response.content_type.clone(), response.final_url.clone());
    let reading =
        tokio::task::spawn_blocking(move || Feed::read_body(&body, content_type.as_deref(), url.as_url()));
    let read = reading.await.unwrap_or_else(|error| {
        tracing::error!(%error, "reading a feed panicked");
        Err(NotAFeed::Unreadable)
    });
    (response, read)
}

fn found(url: &TargetUrl, response: &Response, feed: Feed) -> FoundFeed {
    FoundFeed {
        url: response.moved_permanently_to().unwrap_or(url).clone(),
        title: feed.title,
        source_type: SourceType::parse(feed.kind).unwrap_or(SourceType::Rss),
        entries: feed.items.len(),
    }
}

fn failed(response: &Response, what: &str) -> Found {
    let detail = format!("{} {what}", response.final_url.as_str());
    Found::Failed { code: TargetErrorCode::UnsupportedContent, detail }
}

fn headers(spec: &SourceSpec) -> HeaderMap {
    let pairs = spec.headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use pagewire_fetch::{Client, FetchConfig};
    use pagewire_testkit::origin::Origin;

    use super::*;

    const ATOM: &str =
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>News</title><entry><id>1</id></entry></feed>";

    async fn look(address: &str) -> Found {
        let allow = vec!["127.0.0.0/8".parse().expect("a network")];
        let web =
            Source::Web(Client::new(FetchConfig { allow, ..FetchConfig::default() }).expect("a client"));
        let spec = serde_json::from_value(serde_json::json!({
            "id": "a", "source_type": "rss", "url": address, "headers": {"x-token": "secret"}
        }))
        .expect("a source");
        let url = TargetUrl::parse(address).expect("a url");
        discover(&web, &spec, &url, Duration::from_secs(20)).await
    }

    fn feeds(found: Found) -> Vec<String> {
        match found {
            Found::Page(feeds) => feeds.into_iter().map(|feed| feed.url.as_url().path().to_owned()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_feed_is_found_as_one() {
        let origin = Origin::start().await;
        origin.set_page("/f", 200, "text/html", ATOM);
        let Found::Feed(feed) = look(&origin.url("/f")).await else { panic!("a feed") };
        assert_eq!(
            (feed.title.as_deref(), feed.source_type, feed.entries),
            (Some("News"), SourceType::Atom, 1)
        );
        assert_eq!(feed.url.as_str(), origin.url("/f"));
    }

    #[tokio::test]
    async fn a_page_leads_to_the_feeds_that_it_names_and_that_are_feeds() {
        let (origin, elsewhere) = (Origin::start().await, Origin::start().await);
        let link = |href: &str| format!("<link rel=alternate type=application/rss+xml href='{href}'>");
        let page = ["/gone.xml", "/page", "/a.xml", &elsewhere.url("/b.xml")].map(link).concat();
        origin.set_page("/", 200, "text/html", format!("<!doctype html>{page}"));
        origin.set_page("/page", 200, "text/html", "<!doctype html>");
        origin.set_page("/gone.xml", 404, "text/html", "");
        origin.set_page("/a.xml", 200, "application/rss+xml", ATOM);
        elsewhere.set_page("/b.xml", 200, "application/rss+xml", ATOM);
        assert_eq!(feeds(look(&origin.url("/")).await), ["/a.xml", "/b.xml"]);
        assert_eq!(origin.hits_of("/feed"), 0, "no guess where the page names feeds");
        assert_eq!(origin.last_request("/a.xml").expect("a request").header("x-token"), Some("secret"));
        assert_eq!(elsewhere.last_request("/b.xml").expect("a request").header("x-token"), None);
    }

    #[tokio::test]
    async fn a_page_that_names_none_is_asked_where_feeds_usually_are_a_bounded_number_of_times() {
        let origin = Origin::start().await;
        origin.set_page("/blog/", 200, "text/html", "<!doctype html><p>Hello");
        origin.set_page("/atom.xml", 200, "application/xml", ATOM);
        assert_eq!(feeds(look(&origin.url("/blog/")).await), ["/atom.xml"]);
        let bare = Origin::start().await;
        bare.set_page("/", 200, "text/html", "<!doctype html><p>Hello");
        assert!(feeds(look(&bare.url("/")).await).is_empty());
        assert!(bare.hits() <= FETCHES_MAX as u64, "{}", bare.hits());
    }

    #[tokio::test]
    async fn what_is_neither_page_nor_feed_fails_with_its_reason() {
        let origin = Origin::start().await;
        origin.set_page("/empty", 200, "text/html", "");
        origin.set_page("/text", 200, "text/plain", "hello");
        origin.set_page("/gone", 404, "text/html", "<html>");
        for (path, code, word) in [
            ("/empty", TargetErrorCode::UnsupportedContent, "empty"),
            ("/text", TargetErrorCode::UnsupportedContent, "neither"),
            ("/gone", TargetErrorCode::HttpError, "404"),
        ] {
            let Found::Failed { code: found, detail } = look(&origin.url(path)).await else {
                panic!("{path}")
            };
            assert!(found == code && detail.contains(word), "{detail}");
        }
    }
}
