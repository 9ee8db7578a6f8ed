//! What a stream leaves behind as a job: a file, made when it is first asked for, whoever asks and whatever is killed.

use std::time::Duration;

use pagewire_testkit::http;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::job_world::lines;
use crate::world::{Dice, World, light};

/// About as long as a file of these stories takes.
const KILLED_WITHIN_US: u64 = 40_000;

/// Works a stream off, and gives the id of its job.
async fn streamed(world: &World, body: &Value) -> String {
    let frames = world.read(body).await;
    frames.last().expect("an end").json()["job_id"].as_str().expect("an id").to_owned()
}

/// The URLs of a file's records, in their own order.
fn urls_of(file: &http::Response) -> Vec<String> {
    let records = lines(file);
    let mut urls: Vec<String> =
        records.iter().map(|record| record["url"].as_str().expect("a url").to_owned()).collect();
    urls.sort_unstable();
    urls
}

fn sorted(mut urls: Vec<String>) -> Vec<String> {
    urls.sort_unstable();
    urls
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a job that stand in the blobs; what a killed writer left is none.
fn blobs_of(world: &World, id: &str) -> usize {
    let directory = world.server.data_dir().join("blobs/results").join(id.trim_start_matches("job_"));
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    names.filter(|name| name.starts_with("part-") && !name.contains('#')).count()
}

#[tokio::test]
async fn a_streams_file_is_made_once_when_it_is_asked_for_however_many_ask_at_once() {
    let world = World::of_jobs().await;
    let mut urls = world.origin.product_urls(60);
    urls.push(world.origin.url("/status/404"));
    let id = streamed(&world, &light(&urls, 8)).await;
    let hits = world.origin.hits();
    assert_eq!(blobs_of(&world, &id), 0, "nobody has asked");
    let listed = world.get("/v1/jobs").await.json();
    assert_eq!((&listed["jobs"][0]["id"], blobs_of(&world, &id)), (&json!(id), 0), "a list asks for no file");
    let cancelled = world.send("DELETE", &format!("/v1/jobs/{id}"), &[], b"").await;
    assert_eq!((cancelled.status, &cancelled.json()["files"]), (200, &json!([])), "nor does this");

    let files: Vec<Value> = futures_util::future::join_all((0..12).map(|_| world.job(&id)))
        .await
        .into_iter()
        .map(|job| {
            let file = &job["files"][0];
            assert_eq!((&job["status"], &job["files_pending"]), (&json!("completed"), &Value::Null), "{job}");
            assert_eq!(
                (job["files"].as_array().map(Vec::len), &file["url"]),
                (Some(1), &job["download_url"])
            );
            json!([file["name"], file["bytes"], file["rows"], file["sha256"]])
        })
        .collect();
    assert!(files.iter().all(|file| *file == files[0]), "{files:?}");
    assert_eq!(blobs_of(&world, &id), 1);

    let job = world.job(&id).await;
    assert_eq!((&job["files"][0]["rows"], &job["kind"]), (&json!(61), &json!("stream")));
    let file = world.follow(&job["download_url"], "GET", &[]).await;
    assert_eq!(file.status, 200);
    assert_eq!(
        file.header("content-disposition"),
        Some(format!("attachment; filename=\"{id}.ndjson\"").as_str())
    );
    assert_eq!(json!(sha256(&file.body)), job["files"][0]["sha256"]);
    assert_eq!(urls_of(&file), sorted(urls));
    assert_eq!(lines(&file).iter().filter(|record| record["status"] == "error").count(), 1);
    assert_eq!(world.origin.hits(), hits, "nothing was fetched again");
    let part = world.follow(&job["download_url"], "GET", &[("range", "bytes=3-9")]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &file.body[3..10]));
}

#[tokio::test]
async fn a_stream_that_goes_on_has_no_file_and_one_that_was_ended_has_what_was_done() {
    let world = World::of_jobs().await;
    let urls: Vec<String> = (0..200).map(|n| world.origin.url(&format!("/slow/100?n={n}"))).collect();
    let mut reader = world.stream(&light(&urls, 4)).open().await;
    let id = reader.header("pagewire-job-id").expect("a job's id").to_owned();
    reader.take_records(6).await;
    let job = world.job(&id).await;
    assert_eq!(
        (&job["status"], &job["files"], &job["download_url"], &job["files_pending"]),
        (&json!("running"), &json!([]), &Value::Null, &Value::Null)
    );
    assert_eq!(world.send("DELETE", &format!("/v1/jobs/{id}"), &[], b"").await.status, 202);
    let job = world.ended(&id).await;
    assert_eq!(job["status"], "cancelled");
    let file = world.follow(&job["download_url"], "GET", &[]).await;
    assert_eq!(json!(lines(&file).len()), job["urls_done"]);
}

#[tokio::test]
async fn a_streams_file_is_whole_whatever_is_killed_before_or_while_it_is_made() {
    let mut dice = Dice::of(20_261);
    let mut world = World::of_jobs().await;
    let urls = world.origin.product_urls(250);
    let body = json!({"urls": urls, "concurrency": 32, "formats": ["raw_html"], "robots": "ignore"});
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(streamed(&world, &body).await);
    }
    world.server.restart().await;
    let mut made_before = 0;
    for id in &ids {
        let mut asking = TcpStream::connect(world.server.address()).await.expect("a connection");
        let request =
            format!("GET /v1/jobs/{id} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n", world.key);
        asking.write_all(request.as_bytes()).await.expect("asked");
        tokio::time::sleep(Duration::from_micros(dice.below(KILLED_WITHIN_US))).await;
        made_before += blobs_of(&world, id);
        world.server.restart().await;
    }
    println!("{made_before} of {} files were there when the server was killed", ids.len());
    for id in &ids {
        let job = world.job(id).await;
        let file = world.follow(&job["download_url"], "GET", &[]).await;
        assert_eq!(urls_of(&file), sorted(urls.clone()), "{id}");
        assert_eq!(json!(sha256(&file.body)), job["files"][0]["sha256"], "{id}");
        assert_eq!(blobs_of(&world, id), 1, "{id}");
    }
    world.server.restart().await;
    let kept = world.job(&ids[0]).await;
    assert_eq!(world.follow(&kept["download_url"], "HEAD", &[]).await.status, 200);
}

#[tokio::test]
async fn slow_a_streams_file_is_never_held_whole() {
    // An export holds some 7 MB; what its threads have let go of stays with the allocator for a while.
    const GROWTH_KIB_MAX: u64 = 180 * 1_024;
    let mut world = World::of_jobs().await;
    let urls = world.origin.product_urls(10_000);
    let body = json!({"urls": urls, "concurrency": 32, "formats": ["raw_html"], "robots": "ignore"});
    let id = streamed(&world, &body).await;
    world.server.restart().await;
    let before = world.server.peak_rss_kib();
    let job = world.job(&id).await;
    let (bytes, grown) = (&job["files"][0]["bytes"], world.server.peak_rss_kib() - before);
    println!("{bytes} bytes: {before} KiB before, {grown} KiB more at the most");
    assert!(bytes.as_u64().is_some_and(|bytes| bytes > 270_000_000), "{job}");
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB");
}
