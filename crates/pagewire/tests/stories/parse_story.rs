//! A page that the caller has already.

use serde_json::{Value, json};

use crate::world::{World, problem};

/// Posts to `/v1/parse`, and gives the page.
async fn parsed(world: &World, body: &Value) -> Value {
    let answer = world.post("/v1/parse", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_page_that_is_brought_is_read_as_a_fetched_one_is() {
    let world = World::start().await;
    let html = "<html lang=sv><title>Blåbär</title><h1>Blåbär</h1><p>Ett <a href=/ö>bär</a>.</p>";
    world.origin.set_page("/page", 200, "text/html; charset=utf-8", html);
    let url = world.origin.url("/page");
    let wishes = json!({"url": url, "formats": ["markdown", "links", "raw_html"], "extract": {"name": {"css": "h1"}}, "custom_id": "7", "metadata": {"row": 1}});
    let mut brought = wishes.clone();
    brought["html"] = html.into();
    let mut page = parsed(&world, &brought).await;
    let mut fetched = world.post("/v1/scrape", &wishes).await.json();
    assert_eq!(page["data"]["name"], "Blåbär");
    assert_eq!(page["custom_id"], "7");
    assert_eq!(
        (&page["http_status"], &page["meta"]["fetched_at"], &page["meta"]["attempts"]),
        (&Value::Null, &Value::Null, &json!(0))
    );
    assert_eq!(page["meta"]["credits"], 1);
    for envelope in [&mut page, &mut fetched] {
        envelope["http_status"].take();
        for name in ["fetched_at", "attempts", "elapsed_ms"] {
            envelope["meta"][name].take();
        }
    }
    assert_eq!(page, fetched);
}

#[tokio::test]
async fn without_a_url_only_what_is_absolute_can_be_linked() {
    let world = World::start().await;
    let html = "<p><a href=/a>a</a> <a href=https://b.example/>b</a> <img src=c.png alt=c>";
    let page = parsed(&world, &json!({"html": html, "formats": ["links", "images"]})).await;
    assert_eq!((&page["url"], &page["final_url"]), (&Value::Null, &Value::Null));
    let links = page["data"]["links"].as_array().expect("links");
    assert_eq!(links.iter().map(|link| &link["url"]).collect::<Vec<_>>(), ["https://b.example/"]);
    assert_eq!(page["data"]["images"], json!([]));
    let based = format!("<base href=https://c.example/x/>{html}");
    let page = parsed(&world, &json!({"html": based, "formats": ["links"]})).await;
    assert_eq!(page["data"]["links"][0]["url"], "https://c.example/a");
}

#[tokio::test]
async fn text_is_given_back_as_it_is() {
    let world = World::start().await;
    let page = parsed(&world, &json!({"text": "a <b> & c\n", "formats": ["text", "markdown"]})).await;
    assert_eq!(page["data"], json!({"markdown": "a <b> & c\n", "text": "a <b> & c\n"}));
    assert_eq!(page["meta"]["content_type"], "text/plain");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_its_field() {
    let world = World::start().await;
    let pointer = async |body: Value, code: &str| {
        let refused = problem(&world.post("/v1/parse", &body).await, 422, code);
        refused["errors"][0].clone()
    };
    assert_eq!(pointer(json!({"url": "http://a.example/"}), "validation_failed").await["pointer"], "");
    let unknown = pointer(json!({"html": "a", "timeout_ms": 5_000}), "validation_failed").await;
    assert_eq!(unknown, json!({"pointer": "/timeout_ms", "detail": "unknown field `timeout_ms`"}));
    assert_eq!(pointer(json!({"html": "a", "text": "a"}), "validation_failed").await["pointer"], "/text");
    let image = json!({"text": "a", "content_type": "image/png"});
    let refused = pointer(image, "validation_failed").await;
    assert_eq!(refused["pointer"], "/content_type");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("image/png")), "{refused}");
    let shape = json!({"html": "a", "extract": {"a": "no such type"}});
    assert_eq!(pointer(shape, "schema_invalid").await["pointer"], "/extract/a");
}

#[tokio::test]
async fn a_key_without_the_scope_may_not_and_credits_are_charged() {
    let world = World::start().await;
    let reader = world.server.create_key(&["stream:read"]);
    let body = json!({"html": "<p>a"});
    let refused =
        pagewire_testkit::http::post_json(world.server.address(), "/v1/parse", &reader, &body).await;
    let _ = problem(&refused, 403, "insufficient_scope");
    let used = async || world.get("/v1/usage").await.json();
    let before = used().await;
    parsed(&world, &body).await;
    assert_ne!(before, used().await);
}

#[tokio::test]
async fn a_body_of_many_megabytes_is_read_and_a_larger_one_is_refused() {
    let world = World::start().await;
    let text = "word ".repeat(4 << 20);
    let page = parsed(&world, &json!({"text": text, "formats": ["text"]})).await;
    assert_eq!(page["meta"]["bytes"], 20 << 20);
    let refused = world.post("/v1/parse", &json!({"text": "x".repeat(26 << 20)})).await;
    let _ = problem(&refused, 413, "body_too_large");
}
