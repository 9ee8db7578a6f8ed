//! Sites in trouble, and sites that want no programs: not asked more than is good for them, and told as what they are.

use std::net::TcpListener;

use serde_json::{Value, json};

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
async fn a_small_run_may_retry_each_of_its_urls() {
    let world = World::start().await;
    let urls: Vec<String> = (0..10).map(|n| world.origin.url(&format!("/flaky/2/{n}"))).collect();
    let body = json!({"urls": urls, "formats": ["metadata"], "robots": "ignore"});
    assert_eq!(named(&world.read(&body).await, "page").len(), 10);
}
