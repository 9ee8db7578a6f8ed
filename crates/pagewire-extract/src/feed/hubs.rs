//! The hubs that a feed names: `<link rel="hub">` (W3C WebSub, section 4), and JSON Feed's `hubs`.

use feed_rs::model::Feed;
use serde::Deserialize;
use url::Url;

/// Hubs that are told of one feed.
const HUBS_MAX: usize = 5;

pub(super) fn of(feed: &Feed, text: &str, base: Option<&Url>) -> Vec<String> {
    let linked =
        feed.links.iter().filter(|link| link.rel.as_deref() == Some("hub")).map(|link| link.href.clone());
    let mut hubs: Vec<String> = Vec::new();
    for address in linked.chain(of_json(text)) {
        let hub = super::html::absolute(base, &address).filter(|hub| !hubs.contains(hub));
        hubs.extend(hub);
    }
    hubs.truncate(HUBS_MAX);
    hubs
}

fn of_json(text: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        hubs: Vec<Hub>,
    }
    #[derive(Deserialize)]
    struct Hub {
        #[serde(rename = "type", default)]
        kind: String,
        url: String,
    }
    if !text.trim_start().starts_with('{') || !text.contains("\"hubs\"") {
        return Vec::new();
    }
    let head: Option<Head> = serde_json::from_str(text.trim_start()).ok();
    let speaks =
        |hub: &Hub| hub.kind.eq_ignore_ascii_case("websub") || hub.kind.eq_ignore_ascii_case("pubsubhubbub");
    head.map(|head| head.hubs).unwrap_or_default().into_iter().filter(speaks).map(|hub| hub.url).collect()
}
