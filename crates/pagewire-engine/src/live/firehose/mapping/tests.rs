use serde_json::{Value, json};

use super::*;

fn spec(more: &Value) -> SourceSpec {
    let mut spec =
        json!({"id": "fire.hose", "source_type": "firehose", "url": "wss://up.example/subscribe?key=secret"});
    for (name, value) in more.as_object().expect("an object") {
        spec[name] = value.clone();
    }
    serde_json::from_value(spec).expect("a source")
}

fn told(mapping: &Mapping, message: &Value) -> (Option<String>, Option<Told<'static>>) {
    let text: &'static str = message.to_string().leak();
    let reading = mapping.read(text).expect("JSON");
    let cursor = reading.cursor.map(Cow::into_owned);
    match reading.outcome {
        Outcome::Told(told) => (cursor, Some(told)),
        Outcome::Filtered | Outcome::Blank => (cursor, None),
    }
}

/// A message as Bluesky's Jetstream sends them.
fn post() -> Value {
    json!({
        "did": "did:plc:eygmaihciaxprqvxpfvl6flk",
        "time_us": 1_725_911_162_329_308_i64,
        "kind": "commit",
        "commit": {
            "rev": "3l3qo2vutsw2b", "operation": "create", "collection": "app.bsky.feed.post", "rkey": "3l3qo2vuowo2b",
            "record": {"$type": "app.bsky.feed.post", "createdAt": "2024-09-09T19:46:02.102Z", "text": "hi", "langs": ["en", "sv"]},
            "cid": "bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sgzcqi"
        }
    })
}

#[test]
fn a_map_takes_what_its_pointers_find_and_nothing_else() {
    let mapping = Mapping::of(&spec(&json!({
        "map": {
            "id": "/commit/cid", "content": "/commit/record/text", "author": "/did", "published_at": "/time_us",
            "tags": "/commit/record/langs", "cursor": "/time_us"
        },
        "filter": {"/kind": ["commit"], "/commit/operation": ["create"]}
    })));
    let (cursor, event) = told(&mapping, &post());
    assert_eq!(cursor.as_deref(), Some("1725911162329308"));
    let event = event.expect("an event");
    assert_eq!(event.id.as_deref(), Some("bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sgzcqi"));
    assert_eq!(event.url, "https://up.example/subscribe", "the source's own, without what may be secret");
    assert_eq!((event.title.as_str(), event.content.as_str()), ("", "hi"));
    assert_eq!(event.author.as_deref(), Some("did:plc:eygmaihciaxprqvxpfvl6flk"));
    assert_eq!(event.published_at.as_deref(), Some("2024-09-09T19:46:02.329308Z"));
    assert_eq!(event.tags, ["en", "sv"]);

    let mut identity = post();
    identity["kind"] = json!("identity");
    assert_eq!(
        told(&mapping, &identity),
        (cursor, None),
        "the cursor moves on over what the filter does not want"
    );
}

#[test]
fn without_a_map_the_usual_names_are_found() {
    let mapping = Mapping::of(&spec(&json!({})));
    // A message as Wikimedia's EventStreams send them.
    let change = json!({
        "$schema": "/mediawiki/recentchange/1.0.0",
        "meta": {"uri": "https://sv.wikipedia.example/wiki/Falun", "id": "e2", "dt": "2026-11-21T13:59:59Z", "stream": "mediawiki.recentchange"},
        "id": 1, "type": "edit", "title": "Falun", "comment": "typo", "timestamp": 1_795_269_600, "user": "Ada", "bot": false
    });
    let (cursor, event) = told(&mapping, &change);
    assert_eq!(cursor, None);
    let event = event.expect("an event");
    assert_eq!(event.id, None, "what is called an id need not tell messages apart");
    assert_eq!(event.url, "https://sv.wikipedia.example/wiki/Falun");
    assert_eq!((event.title.as_str(), event.content.as_str()), ("Falun", "typo"));
    assert_eq!(event.author.as_deref(), Some("Ada"));
    assert_eq!(event.published_at.as_deref(), Some("2026-11-21T14:00:00Z"));

    let odd = json!({"price": 12.5});
    assert_eq!(told(&mapping, &odd).1.expect("an event").content, r#"{"price":12.5}"#);
    assert_eq!(told(&mapping, &json!("bare")).1.expect("an event").content, "\"bare\"");
}

#[test]
fn names_are_tried_in_their_order_and_what_is_none_passed_over() {
    let mapping = Mapping::of(&spec(&json!({})));
    let message = json!({"title": " ", "name": "second", "text": null, "body": "third", "author": {"name": "Ada"}, "link": "/relative", "uri": "https://a.example/"});
    let event = told(&mapping, &message).1.expect("an event");
    assert_eq!((event.title.as_str(), event.content.as_str()), ("second", "third"));
    assert_eq!(event.author.as_deref(), Some("Ada"));
    assert_eq!(event.url, "https://a.example/", "a relative link is none");
}

#[test]
fn a_message_in_which_a_map_finds_nothing_is_no_event() {
    let mapping = Mapping::of(&spec(&json!({"map": {"title": "/a", "author": "/b"}})));
    assert_eq!(mapping.read(r#"{"b":"x"}"#).expect("JSON").outcome, Outcome::Blank);
    assert!(mapping.read(r#"{"b":"#).is_err());
}

#[test]
fn urls_lead_to_the_web_or_nowhere() {
    let mapping = Mapping::of(&spec(&json!({"map": {"title": "/t", "url": "/u"}})));
    for (given, told_as) in [
        ("https://a.example/x?y#z", "https://a.example/x?y"),
        ("javascript:alert(1)", "https://up.example/subscribe"),
        ("at://did:plc:x/app.bsky.feed.post/1", "https://up.example/subscribe"),
        ("/relative", "https://up.example/subscribe"),
    ] {
        let event = told(&mapping, &json!({"t": "x", "u": given})).1.expect("an event");
        assert_eq!(event.url, told_as);
    }
}

#[test]
fn fields_have_bounds() {
    let mapping = Mapping::of(&spec(&json!({"map": {"title": "/t", "tags": "/g", "cursor": "/c"}})));
    let long = "ü".repeat(5_000);
    let tags: Vec<Value> = (0..100).map(|n| if n % 2 == 0 { json!(long) } else { json!(n) }).collect();
    let (cursor, event) = told(&mapping, &json!({"t": long, "g": tags, "c": long}));
    let event = event.expect("an event");
    assert_eq!((cursor, event.title.len(), event.tags.len()), (None, TITLE_BYTES_MAX, TAGS_MAX));
    assert!(event.tags.iter().all(|tag| tag.len() <= TAG_BYTES_MAX));
    for (tags, read_as) in [
        (json!("one"), vec!["one"]),
        (json!([" a ", "", null, {"x": 1}, 2]), vec!["a", "2"]),
        (json!({}), vec![]),
    ] {
        assert_eq!(told(&mapping, &json!({"t": "x", "g": tags})).1.expect("an event").tags, read_as);
    }
}

/// What docs/live.md says of firehoses.
fn documentation() -> &'static str {
    let (_, rest) =
        include_str!("../../../../../../docs/live.md").split_once("\n## Firehoses\n").expect("a section");
    rest.split("\n## ").next().unwrap_or_default()
}

#[test]
fn the_examples_of_the_documentation_are_sources() {
    let examples = documentation().split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let sources: Vec<SourceSpec> = examples
        .map(|example| serde_json::from_str(example).unwrap_or_else(|error| panic!("{error} in {example}")))
        .collect();
    assert_eq!(sources.len(), 2);
    let jetstream = Mapping::of(&sources[0]);
    let (cursor, event) = told(&jetstream, &post());
    assert_eq!(cursor.as_deref(), Some("1725911162329308"));
    assert_eq!(event.expect("an event").content, "hi");
}

#[test]
fn the_documentation_names_what_is_looked_for_in_its_order() {
    for (field, pointers) in USUAL {
        let row =
            documentation().lines().find(|line| line.starts_with(&format!("| `{field}` |"))).expect(field);
        let listed: Vec<String> = pointers.iter().map(|pointer| format!("`{pointer}`")).collect();
        assert!(row.ends_with(&format!("| {} |", listed.join(" "))), "{row}");
    }
}
