//! What is wrong with a request is said at once, by name, and nothing is fetched or changed.

use pagewire_testkit::{binary::Options, http};
use serde_json::{Value, json};

use crate::world::{EXE, World, named, problem};

/// The pointers of a problem's `errors`.
fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"]
        .as_array()
        .map(|errors| errors.iter().filter_map(|error| error["pointer"].as_str()).collect())
        .unwrap_or_default()
}

async fn post_text(world: &World, text: &[u8]) -> http::Response {
    let bearer = format!("Bearer {}", world.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    http::request(world.server.address(), "POST", "/v1/stream", &headers, text).await
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let world = World::start().await;
    for text in ["", "{", "{\"urls\": [\"http://a/\"],}", "nonsense", "{\"urls\": [\"\\ud800\"]}", "[1,"] {
        let _ = problem(&post_text(&world, text.as_bytes()).await, 400, "invalid_json");
    }
    let _ = problem(&post_text(&world, b"{\"urls\": [\"http://a/\xff\"]}").await, 400, "invalid_json");
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let _ = problem(&post_text(&world, deep.as_bytes()).await, 400, "invalid_json");
    assert_eq!(world.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn json_that_is_no_object_is_refused() {
    let world = World::start().await;
    for text in ["[]", "7", "null", "\"http://a/\""] {
        let _ = problem(&post_text(&world, text.as_bytes()).await, 422, "validation_failed");
    }
}

#[tokio::test]
async fn unknown_fields_are_named() {
    let world = World::start().await;
    let url = world.origin.url("/p/1");
    let body =
        json!({"urls": [{"url": url, "colour": "red"}], "concurency": 3, "retry": {"max": 1, "tries": 2}});
    let problem = problem(&world.post("/v1/stream", &body).await, 422, "validation_failed");
    let mut named = pointers(&problem);
    named.sort_unstable();
    assert_eq!(named, ["/concurency", "/retry/tries", "/urls/0/colour"], "{problem}");
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn a_stream_has_between_one_url_and_ten_thousand() {
    let world = World::start().await;
    let none = problem(&world.post("/v1/stream", &json!({"urls": []})).await, 422, "validation_failed");
    assert_eq!(pointers(&none), ["/urls"]);
    let missing = problem(&world.post("/v1/stream", &json!({})).await, 422, "validation_failed");
    assert_eq!(pointers(&missing), ["/urls"]);
    let urls = vec![world.origin.url("/p/1"); 10_001];
    let _ = problem(&world.post("/v1/stream", &json!({"urls": urls})).await, 413, "too_many_urls");
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn values_out_of_range_are_named() {
    let world = World::start().await;
    let url = world.origin.url("/p/1");
    for (field, value) in [
        ("concurrency", json!(0)),
        ("concurrency", json!(101)),
        ("concurrency", json!(-1)),
        ("concurrency", json!(1.5)),
        ("concurrency", json!("16")),
        ("timeout_ms", json!(999)),
        ("timeout_ms", json!(120_001)),
        ("max_age_s", json!(-1)),
        ("robots", json!("perhaps")),
        ("formats", json!("raw_html")),
        ("proxy_type", json!("spaceship")),
        ("country", json!("Sweden")),
        ("headers", json!({"Host": "other"})),
        ("headers", json!({"X-A": "a\r\nX-B: b"})),
        ("headers", json!({"Transfer-Encoding": "chunked"})),
        ("retry", json!({"max": 6})),
    ] {
        let mut body = json!({"urls": [url]});
        body[field] = value.clone();
        let problem = problem(&world.post("/v1/stream", &body).await, 422, "validation_failed");
        let pointer = format!("/{field}");
        assert!(pointers(&problem).iter().any(|at| at.starts_with(&pointer)), "{field} {value}: {problem}");
    }
    let long = json!({"urls": [{"url": url, "custom_id": "x".repeat(257)}]});
    let problem_of_id = problem(&world.post("/v1/stream", &long).await, 422, "validation_failed");
    assert_eq!(pointers(&problem_of_id), ["/urls/0/custom_id"]);
    let large = json!({"urls": [{"url": url, "metadata": {"x": "x".repeat(4_096)}}]});
    let problem_of_metadata = problem(&world.post("/v1/stream", &large).await, 422, "validation_failed");
    assert_eq!(pointers(&problem_of_metadata), ["/urls/0/metadata"]);
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn urls_that_nobody_could_fetch_are_refused() {
    let world = World::start().await;
    for url in [
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "gopher://example.com/",
        "http://user:password@example.com/",
        "http://user@example.com/",
        "http://",
        "example.com",
        "//example.com/",
        "",
        "http://exa mple.com/",
        "http://256.256.256.256/",
    ] {
        let answer = world.post("/v1/stream", &json!({"urls": [world.origin.url("/p/1"), url]})).await;
        let problem = problem(&answer, 400, "invalid_url");
        assert_eq!(pointers(&problem), ["/urls/1"], "{url}: {problem}");
    }
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn private_addresses_are_blocked_in_every_spelling() {
    let world = World::with(Options::new(EXE).guarded()).await;
    let port = world.origin.address().port();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.100.100.200",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "metadata.google.internal",
        "224.0.0.1",
        "255.255.255.255",
        "%31%32%37.0.0.1",
        "①②⑦.⓪.⓪.①",
    ];
    let urls: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}/p/1")).collect();
    let frames = world.read(&json!({"urls": urls, "timeout_ms": 5_000, "formats": ["metadata"]})).await;
    assert!(named(&frames, "page").is_empty());
    let errors = named(&frames, "error");
    assert_eq!(errors.len(), hosts.len());
    for error in errors {
        let error = error.json();
        assert_eq!(error["code"], "blocked_target", "{error}");
    }
    assert_eq!((world.origin.hits(), world.origin.connections()), (0, 0));
}

#[tokio::test]
async fn a_body_over_its_cap_is_refused_before_it_is_read() {
    let world = World::start().await;
    let body = vec![b' '; (25 << 20) + 1];
    let _ = problem(&post_text(&world, &body).await, 413, "body_too_large");
    assert!(world.server.peak_rss_kib() < 150 << 10);
}

#[tokio::test]
async fn an_extraction_that_cannot_work_is_refused() {
    let world = World::start().await;
    let url = world.origin.url("/p/1");
    for (extract, pointer) in [
        (json!({"name": {"css": "p[["}}), "/extract/name/css"),
        (json!({"name": {"xpath": "//p["}}), "/extract/name/xpath"),
        (json!({"name": 7}), "/extract/name"),
        (json!({"offers": [{"price": "nubmer"}]}), "/extract/offers/0/price"),
        (json!({}), "/extract"),
    ] {
        for (path, body) in [
            ("/v1/stream", json!({"urls": [url], "extract": extract})),
            ("/v1/scrape", json!({"url": url, "extract": extract})),
        ] {
            let refused = problem(&world.post(path, &body).await, 422, "schema_invalid");
            assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
        }
    }
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let world = World::start().await;
    let url = world.origin.url("/p/1");
    let reader = world.server.create_key(&["stream:read"]);
    let body = json!({"urls": [url]});
    assert_eq!(http::post_json(world.server.address(), "/v1/stream", &reader, &body).await.status, 403);
    assert_eq!(post_text(&world, b"{\"urls\": [").await.status, 400);
    for refused in [
        json!({"urls": [url, "ftp://example.com/"]}),
        json!({"urls": [url], "concurrency": 101}),
        json!({"urls": [url], "colour": "red"}),
        json!({"urls": [url, {"url": url, "extract": {"name": {"css": "p[["}}}]}),
        json!({"urls": vec![&url; 10_001]}),
    ] {
        let answer = world.post("/v1/stream", &refused).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text());
        assert_eq!(answer.header("pagewire-stream-id"), None);
    }
    let runs = std::fs::read_dir(world.server.data_dir().join("journals/runs"));
    assert_eq!(runs.map_or(0, Iterator::count), 0, "a run was made of a request that was refused");
    assert_eq!((world.origin.hits(), world.origin.connections()), (0, 0));
    let usage = world.get("/v1/usage").await.json();
    assert_eq!((&usage["credits"]["used"], &usage["connections"]["used"]), (&json!(0), &json!(0)));
    let frames = world.read(&body).await;
    assert_eq!(named(&frames, "page").len(), 1, "and what is sound is taken as before");
}
