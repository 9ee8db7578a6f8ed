//! A disk that is full: what comes anew is refused with a time to come back, what was accepted waits for room, and nothing
//! is lost.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use pagewire_testkit::{DEADLINE, http, wait::quiet};
use serde_json::{Value, json};

use crate::job_world::lines;
use crate::world::{World, problem};

const DISK: &str = "size=64m";
const URLS: u64 = 300;
/// All of them are more than the disk holds while the ballast is there, and less than it holds without.
const PAGE_BYTES: u64 = 60_000;

/// Runs the test again, by itself, where new directories are made on a disk of 64 MiB.
fn on_a_small_disk(test: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let script =
        format!("mount -t tmpfs -o {DISK} tmpfs \"$TMPDIR\" && exec \"$0\" --exact \"$1\" --nocapture");
    let output = std::process::Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", &script])
        .arg(std::env::current_exe().expect("this test"))
        .arg(test)
        .env("TMPDIR", directory.path())
        .env("SMALL_DISK", "1")
        .output()
        .expect("unshare, of util-linux, runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{complaints}");
}

/// Takes all the room that there is.
fn fill(ballast: &Path) {
    let mut file = File::options().append(true).create(true).open(ballast).expect("made");
    for size in [1 << 20, 4_096, 1] {
        let block = vec![7; size];
        loop {
            match file.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("the ballast is written: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn slow_a_full_disk_pauses_what_was_accepted_and_refuses_what_is_new() {
    if std::env::var_os("SMALL_DISK").is_none() {
        on_a_small_disk("disk_story::slow_a_full_disk_pauses_what_was_accepted_and_refuses_what_is_new");
        return;
    }
    let world = World::of_jobs().await;
    let urls: Vec<String> = (0..URLS).map(|n| world.origin.url(&format!("/big/{PAGE_BYTES}?{n}"))).collect();
    let body =
        json!({"urls": urls, "concurrency": 4, "defaults": {"formats": ["raw_html"], "robots": "ignore"}});
    let id = world.submit(&body).await;
    assert!(world.origin.wait_for_hits(|seen| seen >= 20).await);
    let ballast = world.server.data_dir().join("ballast");
    fill(&ballast);

    // The run has come to rest when what may be under way and uncommitted is used up.
    let rest = quiet(Duration::from_secs(2), DEADLINE, || world.origin.hits()).await;
    assert!(rest < URLS, "the run goes on with a full disk: {rest} requests");
    fill(&ballast);
    let answer = world.upload("/v1/uploads", "application/x-ndjson", long_list().as_bytes()).await;
    let told = problem(&answer, 503, "overloaded");
    assert!(
        answer.header("retry-after").is_some()
            && told["detail"].as_str().is_some_and(|detail| detail.contains("disk")),
        "{told}"
    );
    problem(&world.post("/v1/jobs", &body).await, 503, "overloaded");
    assert_eq!(world.job(&id).await["status"], "running");
    assert_eq!(http::get(world.server.address(), "/healthz", None).await.status, 200);

    std::fs::remove_file(&ballast).expect("removed");
    let job = world.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["urls_done"], &job["urls_errored"]),
        (&json!("completed"), &json!(URLS), &json!(0)),
        "{job}"
    );
    let records = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    let mut indexes: Vec<u64> =
        records.iter().filter_map(|record: &Value| record["meta"]["index"].as_u64()).collect();
    indexes.sort_unstable();
    assert!(indexes.into_iter().eq(0..URLS), "each once");
    assert_eq!(world.get("/v1/jobs").await.json()["jobs"].as_array().map(Vec::len), Some(1));
}

/// More than is left.
fn long_list() -> String {
    "\"http://site.example/a/page/with/a/name\"\n".repeat(100_000)
}
