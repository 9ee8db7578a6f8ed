//! Sites that hang, drip, flood, bomb, lie and loop: each becomes an error with its own code, in bounded time, and never
//! holds up what stands beside it.

use std::time::{Duration, Instant};

use pagewire_testkit::Ledger;
use serde_json::{Value, json};

use crate::world::{World, named};

/// Small caps, so that floods are short.
const CAPS: &str = "[fetch]\nwire_bytes_max = \"1 MiB\"\nunpacked_bytes_max = \"2 MiB\"\n";

/// The code and the record that one URL ends with.
async fn ending(world: &World, url: &str, timeout_ms: u64) -> (String, Value) {
    let body = json!({"urls": [url], "timeout_ms": timeout_ms, "retry": {"max": 0}, "formats": ["metadata"]});
    let frames = world.read(&body).await;
    let record = frames.iter().find(|frame| frame.is_record()).expect("each URL ends").json();
    let code = record["code"].as_str().unwrap_or_else(|| panic!("a page came of {url}: {record}")).to_owned();
    (code, record)
}

#[tokio::test]
async fn what_never_ends_ends_at_its_timeout() {
    let world = World::start().await;
    for path in ["/hang", "/drip", "/drip-head"] {
        let begun = Instant::now();
        let (code, record) = ending(&world, &world.origin.url(path), 1_000).await;
        assert_eq!(code, "timeout", "{path}: {record}");
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(4), "{path}: {took:?}");
        assert_eq!(record["retryable"], true);
    }
}

#[tokio::test]
async fn floods_and_bombs_are_cut_at_their_caps() {
    let world = World::with_config(CAPS).await;
    for (path, codes) in [
        ("/endless", &["body_too_large"][..]),
        ("/big/1100000", &["body_too_large"]),
        ("/endless-head", &["body_too_large", "connect_failed"]),
        ("/bomb/gzip", &["decompression_bomb"]),
        ("/bomb/br", &["decompression_bomb"]),
        ("/bomb/zstd", &["decompression_bomb"]),
    ] {
        let (code, record) = ending(&world, &world.origin.url(path), 20_000).await;
        assert!(codes.contains(&code.as_str()), "{path}: {record}");
        assert_eq!(record["retryable"], false, "{path}: {record}");
    }
    let peak = world.server.peak_rss_kib();
    assert!(peak < 150 << 10, "{peak} KiB at the most");
}

#[tokio::test]
async fn liars_and_nonsense_have_their_own_codes() {
    let world = World::start().await;
    for (path, code) in [
        ("/short-body", "connect_failed"),
        ("/garbage", "connect_failed"),
        ("/garbage-head", "connect_failed"),
        ("/bad-chunks", "connect_failed"),
        ("/bad-gzip", "unsupported_content"),
        ("/closed", "connect_failed"),
        ("/loop", "too_many_redirects"),
        ("/redirect/12", "too_many_redirects"),
        ("/binary", "unsupported_content"),
        ("/status/404", "http_error"),
        ("/status/503", "http_error"),
        ("/redirect-to?url=http://169.254.169.254/latest/meta-data/", "blocked_target"),
        ("/redirect-to?url=http://[::1]/", "blocked_target"),
    ] {
        let (seen, record) = ending(&world, &world.origin.url(path), 5_000).await;
        assert_eq!(seen, code, "{path}: {record}");
        assert!(record["error"].as_str().is_some_and(|text| text.len() > 10), "{path}: {record}");
    }
    let port =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
    let (code, _) = ending(&world, &format!("http://{port}/"), 5_000).await;
    assert_eq!(code, "connect_failed", "nobody listens");
}

#[tokio::test]
async fn ten_redirects_are_followed_and_the_final_url_is_told() {
    let world = World::start().await;
    let frames =
        world.read(&json!({"urls": [world.origin.url("/redirect/10")], "formats": ["metadata"]})).await;
    let page = named(&frames, "page")[0].json();
    assert_eq!(page["url"], world.origin.url("/redirect/10"));
    assert_eq!(page["final_url"], world.origin.url("/p/1"));
}

#[tokio::test]
async fn hanging_pages_hold_up_nothing_but_their_own_slots() {
    let world = World::start().await;
    let mut urls: Vec<String> = (0..6).map(|n| world.origin.url(&format!("/hang?{n}"))).collect();
    urls.extend(world.origin.product_urls(40));
    let begun = Instant::now();
    let frames = world
        .read(&json!({"urls": urls, "concurrency": 3, "timeout_ms": 1_000, "retry": {"max": 0}, "formats": ["metadata"]}))
        .await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let mut ledger = Ledger::new();
    ledger.enter(&frames);
    ledger.assert_complete(46);
    assert_eq!(ledger.errors(), 6);
}

#[tokio::test]
async fn a_page_above_the_cap_of_an_event_is_an_error() {
    let world = World::with_config("[stream]\nevent_bytes_max = \"64 KiB\"\n").await;
    let body = json!({"urls": [world.origin.url("/big/200000")], "formats": ["raw_html"]});
    let frames = world.read(&body).await;
    assert_eq!(named(&frames, "error")[0].json()["code"], "body_too_large");
}
