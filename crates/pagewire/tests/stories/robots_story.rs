//! What a site's robots.txt asks for is what it gets: its rules by the operator's product token, its delay, its silence.

use std::time::{Duration, Instant};

use pagewire_testkit::Origin;
use serde_json::{Value, json};

use crate::world::{World, named, problem};

#[tokio::test]
async fn a_crawl_delay_keeps_requests_apart_and_holds_no_other_host_back() {
    let world = World::with_config("[politeness]\ncrawl_delay_max_s = 1\n").await;
    let other = Origin::start_on("127.0.0.2").await;
    world.origin.set_robots("User-agent: *\nCrawl-delay: 3600\n");
    let mut urls = world.origin.product_urls(4);
    urls.extend(other.product_urls(12));
    let begun = Instant::now();
    let frames = world.read(&json!({"urls": urls, "concurrency": 16, "formats": ["metadata"]})).await;
    let pages: Vec<Value> = named(&frames, "page").iter().map(|page| page.json()).collect();
    assert_eq!(pages.len(), 16);
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(world.origin.in_flight_max(), 1);
    assert!(pages.iter().all(|page| page["meta"]["attempts"] == 1), "waiting for its turn is no attempt");
    let of_the_slow = |page: &Value| page["url"].as_str().expect("a url").starts_with(&world.origin.url("/"));
    assert!(of_the_slow(&pages[15]) && of_the_slow(&pages[14]), "the others were not held back: {pages:?}");
}

#[tokio::test]
async fn the_product_and_the_contact_of_the_configuration_are_who_the_server_is() {
    let config = "[fetch]\nproduct = \"Shopbot\"\ncontact_url = \"https://shop.example/bot\"\n";
    let world = World::with_config(config).await;
    world.origin.set_robots("User-agent: pagewire\nDisallow: /p/1\n\nUser-agent: Shopbot\nDisallow: /p/2\n");
    let page = |number: u32, user_agent: Value| {
        let url = world.origin.url(&format!("/p/{number}"));
        json!({"url": url, "formats": ["metadata"], "user_agent": user_agent})
    };
    let answer =
        world.post("/v1/scrape", &json!({"url": world.origin.url("/p/1"), "formats": ["metadata"]})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = world.origin.last_request("/p/1").expect("asked");
    let agent = seen.header("user-agent").expect("a user agent");
    assert!(agent.starts_with("Shopbot/") && agent.ends_with(" (+https://shop.example/bot)"), "{agent}");
    // Another user agent does not make it another crawler.
    let refused = world.post("/v1/scrape", &page(2, json!("Mozilla/5.0"))).await;
    problem(&refused, 502, "robots_disallowed");
}

#[tokio::test]
async fn a_site_whose_robots_txt_fails_is_left_alone_for_now() {
    let world = World::start().await;
    world.origin.set_robots_answer(503, "");
    let body = json!({"url": world.origin.url("/p/1"), "formats": ["metadata"]});
    let told = problem(&world.post("/v1/scrape", &body).await, 502, "robots_disallowed");
    assert_eq!(told["retryable"], true, "{told}");
    assert!(told["detail"].as_str().is_some_and(|text| text.contains("503")), "{told}");
    assert_eq!(world.origin.hits(), 0);
}
