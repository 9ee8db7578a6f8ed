//! Feeds as their documents and servers are: what is told of them, and what is not.

mod answers;
mod documents;
mod polls;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use pagewire_fetch::Response;
use pagewire_types::{SourceSpec, SourceType, TargetUrl};

use super::kept::Kept;
use super::{Given, answer};
use crate::live::watch::Polled;

const URL: &str = "https://site.example/feed.xml";

fn url(text: &str) -> TargetUrl {
    TargetUrl::parse(text).expect("a url")
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

fn given(state: Option<&str>) -> Given {
    Given {
        url: url(URL),
        kept: state.and_then(Kept::read),
        backfill: 0,
        has_headers: false,
        is_part: false,
        now: now(),
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).expect("a name");
        map.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    Response {
        final_url: url(URL),
        status: StatusCode::from_u16(status).expect("a status"),
        content_type: Some("application/rss+xml".to_owned()),
        retry_after: pagewire_fetch::retry_after(&map),
        headers: map,
        body: body.to_owned().into(),
        wire_bytes: body.len() as u64,
        redirects: 0,
        redirects_are_permanent: true,
    }
}

/// A feed that is polled again and again, as the supervisor would.
#[derive(Default)]
struct Watched {
    state: Option<String>,
    backfill: u32,
}

impl Watched {
    fn polled(&mut self, response: &Response) -> Polled {
        let given = Given { backfill: self.backfill, ..given(self.state.as_deref()) };
        let polled = answer::polled(response, &given);
        if let Some(state) = &polled.state {
            self.state = Some(state.clone());
        }
        polled
    }

    /// The titles that a document makes events of.
    fn told(&mut self, document: &str) -> Vec<String> {
        self.polled(&response(200, &[], document)).events.into_iter().map(|event| event.title).collect()
    }
}

/// An item of RSS: guid, link, title, text, and day of February; what is empty, or 0, is not there.
fn item(guid: &str, link: &str, title: &str, text: &str, day: u8) -> String {
    let element = |name: &str, text: &str| {
        if text.is_empty() { String::new() } else { format!("<{name}>{text}</{name}>") }
    };
    let date = if day == 0 { String::new() } else { format!("{day:02} Feb 2026 10:00:00 GMT") };
    format!(
        "<item>{}{}{}{}{}</item>",
        element("guid", guid),
        element("link", link),
        element("title", title),
        element("description", text),
        element("pubDate", &date)
    )
}

fn rss(items: &[String]) -> String {
    let items = items.concat();
    format!(
        "<rss version='2.0'><channel><title>T</title><link>https://site.example/</link>{items}</channel></rss>"
    )
}

fn spec() -> SourceSpec {
    serde_json::from_value(serde_json::json!({
        "id": "news", "source_type": SourceType::Rss, "url": URL, "headers": {"x-token": "secret"}
    }))
    .expect("a source")
}
