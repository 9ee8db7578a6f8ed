//! A new job of what failed in an old one, and of nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pagewire_testkit::http::{self, Response};
use pagewire_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::job_world::lines;
use crate::webhook_story::{signed, text};
use crate::world::{Dice, World, problem};

impl World {
    async fn retry(&self, id: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.send("POST", &format!("/v1/jobs/{id}/retry"), headers, body).await
    }

    /// Retries a job, and gives the new one's id.
    async fn retried(&self, id: &str) -> String {
        let answer = self.retry(id, &[], b"").await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        let new = answer.json()["id"].as_str().expect("an id").to_owned();
        assert_ne!(new, id);
        assert_eq!(answer.header("location"), Some(format!("/v1/jobs/{new}").as_str()));
        new
    }

    /// The records of a job's file, by `custom_id`.
    async fn records(&self, job: &Value) -> BTreeMap<String, Value> {
        let records = lines(&self.follow(&job["download_url"], "GET", &[]).await);
        let by_id: BTreeMap<String, Value> = records
            .iter()
            .map(|record| (record["custom_id"].as_str().unwrap_or("none").to_owned(), record.clone()))
            .collect();
        assert_eq!(by_id.len(), records.len(), "each entry once");
        by_id
    }
}

/// A job that fails for a URL in so many.
fn failing(world: &World, urls: usize, one_in: usize) -> Value {
    let urls: Vec<Value> = (0..urls)
        .map(|n| {
            let path = if n % one_in == 0 { format!("/status/404?{n}") } else { format!("/p/{n}") };
            json!({"url": world.origin.url(&path), "custom_id": format!("row-{n}")})
        })
        .collect();
    json!({"urls": urls, "concurrency": 16, "defaults": {"formats": ["metadata"], "robots": "ignore"}})
}

#[tokio::test]
async fn a_retry_has_what_failed_with_its_overrides_and_nothing_else() {
    let world = World::of_jobs().await;
    // Over three chunks. Those that fail: some that fail once, some for good, one for its own time, one that is no URL.
    let list: Vec<String> = (0..1_300)
        .map(|n| {
            let entry = match n {
                7 | 499 | 500 | 1_299 => json!({"url": world.origin.url(&format!("/flaky/1/{n}")), "custom_id": format!("row-{n}"), "metadata": {"n": n}}),
                600 => json!({"url": world.origin.url("/slow/3000"), "custom_id": "row-600", "timeout": 1_000, "formats": ["text"]}),
                700 => json!("ftp://example.com/"),
                n if n % 400 == 1 => json!({"url": world.origin.url(&format!("/status/404?{n}")), "custom_id": format!("row-{n}")}),
                n => json!({"url": world.origin.url(&format!("/p/{n}")), "custom_id": format!("row-{n}")}),
            };
            entry.to_string()
        })
        .collect();
    let kept = world
        .upload("/v1/uploads?on_invalid=record", "application/x-ndjson", list.join("\n").as_bytes())
        .await
        .json();
    let first = world
        .submit(&json!({
            "name": "prices", "input": {"upload_id": kept["upload_id"]}, "concurrency": 32, "output": {"gzip": false},
            "defaults": {"formats": [], "extract": {"name": "string"}, "robots": "ignore", "retry": {"max": 0}},
        }))
        .await;
    let first = world.ended(&first).await;
    let failed = [1, 7, 401, 499, 500, 600, 700, 801, 1_201, 1_299];
    assert_eq!((&first["urls_done"], &first["urls_errored"]), (&json!(1_300), &json!(failed.len())));

    let hits = world.origin.hits();
    let second = world.retried(first["id"].as_str().expect("an id")).await;
    let second = world.ended(&second).await;
    assert_eq!(
        (&second["status"], &second["name"], &second["kind"], &second["urls_total"]),
        (&json!("completed"), &json!("prices"), &json!("job"), &json!(failed.len()))
    );
    assert_eq!(second["urls_errored"], 6, "what failed once did not fail again");
    assert_eq!(world.origin.hits() - hits, 9, "what had a page was not fetched again");
    let file = second["files"][0]["name"].as_str().expect("a name");
    assert!(file.starts_with(second["id"].as_str().expect("an id")), "{file}");
    let records = world.records(&second).await;
    let ids: Vec<String> = failed.iter().map(|n| format!("row-{n}").replace("row-700", "none")).collect();
    assert!(ids.iter().all(|id| records.contains_key(id)) && records.len() == ids.len(), "{records:?}");
    assert_eq!(records["row-1299"]["metadata"], json!({"n": 1_299}));
    assert!(records["row-7"]["data"]["name"].is_string(), "the job's parameters hold: {}", records["row-7"]);
    assert_eq!(records["row-600"]["code"], "timeout", "the entry's own parameters hold");
    assert_eq!(
        (&records["none"]["code"], &records["none"]["url"]),
        (&json!("invalid_url"), &json!("ftp://example.com/"))
    );

    let third = world.ended(&world.retried(second["id"].as_str().expect("an id")).await).await;
    assert_eq!(third["urls_total"], 6, "a retry is a job like any other");
}

#[tokio::test]
async fn what_failed_in_a_stream_is_retried_as_a_job() {
    let world = World::of_jobs().await;
    let urls: Vec<String> = (0..20)
        .map(|n| world.origin.url(&format!("/{}?{n}", if n < 3 { "status/404" } else { "p/1" })))
        .collect();
    let mut reader =
        world.stream(&json!({"urls": urls, "formats": ["metadata"], "robots": "ignore"})).open().await;
    let id = reader.header("pagewire-job-id").expect("a job's id").to_owned();
    reader.read_to_end().await;
    world.ended(&id).await;
    let job = world.ended(&world.retried(&id).await).await;
    assert_eq!(
        (&job["kind"], &job["urls_total"], &job["urls_errored"]),
        (&json!("job"), &json!(3), &json!(3))
    );
    let mut found: Vec<Value> = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    found.sort_by_key(|record| record["index"].as_u64());
    assert_eq!(found.iter().map(|record| record["url"].clone()).collect::<Vec<_>>(), urls[..3]);
}

#[tokio::test]
async fn the_end_of_a_retry_is_told_to_the_webhook_of_the_first_job() {
    let (world, receiver) = (World::of_jobs().await, Receiver::start().await);
    let mut body = failing(&world, 4, 2);
    body["webhook"] =
        json!({"url": receiver.url("/hook"), "events": ["job.completed"], "metadata": {"run": 7}});
    let taken = world.post("/v1/jobs", &body).await.json();
    let (first, secret) = (text(&taken["id"]), text(&taken["webhook"]["secret"]));
    world.ended(first).await;
    let answer = world.retry(first, &[], b"").await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert!(!answer.text().contains("whsec_"), "whoever may retry a job need not know its secret");
    let retried = answer.json();
    assert_ne!(retried["webhook"]["id"], taken["webhook"]["id"]);
    let told = receiver.wait_for(2).await;
    let jobs: BTreeSet<String> =
        told.iter().map(|delivery| text(&delivery.json()["data"]["job_id"]).to_owned()).collect();
    assert_eq!(jobs, BTreeSet::from([first.to_owned(), text(&retried["id"]).to_owned()]));
    for delivery in told {
        assert_eq!(delivery.header("webhook-signature"), signed(&delivery, secret));
        assert_eq!(delivery.json()["data"]["metadata"], json!({"run": 7}), "{}", delivery.json());
    }
}

#[tokio::test]
async fn what_cannot_be_retried_is_told_why() {
    let world = World::of_jobs().await;
    let slow: Vec<String> = (0..50).map(|n| world.origin.url(&format!("/slow/200?{n}"))).collect();
    let running =
        world.submit(&json!({"urls": slow, "concurrency": 2, "defaults": {"robots": "ignore"}})).await;
    problem(&world.retry(&running, &[], b"").await, 409, "job_not_finished");
    let good = world.submit(&json!({"urls": world.origin.product_urls(2)})).await;
    world.ended(&good).await;
    let told = problem(&world.retry(&good, &[], b"").await, 422, "validation_failed");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("nothing to retry")), "{told}");
    for id in ["x", "job_00000000000000000000000000000000"] {
        problem(&world.retry(id, &[], b"").await, 404, "not_found");
    }
    let bad = world.submit(&failing(&world, 3, 2)).await;
    world.ended(&bad).await;
    problem(&world.retry(&bad, &[], b"{\"urls\": []}").await, 422, "validation_failed");
    let stranger = world.server.create_key_with(&["jobs:write"], &["--workspace", "other"]);
    let reader = world.server.create_key(&["jobs:read"]);
    for (key, status, code) in [(stranger, 404, "not_found"), (reader, 403, "insufficient_scope")] {
        let bearer = format!("Bearer {key}");
        let path = format!("/v1/jobs/{bad}/retry");
        let headers = [("authorization", bearer.as_str())];
        let answer = http::request(world.server.address(), "POST", &path, &headers, b"").await;
        problem(&answer, status, code);
    }
    assert_eq!(world.get("/v1/jobs").await.json()["jobs"].as_array().expect("jobs").len(), 3);
    assert_eq!(world.retry(&bad, &[("content-type", "application/json")], b"{}").await.status, 202);
}

#[tokio::test]
async fn what_a_cancel_skipped_is_not_retried() {
    let world = World::of_jobs().await;
    let cancelled = async |first: &str| {
        let hits = world.origin.hits();
        let slow = (0..60).map(|n| world.origin.url(&format!("/slow/150?{first}{n}")));
        let urls: Vec<String> = [world.origin.url(first)].into_iter().chain(slow).collect();
        let body = json!({"urls": urls, "concurrency": 2, "defaults": {"formats": ["metadata"], "robots": "ignore"}});
        let id = world.submit(&body).await;
        assert!(world.origin.wait_for_hits(|seen| seen >= hits + 3).await);
        assert_eq!(world.send("DELETE", &format!("/v1/jobs/{id}"), &[], b"").await.status, 202);
        let job = world.ended(&id).await;
        assert!(job["status"] == "cancelled" && job["urls_done"].as_u64() < Some(61), "{job}");
        id
    };
    let one_failed = cancelled("/status/404").await;
    let job = world.ended(&world.retried(&one_failed).await).await;
    assert_eq!((&job["urls_total"], &job["urls_errored"]), (&json!(1), &json!(1)), "the one that failed");
    let none_failed = cancelled("/p/1").await;
    let told = problem(&world.retry(&none_failed, &[], b"").await, 422, "validation_failed");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("skipped")), "{told}");
}

#[tokio::test]
async fn a_retry_repeated_with_its_key_makes_one_job() {
    let world = World::of_jobs().await;
    let id = world.submit(&failing(&world, 10, 2)).await;
    let other = world.submit(&failing(&world, 10, 5)).await;
    for id in [&id, &other] {
        world.ended(id).await;
    }
    let key = [("idempotency-key", "again")];
    let (first, again) = (world.retry(&id, &key, b"").await, world.retry(&id, &key, b"").await);
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!((&first.body, first.header("location")), (&again.body, again.header("location")));
    problem(&world.retry(&other, &key, b"").await, 409, "idempotency_conflict");
    assert_eq!(world.get("/v1/jobs").await.json()["jobs"].as_array().expect("jobs").len(), 3);
    let uploads = std::fs::read_dir(world.server.data_dir().join("blobs/uploads")).expect("uploads").count();
    assert_eq!(uploads, 1, "a list that no job reads is not left behind");
}

#[tokio::test]
async fn a_retry_that_is_killed_in_the_middle_leaves_no_half_job() {
    let seed = std::env::var("PAGEWIRE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_262);
    let mut dice = Dice::of(seed);
    let mut world = World::of_jobs().await;
    let id = world.submit(&failing(&world, 240, 3)).await;
    world.ended(&id).await;
    let key = [("idempotency-key", "once")];
    let bearer = format!("Bearer {}", world.key);
    for _ in 0..8 {
        let (address, path) = (world.server.address(), format!("/v1/jobs/{id}/retry"));
        let headers = [("authorization", bearer.clone()), ("idempotency-key", "once".to_owned())];
        let asking = tokio::spawn(async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, text)| (*name, text.as_str())).collect();
            http::request(address, "POST", &path, &headers, b"").await
        });
        tokio::time::sleep(Duration::from_micros(dice.below(25_000))).await;
        world.server.kill_9();
        // It has had its answer, or its connection was cut.
        drop(asking.await);
        world.server.restart().await;
        let jobs = world.get("/v1/jobs").await.json()["jobs"].as_array().expect("jobs").clone();
        assert!(jobs.len() <= 2, "seed {seed}: {jobs:?}");
    }
    let answer = world.retry(&id, &key, b"").await;
    assert_eq!(answer.status, 202, "seed {seed}: {}", answer.text());
    let new = answer.json()["id"].as_str().expect("an id").to_owned();
    let job = world.ended(&new).await;
    assert_eq!((&job["status"], &job["urls_total"]), (&json!("completed"), &json!(80)), "seed {seed}");
    assert_eq!(world.records(&job).await.len(), 80, "seed {seed}");
    assert_eq!(world.get("/v1/jobs").await.json()["jobs"].as_array().expect("jobs").len(), 2, "seed {seed}");
}
