//! One URL, one answer.

use serde_json::json;

use crate::world::{World, problem};

#[tokio::test]
async fn a_page_is_scraped_in_one_call() {
    let world = World::start().await;
    let url = world.origin.url("/p/3");
    let answer = world
        .post("/v1/scrape", &json!({"url": url, "formats": ["text", "links"], "extract": {"name": "string"}}))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = answer.json();
    assert_eq!((&page["url"], &page["http_status"]), (&json!(url), &json!(200)));
    let data = &page["data"];
    assert_eq!(data["name"], "Product 3");
    assert!(data["text"].is_string() && data["links"].is_array(), "{data}");
}

#[tokio::test]
async fn selectors_pick_what_structured_data_does_not_say() {
    let world = World::start().await;
    world.origin.set_page("/plain", 200, "text/html", "<h1 class=n>Plain</h1><p data-x=7>seven</p>");
    let body = json!({
        "url": world.origin.url("/plain"), "formats": [],
        "extract": {"name": {"css": "h1.n"}, "x": {"css": "p", "type": "string"}},
    });
    let answer = world.post("/v1/scrape", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"], json!({"name": "Plain", "x": "seven"}));
}

#[tokio::test]
async fn a_page_in_any_charset_comes_out_as_it_was_meant() {
    let world = World::start().await;
    for path in ["/charset/windows-1252", "/charset/utf-16le", "/charset/utf-8", "/charset-meta/iso-8859-1"] {
        let answer =
            world.post("/v1/scrape", &json!({"url": world.origin.url(path), "formats": ["text"]})).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let text = answer.json()["data"]["text"].as_str().unwrap_or_default().to_owned();
        assert!(text.contains("Blåbär på ön"), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_failure_of_the_site_is_not_a_failure_of_the_api() {
    let world = World::start().await;
    let scrape = |path: &str| json!({"url": world.origin.url(path), "timeout_ms": 1_000, "retry": {"max": 0}, "formats": ["text"]});
    let _ = problem(&world.post("/v1/scrape", &scrape("/hang")).await, 504, "timeout");
    let _ = problem(&world.post("/v1/scrape", &scrape("/garbage")).await, 502, "connect_failed");
    let _ = problem(&world.post("/v1/scrape", &scrape("/loop")).await, 502, "too_many_redirects");
}
