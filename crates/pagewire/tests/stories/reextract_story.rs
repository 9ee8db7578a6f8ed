//! Archived pages read anew: whatever became of them at first, of whatever job, by whomever it is asked and how often.

use std::collections::BTreeMap;

use pagewire_testkit::http::{Response, post_json};
use serde_json::{Value, json};

use crate::job_world::lines;
use crate::render_story::{put_shell, with_browser};
use crate::world::{World, problem};

const SCOPES: &[&str] = &["jobs:read", "jobs:write"];

impl World {
    async fn reextract_with_key(&self, id: &str, key: &str, body: &Value) -> Response {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let body = body.to_string();
        self.send("POST", &format!("/v1/jobs/{id}/reextract"), &headers, body.as_bytes()).await
    }

    /// The job that reads another anew, once it has ended.
    async fn read_anew(&self, id: &str, body: &Value) -> Value {
        let answer = self.post(&format!("/v1/jobs/{id}/reextract"), body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        self.ended(answer.json()["id"].as_str().expect("an id")).await
    }

    /// A job's records, by the place of their URLs.
    async fn by_place(&self, job: &Value) -> BTreeMap<u64, Value> {
        let index = |record: &Value| record["meta"]["index"].as_u64().or(record["index"].as_u64());
        let records = lines(&self.follow(&job["download_url"], "GET", &[]).await);
        records.into_iter().map(|record| (index(&record).expect("an index"), record)).collect()
    }
}

#[tokio::test]
async fn what_was_no_page_at_first_is_none_when_it_is_read_anew() {
    let world = World::of_jobs().await;
    let wall = "<title>Just a moment...</title><script>window._cf_chl_opt={cType:'managed'}</script>";
    world.origin.set_page("/wall", 403, "text/html", wall);
    let captcha = "<title>Are you a robot?</title><form><div class=g-recaptcha data-sitekey=x></div></form>";
    world.origin.set_page("/captcha", 200, "text/html", captcha);
    let paths =
        ["/wall", "/captcha", "/status/404", "/status/503", "/short-body", "/bad-gzip", "/loop", "/p/7"];
    let urls = paths.map(|path| world.origin.url(path));
    let body =
        json!({"urls": urls, "defaults": {"formats": ["warc"], "retry": {"max": 0}, "robots": "ignore"}});
    let id = world.submit(&body).await;
    let job = world.ended(&id).await;
    assert_eq!(job["urls_errored"], json!(7), "{job}");
    let first = world.by_place(&job).await;
    let again = world.read_anew(&id, &json!({"formats": ["text"]})).await;
    assert_eq!((&again["urls_total"], &again["urls_errored"]), (&json!(8), &json!(7)), "{again}");
    let second = world.by_place(&again).await;
    for (index, record) in &first {
        for field in ["url", "code", "http_status", "retryable", "error"] {
            assert_eq!(second[index][field], record[field], "{field} of {}", record["url"]);
        }
    }
    assert_eq!(
        (&first[&0]["code"], &first[&1]["code"]),
        (&json!("blocked_by_target"), &json!("blocked_by_target"))
    );
    assert!(second[&7]["data"]["text"].as_str().is_some_and(|text| text.contains("Product 7")));
}

#[tokio::test]
async fn a_page_that_a_browser_showed_is_archived_as_it_was_shown_and_read_anew_as_that() {
    let mut world = World::with_config(&with_browser("")).await;
    world.key = world.server.create_key(SCOPES);
    let shell = put_shell(&world.origin, "/shop");
    let gone =
        "<title>Gone</title><div id=root></div><script>root.textContent = 'Nothing here any more.'</script>";
    world.origin.set_page("/gone", 404, "text/html", gone);
    let body = json!({
        "urls": [
            shell,
            world.origin.url("/gone"),
            {"url": world.origin.url("/shop"), "render": "auto"},
            {"url": world.origin.url("/p/3"), "render": "auto"},
        ],
        "defaults": {"formats": ["text", "warc"], "render": true, "retry": {"max": 0}, "robots": "ignore"},
    });
    let id = world.submit(&body).await;
    let job = world.ended(&id).await;
    let first = world.by_place(&job).await;
    let text = |record: &Value| record["data"]["text"].as_str().unwrap_or_default().to_owned();
    assert!(text(&first[&0]).contains("Lamp 20") && text(&first[&2]).contains("Lamp 20"), "{first:?}");

    let again = world.read_anew(&id, &json!({"formats": ["text"]})).await;
    let second = world.by_place(&again).await;
    for (index, record) in &first {
        let anew = &second[index];
        for field in ["url", "final_url", "http_status", "code"] {
            assert_eq!(anew[field], record[field], "{field} of {index}: {anew}");
        }
        assert_eq!(text(anew), text(record), "{index}");
        for field in ["rendered", "title", "charset"] {
            assert_eq!(anew["meta"][field], record["meta"][field], "{field} of {index}");
        }
    }
}

#[tokio::test]
async fn a_cancelled_job_is_read_anew_as_far_as_it_came() {
    let world = World::of_jobs().await;
    let mut urls: Vec<String> = (1..=8).map(|n| world.origin.url(&format!("/p/{n}"))).collect();
    urls.extend((0..40).map(|n| world.origin.url(&format!("/hang?{n}"))));
    let defaults = json!({"formats": ["warc"], "timeout_ms": 1_000, "retry": {"max": 0}, "robots": "ignore"});
    let id = world.submit(&json!({"urls": urls, "concurrency": 9, "defaults": defaults})).await;
    assert!(world.origin.wait_for_hits(|hits| hits >= 9).await);
    assert_eq!(world.send("DELETE", &format!("/v1/jobs/{id}"), &[], b"").await.status, 202);
    let job = world.ended(&id).await;
    assert_eq!(job["status"], "cancelled", "{job}");
    assert!(job["urls_done"].as_u64() < job["urls_total"].as_u64(), "{job}");
    let again = world.read_anew(&id, &json!({"formats": ["text"]})).await;
    assert_eq!(
        (&again["status"], &again["urls_total"], &again["urls_done"], &again["urls_errored"]),
        (&json!("completed"), &job["urls_done"], &job["urls_done"], &job["urls_errored"]),
        "{again}"
    );
}

#[tokio::test]
async fn an_archive_that_is_not_whole_any_more_fails_the_job_that_reads_it() {
    let mut world = World::of_jobs().await;
    let urls: Vec<String> = (1..=8).map(|n| world.origin.url(&format!("/p/{n}"))).collect();
    let id = world.submit(&json!({"urls": urls, "defaults": {"formats": ["warc"]}})).await;
    world.ended(&id).await;
    let run = id.strip_prefix("job_").expect("an id");
    std::fs::remove_dir_all(world.server.data_dir().join("journals/runs").join(run)).expect("removed");
    world.server.restart().await;
    let again = world.read_anew(&id, &json!({"formats": ["text"]})).await;
    assert_eq!(again["status"], "failed", "{again}");
    assert!(again["error"].as_str().is_some_and(|why| why.contains("archive")), "{again}");
}

#[tokio::test]
async fn a_repeated_request_makes_one_job_and_other_words_under_its_key_are_a_conflict() {
    let world = World::of_jobs().await;
    let defaults = json!({"formats": ["warc"]});
    let id = world.submit(&json!({"urls": [world.origin.url("/p/1")], "defaults": defaults})).await;
    let other = world.submit(&json!({"urls": [world.origin.url("/p/2")], "defaults": defaults})).await;
    world.ended(&id).await;
    world.ended(&other).await;
    let body = json!({"formats": ["text"]});
    let first = world.reextract_with_key(&id, "once", &body).await;
    let second = world.reextract_with_key(&id, "once", &body).await;
    assert_eq!((first.status, second.status), (202, 202), "{}", second.text());
    assert_eq!(first.text(), second.text());
    problem(
        &world.reextract_with_key(&id, "once", &json!({"formats": ["links"]})).await,
        409,
        "idempotency_conflict",
    );
    problem(&world.reextract_with_key(&other, "once", &body).await, 409, "idempotency_conflict");
    let jobs = world.get("/v1/jobs").await.json();
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(3), "{jobs}");
}

#[tokio::test]
async fn only_who_may_make_jobs_in_the_mode_and_the_workspace_of_a_job_may_have_it_read_anew() {
    let world = World::of_jobs().await;
    let id =
        world.submit(&json!({"urls": [world.origin.url("/p/1")], "defaults": {"formats": ["warc"]}})).await;
    world.ended(&id).await;
    let path = format!("/v1/jobs/{id}/reextract");
    for (key, status, code) in [
        (world.server.create_key(&["jobs:read"]), 403, "insufficient_scope"),
        (world.server.create_key_with(SCOPES, &["--workspace", "other"]), 404, "not_found"),
        (world.server.create_key_with(SCOPES, &["--sandbox"]), 404, "not_found"),
    ] {
        let answer = post_json(world.server.address(), &path, &key, &json!({})).await;
        problem(&answer, status, code);
    }
}

#[tokio::test]
async fn what_only_a_fetch_can_give_is_refused() {
    let mut world = World::with_config(&with_browser("")).await;
    world.key = world.server.create_key(SCOPES);
    let id =
        world.submit(&json!({"urls": [world.origin.url("/p/1")], "defaults": {"formats": ["warc"]}})).await;
    world.ended(&id).await;
    for (body, pointer) in [
        (json!({"formats": ["screenshot"]}), "/formats"),
        (json!({"render": true}), "/render"),
        (json!({"actions": []}), "/actions"),
        (json!({"proxy_type": "mobile"}), "/proxy_type"),
        (json!({"max_age_s": 5}), "/max_age_s"),
    ] {
        let answer = world.post(&format!("/v1/jobs/{id}/reextract"), &body).await;
        assert_eq!(problem(&answer, 422, "validation_failed")["errors"][0]["pointer"], pointer, "{body}");
    }
}
