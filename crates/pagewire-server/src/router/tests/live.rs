//! The live stream on the wire: its frames, its cursors, its filters, and what is wrong with them.

use http::Request;
use pagewire_engine::KeyMode;
use pagewire_engine::account::Plan;
use pagewire_engine::live::id::{EventIds, Place};
use pagewire_engine::live::log::LogEvent;
use pagewire_journal::{Key, Position};
use pagewire_types::{Scope, SourceType, WorkspaceId};

use super::service::{Answer, CURSOR_SECRET, Service};

/// A service with so many events in its log, and a key that reads them.
async fn with_events(count: u64) -> (Service, String) {
    let service = Service::start().await;
    let key = service.key(&[Scope::StreamRead]).await;
    let workspace = WorkspaceId::default_workspace();
    let log = service.engine().live_logs().of(&workspace, KeyMode::Live).await.expect("opens");
    let events = (1..=count).map(|number| {
        let source = if number % 2 == 0 { "news.even" } else { "news.odd" };
        let body = format!(
            r#"{{"schema_version":1,"source_id":"{source}","source_type":"rss","tags":[],"title":"Item {number}","content":""}}"#
        );
        LogEvent { key: Key(number.into()), source_type: SourceType::Rss, body: body.into() }
    });
    log.append(events.collect()).await.expect("appended");
    (service, key)
}

/// All events so far that a request is told of: it is read until nothing more comes at once.
async fn read(service: &Service, key: &str, path: &str, header: Option<&str>) -> String {
    let mut request = Request::get(path).header("x-api-key", key);
    if let Some(id) = header {
        request = request.header("last-event-id", id);
    }
    let answer = service.send(request, "").await;
    assert_eq!(answer.status(), 200);
    answer.text_so_far()
}

/// The ids of events in the order in which they came.
fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
}

/// The id of the place before the first event: whoever has it is told all.
fn start(of: &str) -> String {
    other_epoch(of, 0, Position(0))
}

/// The id that a place has in the log of an id, or in one whose epoch differs by these bits.
fn other_epoch(of: &str, bits: u16, position: Position) -> String {
    let epoch = u16::from_str_radix(&of[15..18], 16).expect("hexadecimal");
    EventIds::new(CURSOR_SECRET, "default.live", epoch ^ bits).id(Place { position, ms: 1 }).to_string()
}

async fn newest(service: &Service, key: &str) -> String {
    let preview = service.get("/v1/stream/preview", key).await.json().await;
    preview["to"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn an_event_is_a_frame_with_its_id_in_it_and_behind_it() {
    let (service, key) = with_events(1).await;
    let first = newest(&service, &key).await;
    let text = read(&service, &key, &format!("/v1/stream?since={}", start(&first)), None).await;
    let (head, tail) = text.split_once("event: rss\ndata: ").expect("an event");
    assert_eq!(head, ": open\n\n");
    let (data, id) = tail.split_once("\nid: ").expect("an id");
    assert_eq!(id, format!("{first}\n\n"));
    let event: serde_json::Value = serde_json::from_str(data).expect("JSON");
    assert_eq!((event["id"].as_str(), event["title"].as_str()), (Some(first.as_str()), Some("Item 1")));
    assert!(event["emitted_at"].as_str().is_some_and(|at| at.ends_with('Z')));
}

#[tokio::test]
async fn a_cursor_gives_what_came_after_it_and_the_header_wins() {
    let (service, key) = with_events(5).await;
    let start = start(&newest(&service, &key).await);
    let all = read(&service, &key, &format!("/v1/stream?since={start}"), None).await;
    let all = ids(&all);
    assert_eq!(all.len(), 5);
    let rest = read(&service, &key, &format!("/v1/stream?since={start}"), Some(all[2])).await;
    assert_eq!(ids(&rest), all[3..]);
    let from_now = read(&service, &key, "/v1/stream", None).await;
    let newest = all[4];
    assert_eq!(
        from_now,
        format!(": open\n\nevent: checkpoint\ndata: {{\"id\":\"{newest}\"}}\nid: {newest}\n\n")
    );
    let odd = read(&service, &key, &format!("/v1/stream?source=news.odd&since={start}"), None).await;
    assert_eq!(ids(&odd), [all[0], all[2], all[4]]);
    let lines = service
        .send(
            Request::get(format!("/v1/stream?since={}", all[3]))
                .header("x-api-key", &key)
                .header("accept", "application/x-ndjson"),
            "",
        )
        .await
        .text_so_far();
    let line: serde_json::Value = serde_json::from_str(lines.trim()).expect("one line of JSON");
    assert_eq!((line["id"].as_str(), line["data"]["id"].as_str()), (Some(all[4]), Some(all[4])));
}

async fn with_cursor(service: &Service, key: &str, id: &str) -> Answer {
    service.get(&format!("/v1/stream?tag=a&api_key={key}&since={id}"), key).await
}

#[tokio::test]
async fn what_is_wrong_with_a_cursor_is_told_with_the_way_back() {
    let (service, key) = with_events(2).await;
    let newest = newest(&service, &key).await;
    let long = "0".repeat(10_000);
    for none in ["2", "018f0000-0000-7000-8000-000000000000", &newest[1..], "", "%FF%FE", &long] {
        with_cursor(&service, &key, none).await.problem(400, "invalid_cursor").await;
    }
    let request = Request::get("/v1/stream").header("x-api-key", &key);
    let bytes = http::HeaderValue::from_bytes(b"\xff\xfe").expect("a header's value");
    service.send(request.header("last-event-id", bytes), "").await.problem(400, "invalid_cursor").await;
    for (id, reason) in [
        (other_epoch(&newest, 0, Position(3)), "past_tip"),
        (other_epoch(&newest, 1, Position(1)), "epoch"),
        // Another event stands there than the one that had this id.
        (other_epoch(&newest, 0, Position(1)), "epoch"),
    ] {
        let problem = with_cursor(&service, &key, &id).await.problem(410, "cursor_expired").await;
        assert_eq!(problem["reason"], reason);
        assert!(problem["oldest_id"].is_string());
        let resync = problem["resync_url"].as_str().expect("a URL");
        assert!(resync.starts_with("/v1/stream?tag=a&since=") && !resync.contains(&key), "{resync}");
        assert_eq!(service.get(resync, &key).await.status(), 200);
    }
}

#[tokio::test]
async fn a_cursor_of_a_log_that_was_begun_anew_and_is_empty_leads_back_too() {
    let service = Service::start().await;
    let key = service.key(&[Scope::StreamRead]).await;
    let checkpoint = read(&service, &key, "/v1/stream", None).await;
    let [beginning] = ids(&checkpoint)[..] else { panic!("{checkpoint}") };
    let expired = other_epoch(beginning, 1, Position(9));
    let problem = with_cursor(&service, &key, &expired).await.problem(410, "cursor_expired").await;
    assert_eq!((&problem["reason"], problem["oldest_id"].as_str()), (&"epoch".into(), None));
    let resync = problem["resync_url"].as_str().expect("a URL");
    assert_eq!(service.get(resync, &key).await.status(), 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_filter_is_named() {
    let (service, key) = with_events(0).await;
    let long = format!("tag={}", "a".repeat(257));
    for (query, code) in [
        (long.as_str(), "invalid_filter"),
        ("tag", "invalid_filter"),
        ("source=", "invalid_filter"),
        ("keyword=%22%20%22", "invalid_filter"),
        ("tag=100%", "invalid_filter"),
        ("tag=%zz", "invalid_filter"),
        ("tag=a%00b", "invalid_filter"),
        ("tag=%C3", "invalid_filter"),
        ("tag=", "invalid_filter"),
        ("source=News", "invalid_filter"),
        ("source_type=feed", "invalid_filter"),
        ("keyword=%ff%fe", "invalid_filter"),
        ("topic=a", "invalid_filter"),
        ("tag=a&tag=b&tag=c&tag=d&tag=e&tag=f", "filter_over_cap"),
        ("tag=a&tag=b&source=c&source=d&keyword=e&source_type=rss", "filter_over_cap"),
    ] {
        for path in ["/v1/stream", "/v1/stream/preview"] {
            let problem = service.get(&format!("{path}?{query}"), &key).await.problem(400, code).await;
            if code == "filter_over_cap" {
                assert_eq!(
                    (&problem["cap"], &problem["limit"]),
                    (&"live.filter_values_max".into(), &5.into())
                );
            }
        }
    }
}

#[tokio::test]
async fn a_native_eventsource_is_told_its_problem_in_band() {
    let (service, key) = with_events(1).await;
    let expired = other_epoch(&newest(&service, &key).await, 1, Position(1));
    let jobs_only = service.key(&[Scope::JobsRead]).await;
    for (query, code) in [
        ("api_key=pw_live_nothing".to_owned(), "malformed_key"),
        (format!("api_key={key}&since={expired}"), "cursor_expired"),
    ] {
        let path = format!("/v1/stream?on_error=inband&{query}");
        let answer = service.send(Request::get(path), "").await;
        assert_eq!(answer.status(), 200);
        let text = answer.text().await;
        let data = text.strip_prefix("retry: 15000\n\nevent: problem\ndata: ").expect("a problem");
        let problem: serde_json::Value = serde_json::from_str(data.trim()).expect("JSON");
        assert_eq!(problem["code"], code);
        assert!(problem["trace_id"].is_string());
    }
    let path = format!("/v1/stream?on_error=inband&api_key={jobs_only}");
    service.send(Request::get(path), "").await.problem(403, "insufficient_scope").await;
    service.send(Request::get("/v1/stream"), "").await.problem(401, "missing_credentials").await;
}

#[tokio::test]
async fn a_native_eventsource_is_told_in_band_to_come_back_later() {
    let limits = [
        (Plan { connections_max: Some(1), ..Plan::UNLIMITED }, "too_many_connections"),
        (Plan { requests_per_s: Some(1), ..Plan::UNLIMITED }, "rate_limited"),
    ];
    for (plan, code) in limits {
        let service = Service::with(plan).await;
        let key = service.key(&[Scope::StreamRead]).await;
        let path = format!("/v1/stream?on_error=inband&api_key={key}");
        let first = service.send(Request::get(&path), "").await;
        assert_eq!(first.status(), 200);
        // On a slow machine the rate lets some more through.
        let text = loop {
            let next = service.send(Request::get(&path), "").await;
            assert_eq!((next.status(), next.header("content-type")), (200, Some("text/event-stream")));
            let text = next.text_so_far();
            if text.starts_with("retry: ") {
                break text;
            }
        };
        let (retry, data) = text.split_once("\n\nevent: problem\ndata: ").expect("a problem, and the end");
        let problem: serde_json::Value = serde_json::from_str(data.trim()).expect("JSON");
        assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &429.into()));
        let wait_ms = problem["retry_after_s"].as_u64().expect("a wait") * 1_000;
        assert_eq!(retry, format!("retry: {wait_ms}"));
        drop(first);
    }
}

#[tokio::test]
async fn a_preview_tells_what_a_filter_would_have_told() {
    let (service, key) = with_events(50).await;
    let preview = service.get("/v1/stream/preview?source=news.even", &key).await.json().await;
    assert_eq!((&preview["matched"], &preview["scanned"]), (&25.into(), &50.into()));
    let sample = preview["sample"].as_array().expect("events");
    assert_eq!((sample.len(), &sample[19]["title"]), (20, &"Item 50".into()));
    assert!(sample[0]["id"].as_str() > preview["from"].as_str());
}
