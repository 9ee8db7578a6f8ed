//! From one document to the next.

use proptest::prelude::*;

use super::*;

/// An item with all that an item has.
fn full(n: u8) -> String {
    item(
        &format!("id-{n}"),
        &format!("https://site.example/{n}"),
        &format!("Title {n}"),
        &format!("Text {n}"),
        n,
    )
}

#[test]
fn the_first_document_is_marked_as_seen_and_only_what_comes_later_is_told_oldest_first() {
    let mut feed = Watched::default();
    assert!(feed.told(&rss(&[full(2), full(1)])).is_empty());
    assert_eq!(feed.told(&rss(&[full(4), full(3), full(2), full(1)])), ["Title 3", "Title 4"]);
    assert!(feed.told(&rss(&[full(4), full(3), full(2), full(1), String::new()])).is_empty());
}

#[test]
fn a_backfill_tells_the_newest_of_the_first_document_oldest_first() {
    let mut feed = Watched { backfill: 2, ..Watched::default() };
    assert_eq!(feed.told(&rss(&[full(2), full(4), full(1), full(3)])), ["Title 3", "Title 4"]);
    assert_eq!(feed.told(&rss(&[full(5), full(4), full(3)])), ["Title 5"]);
    let mut all = Watched { backfill: 100, ..Watched::default() };
    assert_eq!(all.told(&rss(&[full(2), full(1)])).len(), 2);
}

#[test]
fn without_dates_the_head_of_the_document_is_the_newest() {
    let mut feed = Watched::default();
    let undated = |n: u8| item(&n.to_string(), "", &format!("T{n}"), "", 0);
    feed.told(&rss(&[undated(1)]));
    assert_eq!(feed.told(&rss(&[undated(3), undated(2), undated(1)])), ["T2", "T3"]);
}

#[test]
fn an_edit_is_told_with_the_same_url_another_hash_and_a_key_of_its_own() {
    let mut feed = Watched { backfill: 9, ..Watched::default() };
    let with = |text: &str| rss(&[item("a", "https://site.example/a", "A", text, 1)]);
    let texts = ["first", "second", "first", "second"];
    let events: Vec<_> =
        texts.iter().map(|text| feed.polled(&response(200, &[], &with(text))).events.remove(0)).collect();
    assert!(events.iter().all(|event| event.url == "https://site.example/a"));
    assert_ne!(events[0].content_hash(), events[1].content_hash());
    assert_eq!(events[0].content_hash(), events[2].content_hash());
    for (place, event) in events.iter().enumerate() {
        assert!(
            events[..place].iter().all(|other| other.key != event.key),
            "each edit is an event of its own"
        );
    }
}

#[test]
fn noise_is_not_told() {
    let mut feed = Watched::default();
    feed.told(&rss(&[item("a", "https://site.example/a?utm_source=1", "A", "Some words", 1)]));
    let noisy = item("a", "https://site.example/a?utm_source=2", " A ", "Some\n  words", 2);
    assert!(feed.told(&rss(&[noisy])).is_empty());
}

#[test]
fn the_same_state_finds_the_same_events_again_by_the_same_keys() {
    let mut feed = Watched::default();
    feed.told(&rss(&[full(1)]));
    let before = feed.state.clone();
    let found = |state: Option<String>| {
        let mut feed = Watched { state, ..Watched::default() };
        feed.polled(&response(200, &[], &rss(&[full(3), full(2), full(1)]))).events
    };
    assert_eq!(found(before.clone()), found(before));
}

#[test]
fn colliding_guids_are_told_apart_and_stay_apart() {
    let shared = |n: u8| item("same", &format!("https://site.example/{n}"), &format!("T{n}"), "", n);
    let mut feed = Watched::default();
    assert!(feed.told(&rss(&[shared(2), shared(1)])).is_empty());
    assert_eq!(feed.told(&rss(&[shared(3), shared(2), shared(1)])), ["T3"]);
    assert!(feed.told(&rss(&[shared(3)])).is_empty(), "the last of those that shared it is not new");
    assert_eq!(feed.told(&rss(&[shared(4), shared(3)])), ["T4"]);
}

#[test]
fn an_entry_is_not_new_because_another_takes_its_guid() {
    let mut feed = Watched::default();
    feed.told(&rss(&[item("same", "https://site.example/1", "T1", "", 1)]));
    let both = rss(&[
        item("same", "https://site.example/2", "T2", "", 2),
        item("same", "https://site.example/1", "T1", "", 1),
    ]);
    assert_eq!(feed.told(&both), ["T2"]);
}

#[test]
fn a_guid_that_changes_with_each_request_makes_nothing_new() {
    let mut feed = Watched::default();
    let of = |session: &str| item(session, "https://site.example/a", "A", "Text", 1);
    feed.told(&rss(&[of("s1")]));
    assert!(feed.told(&rss(&[of("s2")])).is_empty());
    assert!(feed.told(&rss(&[of("s3")])).is_empty());
}

#[test]
fn the_same_words_at_another_date_under_another_guid_are_new() {
    let mut feed = Watched::default();
    let up = |guid: &str, day| item(guid, "https://site.example/status", "All is well", "", day);
    feed.told(&rss(&[up("1", 1)]));
    assert_eq!(feed.told(&rss(&[up("2", 2), up("1", 1)])), ["All is well"]);
    assert_eq!(feed.told(&rss(&[up("3", 3)])), ["All is well"]);
}

#[test]
fn entries_without_guid_or_link_are_known_again() {
    let mut feed = Watched::default();
    let bare = |title: &str, text: &str| item("", "", title, text, 0);
    feed.told(&rss(&[bare("A", "x"), bare("", "y")]));
    assert!(feed.told(&rss(&[bare("", "y"), bare("A", "x")])).is_empty());
    let polled = feed.polled(&response(200, &[], &rss(&[bare("B", "z"), bare("A", "x"), bare("", "y")])));
    assert_eq!(polled.events[0].url, "https://site.example/", "the feed's home, for want of an address");
}

#[test]
fn an_entry_that_was_gone_for_a_while_is_not_new() {
    let mut feed = Watched::default();
    feed.told(&rss(&[full(1), full(2)]));
    feed.told(&rss(&[full(2)]));
    assert!(feed.told(&rss(&[full(1), full(2)])).is_empty());
}

#[test]
fn an_empty_feed_that_fills_is_told() {
    let mut feed = Watched::default();
    assert!(feed.told(&rss(&[])).is_empty());
    assert_eq!(feed.told(&rss(&[full(1)])), ["Title 1"]);
}

#[test]
fn a_document_that_breaks_off_tells_its_whole_entries_and_is_asked_for_again() {
    let whole = rss(&[full(3), full(2), full(1)]);
    let cut = |at: &str| whole[..whole.find(at).expect("the place")].to_owned();
    let mut feed = Watched::default();
    let first = feed.polled(&response(200, &[("etag", "\"a\"")], &cut("Title 1")));
    assert!(first.events.is_empty() && !first.state.expect("a state").contains("etag"));
    assert!(feed.told(&whole).is_empty(), "the rest of the first document is no news");
    assert_eq!(feed.told(&rss(&[full(4), full(3)])[..].replace("</channel></rss>", "")), ["Title 4"]);
    let mut always = Watched::default();
    always.told(&cut("Title 1"));
    always.told(&cut("Title 1"));
    assert_eq!(always.told(&format!("{}<item>", cut("<item>").clone() + &full(9) + &full(3))), ["Title 9"]);
}

#[test]
fn what_is_hostile_or_broken_loses_nothing_of_what_comes_after_it() {
    let bomb = "<!DOCTYPE rss [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;'>\
                <!ENTITY x SYSTEM 'file:///etc/passwd'>]>";
    let blown = format!("{bomb}{}", rss(&[item("9", "https://site.example/9", "Nine", "&c; &x; &amp;", 9)]));
    let deep = format!("<rss><channel>{}", "<a>".repeat(50_000));
    for broken in
        ["", "<html><body>503", "<rss", "<rss><chan", "{\"version\":", "\u{0}\u{1}\u{2}", "nothing", &deep]
    {
        let mut feed = Watched::default();
        feed.told(&rss(&[full(1)]));
        let kept = feed.state.clone();
        assert!(feed.told(broken).is_empty(), "{broken}");
        assert!(feed.told(&rss(&[full(1)])).is_empty(), "{broken}");
        assert_eq!(feed.state, kept, "{broken}");
        assert_eq!(feed.told(&rss(&[full(2), full(1)])), ["Title 2"], "{broken}");
    }
    let mut feed = Watched::default();
    feed.told(&rss(&[full(1)]));
    let polled = feed.polled(&response(200, &[], &blown));
    let [event] = polled.events.as_slice() else { panic!("{polled:?}") };
    assert!(event.content.len() < 100 && event.content.ends_with('&'), "{}", event.content);
}

#[test]
fn what_a_hub_delivers_is_told_once_and_leaves_the_validators_as_they_were() {
    let mut feed = Watched::default();
    feed.polled(&response(200, &[("etag", "\"a\"")], &rss(&[full(2), full(1)])));
    let deliver = |state: Option<&str>, document: &str| {
        let given = Given { is_part: true, ..given(state) };
        let feed_url = url(URL);
        let document = answer::Document {
            body: document.as_bytes(),
            content_type: Some("application/rss+xml"),
            url: &feed_url,
        };
        answer::delivered(&document, &given)
    };
    let part = deliver(feed.state.as_deref(), &rss(&[full(3)]));
    assert_eq!(part.events.iter().map(|event| event.title.as_str()).collect::<Vec<_>>(), ["Title 3"]);
    feed.state = part.state;
    assert!(feed.state.as_deref().is_some_and(|state| state.contains("\\\"a\\\"")));
    assert!(feed.told(&rss(&[full(3), full(2), full(1)])).is_empty());
    let first = deliver(None, &rss(&[full(1)]));
    assert!(first.events.is_empty() && first.state.is_none(), "the first document is fetched");
}

#[test]
fn a_state_that_nobody_can_read_begins_the_feed_anew() {
    let mut feed = Watched { state: Some("broken".to_owned()), ..Watched::default() };
    assert!(feed.told(&rss(&[full(1)])).is_empty());
    assert_eq!(feed.told(&rss(&[full(2), full(1)])), ["Title 2"]);
}

#[test]
fn entries_from_the_future_are_told_as_of_now_in_the_order_of_the_document() {
    let mut feed = Watched { backfill: 9, ..Watched::default() };
    let future = |n: u8| full(n).replace("2026", "2999");
    let polled = feed.polled(&response(200, &[], &rss(&[future(9), future(8), full(1)])));
    let told: Vec<_> = polled.events.iter().map(|event| event.title.as_str()).collect();
    assert_eq!(told, ["Title 1", "Title 8", "Title 9"]);
    assert_eq!(polled.events[2].published_at.as_deref(), Some("2026-03-01T12:00:00Z"));
}

#[test]
fn what_an_entry_has_is_told() {
    let atom = "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title><link href='https://site.example/'/>\
        <entry><id>urn:1</id><title>One &amp; only</title><link href='/one'/><published>2026-02-01T10:00:00+01:00</published>\
        <updated>2026-02-02T10:00:00Z</updated><author><name>Ann</name></author><author><name>Bo</name></author>\
        <category term='city'/><content type='html'>&lt;p>Long &lt;b>text&lt;/b>&lt;/p></content></entry></feed>";
    let mut feed = Watched { backfill: 1, ..Watched::default() };
    let polled = feed.polled(&response(200, &[], atom));
    let event = &polled.events[0];
    assert_eq!((polled.source_type, event.source_type), (Some(SourceType::Atom), SourceType::Atom));
    assert_eq!((event.url.as_str(), event.title.as_str()), ("https://site.example/one", "One & only"));
    assert_eq!((event.content.as_str(), event.author.as_deref()), ("Long text", Some("Ann, Bo")));
    assert_eq!((event.tags.as_slice(), event.fetched_at), (["city".to_owned()].as_slice(), now()));
    assert_eq!(event.published_at.as_deref(), Some("2026-02-01T09:00:00Z"));
}

proptest! {
    /// An oracle that remembers all: whatever a document holds and in whatever order, each entry is told once.
    #[test]
    fn each_entry_is_told_once_whatever_the_order(
        documents in proptest::collection::vec(proptest::collection::vec(1_u8..28, 0..12), 1..12),
    ) {
        let mut feed = Watched::default();
        let mut known: std::collections::BTreeSet<u8> = std::collections::BTreeSet::new();
        for (round, document) in documents.into_iter().enumerate() {
            let mut expected: Vec<u8> = document.iter().filter(|n| !known.contains(*n)).copied().collect();
            expected.sort_unstable();
            expected.dedup();
            known.extend(&document);
            if round == 0 {
                expected.clear();
            }
            let items: Vec<String> = document.into_iter().map(full).collect();
            let expected: Vec<String> = expected.into_iter().map(|n| format!("Title {n}")).collect();
            prop_assert_eq!(feed.told(&rss(&items)), expected);
        }
    }
}
