//! The process is killed, as a power cut would, again and again while it works on a job: at whatever moment, the file that
//! the job leaves behind has each URL exactly once, and its webhook is told under one name.

use std::collections::BTreeSet;
use std::time::Duration;

use pagewire_testkit::receiver::{Answer, Received, Receiver};
use serde_json::{Value, json};

use crate::job_world::lines;
use crate::world::{Dice, World};

const URLS: usize = 20_000;
/// Kills while pages are fetched and committed; kills after the last page was asked for, in the last commits, while the file
/// is made, while the end is stored; and kills while the webhook is told.
const KILLS: (u64, u64, usize) = (16, 8, 6);
/// So that it is told again soon after a kill.
const IMPATIENT: &str = "[webhooks]\nretry_delays_s = [0, 0, 0, 0, 0, 0, 0]\n";
/// Every so many URLs, one that is not there.
const MISSING_EVERY: usize = 100;

#[tokio::test]
async fn slow_thirty_kills_in_a_job_leave_each_url_once_in_its_file() {
    let seed = std::env::var("PAGEWIRE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261);
    let mut dice = Dice::of(seed);
    let mut world = World::with_config(IMPATIENT).await;
    world.key = world.server.create_key(&["jobs:read", "jobs:write", "stream:write"]);
    let receiver = Receiver::start().await;
    // It hangs up on the server once for each kill, and then takes what it is sent.
    receiver.answer(std::iter::repeat_n(Answer::Silence, KILLS.2).chain([Answer::Status(200)]));
    let list: Vec<String> = (0..URLS)
        .map(|n| {
            world.origin.url(&if n % MISSING_EVERY == 0 {
                format!("/status/404?{n}")
            } else {
                format!("/slow/{}?{n}", n % 7)
            })
        })
        .map(|url| json!(url).to_string())
        .collect();
    let kept = world.upload("/v1/uploads", "application/x-ndjson", list.join("\n").as_bytes()).await.json();
    let body = json!({
        "input": {"upload_id": kept["upload_id"]},
        "concurrency": 32,
        "webhook": {"url": receiver.url("/hook"), "events": ["job.completed"]},
        "defaults": {"formats": ["metadata"], "robots": "ignore", "retry": {"max": 0}}
    });
    let id = world.submit(&body).await;

    let mut moments: Vec<u64> = (0..KILLS.0).map(|_| dice.below(URLS as u64)).collect();
    moments.sort_unstable();
    for hits in moments {
        assert!(world.origin.wait_for_hits(|seen| seen >= hits).await, "{hits} (seed {seed})");
        tokio::time::sleep(Duration::from_micros(dice.below(20_000))).await;
        world.server.restart().await;
    }
    assert!(world.origin.wait_for_hits(|seen| seen >= URLS as u64).await, "seed {seed}");
    let mut in_the_end = 0;
    for _ in 0..KILLS.1 {
        tokio::time::sleep(Duration::from_micros(dice.below(150_000))).await;
        in_the_end += u32::from(world.job(&id).await["status"] == "running");
        world.server.restart().await;
    }
    for told in 1..=KILLS.2 {
        receiver.wait_for(told).await;
        world.server.restart().await;
    }
    println!("{in_the_end} kills fell between the last request and the end (seed {seed})");

    let job = world.ended(&id).await;
    let missing = URLS.div_ceil(MISSING_EVERY);
    assert_eq!(
        (&job["status"], &job["urls_done"], &job["urls_errored"], &job["credits_used"]),
        (&json!("completed"), &json!(URLS), &json!(missing), &json!(URLS - missing)),
        "seed {seed}: {job}"
    );
    let records = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    let mut indexes: Vec<u64> = records.iter().map(index).collect();
    indexes.sort_unstable();
    assert!(indexes.iter().copied().eq(0..URLS as u64), "seed {seed}: each once");
    assert_eq!(records.iter().filter(|record| record["status"] == "error").count(), missing, "seed {seed}");
    assert_eq!(job["files"][0]["rows"], json!(URLS));
    let told = receiver.wait_for(KILLS.2 + 1).await;
    let names: BTreeSet<&str> = told.iter().map(Received::id).collect();
    assert_eq!(names.len(), 1, "seed {seed}: {told:?}");
    assert_eq!(told[KILLS.2].json()["data"]["job_id"], json!(id), "seed {seed}");
}

fn index(record: &Value) -> u64 {
    record["meta"]["index"].as_u64().or(record["index"].as_u64()).expect("an index")
}
