//! All jobs of a workspace on one stream: how they move, how each ends, and that who was away misses nothing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pagewire_testkit::binary::Options;
use pagewire_testkit::sse::{Item, StreamRequest};
use pagewire_testkit::{Frame, StreamReader};
use serde_json::{Value, json};

use crate::keys_story::revoke;
use crate::world::{Dice, EXE, World, problem};

/// The events of a job's end.
const ENDS: &[&str] = &["job:completed", "job:failed"];

impl World {
    fn events(&self, last_id: Option<&str>) -> StreamRequest {
        let request = StreamRequest::get(self.server.address(), "/v1/events", &self.key);
        match last_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        }
    }

    /// A job of so many pages, each of which takes some time.
    fn slow_job(&self, pages: usize, millis: u32, concurrency: u32) -> Value {
        let urls: Vec<String> =
            (0..pages).map(|n| self.origin.url(&format!("/slow/{millis}?{n}-{pages}"))).collect();
        json!({"urls": urls, "concurrency": concurrency, "defaults": {"formats": ["metadata"], "robots": "ignore"}})
    }
}

fn job_of(frame: &Frame) -> String {
    frame.json()["jobId"].as_str().expect("a job").to_owned()
}

fn id_of(frame: &Frame) -> u64 {
    frame.id.as_deref().and_then(|id| id.parse().ok()).expect("the end of a job has an id")
}

async fn next_end(reader: &mut StreamReader) -> Frame {
    reader.next_of(ENDS).await.expect("the stream never ends by itself")
}

#[tokio::test]
async fn the_jobs_of_a_workspace_are_watched_to_their_ends() {
    let world = World::of_jobs().await;
    let mut reader = world.events(None).open().await;
    let id = world.submit(&world.slow_job(60, 100, 2)).await;
    let progress = reader.next().await.expect("it moves");
    assert_eq!((progress.event.as_str(), &progress.id), ("job:progress", &None));
    let completed = progress.json()["completed"].as_u64().expect("a number");
    assert_eq!(
        progress.json(),
        json!({"jobId": id, "status": "processing", "completed": completed, "total": 60})
    );
    let mut last = completed;
    let end = loop {
        let frame = reader.next().await.expect("an event");
        if frame.event != "job:progress" {
            break frame;
        }
        let completed = frame.json()["completed"].as_u64().expect("a number");
        assert!(completed > last, "what has not moved is not told");
        last = completed;
    };
    assert_eq!(end.event, "job:completed");
    assert_eq!(
        end.json(),
        json!({"jobId": id, "status": "completed", "completed": 60, "total": 60, "creditsUsed": 60})
    );
    assert_eq!(world.job(&id).await["status"], "completed", "it is told when it is so");

    let cancelled = world.submit(&world.slow_job(500, 100, 2)).await;
    assert!(world.origin.wait_for_hits(|hits| hits >= 64).await);
    assert_eq!(world.send("DELETE", &format!("/v1/jobs/{cancelled}"), &[], b"").await.status, 202);
    let told = loop {
        let frame = reader.next().await.expect("an event");
        assert_eq!(job_of(&frame), cancelled, "nothing more is told of a job that has ended");
        if frame.event != "job:progress" {
            break frame;
        }
    };
    let job = world.job(&cancelled).await;
    assert_eq!(told.event, "job:completed");
    assert_eq!(
        told.json(),
        json!({"jobId": cancelled, "status": "cancelled", "completed": job["urls_done"], "total": 500, "creditsUsed": job["credits_used"]})
    );
    assert!(id_of(&told) > id_of(&end));
}

#[tokio::test]
async fn a_job_that_failed_says_why() {
    let world = World::of_jobs().await;
    let list = world.origin.product_urls(3).iter().map(|url| json!(url).to_string()).collect::<Vec<_>>();
    let kept = world.upload("/v1/uploads", "application/x-ndjson", list.join("\n").as_bytes()).await.json();
    let upload = kept["upload_id"].as_str().expect("an id");
    let blob = world.server.data_dir().join("blobs/uploads").join(upload);
    let stored = std::fs::read(&blob).expect("the list is kept");
    std::fs::write(&blob, vec![b'?'; stored.len()]).expect("it can be damaged");
    let mut reader = world.events(None).open().await;
    let id = world.submit(&json!({"input": {"upload_id": upload}})).await;
    let told = next_end(&mut reader).await;
    let job = world.job(&id).await;
    assert_eq!((told.event.as_str(), &job["status"]), ("job:failed", &json!("failed")));
    assert_eq!(told.json(), json!({"jobId": id, "error": job["error"]}));
    assert!(job["error"].as_str().is_some_and(|error| !error.is_empty()));
}

#[tokio::test]
async fn each_end_is_told_once_however_often_the_server_is_killed() {
    let seed = std::env::var("PAGEWIRE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261);
    let mut dice = Dice::of(seed);
    let mut world = World::of_jobs().await;
    let (mut jobs, mut told) = (BTreeSet::new(), Vec::<Frame>::new());
    for _ in 0..8 {
        for _ in 0..5 {
            let pages = usize::try_from(1 + dice.below(12)).expect("small");
            jobs.insert(world.submit(&world.slow_job(pages, 5, 4)).await);
        }
        let last = told.last().and_then(|frame| frame.id.clone()).unwrap_or_else(|| "0000".to_owned());
        let mut reader = world.events(Some(&last)).open().await;
        for _ in 0..dice.below(4) {
            told.push(next_end(&mut reader).await);
        }
        tokio::time::sleep(Duration::from_micros(dice.below(30_000))).await;
        world.server.kill_9();
        told.extend(reader.read_to_cut().await.into_iter().filter(|frame| frame.id.is_some()));
        world.server.restart().await;
    }
    let last = told.last().and_then(|frame| frame.id.clone());
    let mut reader = world.events(Some(last.as_deref().unwrap_or("0000"))).open().await;
    while told.len() < jobs.len() {
        told.push(next_end(&mut reader).await);
    }
    assert!(told.windows(2).all(|pair| id_of(&pair[0]) < id_of(&pair[1])), "seed {seed}: {told:?}");
    let ended: BTreeSet<String> = told.iter().map(job_of).collect();
    assert_eq!(ended, jobs, "seed {seed}: each job once, and none but these");
    assert!(told.iter().all(|frame| frame.json()["status"] == "completed"), "seed {seed}");

    let mut again = world.events(Some("0000")).open().await;
    let mut replayed = Vec::new();
    while replayed.len() < told.len() {
        replayed.push(next_end(&mut again).await);
    }
    assert_eq!(replayed, told, "seed {seed}: what was told stays as it was told");
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused() {
    let world = World::of_jobs().await;
    for id in ["abc", "-1", "1.5", "9999"] {
        let answer = world.events(Some(id)).send().await.into_response().await;
        problem(&answer, 400, "invalid_cursor");
    }
    problem(&world.get("/v1/events?since=1").await, 400, "invalid_filter");
    let reader = world.events(Some("0000")).header("accept", "application/x-ndjson").send().await;
    assert_eq!((reader.status(), reader.header("content-type")), (200, Some("application/x-ndjson")));
    assert_eq!(reader.header("cache-control"), Some("no-store, no-transform"));
}

#[tokio::test]
async fn a_reader_sees_the_jobs_of_its_own_workspace_and_mode_alone() {
    let mut world = World::of_jobs().await;
    let scopes = ["jobs:read", "jobs:write", "events:read"];
    let mine = world.key.clone();
    let sandbox = world.server.create_key_with(&scopes, &["--sandbox"]);
    let stranger = world.server.create_key_with(&scopes, &["--workspace", "other"]);
    let mut ended = Vec::new();
    for key in [&mine, &sandbox, &stranger] {
        world.key.clone_from(key);
        let id = world.submit(&json!({"urls": world.origin.product_urls(1)})).await;
        world.ended(&id).await;
        ended.push(id);
    }
    let answer = world.get("/v1/usage").await;
    assert_eq!(answer.status, 200);
    for (key, id) in [mine, sandbox, stranger].into_iter().zip(ended) {
        world.key = key;
        let mut reader = world.events(Some("0000")).open().await;
        assert_eq!(job_of(&next_end(&mut reader).await), id);
        // The next that is told is the next of its own.
        let next = world.submit(&json!({"urls": world.origin.product_urls(1)})).await;
        assert_eq!(job_of(&next_end(&mut reader).await), next);
    }
}

#[tokio::test]
async fn a_quiet_stream_is_pinged_and_ends_with_its_key() {
    let options = Options::new(EXE).config("[stream]\nping_s = 1\n");
    let mut world = World::with(options).await;
    let made = world.server.run(&["apikey", "create", "--name", "watcher", "--scopes", "events:read"]);
    world.key = String::from_utf8_lossy(&made.stdout).trim_end().to_owned();
    let mut reader = world.events(None).open().await;
    let mut pings = 0;
    while pings < 2 {
        match reader.next_item().await.expect("it goes on") {
            Item::Comment(text) => pings += usize::from(text == "ping"),
            other => panic!("{other:?}"),
        }
    }
    revoke(&world, "watcher");
    let begun = Instant::now();
    let mut last = None;
    while let Some(item) = reader.next_item().await {
        last = Some(item);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(matches!(&last, Some(Item::Comment(text)) if text.starts_with("error")), "{last:?}");
}

#[tokio::test]
async fn sigterm_ends_the_stream_with_a_hint_and_what_ended_meanwhile_is_told_after_it() {
    let mut world = World::of_jobs().await;
    let first = world.submit(&json!({"urls": world.origin.product_urls(1)})).await;
    let mut reader = world.events(Some("0000")).open().await;
    let told = next_end(&mut reader).await;
    assert_eq!(job_of(&told), first);
    let second = world.submit(&world.slow_job(20, 50, 2)).await;
    let status = world.server.terminate(Duration::from_secs(30)).await;
    assert!(status.success(), "{status}");
    let mut hints = 0;
    while let Some(item) = reader.next_item().await {
        hints += usize::from(matches!(item, Item::Retry(_)));
    }
    assert_eq!(hints, 1);
    world.server.restart().await;
    world.ended(&second).await;
    let mut reader = world.events(told.id.as_deref()).open().await;
    assert_eq!(job_of(&next_end(&mut reader).await), second);
}
