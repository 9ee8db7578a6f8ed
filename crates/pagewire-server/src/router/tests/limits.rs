//! What a plan allows, how much of it is left, and what is answered beyond it.

use std::time::Duration;

use pagewire_engine::account::{CreditAllowance, Plan};
use pagewire_types::Scope;
use serde_json::Value;

use super::service::Service;

const A_STREAM: &str = "{\"urls\": [\"http://127.0.0.1/\"]}";

#[tokio::test]
async fn a_plan_of_so_many_a_second_lets_its_burst_through_and_says_when_to_come_back() {
    // The plans of the contract: 2 (+10 %), 50 (+25 %), 200 (+50 %).
    for (requests_per_s, burst_percent, at_once) in [(2, 10, 2), (50, 25, 62), (200, 50, 300)] {
        let plan = Plan { requests_per_s: Some(requests_per_s), burst_percent, ..Plan::UNLIMITED };
        let service = Service::with(plan).await;
        let key = service.key(&[Scope::Scrape]).await;
        let mut through = 0;
        let refused = loop {
            let answer = service.get("/v1/usage", &key).await;
            let policy = format!("\"default\";q={at_once};w=1");
            assert_eq!(answer.header("ratelimit-policy"), Some(policy.as_str()));
            assert!(answer.header("ratelimit").is_some_and(|left| left.starts_with("\"default\";r=")));
            if answer.status() != 200 {
                break answer;
            }
            through += 1;
        };
        // More than the burst where the machine took its time: as many as the time allows again.
        assert!((at_once..at_once * 4).contains(&through), "{through} of {at_once}");
        assert_eq!(refused.header("ratelimit"), Some("\"default\";r=0;t=1"));
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.problem(429, "rate_limited").await["retryable"], true);
    }
}

#[tokio::test]
async fn the_limits_are_the_workspaces_and_not_the_keys() {
    let plan = Plan { requests_per_s: Some(1), ..Plan::UNLIMITED };
    let service = Service::with(plan).await;
    let (one, two) = (service.key(&[Scope::Scrape]).await, service.key(&[Scope::Scrape]).await);
    assert_eq!(service.get("/v1/usage", &one).await.status(), 200);
    let _ = service.get("/v1/usage", &two).await.problem(429, "rate_limited").await;
}

#[tokio::test]
async fn a_plan_without_limits_says_so() {
    let service = Service::start().await;
    let key = service.key(&[Scope::Scrape]).await;
    let answer = service.get("/v1/usage", &key).await;
    assert_eq!(answer.header("ratelimit-policy"), Some("\"unlimited\""));
    assert_eq!(answer.header("pagewire-concurrent-cap"), Some("unlimited"));
    assert_eq!(answer.header("pagewire-concurrent-used"), Some("0"));
}

#[tokio::test]
async fn more_streams_than_the_plan_allows_are_refused_until_one_ends() {
    let plan = Plan { connections_max: Some(1), ..Plan::UNLIMITED };
    let service = Service::with(plan).await;
    let key = service.key(&[Scope::StreamWrite]).await;
    let first = service.post("/v1/stream", &key, A_STREAM).await;
    assert_eq!((first.status(), first.header("pagewire-concurrent-used")), (200, Some("1")));
    let second = service.post("/v1/stream", &key, A_STREAM).await;
    assert_eq!(second.header("pagewire-concurrent-cap"), Some("1"));
    let problem = second.problem(429, "too_many_connections").await;
    assert!(problem["retry_after_s"].as_u64().is_some_and(|seconds| seconds > 0), "{problem}");
    drop(first);
    let mut status = 429;
    for _ in 0..500 {
        status = service.post("/v1/stream", &key, A_STREAM).await.status();
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(status, 200, "the place of a stream that was dropped is not given back");
}

#[tokio::test]
async fn a_workspace_without_credits_starts_nothing_but_may_look() {
    let plan = Plan { credits: CreditAllowance::InAll(0), ..Plan::UNLIMITED };
    let service = Service::with(plan).await;
    let key = service.key(&[Scope::Scrape, Scope::StreamWrite]).await;
    let scrape = service.post("/v1/scrape", &key, "{\"url\": \"http://127.0.0.1/\"}").await;
    let _ = scrape.problem(402, "credits_exhausted").await;
    let _ = service.post("/v1/stream", &key, A_STREAM).await.problem(402, "credits_exhausted").await;
    let usage: Value = service.get("/v1/usage", &key).await.json().await;
    assert_eq!((&usage["credits"]["balance"], &usage["credits"]["period"]), (&0.into(), &"in_all".into()));
}

#[tokio::test]
async fn a_server_that_drains_is_not_ready_and_takes_nothing() {
    let service = Service::start().await;
    let key = service.key(&[Scope::Scrape, Scope::StreamWrite]).await;
    assert_eq!(service.get("/readyz", "").await.status(), 200);
    service.engine().draining().cancel();
    assert_eq!(service.get("/healthz", "").await.status(), 200, "it lives");
    let _ = service.get("/readyz", "").await.problem(503, "draining").await;
    let scrape = service.post("/v1/scrape", &key, "{\"url\": \"http://127.0.0.1/\"}").await;
    assert!(scrape.header("retry-after").is_some());
    let _ = scrape.problem(503, "draining").await;
    let _ = service.post("/v1/stream", &key, A_STREAM).await.problem(503, "draining").await;
}
