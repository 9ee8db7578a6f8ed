//! The archive of a job: pages as they came, in files that others read, and read anew without being fetched.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pagewire_testkit::http::Response;
use serde_json::{Value, json};

use crate::job_output_story::unpacked;
use crate::job_world::lines;
use crate::world::{Dice, World, problem};

impl World {
    async fn reextract(&self, id: &str, body: &Value) -> Response {
        self.post(&format!("/v1/jobs/{id}/reextract"), body).await
    }

    /// The file of a job whose name ends so, unpacked.
    async fn archive(&self, job: &Value) -> String {
        let files = job["files"].as_array().expect("files");
        let is_archive = |file: &&Value| file["name"].as_str().is_some_and(|name| name.ends_with(".warc.gz"));
        let file = files.iter().find(is_archive).expect("an archive");
        let answer = self.follow(&file["url"], "GET", &[]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/warc")));
        assert_eq!(json!(answer.body.len()), file["bytes"]);
        String::from_utf8_lossy(&unpacked(&answer.body)).into_owned()
    }
}

/// How often a line begins so.
fn count(text: &str, start: &str) -> usize {
    text.lines().filter(|line| line.starts_with(start)).count()
}

/// Each record of a job's file, by its index.
fn by_index(records: &[Value]) -> BTreeMap<u64, &Value> {
    let index =
        |record: &Value| record["meta"]["index"].as_u64().or(record["index"].as_u64()).expect("an index");
    let all: BTreeMap<u64, &Value> = records.iter().map(|record| (index(record), record)).collect();
    assert_eq!(all.len(), records.len(), "each once");
    all
}

#[tokio::test]
async fn a_job_archives_what_was_sent_and_what_came_and_its_pages_are_read_anew_with_their_site_gone() {
    let world = World::of_jobs().await;
    let origin = &world.origin;
    let urls = json!([
        {"url": origin.url("/p/1"), "custom_id": "one", "metadata": {"row": [1, "å"]}, "headers": {"x-own": "yes"}},
        origin.url("/redirect/2"),
        origin.url("/packed/gzip"),
        origin.url("/status/404"),
        origin.url("/charset/windows-1252"),
        {"url": origin.url("/p/3"), "formats": ["links"]},
        "http://127.0.0.1:1/nobody",
    ]);
    let body = json!({"urls": urls, "defaults": {"formats": ["metadata", "warc"], "retry": {"max": 0}}});
    let id = world.submit(&body).await;
    let job = world.ended(&id).await;
    assert_eq!((&job["status"], &job["urls_errored"]), (&json!("completed"), &json!(2)), "{job}");
    let names: Vec<&str> = job["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| file["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, [format!("{id}.ndjson"), format!("{id}.warc.gz")]);
    assert_eq!(job["files"][1]["rows"], json!(6));
    let first = lines(&world.follow(&job["files"][0]["url"], "GET", &[]).await);
    assert!(first.iter().all(|record| record["data"]["warc"].is_null() && record.to_string().len() < 60_000));
    let warc = world.archive(&job).await;
    assert_eq!(count(&warc, "WARC/1.1"), 1 + 2 * (6 + 2), "a warcinfo, and two for each hop");
    assert_eq!((count(&warc, "WARC-Type: response"), count(&warc, "WARC-Type: request")), (8, 8));
    assert!(warc.contains("x-own: yes") && warc.contains("GET /redirect/2 HTTP/1.1"));
    assert!(warc.contains("x-archive-orig-content-encoding: gzip") && !warc.contains("\ncontent-encoding:"));
    assert!(warc.contains("HTTP/1.1 302") && warc.contains("HTTP/1.1 404 Not Found"));

    let (hits, index) = (world.origin.hits(), by_index(&first));
    let again =
        world.reextract(&id, &json!({"formats": [], "extract": {"name": "string"}, "name": "again"})).await;
    assert_eq!(again.status, 202, "{}", again.text());
    let new = again.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(again.header("location"), Some(format!("/v1/jobs/{new}").as_str()));
    let job = world.ended(&new).await;
    assert_eq!(
        (&job["status"], &job["urls_total"], &job["urls_errored"], &job["credits_used"], &job["name"]),
        (&json!("completed"), &json!(7), &json!(2), &json!(0), &json!("again")),
        "{job}"
    );
    assert_eq!(world.origin.hits(), hits, "nothing is fetched");
    let second = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    let second = by_index(&second);
    for (number, record) in &index {
        let new = second[number];
        for field in ["url", "final_url", "http_status", "custom_id", "metadata", "code"] {
            assert_eq!(new[field], record[field], "{field} of {number}");
        }
        assert_eq!(new["meta"]["charset"], record["meta"]["charset"]);
    }
    assert_eq!(second[&0]["data"]["name"], "Product 1");
    assert_eq!((&second[&0]["meta"]["cached"], &second[&0]["meta"]["credits"]), (&json!(true), &json!(0)));
    assert_eq!(
        second[&0]["meta"]["fetched_at"].as_str().map(|at| &at[..19]),
        index[&0]["meta"]["fetched_at"].as_str().map(|at| &at[..19])
    );

    let csv =
        world.reextract(&new, &json!({"extract": {"name": "string"}, "output": {"format": "csv"}})).await;
    problem(&csv, 409, "no_archive");
    let csv =
        world.reextract(&id, &json!({"extract": {"name": "string"}, "output": {"format": "csv"}})).await;
    let job = world.ended(csv.json()["id"].as_str().expect("an id")).await;
    assert!(world.follow(&job["download_url"], "GET", &[]).await.text().contains("Product 3"));
    let refused = world.send("POST", &format!("/v1/jobs/{new}/retry"), &[], b"").await;
    problem(&refused, 422, "validation_failed");
}

#[tokio::test]
async fn pages_that_did_not_satisfy_a_schema_are_read_anew_by_another() {
    let world = World::of_jobs().await;
    let schema = |field: &str| json!({"type": "object", "strict": true, "properties": {field: {"type": "string"}}, "required": [field]});
    let body = json!({"urls": [world.origin.url("/p/1")],
        "defaults": {"formats": ["warc"], "extract": schema("shoe_size_of_the_author")}});
    let id = world.submit(&body).await;
    let job = world.ended(&id).await;
    assert_eq!(job["urls_errored"], 1, "{job}");
    let again = world.reextract(&id, &json!({"extract": schema("name")})).await.json();
    let job = world.ended(again["id"].as_str().expect("an id")).await;
    assert_eq!(job["urls_errored"], 0, "{job}");
    assert_eq!(lines(&world.follow(&job["download_url"], "GET", &[]).await)[0]["data"]["name"], "Product 1");
}

#[tokio::test]
async fn what_cannot_be_archived_or_read_anew_is_told() {
    let world = World::of_jobs().await;
    let key = world.server.create_key(&["scrape", "stream:write"]);
    let url = world.origin.url("/p/1");
    for (path, body, pointer) in [
        ("/v1/scrape", json!({"url": url, "formats": ["warc"]}), "/formats"),
        ("/v1/stream", json!({"urls": [url], "formats": ["text", "warc"]}), "/formats"),
        ("/v1/stream", json!({"urls": [{"url": url, "formats": ["warc"]}]}), "/urls/0/formats"),
    ] {
        let answer = pagewire_testkit::http::post_json(world.server.address(), path, &key, &body).await;
        assert_eq!(problem(&answer, 422, "validation_failed")["errors"][0]["pointer"], pointer, "{body}");
    }
    let body = json!({"urls": [{"url": url, "formats": ["warc"]}]});
    problem(&world.post("/v1/jobs", &body).await, 422, "validation_failed");

    let plain = world.submit(&json!({"urls": [url], "defaults": {"formats": ["metadata"]}})).await;
    world.ended(&plain).await;
    problem(&world.reextract(&plain, &json!({})).await, 409, "no_archive");
    let slow = json!({"urls": [world.origin.url("/hang")], "defaults": {"formats": ["warc"]}});
    let running = world.submit(&slow).await;
    problem(&world.reextract(&running, &json!({})).await, 409, "job_not_finished");
    problem(&world.reextract(&format!("job_{}", "0".repeat(32)), &json!({})).await, 404, "not_found");
    let kept = world.submit(&json!({"urls": [url], "defaults": {"formats": ["warc"]}})).await;
    world.ended(&kept).await;
    for (body, pointer) in [
        (json!({"formats": ["warc"]}), "/formats"),
        (json!({"urls": [url]}), "/urls"),
        (json!({"output": {"format": "csv"}}), "/output"),
        (json!({"timeout_ms": 5_000}), "/timeout_ms"),
    ] {
        let answer = world.reextract(&kept, &body).await;
        assert_eq!(problem(&answer, 422, "validation_failed")["errors"][0]["pointer"], pointer, "{body}");
    }
    let other = world.server.create_key_with(&["jobs:write"], &["--workspace", "other"]);
    let path = format!("/v1/jobs/{kept}/reextract");
    let answer = pagewire_testkit::http::post_json(world.server.address(), &path, &other, &json!({})).await;
    problem(&answer, 404, "not_found");
}

#[tokio::test]
async fn kills_in_a_job_and_in_its_rereading_leave_each_page_once_in_archive_and_output() {
    const URLS: usize = 400;
    let seed = std::env::var("PAGEWIRE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_264);
    let mut dice = Dice::of(seed);
    let mut world = World::of_jobs().await;
    let urls: Vec<String> = (0..URLS).map(|n| world.origin.url(&format!("/slow/{}?{n}", n % 5))).collect();
    let body = json!({"urls": urls, "concurrency": 16,
        "defaults": {"formats": ["metadata", "warc"], "robots": "ignore", "retry": {"max": 0}}});
    let id = world.submit(&body).await;
    for part in 1..=4_u64 {
        let hits = part * URLS as u64 / 5;
        assert!(world.origin.wait_for_hits(|seen| seen >= hits).await, "seed {seed}");
        tokio::time::sleep(Duration::from_micros(dice.below(20_000))).await;
        world.server.restart().await;
    }
    let job = world.ended(&id).await;
    assert_eq!((&job["status"], &job["urls_done"]), (&json!("completed"), &json!(URLS)), "seed {seed}");
    let warc = world.archive(&job).await;
    for url in &urls {
        let line = format!("WARC-Target-URI: {url}");
        assert_eq!(warc.lines().filter(|have| *have == line).count(), 2, "seed {seed}: {url}");
    }
    let hits = world.origin.hits();
    let new = world.reextract(&id, &json!({"formats": ["text"]})).await.json();
    let new = new["id"].as_str().expect("an id").to_owned();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_micros(dice.below(60_000))).await;
        world.server.restart().await;
    }
    let job = world.ended(&new).await;
    assert_eq!(
        (&job["status"], &job["urls_done"]),
        (&json!("completed"), &json!(URLS)),
        "seed {seed}: {job}"
    );
    let records = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    assert_eq!(by_index(&records).len(), URLS, "seed {seed}");
    assert!(
        records
            .iter()
            .all(|record| record["data"]["text"].as_str().is_some_and(|text| text.contains("At last.")))
    );
    assert_eq!(world.origin.hits(), hits, "seed {seed}: nothing is fetched");
}

#[tokio::test]
async fn a_large_archive_is_in_several_files_each_of_which_stands_alone() {
    const URLS: usize = 600;
    let world = World::of_jobs().await;
    // Pages that no packing makes small.
    let mut dice = Dice::of(20_265);
    let mut urls = Vec::new();
    for n in 0..URLS {
        let text: String = (0..1_500).map(|_| format!("{:x} ", dice.below(u64::MAX))).collect();
        world.origin.set_page(&format!("/noise/{n}"), 200, "text/html", format!("<p>{text}"));
        urls.push(world.origin.url(&format!("/noise/{n}")));
    }
    let body = json!({"urls": urls, "output": {"max_part_bytes": 1 << 20},
        "defaults": {"formats": ["warc"], "robots": "ignore", "retry": {"max": 0}}});
    let id = world.submit(&body).await;
    let job = world.ended(&id).await;
    let files = job["files"].as_array().expect("files");
    let parts: Vec<&Value> = files
        .iter()
        .filter(|file| file["name"].as_str().is_some_and(|name| name.ends_with(".warc.gz")))
        .collect();
    assert!(parts.len() > 3, "{job}");
    let mut pages = 0;
    for (number, part) in (1..).zip(&parts) {
        assert_eq!(part["name"], format!("{id}-archive-{number:05}.warc.gz"));
        assert!(part["bytes"].as_u64().is_some_and(|bytes| bytes <= 1 << 20), "{part}");
        let answer = world.follow(&part["url"], "GET", &[]).await;
        let text = String::from_utf8_lossy(&unpacked(&answer.body)).into_owned();
        assert_eq!(count(&text, "WARC-Type: warcinfo"), 1);
        assert_eq!(json!(count(&text, "WARC-Type: response")), part["rows"]);
        pages += part["rows"].as_u64().expect("rows");
    }
    assert_eq!(pages, URLS as u64);
}

#[tokio::test]
async fn slow_five_times_the_pages_take_no_more_memory_to_archive_and_to_read_anew() {
    const FEW: usize = 1_000;
    const MANY: usize = 5_000;
    let peak_of = async |pages: usize| {
        let world = World::of_jobs().await;
        let page = page_of_50_kb();
        for n in 0..100 {
            world.origin.set_page(
                &format!("/page/{n}"),
                200,
                "text/html",
                page.replace("NUMBER", &n.to_string()),
            );
        }
        let list: Vec<String> = (0..pages)
            .map(|n| json!(world.origin.url(&format!("/page/{}?{n}", n % 100))).to_string())
            .collect();
        let kept =
            world.upload("/v1/uploads", "application/x-ndjson", list.join("\n").as_bytes()).await.json();
        let body = json!({"input": {"upload_id": kept["upload_id"]}, "concurrency": 32,
            "defaults": {"formats": ["warc"], "robots": "ignore", "retry": {"max": 0}}});
        let id = world.submit(&body).await;
        let job = ended_in_time(&world, &id).await;
        assert_eq!((&job["status"], &job["urls_done"]), (&json!("completed"), &json!(pages)), "{job}");
        let archived = world.server.peak_rss_kib();
        let bytes = job["files"][1]["bytes"].as_u64().expect("bytes");
        let again = world.reextract(&id, &json!({"formats": ["text"]})).await.json();
        let job = ended_in_time(&world, again["id"].as_str().expect("an id")).await;
        assert_eq!((&job["status"], &job["urls_errored"]), (&json!("completed"), &json!(0)), "{job}");
        let read = world.server.peak_rss_kib();
        println!(
            "{pages} pages, {bytes} bytes of archive: {archived} KiB at the most, {read} KiB once they were read anew"
        );
        read
    };
    let (few, many) = (peak_of(FEW).await, peak_of(MANY).await);
    assert!(many < few * 2, "{few} KiB for {FEW} pages, {many} KiB for {MANY}");
}

/// A page of some 50 KB that packs to about a third of it.
fn page_of_50_kb() -> String {
    let mut dice = Dice::of(20_266);
    let words: String = (0..6_000).map(|_| format!("w{:x} ", dice.below(1 << 20))).collect();
    let paragraphs: Vec<String> = words
        .as_bytes()
        .chunks(600)
        .map(|part| format!("<p>{}</p>", String::from_utf8_lossy(part)))
        .collect();
    format!("<title>Page NUMBER</title><main><h1>Page NUMBER</h1>{}</main>", paragraphs.join("\n"))
}

/// A large job once it has ended.
async fn ended_in_time(world: &World, id: &str) -> Value {
    loop {
        let job = world.job(id).await;
        if !matches!(job["status"].as_str(), Some("queued" | "running")) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Reads every record of a file by its headers: what stands there, as another program sees it.
const READ_BY_WARCIO: &str = "
import collections, sys
from warcio.archiveiterator import ArchiveIterator
from warcio.cli import main
counts, bodies = collections.Counter(), []
with open(sys.argv[1], 'rb') as stream:
    for record in ArchiveIterator(stream):
        counts[record.rec_type] += 1
        body = record.content_stream().read()
        if record.rec_type == 'response':
            assert record.http_headers.get_header('content-length') == str(len(body))
            bodies.append(body)
assert dict(counts) == {'warcinfo': 1, 'response': 6, 'request': 6}, counts
assert sum(b'Product 1' in body for body in bodies) == 3, bodies
sys.exit(main(['check', sys.argv[1]]))
";

#[tokio::test]
async fn slow_an_archive_is_read_and_checked_by_warcio() {
    let world = World::of_jobs().await;
    let paths = ["/p/1", "/redirect/1", "/packed/br", "/status/500", "/charset/shift_jis"];
    let urls: Vec<String> = paths.iter().map(|path| world.origin.url(path)).collect();
    let id =
        world.submit(&json!({"urls": urls, "defaults": {"formats": ["warc"], "retry": {"max": 0}}})).await;
    let job = world.ended(&id).await;
    let answer = world.follow(&job["files"][1]["url"], "GET", &[]).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("archive.warc.gz");
    std::fs::write(&file, &answer.body).expect("written");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two deep");
    let python = root.join("bench/.work/readers/bin/python");
    assert!(python.exists(), "{} is made by scripts/install-slow-test-deps", python.display());
    let output = Command::new(python).args(["-c", READ_BY_WARCIO]).arg(file).output().expect("python runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}
