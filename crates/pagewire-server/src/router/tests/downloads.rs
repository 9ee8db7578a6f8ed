//! Links to files: what each is answered that is not good, or not any more.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagewire_engine::KeyMode;
use pagewire_engine::account::NewKey;
use pagewire_store::blob::signed::{Download, KeyRing};
use pagewire_types::Scope;
use serde_json::Value;

use super::service::{Service, new_key};

/// The job once it has completed.
async fn completed(service: &Service, key: &str) -> Value {
    let body = r#"{"urls": ["https://shop.example/products/1"], "defaults": {"formats": ["metadata"]}}"#;
    let taken = service.post("/v1/jobs", key, body).await.json().await;
    let path = format!("/v1/jobs/{}", taken["id"].as_str().expect("an id"));
    for _ in 0..2_000 {
        let job = service.get(&path, key).await.json().await;
        if job["status"] == "completed" {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the job does not end");
}

#[tokio::test]
async fn a_link_is_good_until_it_expires_and_says_so_then() {
    let service = Service::start().await;
    let new = new_key(&[Scope::JobsRead, Scope::JobsWrite]);
    let (_, key) = service.make_key(NewKey { mode: KeyMode::Test, ..new }).await;
    let job = completed(&service, &key).await;
    let link = job["download_url"].as_str().and_then(|url| url.strip_prefix("http://localhost"));
    let link = link.expect("a link to this server");
    let answer = service.get(link, "").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));

    let id = job["id"].as_str().expect("an id");
    let download = Download {
        object: format!("{id}.1"),
        workspace: "default".to_owned(),
        filename: format!("{id}.ndjson"),
    };
    let signed = |secret: u8, download: &Download, at: Timestamp| {
        let ring = KeyRing::new(&[("test", &[secret; 32])]).expect("a key");
        ring.sign(download, at, Duration::from_secs(60)).expect("signed")
    };
    let now = Timestamp::now();
    let earlier = now - SignedDuration::from_secs(61);
    assert_eq!(service.get(&signed(7, &download, now), "").await.status(), 200, "signed as the server does");
    let expired = signed(7, &download, earlier);
    let told = service.get(&expired, "").await.problem(410, "download_expired").await;
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("ask for the job again")), "{told}");
    let (path, query) = expired.split_once('?').expect("a query");
    let later = query.replace(&format!("exp={}", earlier.as_second() + 60), "exp=9999999999");
    assert_ne!(query, later);
    let other_part = Download { object: format!("{id}.2"), ..download.clone() };
    let other_workspace = Download { workspace: "other".to_owned(), ..download.clone() };
    for gone in [
        format!("{path}?{later}"),
        signed(8, &download, now),
        signed(7, &other_part, now),
        signed(7, &other_workspace, now),
        format!("/d/..%2f..%2fstate.db/a?{query}"),
        format!("/d/{id}.1/a%0d%0ab?{query}"),
        path.to_owned(),
    ] {
        let _ = service.get(&gone, "").await.problem(404, "not_found").await;
    }
}
