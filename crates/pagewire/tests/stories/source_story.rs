//! Sources: what is new at them becomes events, and how they are is told.

use serde_json::json;

use crate::source_world::{Sources, feed};
use crate::world::problem;

#[tokio::test]
async fn what_is_new_in_a_feed_becomes_an_event_and_what_was_there_does_not() {
    let sources = Sources::start().await;
    sources.publish("/feed", &[("1", "Old")]);
    let made = sources.add(&feed(&sources.world, "news.local", "/feed")).await;
    assert_eq!((&made["health"]["status"], &made["declared_in"]), (&json!("pending"), &json!("api")));
    sources.once_read("news.local").await;
    let mut stream = sources.listen(None).await;

    sources.publish("/feed", &[("2", "New"), ("1", "Old")]);
    let event = stream.next_of(&["rss"]).await.expect("an event");
    let told = event.json();
    assert_eq!((&told["title"], &told["url"]), (&json!("New"), &json!("https://a.example/2")), "{told}");
    assert_eq!((&told["source_id"], &told["tags"]), (&json!("news.local"), &json!(["t"])), "{told}");

    sources.publish("/feed", &[("2", "New, mended"), ("1", "Old")]);
    let edited = stream.next_of(&["rss"]).await.expect("an event").json();
    assert_eq!((&edited["url"], &edited["title"]), (&told["url"], &json!("New, mended")), "{edited}");
    assert_ne!(edited["content_hash"], told["content_hash"]);

    let health =
        sources.once("news.local", "counted", |health| health["events"] == 2).await["health"].clone();
    assert_eq!((&health["http_status"], &health["error_streak"]), (&json!(200), &json!(0)), "{health}");
    for member in ["last_fetch_at", "last_success_at", "next_poll_at", "last_event_at", "latency_ms"] {
        assert!(!health[member].is_null(), "no `{member}`: {health}");
    }
    assert_eq!(health["found_type"], "rss");
}

#[tokio::test]
async fn a_feed_that_has_not_changed_is_not_sent_again() {
    let sources = Sources::start().await;
    sources.publish("/feed", &[("1", "Old")]);
    sources.add(&feed(&sources.world, "a", "/feed")).await;
    sources.once("a", "asked with what it has", |health| health["http_status"] == 304).await;
    let seen = sources.world.origin.last_request("/feed").expect("a request");
    assert!(seen.header("if-none-match").is_some(), "{seen:?}");
    assert_eq!(sources.get("a").await["health"]["events"], 0);
}

#[tokio::test]
async fn how_a_source_is_is_told() {
    let sources = Sources::start().await;
    let origin = &sources.world.origin;
    origin.set_page("/feed", 500, "text/plain", "broken");
    sources.add(&feed(&sources.world, "a", "/feed")).await;
    let failing =
        sources.once("a", "failing twice", |health| health["error_streak"].as_u64() > Some(1)).await;
    let health = &failing["health"];
    assert_eq!((&health["status"], &health["http_status"]), (&json!("failing"), &json!(500)), "{health}");
    assert_eq!(health["error_code"], "http_error");
    let listed = sources.world.get("/v1/sources?status=failing").await.json();
    assert_eq!(listed["sources"].as_array().map(Vec::len), Some(1), "{listed}");

    sources.publish("/feed", &[("1", "Old")]);
    assert_eq!(sources.send("POST", "/v1/sources/a/poll", &json!({})).await.status, 202);
    let well = sources.once_read("a").await;
    assert_eq!((&well["health"]["error_streak"], &well["health"]["reason"]), (&json!(0), &json!(null)));

    sources.world.origin.set_page("/feed", 410, "text/plain", "gone");
    let gone = sources.once("a", "retired", |health| health["status"] == "retired").await;
    assert!(gone["health"]["reason"].is_string() && gone["health"]["next_poll_at"].is_null(), "{gone}");
    let refused = sources.send("POST", "/v1/sources/a/poll", &json!({})).await;
    let _ = problem(&refused, 422, "validation_failed");
    sources.publish("/feed", &[("1", "Old")]);
    assert_eq!(sources.send("PATCH", "/v1/sources/a", &json!({"enabled": true})).await.status, 200);
    sources.once_read("a").await;
}

#[tokio::test]
async fn a_source_that_is_pointed_elsewhere_begins_anew_and_one_that_is_deleted_is_asked_no_more() {
    let sources = Sources::start().await;
    sources.publish("/one", &[("1", "One")]);
    sources.publish("/two", &[("9", "There already")]);
    sources.add(&feed(&sources.world, "a", "/one")).await;
    sources.once_read("a").await;
    let mut stream = sources.listen(None).await;
    let url = sources.world.origin.url("/two");
    assert_eq!(sources.send("PATCH", "/v1/sources/a", &json!({"url": url})).await.status, 200);
    sources.once_read("a").await;
    sources.publish("/two", &[("10", "New"), ("9", "There already")]);
    let told = stream.next_of(&["rss"]).await.expect("an event").json();
    assert_eq!(told["title"], "New", "{told}");

    assert_eq!(sources.send("DELETE", "/v1/sources/a", &json!({})).await.status, 204);
    let _ = problem(&sources.world.get("/v1/sources/a").await, 404, "not_found");
    let asked = sources.world.origin.hits();
    sources.add(&feed(&sources.world, "b", "/one")).await;
    sources.once("b", "asked a few times", |health| health["http_status"] == 304).await;
    let of_two = sources.world.origin.hits_of("/two");
    assert!(of_two <= asked, "{of_two} of {asked}");
}

#[tokio::test]
async fn one_host_is_asked_no_more_at_once_than_it_may_be() {
    let sources = Sources::with_config("polls_per_host_max = 2\n").await;
    let delay = std::time::Duration::from_millis(200);
    for number in 0..8 {
        let path = format!("/feed/{number}");
        sources.publish(&path, &[("1", "Old")]);
        sources.world.origin.delay(&path, delay);
    }
    for number in 0..8 {
        sources.add(&feed(&sources.world, &format!("f{number}"), &format!("/feed/{number}"))).await;
    }
    for number in 0..8 {
        sources.once_read(&format!("f{number}")).await;
    }
    assert_eq!(sources.world.origin.in_flight_max(), 2);
}

#[tokio::test]
async fn sources_of_the_configuration_file_are_watched_and_not_changed_by_requests() {
    let origin = pagewire_testkit::Origin::start().await;
    origin.set_document("/feed", "application/rss+xml", crate::source_world::rss(&[("1", "Old")]));
    let url = origin.url("/feed");
    let declared = format!(
        "[[sources]]\nid = \"from.file\"\nsource_type = \"rss\"\nurl = \"{url}\"\ninterval_s = 1\ntags = [\"t\"]\n"
    );
    let mut sources = Sources::with_config(&declared).await;
    let source = sources.once_read("from.file").await;
    assert_eq!((&source["declared_in"], &source["tags"]), (&json!("config"), &json!(["t"])));
    for method in ["PATCH", "DELETE"] {
        let refused = sources.send(method, "/v1/sources/from.file", &json!({"enabled": false})).await;
        let _ = problem(&refused, 409, "read_only");
    }
    sources.world.server.restart().await;
    let again = sources.get("from.file").await;
    assert_eq!(again["created_at"], source["created_at"]);
    let mut stream = sources.listen(None).await;
    let items = [("2", "New"), ("1", "Old")];
    origin.set_document("/feed", "application/rss+xml", crate::source_world::rss(&items));
    assert_eq!(stream.next_of(&["rss"]).await.expect("an event").json()["title"], "New");
}

#[tokio::test]
async fn a_header_is_sent_and_never_told() {
    let sources = Sources::start().await;
    sources.publish("/feed", &[("1", "Old")]);
    let mut body = feed(&sources.world, "a", "/feed");
    body["headers"] = json!({"x-secret": "hunter2"});
    sources.add(&body).await;
    sources.once_read("a").await;
    let seen = sources.world.origin.last_request("/feed").expect("a request");
    assert_eq!(seen.header("x-secret"), Some("hunter2"));
    let listed = sources.world.get("/v1/sources").await.text();
    assert!(listed.contains("***") && !listed.contains("hunter2"), "{listed}");
    let database = std::fs::read(sources.world.server.data_dir().join("state.db")).expect("a database");
    let log = std::fs::read(sources.world.server.data_dir().join("state.db-wal")).unwrap_or_default();
    for bytes in [database, log] {
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "a secret is stored in the clear");
    }
}

#[tokio::test]
async fn a_test_of_a_site_names_its_feeds() {
    let sources = Sources::start().await;
    sources.world.origin.set_page("/blog/", 200, "text/html", "<!doctype html><p>Hello");
    sources.publish("/rss.xml", &[("1", "One")]);
    let body = json!({"source_type": "rss", "url": sources.world.origin.url("/blog/")});
    let tested = sources.send("POST", "/v1/sources/test", &body).await;
    assert_eq!(tested.status, 200, "{}", tested.text());
    let told = tested.json();
    assert_eq!(told["status"], "failing", "{told}");
    let reason = told["reason"].as_str().unwrap_or_default();
    assert!(reason.contains(&sources.world.origin.url("/rss.xml")), "{told}");
}
