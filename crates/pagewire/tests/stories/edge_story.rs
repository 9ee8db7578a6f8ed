//! The edge: what is no API is answered like the API, limits say themselves, and the server goes when it is asked to.

use std::time::{Duration, Instant};

use pagewire_testkit::http;
use pagewire_types::{ProblemCode, TargetErrorCode};
use serde_json::json;

use crate::world::{World, light, problem, stream_id};

#[tokio::test]
async fn what_is_not_there_is_a_problem_with_a_trace() {
    let world = World::start().await;
    let address = world.server.address();
    for path in ["/", "/v1", "/v1/nothing", "/v2/scrape", "/v1/stream/", "/%ff", "/../etc/passwd"] {
        let _ = problem(&http::get(address, path, Some(&world.key)).await, 404, "not_found");
    }
    let answer = http::request(address, "PUT", "/v1/scrape", &[], b"").await;
    let _ = problem(&answer, 405, "method_not_allowed");
    assert!(answer.header("allow").is_some_and(|value| value.contains("POST")));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_not_read() {
    let world = World::start().await;
    let bearer = format!("Bearer {}", world.key);
    let mut sent = vec![("authorization", bearer.as_str()), ("content-type", "text/plain")];
    let answer = http::request(world.server.address(), "POST", "/v1/scrape", &sent, b"{}").await;
    let _ = problem(&answer, 415, "unsupported_media_type");
    sent[1].1 = "application/json; charset=utf-8";
    let body = json!({"url": world.origin.url("/p/1"), "formats": ["metadata"]}).to_string();
    let answer = http::request(world.server.address(), "POST", "/v1/scrape", &sent, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn health_readiness_metrics_and_documents_need_no_key() {
    let world = World::start().await;
    let _ = world.read(&light(&[world.origin.url("/p/1")], 1)).await;
    let address = world.server.address();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(http::get(address, path, None).await.status, 200, "{path}");
    }
    let metrics = http::get(address, "/metrics", None).await;
    assert_eq!(metrics.status, 200);
    let text = metrics.text();
    assert!(text.contains("# TYPE pagewire_"), "{text}");
    assert!(!text.contains("127.0.0.1:"), "no target's name stands in a metric");
    let openapi = http::get(address, "/openapi.json", None).await.json();
    assert!(openapi["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{openapi}");
    for path in ["/v1/scrape", "/v1/stream", "/v1/stream/{id}"] {
        assert!(openapi["paths"][path].is_object(), "{path} is not described");
    }
    let docs = http::get(address, "/docs", None).await;
    assert_eq!(docs.status, 200);
    assert!(docs.header("content-type").is_some_and(|value| value.starts_with("text/html")));
    let page = docs.text();
    for outside in ["src=\"http", "src=\"//", "href=\"//", "@import", "<link rel=\"stylesheet\" href=\"http"]
    {
        assert!(!page.contains(outside), "the page asks the internet: {outside}");
    }
}

#[tokio::test]
async fn every_error_code_has_its_page() {
    let world = World::start().await;
    let refused = problem(&http::get(world.server.address(), "/v1/nothing", None).await, 404, "not_found");
    let url = refused["type"].as_str().expect("a URL");
    let path = url.strip_prefix(&world.server.base_url()).unwrap_or(url);
    let page = http::get(world.server.address(), path, None).await;
    assert_eq!(page.status, 200, "{path}");
    assert!(page.text().contains("not_found"));
    let codes = ProblemCode::ALL.iter().map(|code| code.as_str());
    for code in codes.chain(TargetErrorCode::ALL.iter().map(|code| code.as_str())) {
        let page = http::get(world.server.address(), &format!("/docs/errors/{code}"), None).await;
        assert_eq!(page.status, 200, "{code}");
        assert!(page.text().contains(code), "{code}");
    }
    let unknown = http::get(world.server.address(), "/docs/errors/nothing", None).await;
    let _ = problem(&unknown, 404, "not_found");
}

#[tokio::test]
async fn every_answer_has_a_trace_of_its_own() {
    let world = World::start().await;
    let (one, two) = (world.get("/healthz").await, world.get("/healthz").await);
    assert!(one.header("x-trace-id").is_some_and(|trace| trace.len() >= 16));
    assert_ne!(one.header("x-trace-id"), two.header("x-trace-id"));
    assert_eq!(one.header("x-request-id"), one.header("x-trace-id"));
}

#[tokio::test]
async fn a_rate_limit_says_itself_and_when_to_come_back() {
    let world = World::with_config("[plans.enterprise]\nrequests_per_s = 2\n").await;
    let body = json!({"url": world.origin.url("/p/1"), "formats": ["metadata"]});
    let mut limited = None;
    for _ in 0..40 {
        let answer = world.post("/v1/scrape", &body).await;
        assert!(answer.header("ratelimit").is_some() && answer.header("ratelimit-policy").is_some());
        if answer.status != 200 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("two a second are not forty at once");
    let refused = problem(&limited, 429, "rate_limited");
    assert_eq!(refused["retryable"], true);
    let seconds: u64 = limited.header("retry-after").expect("a time").parse().expect("seconds");
    assert_eq!(refused["retry_after_s"], seconds);
    assert!((1..=5).contains(&seconds));
}

#[tokio::test]
async fn a_workspace_is_held_to_the_plan_that_it_was_put_on() {
    let world = World::with_config("[workspaces]\nsmall = \"free\"\n").await;
    let small = world.server.create_key_with(&["scrape", "stream:write"], &["--workspace", "small"]);
    let address = world.server.address();
    let usage = http::get(address, "/v1/usage", Some(&small)).await;
    assert_eq!(usage.header("ratelimit-policy"), Some("\"default\";q=2;w=1"));
    assert_eq!(usage.header("pagewire-concurrent-cap"), Some("2"));
    let usage = usage.json();
    assert_eq!((&usage["plan"], &usage["credits"]["allowance"]), (&json!("free"), &json!(1_000)));
    let mut limited = None;
    for _ in 0..40 {
        let answer = http::get(address, "/v1/usage", Some(&small)).await;
        if answer.status != 200 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("two a second are not forty at once");
    let _ = problem(&limited, 429, "rate_limited");
    assert_eq!(limited.header("retry-after"), Some("1"));
    assert!(limited.header("ratelimit").is_some_and(|left| left.contains("r=0")));
    let usage = world.get("/v1/usage").await;
    assert_eq!(
        usage.header("ratelimit-policy"),
        Some("\"unlimited\""),
        "another workspace feels nothing of it"
    );
}

#[tokio::test]
async fn connections_at_once_have_a_cap_that_is_told() {
    let world = World::with_config("[plans.enterprise]\nconnections_max = 2\n").await;
    let body = light(&[world.origin.url("/hang")], 1);
    let first = world.stream(&body).open().await;
    assert_eq!(first.header("pagewire-concurrent-cap"), Some("2"));
    let second = world.stream(&body).open().await;
    assert_eq!(second.header("pagewire-concurrent-used"), Some("2"));
    let third = world.stream(&body).send().await.into_response().await;
    let _ = problem(&third, 429, "too_many_connections");
    assert!(third.header("retry-after").is_some());
    drop(first);
    let begun = Instant::now();
    loop {
        let again = world.stream(&body).send().await;
        if again.status() == 200 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "the place of a dropped stream is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn sigterm_closes_streams_cleanly_and_they_go_on_after_the_restart() {
    let mut world = World::start().await;
    let urls: Vec<String> = (0..200).map(|n| world.origin.url(&format!("/slow/20?{n}"))).collect();
    let mut reader = world.stream(&light(&urls, 4)).open().await;
    let id = stream_id(&reader);
    let mut ledger = pagewire_testkit::Ledger::new();
    ledger.enter(&reader.take_records(20).await);
    world.server.send_sigterm();
    let rest = reader.read_to_end().await; // the body ends as a body ends, between two frames
    assert!(rest.iter().all(|frame| frame.event != "end"), "it is not at its end");
    ledger.enter(&rest);
    let status = world.server.exit_status(Duration::from_secs(30)).await;
    assert_eq!(status.code(), Some(0), "{}", world.server.log());
    world.server.restart().await;
    ledger.enter(&world.resume(&id, ledger.last_id().as_deref()).open().await.read_to_end().await);
    ledger.assert_complete(200);
}

#[tokio::test]
async fn sigterm_does_not_wait_for_pages_that_hang() {
    let mut world = World::start().await;
    let mut reader = world.stream(&light(&[world.origin.url("/hang")], 1)).open().await;
    let _ = reader.next_item().await;
    let begun = Instant::now();
    let status = world.server.terminate(Duration::from_secs(30)).await;
    assert_eq!(status.code(), Some(0), "{}", world.server.log());
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let world = World::start().await;
    let answer = http::request(world.server.address(), "HEAD", "/healthz", &[], b"").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}
