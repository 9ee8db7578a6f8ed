//! Sites in trouble, and sites that want no programs: not asked more than is good for them, and told as what they are.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use pagewire_testkit::proxy::{Conduct, ProxyServer};
use pagewire_testkit::{Origin, http};
use serde_json::{Value, json};

use crate::proxy_story::pool;
use crate::world::{World, named, problem};

/// A URL at which nobody listens.
fn dead(path: &str) -> String {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    format!("http://{port}{path}")
}

fn records(frames: &[pagewire_testkit::Frame], event: &str) -> Vec<Value> {
    named(frames, event).iter().map(|frame| frame.json()).collect()
}

#[tokio::test]
async fn a_challenge_is_told_as_that_and_not_tried_again() {
    let world = World::start().await;
    let wall = "<title>Just a moment...</title><script>window._cf_chl_opt={cType:'managed'}</script>";
    world.origin.set_page("/wall", 403, "text/html", wall);
    let captcha = "<title>Are you a robot?</title><form><div class=g-recaptcha data-sitekey=x></div></form>";
    world.origin.set_page("/captcha", 200, "text/html", captcha);
    let form = format!(
        "<title>Contact</title>{}<div class=g-recaptcha></div>",
        "<p>We are here to help. ".repeat(50)
    );
    world.origin.set_page("/contact", 200, "text/html", form);
    let urls = ["/wall", "/captcha", "/contact"].map(|path| world.origin.url(path));
    let body = json!({
        "urls": urls, "retry": {"max": 3, "escalate": true}, "formats": ["metadata"], "robots": "ignore",
    });
    let frames = world.read(&body).await;
    let mut failed = records(&frames, "error");
    failed.sort_by_key(|record| record["index"].as_u64());
    let [wall, captcha] = failed.as_slice() else { panic!("two walls: {failed:?}") };
    for (record, status, whose) in [(wall, 403, "Cloudflare"), (captcha, 200, "reCAPTCHA")] {
        assert_eq!(
            (&record["code"], &record["http_status"], &record["attempts"], &record["retryable"]),
            (&json!("blocked_by_target"), &json!(status), &json!(1), &json!(false)),
            "{record}"
        );
        assert!(record["error"].as_str().is_some_and(|sentence| sentence.contains(whose)), "{record}");
    }
    assert_eq!(world.origin.hits(), 3);
    let answer = world.post("/v1/scrape", &json!({"url": urls[0], "robots": "ignore"})).await;
    problem(&answer, 502, "blocked_by_target");
    assert_eq!(world.get("/docs/errors/blocked_by_target").await.status, 200);
}

#[tokio::test]
async fn a_dead_host_is_given_up_soon_with_its_reason_and_others_are_fetched() {
    let world = World::start().await;
    let gone = dead("/p");
    let urls: Vec<String> = (0..300)
        .map(|n| if n % 10 == 0 { world.origin.url(&format!("/p/{n}")) } else { format!("{gone}/{n}") })
        .collect();
    let body = json!({"urls": urls, "concurrency": 4, "formats": ["metadata"], "robots": "ignore"});
    let frames = world.read(&body).await;
    assert_eq!(named(&frames, "page").len(), 30);
    let failed = records(&frames, "error");
    assert_eq!(failed.len(), 270);
    let (mut at_once, mut asked) = (0, 0);
    for record in &failed {
        assert_eq!(
            (&record["code"], &record["retryable"]),
            (&json!("connect_failed"), &json!(true)),
            "{record}"
        );
        let sentence = record["error"].as_str().expect("a sentence");
        if sentence.contains("times in a row") {
            assert!(sentence.contains("no connection to 127.0.0.1"), "with its reason: {sentence}");
            at_once += 1;
        } else {
            asked += 1;
        }
    }
    assert!(at_once >= 250, "{at_once} were told at once, {asked} were asked for");
}

#[tokio::test]
async fn a_site_in_trouble_is_not_asked_more_than_a_fifth_more() {
    let world = World::start().await;
    let urls: Vec<String> = (0..400).map(|n| world.origin.url(&format!("/status/503?{n}"))).collect();
    let body = json!({"urls": urls, "concurrency": 100, "formats": ["metadata"], "robots": "ignore"});
    let frames = world.read(&body).await;
    let failed = records(&frames, "error");
    assert_eq!(failed.len(), 400);
    let hits = world.origin.hits();
    assert!(hits - 400 <= hits / 5 && hits >= 440, "{} retries in {hits} requests", hits - 400);
    let said =
        failed.iter().filter(|record| record["error"].as_str().is_some_and(|text| text.contains("a fifth")));
    assert!(said.count() > 200);
    let warnings: Vec<Value> = records(&frames, "warning");
    let told =
        warnings.iter().find(|warning| warning["code"] == "retry_budget_exhausted").expect("a warning");
    assert!(
        told["retries"].as_u64() >= Some(20) && told["requests"].as_u64() > told["retries"].as_u64(),
        "{told}"
    );
}

#[tokio::test]
async fn a_host_that_asks_for_a_pause_gets_it_also_where_nothing_is_tried_again() {
    let world = World::start().await;
    // So many are under way when the first one is answered.
    let urls: Vec<String> = (0..6).map(|n| world.origin.url(&format!("/retry-after/1?{n}"))).collect();
    let body = json!({
        "urls": urls, "concurrency": 2, "formats": ["metadata"], "robots": "ignore", "retry": {"max": 0},
    });
    let mut reader = world.stream(&body).open().await;
    assert!(world.origin.wait_for_hits(|hits| hits >= 2).await);
    let begun = Instant::now();
    assert!(world.origin.wait_for_hits(|hits| hits >= 3).await);
    assert!(begun.elapsed() >= Duration::from_millis(600), "{:?}", begun.elapsed());
    assert_eq!(reader.read_to_end().await.iter().filter(|frame| frame.event == "error").count(), 6);
    let begun = Instant::now();
    let single =
        json!({"url": world.origin.url("/retry-after/1/x"), "retry": {"max": 0}, "robots": "ignore"});
    problem(&world.post("/v1/scrape", &single).await, 502, "http_error");
    assert_eq!(world.post("/v1/scrape", &single).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_silent_host_is_given_up_also_where_its_robots_txt_is_what_does_not_come() {
    let world = World::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let urls: Vec<String> = (0..200).map(|n| format!("http://{address}/{n}")).collect();
    let body = json!({
        "urls": urls, "concurrency": 4, "formats": ["metadata"], "retry": {"max": 0}, "timeout_ms": 1_000,
    });
    let begun = Instant::now();
    let failed = records(&world.read(&body).await, "error");
    assert_eq!(failed.len(), 200);
    assert!(failed.iter().all(|record| record["code"] == "timeout"), "{:?}", failed[0]);
    let told = |record: &&Value| record["error"].as_str().is_some_and(|text| text.contains("times in a row"));
    assert!(failed.iter().filter(told).count() >= 180, "{:?}", failed.last());
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_impatience_of_one_workspace_makes_no_host_dead_for_another() {
    let world = World::start().await;
    let urls: Vec<String> = (0..40).map(|n| world.origin.url(&format!("/slow/3000?{n}"))).collect();
    let body = json!({
        "urls": urls, "concurrency": 8, "formats": ["metadata"], "robots": "ignore", "retry": {"max": 0},
        "timeout_ms": 1_000,
    });
    let failed = records(&world.read(&body).await, "error");
    let told = |record: &&Value| record["error"].as_str().is_some_and(|text| text.contains("times in a row"));
    assert!(failed.iter().filter(told).count() > 10, "{:?}", failed.last());
    let other = world.server.create_key_with(&["scrape"], &["--workspace", "other"]);
    let page = json!({"url": world.origin.url("/p/1"), "formats": ["metadata"], "robots": "ignore", "retry": {"max": 0}});
    let theirs = http::post_json(world.server.address(), "/v1/scrape", &other, &page).await;
    assert_eq!(theirs.status, 200, "{}", theirs.text());
    problem(&world.post("/v1/scrape", &page).await, 504, "timeout");
}

#[tokio::test]
async fn a_target_that_no_proxy_reaches_is_given_up_and_others_are_reached() {
    let proxy = ProxyServer::start(Conduct::Works).await;
    let world = World::with_config(&pool("datacenter", "", &[&proxy])).await;
    let gone = dead("/p").replacen("http:", "https:", 1);
    for robots in ["ignore", "respect"] {
        let urls: Vec<String> = (0..200).map(|n| format!("{gone}/{robots}/{n}")).collect();
        let before = proxy.connections();
        let body = json!({
            "urls": urls, "concurrency": 4, "formats": ["metadata"], "robots": robots, "proxy_type": "datacenter",
        });
        let failed = records(&world.read(&body).await, "error");
        assert_eq!(failed.len(), 200);
        assert!(failed.iter().all(|record| record["code"] == "proxy_failed"), "{:?}", failed[0]);
        let asked = proxy.connections() - before;
        assert!(asked <= 40, "{asked} times the proxy was asked for a target that is not there");
    }
    let page = json!({"url": world.origin.url("/p/1"), "proxy_type": "datacenter", "formats": ["metadata"]});
    assert_eq!(world.post("/v1/scrape", &page).await.status, 200);
}

#[tokio::test]
async fn a_site_that_speaks_as_proxies_do_makes_no_proxy_rest() {
    let proxies = [ProxyServer::start(Conduct::Works).await, ProxyServer::start(Conduct::Works).await];
    let world = World::with_config(&pool("datacenter", "", &[&proxies[0], &proxies[1]])).await;
    world.origin.set_page("/407", 407, "text/html", "<p>Who are you?");
    let urls: Vec<String> = (0..40).map(|n| world.origin.url(&format!("/407?{n}"))).collect();
    let body = json!({
        "urls": urls, "formats": ["metadata"], "robots": "ignore", "proxy_type": "datacenter", "concurrency": 1,
        "retry": {"max": 0},
    });
    assert_eq!(records(&world.read(&body).await, "error").len(), 40);
    assert!(!world.server.log().contains("a proxy failed and rests"), "{}", world.server.log());
    let page = json!({"url": world.origin.url("/p/1"), "proxy_type": "datacenter", "formats": ["metadata"]});
    assert_eq!(world.post("/v1/scrape", &page).await.status, 200);
}

#[tokio::test]
async fn a_proxy_that_is_silent_while_robots_txt_is_asked_for_is_found_out() {
    let (hangs, works) = (ProxyServer::start(Conduct::Hangs).await, ProxyServer::start(Conduct::Works).await);
    let world = World::with_config(&pool("datacenter", "", &[&hangs, &works])).await;
    let others = [Origin::start_on("127.0.0.2").await, Origin::start_on("127.0.0.3").await];
    for round in 0..8 {
        for origin in others.iter().chain([&world.origin]) {
            let url = origin.url(&format!("/p/{round}"));
            let body = json!({"url": url, "proxy_type": "datacenter", "formats": ["metadata"], "timeout_ms": 1_000, "retry": {"max": 2}});
            world.post("/v1/scrape", &body).await;
        }
    }
    assert!(world.server.log().contains("a proxy failed and rests"), "{}", world.server.log());
    assert!(hangs.connections() <= 10, "{}", hangs.connections());
}

#[tokio::test]
async fn what_was_kept_counts_nothing_towards_the_retries_of_a_run() {
    let world = World::start().await;
    world.origin.set_document("/doc", "text/html", "<title>Kept</title>");
    let kept = (0..300).map(|_| json!({"url": world.origin.url("/doc"), "max_age_s": 600}));
    let failing =
        (0..100).map(|n| json!({"url": world.origin.url(&format!("/status/503?{n}")), "max_age_s": 0}));
    let urls: Vec<Value> = kept.chain(failing).collect();
    let body = json!({"urls": urls, "concurrency": 50, "formats": ["metadata"], "robots": "ignore"});
    let frames = world.read(&body).await;
    assert_eq!(named(&frames, "page").len(), 300);
    let hits = world.origin.hits();
    assert!(hits - 101 <= (hits / 5).max(20), "{} retries in {hits} requests", hits - 101);
}

#[tokio::test]
async fn a_small_run_may_retry_each_of_its_urls() {
    let world = World::start().await;
    let urls: Vec<String> = (0..10).map(|n| world.origin.url(&format!("/flaky/2/{n}"))).collect();
    let body = json!({"urls": urls, "formats": ["metadata"], "robots": "ignore"});
    assert_eq!(named(&world.read(&body).await, "page").len(), 10);
}
