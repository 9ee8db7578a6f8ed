//! What is sent along, what an answer may say, and where nothing may lead.

use std::time::Duration;

use pagewire_engine::live::watch::Link;
use pagewire_fetch::{Client, FetchConfig};
use pagewire_testkit::Upstream;
use pagewire_testkit::upstream::{Break, Misdeed};
use pagewire_types::TargetErrorCode;
use serde_json::json;

use crate::keeper::Keeper;
use crate::rig::{KINDS, Kind, Running, asked, limits};

fn is_down(wanted: TargetErrorCode) -> impl Fn(&Link) -> bool {
    move |link| matches!(link, Link::Down { code, .. } if *code == wanted)
}

#[tokio::test]
async fn the_sources_headers_are_sent_and_the_protocols_own_are_not_replaced() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::new());
        let mut source = kind.source(&upstream);
        source["headers"] = json!({
            "Authorization": "Bearer s3cret", "X-Team": "a", "Last-Event-ID": "[]", "Host": "other.example",
            "Sec-WebSocket-Version": "8", "Accept-Encoding": "gzip"
        });
        let running = Running::start(&source, &keeper);
        keeper
            .wait_for_link("a connection", |link| matches!(link, Link::Open { .. } | Link::Down { .. }))
            .await;
        running.stop().await;
        let asked = &upstream.asked()[0];
        assert_eq!(asked.header("authorization"), Some("Bearer s3cret"), "{kind:?}");
        assert_eq!(asked.header("x-team"), Some("a"));
        assert!(asked.header("host").is_some_and(|host| host.starts_with("127.0.0.1")));
        assert!(asked.header("user-agent").is_some_and(|agent| agent.starts_with("Pagewire/")));
        if kind == Kind::Jetstream {
            assert_eq!(asked.header("sec-websocket-version"), Some("13"));
        } else {
            assert_eq!(asked.header("accept-encoding"), Some("identity"));
        }
    }
}

#[tokio::test]
async fn a_query_chooses_and_a_filter_drops() {
    let (upstream, keeper) = (Upstream::start().await, Keeper::new());
    let mut source = Kind::Jetstream.source(&upstream);
    let collection = pagewire_testkit::upstream::COLLECTION;
    source["url"] = json!(upstream.url("ws", &format!("/subscribe?wantedCollections={collection}")));
    source["filter"] =
        json!({"/kind": ["commit"], "/commit/record/text": ["post 1", "post 3", "post 4", "post 6"]});
    let running = Running::start(&source, &keeper);
    asked(&upstream, 1).await;
    upstream.publish(10);
    keeper.wait_for_events(3).await;
    running.stop().await;
    assert_eq!(keeper.titles(), [1, 3, 6].map(|place| Kind::Jetstream.title(place)), "4 is no post");
}

#[tokio::test]
async fn a_wait_that_the_upstream_asks_for_is_kept_to() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::new());
        upstream.misbehave([Misdeed::Answer(429, "retry-after: 7\r\n".to_owned(), String::new())]);
        let running = Running::start(&kind.source(&upstream), &keeper);
        let down = keeper.wait_for_link("a refusal", is_down(TargetErrorCode::HttpError)).await;
        running.stop().await;
        let Link::Down { retry_in, detail, .. } = down else { panic!("{down:?}") };
        assert_eq!(retry_in, Duration::from_secs(7), "{kind:?}: {detail}");
        assert!(detail.contains("429"), "{detail}");
        assert_eq!(upstream.asked().len(), 1);
    }
}

#[tokio::test]
async fn an_event_streams_retry_is_its_wait() {
    let (upstream, keeper) = (Upstream::start().await, Keeper::new());
    upstream.set_retry_ms(40);
    upstream.misbehave([Misdeed::After(1, Break::Close(1000, String::new()))]);
    let running = Running::start(&Kind::EventStreams.source(&upstream), &keeper);
    asked(&upstream, 1).await;
    upstream.publish(1);
    let down = keeper.wait_for_link("an end", is_down(TargetErrorCode::ConnectFailed)).await;
    running.stop().await;
    let Link::Down { retry_in, .. } = down else { panic!("{down:?}") };
    assert!((20..=40).contains(&retry_in.as_millis()), "{retry_in:?}");
}

#[tokio::test]
async fn no_connection_is_made_that_the_guard_refuses() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::new());
        let client = Client::new(FetchConfig::default()).expect("a client");
        let running = Running::start_within(limits(), client, &kind.source(&upstream), &keeper);
        keeper.wait_for_link("a refusal", is_down(TargetErrorCode::BlockedTarget)).await;
        running.stop().await;
        assert!(upstream.asked().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_judged_anew_and_takes_no_secret_to_another_origin() {
    let to = |location: &str| Misdeed::Answer(302, format!("location: {location}\r\n"), String::new());
    for kind in [Kind::EventStreams, Kind::Lines] {
        let (upstream, other, keeper) = (Upstream::start().await, Upstream::start().await, Keeper::new());
        let path = if kind == Kind::Lines { "/lines" } else { "/v2/stream/recentchange" };
        upstream.misbehave([to("http://169.254.169.254/latest/"), to(&other.url("http", path))]);
        let mut source = kind.source(&upstream);
        source["headers"] = json!({"X-Key": "s3cret", "Accept": "application/vnd.example"});
        let running = Running::start(&source, &keeper);
        keeper.wait_for_link("a refusal", is_down(TargetErrorCode::BlockedTarget)).await;
        asked(&other, 1).await;
        other.publish(1);
        keeper.wait_for_events(1).await;
        running.stop().await;
        assert_eq!(upstream.asked()[1].header("x-key"), Some("s3cret"));
        assert_eq!(other.asked()[0].header("x-key"), None, "{kind:?}");
    }
    let (upstream, keeper) = (Upstream::start().await, Keeper::new());
    upstream.misbehave([to(&upstream.url("http", "/subscribe"))]);
    let running = Running::start(&Kind::Jetstream.source(&upstream), &keeper);
    keeper.wait_for_link("a refusal", is_down(TargetErrorCode::TooManyRedirects)).await;
    running.stop().await;
}

#[tokio::test]
async fn a_page_in_place_of_the_stream_is_none() {
    let (upstream, keeper) = (Upstream::start().await, Keeper::new());
    let page = || Misdeed::Answer(200, "content-type: text/html\r\n".to_owned(), "<p>Log in".to_owned());
    for kind in [Kind::EventStreams, Kind::Lines] {
        upstream.misbehave([page()]);
        let running = Running::start(&kind.source(&upstream), &keeper);
        keeper.wait_for_link("a refusal", is_down(TargetErrorCode::UnsupportedContent)).await;
        running.stop().await;
        keeper.kept().links.clear();
    }
    upstream.misbehave([page()]);
    let running = Running::start(&Kind::Jetstream.source(&upstream), &keeper);
    keeper.wait_for_link("a refusal", is_down(TargetErrorCode::HttpError)).await;
    running.stop().await;
}

#[tokio::test]
async fn a_source_that_cannot_be_connected_to_says_so_and_waits_to_be_changed() {
    let keeper = Keeper::new();
    let source = json!({
        "id": "fire.hose", "source_type": "firehose", "url": "wss://a.example/", "protocol": "websocket",
        "headers": {"no header": "s3cret"}
    });
    let running = Running::start(&source, &keeper);
    let down = keeper.wait_for_link("a refusal", is_down(TargetErrorCode::InvalidUrl)).await;
    running.stop().await;
    assert!(!format!("{down:?}").contains("s3cret"), "a header's value is a secret");
}
