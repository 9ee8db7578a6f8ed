//! The messages of the log: what stands at a place, in the words of each kind of upstream.

use serde_json::{Value, json};

/// When the message at place 0 was said, in microseconds.
const BEGINNING_US: u64 = 1_795_269_600_000_000;

/// The collection of the posts.
pub const COLLECTION: &str = "app.bsky.feed.post";

/// A change of a wiki's page, as Wikimedia's EventStreams tell it.
#[must_use]
pub fn recent_change(place: usize) -> Value {
    json!({
        "$schema": "/mediawiki/recentchange/1.0.0",
        "meta": {
            "uri": format!("https://wiki.example/wiki/Page_{place}"),
            "id": format!("0b9b4f4e-0000-4000-8000-{place:012x}"),
            "domain": "wiki.example",
            "stream": "mediawiki.recentchange",
            "topic": "eqiad.mediawiki.recentchange",
            "partition": 0,
            "offset": place,
        },
        "id": place,
        "type": "edit",
        "namespace": 0,
        "title": format!("Page {place}"),
        "comment": format!("change {place}"),
        "timestamp": BEGINNING_US / 1_000_000 + place as u64 / 1_000,
        "user": "Ada",
        "bot": place % 2 == 1,
        "wiki": "examplewiki",
    })
}

/// The id of an event of the EventStreams.
pub(super) fn offset_id(place: usize) -> String {
    json!([{"topic": "eqiad.mediawiki.recentchange", "partition": 0, "offset": place}]).to_string()
}

/// The place that an id means.
pub(super) fn offset_of(id: &str) -> Option<usize> {
    let topics: Value = serde_json::from_str(id).ok()?;
    usize::try_from(topics[0]["offset"].as_u64()?).ok()
}

/// A post, as Bluesky's Jetstream tells it. Three messages share a microsecond, and every fifth is no post.
#[must_use]
pub fn post(place: usize) -> Value {
    let collection = if place % 5 == 4 { "app.bsky.feed.like" } else { COLLECTION };
    json!({
        "did": "did:plc:eygmaihciaxprqvxpfvl6flk",
        "time_us": time_us(place),
        "kind": "commit",
        "commit": {
            "rev": format!("3l3qo2vu{place:05}"),
            "operation": "create",
            "collection": collection,
            "rkey": format!("3l3qo2vuowo2b{place:05}"),
            "record": {
                "$type": collection,
                "createdAt": "2026-11-21T14:00:00.102Z",
                "langs": ["en"],
                "text": format!("post {place}"),
            },
            "cid": format!("bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgf{place:012}"),
        },
    })
}

pub(super) fn time_us(place: usize) -> u64 {
    BEGINNING_US + place as u64 / 3
}

/// The first place that was said at a time or after it.
pub(super) fn first_since(time_us: u64) -> usize {
    usize::try_from(time_us.saturating_sub(BEGINNING_US) * 3).expect("a small log")
}

/// A line of the log.
pub(super) fn line(place: usize) -> Value {
    json!({"seq": place, "name": format!("line {place}"), "text": format!("what line {place} says"), "link": format!("https://lines.example/{place}")})
}
