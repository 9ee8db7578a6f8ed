//! Sources in trouble: each says what is wrong with it, tells nothing that is not so, and loses nothing.

use std::collections::BTreeMap;

use pagewire_testkit::upstream::Upstream;
use pagewire_testkit::wait::eventually;
use pagewire_testkit::{DEADLINE, Origin, StreamReader};
use serde_json::{Value, json};

use crate::source_world::{Sources, feed, rss};

/// The titles of the next so many events, by source.
async fn told(stream: &mut StreamReader, count: usize) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..count {
        let event = stream.next_of(&["rss", "html", "firehose", "gap"]).await.expect("an event");
        assert_ne!(event.event, "gap", "{}", event.data);
        let event = event.json();
        let text = |name: &str| event[name].as_str().expect("text").to_owned();
        told.entry(text("source_id")).or_default().push(text("title"));
    }
    told
}

/// A feed's path, and what it answers for a while: status, content type, body.
struct Trouble {
    name: &'static str,
    status: u16,
    content_type: &'static str,
    body: String,
    header: Option<(&'static str, String)>,
    code: &'static str,
    reason: &'static str,
}

fn troubles(origin: &Origin) -> Vec<Trouble> {
    let page = "<!doctype html><head><link rel=alternate type=application/rss+xml href=/real.xml></head>";
    let of = |name, status, body: &str, code, reason| Trouble {
        name,
        status,
        content_type: "application/rss+xml",
        body: body.to_owned(),
        header: None,
        code,
        reason,
    };
    let leads = |trouble: Trouble, to: String| Trouble { header: Some(("location", to)), ..trouble };
    vec![
        Trouble { content_type: "text/html", ..of("page", 200, page, "unsupported_content", "/real.xml") },
        of("page-as-feed", 200, page, "unsupported_content", "/real.xml"),
        of("empty", 200, "", "unsupported_content", "is empty"),
        of("half", 200, "<rss version=\"2.0\"><chan", "unsupported_content", "no feed"),
        of("json", 200, "{\"version\":", "unsupported_content", "no feed"),
        of("broken", 500, "broken", "http_error", "500"),
        of("busy", 503, "", "http_error", "503"),
        of("huge", 200, &"<item/>".repeat((50 << 20) / 7), "body_too_large", "bytes"),
        leads(of("inside", 302, "", "blocked_target", "10.0.0.1"), "http://10.0.0.1/feed".to_owned()),
        leads(of("round", 302, "", "too_many_redirects", "redirect"), origin.url("/round")),
    ]
}

#[tokio::test]
async fn whatever_comes_in_a_feeds_place_is_told_by_its_health_and_what_was_new_meanwhile_is_told_after_it() {
    let sources = Sources::start().await;
    let origin = &sources.world.origin;
    let troubles = troubles(origin);
    for Trouble { name, .. } in &troubles {
        sources.publish(&format!("/{name}"), &[("1", "Old")]);
        sources.add(&feed(&sources.world, name, &format!("/{name}"))).await;
    }
    for Trouble { name, .. } in &troubles {
        sources.once_read(name).await;
    }
    let mut stream = sources.listen(None).await;
    for trouble in &troubles {
        let path = format!("/{}", trouble.name);
        origin.set_page(&path, trouble.status, trouble.content_type, trouble.body.clone());
        if let Some((name, value)) = &trouble.header {
            origin.add_header(&path, name, value);
        }
    }
    for Trouble { name, code, reason, .. } in &troubles {
        let source = sources.once(name, "failing", |health| health["status"] == "failing").await;
        let health = &source["health"];
        assert_eq!(health["error_code"], *code, "{name}: {health}");
        assert!(health["reason"].as_str().is_some_and(|told| told.contains(reason)), "{name}: {health}");
        assert!(health["next_poll_at"].is_string() && health["error_streak"].as_u64() > Some(0), "{health}");
    }
    for Trouble { name, .. } in &troubles {
        sources.publish(&format!("/{name}"), &[("3", "Newer"), ("2", "New"), ("1", "Old")]);
        let asked = sources.send("POST", &format!("/v1/sources/{name}/poll"), &json!({})).await;
        assert_eq!(asked.status, 202, "{}", asked.text());
    }
    let told = told(&mut stream, troubles.len() * 2).await;
    for Trouble { name, .. } in &troubles {
        assert_eq!(told[*name], ["New", "Newer"], "{name}");
        sources.once_read(name).await;
    }
}

#[tokio::test]
async fn a_host_that_asks_for_a_pause_gets_it() {
    let sources = Sources::start().await;
    let origin = &sources.world.origin;
    for (name, status) in [("limited", 429), ("busy", 503)] {
        let path = format!("/{name}");
        origin.set_page(&path, status, "text/plain", "later");
        origin.add_header(&path, "retry-after", "3600");
        sources.add(&feed(&sources.world, name, &path)).await;
    }
    let asking = json!({"id": "fresh", "source_type": "rss", "url": origin.url("/fresh")});
    sources.publish("/fresh", &[("1", "Old")]);
    origin.add_header("/fresh", "cache-control", "max-age=7200");
    sources.add(&asking).await;
    for (name, wait_s) in [("limited", 3_600), ("busy", 3_600), ("fresh", 7_200)] {
        let is_asked = |health: &Value| health["last_fetch_at"].is_string();
        let health = sources.once(name, "asked", is_asked).await["health"].clone();
        let time = |member: &str| -> jiff::Timestamp {
            health[member].as_str().expect("a time").parse().expect("a time")
        };
        let wait = time("next_poll_at").duration_since(time("last_fetch_at"));
        assert!((wait_s..=wait_s + 1).contains(&wait.as_secs()), "{name}: {health}");
    }
    // Sources that are asked each second show that time has passed.
    sources.publish("/other", &[("1", "Old")]);
    sources.add(&feed(&sources.world, "other", "/other")).await;
    sources.once("other", "asked again", |health| health["http_status"] == 304).await;
    for path in ["/limited", "/busy", "/fresh"] {
        assert_eq!(origin.hits_of(path), 1, "{path}");
    }
}

#[tokio::test]
async fn a_move_for_good_is_remembered_through_a_restart_and_another_is_not() {
    let mut sources = Sources::start().await;
    for (name, status) in [("good", 301), ("now", 302)] {
        let (from, to) = (format!("/{name}"), format!("/{name}/new"));
        sources.publish(&to, &[("1", "Old")]);
        sources.world.origin.set_page(&from, status, "text/plain", "");
        sources.world.origin.add_header(&from, "location", &to);
        sources.add(&feed(&sources.world, name, &from)).await;
    }
    let origin = &sources.world.origin;
    let moved = sources.once_read("good").await;
    assert_eq!(moved["health"]["moved_to"], origin.url("/good/new"), "{moved}");
    assert_eq!(moved["url"], origin.url("/good"), "what was declared is what was declared");
    let asked_again = |path: &'static str| move || origin.hits_of(path) > 2;
    eventually("it is asked there", DEADLINE, asked_again("/good/new")).await;
    eventually("it is asked where it was", DEADLINE, asked_again("/now")).await;
    assert_eq!(origin.hits_of("/good"), 1);
    assert!(sources.get("now").await["health"]["moved_to"].is_null());
    sources.world.server.restart().await;
    let before = sources.world.origin.hits_of("/good/new");
    let mut stream = sources.listen(None).await;
    sources.publish("/good/new", &[("2", "New"), ("1", "Old")]);
    assert_eq!(told(&mut stream, 1).await["good"], ["New"]);
    assert!(sources.world.origin.hits_of("/good/new") > before);
    assert_eq!(sources.world.origin.hits_of("/good"), 1);
}

fn page(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("<p>{line}</p>")).collect();
    format!("<!doctype html><title>Notices | Town</title><main><h1>Notices</h1>{lines}</main>")
}

const LINES: [&str; 6] = [
    "The library in the old mill is open every day of the week.",
    "The bridge over the river is closed for lorries until further notice.",
    "Water is turned off in the upper streets on Thursday morning.",
    "The council meets on the first Monday of the month in the hall.",
    "Dogs are to be kept on a lead in the park all through the summer.",
    "The market has moved from the square to the yard behind the church.",
];

#[tokio::test]
async fn what_is_not_the_page_makes_its_source_degraded_and_no_event() {
    let sources = Sources::with_config("polls_per_host_max = 8\n").await;
    let origin = &sources.world.origin;
    let walls = [
        ("login", "<title>Log in</title><form>Name<input><input type=password></form>".to_owned()),
        ("captcha", "<title>Just a moment...</title><p>Verify you are human".to_owned()),
        ("error", "<title>Error</title><h1>Something went wrong</h1><p>Please try again later.".to_owned()),
        ("empty", String::new()),
        ("gone", page(&LINES[..1])),
    ];
    let id = |name: &str| format!("page.{name}");
    for (name, _) in &walls {
        origin.set_page(&format!("/{name}"), 200, "text/html", page(&LINES));
        let url = origin.url(&format!("/{name}"));
        sources.add(&json!({"id": id(name), "source_type": "html", "url": url, "interval_s": 1})).await;
    }
    for (name, _) in &walls {
        sources.once_read(&id(name)).await;
    }
    let mut stream = sources.listen(None).await;
    for (name, wall) in &walls {
        origin.set_page(&format!("/{name}"), 200, "text/html", wall.clone());
    }
    for (name, _) in &walls {
        let source = sources.once(&id(name), "degraded", |health| health["status"] == "degraded").await;
        assert!(source["health"]["reason"].is_string(), "{name}: {source}");
        assert_eq!(source["health"]["events"], 0, "{name}: {source}");
    }
    let news = [&LINES[..], &["The swimming pool opens again on the last Saturday of May."]].concat();
    for (name, _) in &walls {
        origin.set_page(&format!("/{name}"), 200, "text/html", page(&news));
    }
    let mut seen = Vec::new();
    for _ in &walls {
        let event = stream.next_of(&["html"]).await.expect("an event").json();
        assert_eq!(event["diff"], json!({"added": [news[6]], "removed": []}), "{event}");
        seen.push(event["source_id"].as_str().expect("an id").to_owned());
    }
    seen.sort();
    let mut all: Vec<String> = walls.iter().map(|(name, _)| id(name)).collect();
    all.sort();
    assert_eq!(seen, all, "each tells its one change, and nothing of its wall");
}

#[tokio::test]
async fn a_firehose_that_says_nonsense_is_degraded_and_what_it_says_besides_is_told() {
    let (sources, upstream) = (Sources::start().await, Upstream::start().await);
    let hoses = [
        ("sse", "http", "/v2/stream/recentchange", "/title"),
        ("websocket", "ws", "/subscribe", "/commit/rkey"),
        ("ndjson", "http", "/lines", "/name"),
    ];
    for (protocol, scheme, path, title) in hoses {
        let source = json!({
            "id": protocol, "source_type": "firehose", "protocol": protocol, "url": upstream.url(scheme, path),
            "map": {"title": title},
        });
        sources.add(&source).await;
        sources.once_read(protocol).await;
    }
    let mut stream = sources.listen(None).await;
    upstream.publish(2);
    upstream.publish_raw("{\"half\":");
    upstream.publish_raw(&format!("{{\"title\":\"{}\"}}", "x".repeat(10 << 20)));
    upstream.publish(2);
    let told = told(&mut stream, 3 * 4).await;
    for (protocol, ..) in hoses {
        assert_eq!(told[protocol].len(), 4, "{protocol}: {told:?}");
        // What a connection leaves is stored a moment later.
        let is_told = |health: &Value| {
            health["status"] == "degraded"
                && health["events"] == 4
                && health["reason"].as_str().is_some_and(|reason| reason.contains("could not be read"))
        };
        sources.once(protocol, "degraded, with four events", is_told).await;
    }
    assert_eq!(upstream.asked().len(), 3, "the connections stay");
    drop(upstream);
    for (protocol, ..) in hoses {
        let down = sources.once(protocol, "failing", |health| health["status"] == "failing").await;
        let health = &down["health"];
        assert!(health["error_code"].is_string() && health["next_poll_at"].is_string(), "{health}");
    }
}

#[tokio::test]
async fn a_source_of_a_sites_page_says_which_feeds_the_page_leads_to() {
    let sources = Sources::start().await;
    let origin = &sources.world.origin;
    let page = "<!doctype html><head><link rel=alternate type=application/rss+xml href=/news.xml></head>";
    origin.set_page("/", 200, "text/html", page);
    origin.set_document("/news.xml", "application/rss+xml", rss(&[("1", "One")]));
    let body = json!({"id": "site", "source_type": "rss", "url": origin.url("/"), "interval_s": 1});
    sources.add(&body).await;
    let failing = sources.once("site", "failing", |health| health["status"] == "failing").await;
    let reason = failing["health"]["reason"].as_str().expect("a reason");
    assert!(reason.contains(&origin.url("/news.xml")), "{reason}");
    let tested = sources.send("POST", "/v1/sources/test", &body).await.json();
    let found = &tested["feeds"][0];
    let expected =
        json!({"source_type": "rss", "url": origin.url("/news.xml"), "title": "Feed", "entries": 1});
    assert_eq!(*found, expected, "{tested}");
    let made = json!({"source_type": found["source_type"], "url": found["url"], "id": "found"});
    sources.add(&made).await;
    sources.once_read("found").await;
}
