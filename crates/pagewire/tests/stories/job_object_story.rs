//! Jobs whose lists are in object stores: read once, kept, worked off; refused, or failed with a sentence, where they
//! cannot be.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pagewire_testkit::binary::Options;
use pagewire_testkit::{BucketServer, http};
use serde_json::{Value, json};

use crate::job_world::lines;
use crate::world::{EXE, World, problem};

/// More than one part of an object: what is between the URLs are lines that say nothing.
const PADDING_BYTES: usize = 9 << 20;

fn config(bucket: &BucketServer) -> String {
    format!(
        "[object_store.s3]\nbuckets = [\"lists\", \"acme-*\"]\nendpoint = \"{0}\"\n\
         [object_store.gcs]\nbuckets = [\"lists\"]\nendpoint = \"{0}\"\n",
        bucket.endpoint()
    )
}

async fn world_of(bucket: &BucketServer) -> World {
    let mut world = World::with_config(&config(bucket)).await;
    world.key = world.server.create_key(&["jobs:read", "jobs:write"]);
    world
}

fn job_of(input: &Value) -> Value {
    json!({"input": input, "defaults": {"formats": ["metadata"], "robots": "ignore"}})
}

fn ndjson(urls: &[String]) -> String {
    urls.iter().map(|url| format!("{}\n", json!(url))).collect()
}

fn padded(urls: &[String]) -> Vec<u8> {
    let (first, rest) = urls.split_at(urls.len() / 2);
    [ndjson(first).as_bytes(), &vec![b'\n'; PADDING_BYTES], ndjson(rest).as_bytes()].concat()
}

fn packed(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = Command::new("gzip");
    let mut child = gzip.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip runs");
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("written");
    child.wait_with_output().expect("it ends").stdout
}

/// The URLs of the job's file, in their own order.
async fn urls_of(world: &World, job: &Value) -> Vec<String> {
    let records = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    let mut urls: Vec<String> =
        records.iter().map(|record| record["url"].as_str().expect("a url").to_owned()).collect();
    urls.sort_unstable();
    urls
}

fn sorted(mut urls: Vec<String>) -> Vec<String> {
    urls.sort_unstable();
    urls
}

#[tokio::test]
async fn a_list_in_an_object_store_becomes_a_job_like_an_upload() {
    let bucket = BucketServer::start().await;
    let world = world_of(&bucket).await;
    let urls = world.origin.product_urls(5);
    bucket.put("lists", "May 2026/urls+more.ndjson", ndjson(&urls));
    let rows: String = urls.iter().map(|url| format!("7,{url}\r\n")).collect();
    bucket.put("acme-eu", "shops.csv.gz", packed(&format!("custom_id,url\r\n{rows}")));
    bucket.put("lists", "ä/ö", padded(&urls));
    for input in [
        json!({"s3_uri": "s3://lists/May 2026/urls+more.ndjson"}),
        json!({"s3_uri": "s3://acme-eu/shops.csv.gz"}),
        json!({"s3_uri": "s3://lists/ä/ö"}),
        json!({"gcs_uri": "gs://lists/May 2026/urls+more.ndjson"}),
    ] {
        let id = world.submit(&job_of(&input)).await;
        let job = world.ended(&id).await;
        assert_eq!(
            (&job["status"], &job["urls_total"], &job["urls_done"], &job["error"]),
            (&json!("completed"), &json!(5), &json!(5), &Value::Null),
            "{input}"
        );
        assert_eq!(urls_of(&world, &job).await, sorted(urls.clone()), "{input}");
    }
}

#[tokio::test]
async fn lines_of_a_list_that_are_no_url_become_errors_of_the_job() {
    let bucket = BucketServer::start().await;
    let world = world_of(&bucket).await;
    let url = world.origin.url("/p/1");
    bucket.put("lists", "a", format!("{}\n\"ftp://example.com/\"\nnonsense\n", json!(url)));
    let id = world.submit(&job_of(&json!({"s3_uri": "s3://lists/a"}))).await;
    let job = world.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["urls_done"], &job["urls_errored"]),
        (&json!("completed"), &json!(3), &json!(2))
    );
    bucket.deny("lists", "a");
    let again = world.send("POST", &format!("/v1/jobs/{id}/retry"), &[], b"").await;
    assert_eq!(again.status, 202, "{}", again.text());
    let job = world.ended(again.json()["id"].as_str().expect("an id")).await;
    assert_eq!((&job["status"], &job["urls_total"]), (&json!("completed"), &json!(2)), "the list is kept");
}

#[tokio::test]
async fn a_list_that_cannot_be_taken_fails_the_job_with_a_sentence() {
    let bucket = BucketServer::start().await;
    let world = world_of(&bucket).await;
    let urls = world.origin.product_urls(4);
    bucket.deny("lists", "secret");
    bucket.put_changing("lists", "changing", padded(&urls), padded(&world.origin.product_urls(6)));
    bucket.put("lists", "empty", "");
    let whole = packed(&ndjson(&urls));
    bucket.put("lists", "cut.ndjson.gz", &whole[..whole.len() - 9]);
    bucket.put("lists", "no-header.csv", "custom_id\r\n1\r\n");
    for (name, says) in [
        ("missing", "there is no object `s3://lists/missing`"),
        ("secret", "does not let this server read"),
        ("changing", "was changed while it was read"),
        ("empty", "no URL"),
        ("cut.ndjson.gz", "gzip"),
        ("no-header.csv", "url"),
    ] {
        let id = world.submit(&job_of(&json!({"s3_uri": format!("s3://lists/{name}")}))).await;
        let job = world.ended(&id).await;
        assert_eq!((&job["status"], &job["files"]), (&json!("failed"), &json!([])), "{name}: {job}");
        assert!(job["error"].as_str().is_some_and(|error| error.contains(says)), "{name}: {job}");
        let events = world.watch(&id).open().await.read_to_end().await;
        assert_eq!(events.last().expect("events").json()["status"], "failed", "{name}");
    }
    assert_eq!(world.origin.hits(), 0, "nothing was fetched of a list that was not taken");
    let kept = std::fs::read_dir(world.server.data_dir().join("blobs/uploads"));
    let kept = kept.map_or(0, std::iter::Iterator::count);
    assert_eq!(kept, 0, "nothing was kept of a list that was not taken");
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_reads_reads_anew() {
    let bucket = BucketServer::start().await;
    let mut world = world_of(&bucket).await;
    let urls = world.origin.product_urls(8);
    bucket.put("lists", "a", padded(&urls));
    bucket.hold_after(1);
    let body = job_of(&json!({"s3_uri": "s3://lists/a"}));
    let answer = world.post("/v1/jobs", &body).await;
    assert_eq!((answer.status, &answer.json()["urls_total"]), (202, &json!(0)), "{}", answer.text());
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    bucket.wait_for_parts(2).await;
    let job = world.job(&id).await;
    assert_eq!((&job["status"], &job["urls_total"]), (&json!("queued"), &json!(0)), "{job}");
    let listed = world.get("/v1/jobs?status=queued").await.json();
    assert_eq!(listed["jobs"][0]["id"], json!(id));
    let told = world.watch(&id).open().await.next().await.expect("an event");
    assert_eq!((told.event.as_str(), &told.json()["status"]), ("progress", &json!("queued")));

    world.server.restart().await;
    bucket.wait_for_parts(3).await;
    world.server.restart().await;
    bucket.release();
    let job = world.ended(&id).await;
    assert_eq!((&job["status"], &job["urls_done"]), (&json!("completed"), &json!(8)), "{job}");
    assert_eq!(urls_of(&world, &job).await, sorted(urls));
    let heads = bucket.requests().iter().filter(|request| request.starts_with("HEAD ")).count();
    assert_eq!(heads, 3, "each start reads it from its beginning");
    world.server.restart().await;
    assert_eq!(world.job(&id).await["status"], "completed");
}

#[tokio::test]
async fn a_job_can_be_cancelled_while_its_list_is_read() {
    let bucket = BucketServer::start().await;
    let world = world_of(&bucket).await;
    bucket.put("lists", "a", padded(&world.origin.product_urls(4)));
    bucket.hold_after(1);
    let id = world.submit(&job_of(&json!({"s3_uri": "s3://lists/a"}))).await;
    bucket.wait_for_parts(2).await;
    assert_eq!(world.send("DELETE", &format!("/v1/jobs/{id}"), &[], b"").await.status, 202);
    let job = world.ended(&id).await;
    assert_eq!((&job["status"], &job["urls_done"]), (&json!("cancelled"), &json!(0)));
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn what_the_operator_does_not_allow_is_refused_before_anything_is_asked_for() {
    let bucket = BucketServer::start().await;
    let world = world_of(&bucket).await;
    let role = "arn:aws:iam::123456789012:role/reader";
    for (input, pointer, says) in [
        (json!({"s3_uri": "s3://other/a"}), "/input/s3_uri", "[object_store.s3]"),
        (json!({"gcs_uri": "gs://acme-eu/a"}), "/input/gcs_uri", "[object_store.gcs]"),
        (json!({"s3_uri": "s3://lists/a", "role_arn": role}), "/input/role_arn", "[object_store.s3]"),
        (json!({"s3_uri": "s3://acme-x@evil.example/a"}), "/input/s3_uri", "bucket"),
        (json!({"s3_uri": "s3://acme-x?/a"}), "/input/s3_uri", "bucket"),
        (json!({"s3_uri": "s3://lists/../secrets/a"}), "/input/s3_uri", "name"),
        (json!({"s3_uri": "s3://lists//a"}), "/input/s3_uri", "name"),
        (json!({"s3_uri": "s3://lists/a\nb"}), "/input/s3_uri", "s3://"),
        (json!({"s3_uri": "s3://lists/a\u{0}"}), "/input/s3_uri", "s3://"),
        (json!({"s3_uri": "http://lists/a"}), "/input/s3_uri", "s3://"),
    ] {
        let refused = problem(&world.post("/v1/jobs", &job_of(&input)).await, 422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{input}: {refused}");
        let detail = refused["errors"][0]["detail"].as_str().expect("a detail");
        assert!(detail.contains(says), "{input}: {detail}");
    }
    let sandbox = world.server.create_key_with(&["jobs:write"], &["--sandbox"]);
    let body = job_of(&json!({"s3_uri": "s3://lists/a"}));
    let answer = http::post_json(world.server.address(), "/v1/jobs", &sandbox, &body).await;
    assert!(
        problem(&answer, 422, "validation_failed")["detail"].as_str().expect("a detail").contains("sandbox")
    );
    assert_eq!(bucket.requests(), Vec::<String>::new());

    let plain = World::of_jobs().await;
    let refused = problem(&plain.post("/v1/jobs", &body).await, 422, "validation_failed");
    assert!(
        refused["detail"].as_str().expect("a detail").contains("`buckets` in [object_store.s3]"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_store_at_a_private_address_is_asked_only_where_the_guard_is_lifted() {
    let bucket = BucketServer::start().await;
    bucket.put("lists", "a", "\"https://example.com/\"\n");
    let mut world = World::with(Options::new(EXE).config(&config(&bucket)).guarded()).await;
    world.key = world.server.create_key(&["jobs:read", "jobs:write"]);
    let id = world.submit(&job_of(&json!({"s3_uri": "s3://lists/a"}))).await;
    let job = world.ended(&id).await;
    assert_eq!(job["status"], "failed");
    assert!(job["error"].as_str().is_some_and(|error| error.contains("could not be read")), "{job}");
    assert_eq!(bucket.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn slow_a_million_urls_are_read_in_bounded_memory_and_one_more_is_too_many() {
    const RSS_KIB_MAX: u64 = 100 * 1_024;
    let bucket = BucketServer::start().await;
    let world = world_of(&bucket).await;
    let mut list: String =
        (0..1_000_000).map(|n| format!("\"{}\"\n", world.origin.url(&format!("/slow/9000?{n}")))).collect();
    bucket.put("lists", "a", list.as_bytes());
    let before = world.server.rss_kib();
    let id = world.submit(&json!({"input": {"s3_uri": "s3://lists/a"}, "concurrency": 1})).await;
    let deadline = tokio::time::Instant::now() + 4 * pagewire_testkit::DEADLINE;
    while world.job(&id).await["urls_total"] != 1_000_000 {
        assert!(tokio::time::Instant::now() < deadline, "{}", world.job(&id).await);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let peak = world.server.peak_rss_kib();
    println!("{} bytes read: {before} KiB before, {peak} KiB at the most", list.len());
    assert!(peak < RSS_KIB_MAX, "{peak} KiB");
    assert_eq!(world.send("DELETE", &format!("/v1/jobs/{id}"), &[], b"").await.status, 202);

    list.push_str(&format!("{}\n", json!(world.origin.url("/p/1"))));
    bucket.put("lists", "b", list);
    let id = world.submit(&json!({"input": {"s3_uri": "s3://lists/b"}})).await;
    let failed = async {
        loop {
            let job = world.job(&id).await;
            if job["status"] == "failed" {
                return job;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let job = tokio::time::timeout(4 * pagewire_testkit::DEADLINE, failed).await.expect("it ends");
    assert!(job["error"].as_str().is_some_and(|error| error.contains("more than 1000000 URLs")), "{job}");
}

/// A server of S3 and STS from PyPI; `scripts/test-slow` installs it.
struct S3Server {
    child: Child,
    endpoint: String,
    key: [String; 2],
}

impl S3Server {
    /// `enforce` heeds policies; `open` lets every key do everything.
    fn start(policies: &str, objects: &[String]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two deep");
        let python = root.join("bench/.work/readers/bin/python");
        assert!(python.exists(), "{} is made by scripts/install-slow-test-deps", python.display());
        let script = root.join("crates/pagewire-engine/tests/readers/s3_server.py");
        let mut command = Command::new(python);
        let child = command.arg(script).arg(policies).args(objects).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("python runs");
        let mut told = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut line = || told.next().expect("a line").expect("UTF-8");
        Self { endpoint: line(), key: [line(), line()], child }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn slow_a_list_is_read_by_the_role_that_its_owner_trusts_and_by_no_other() {
    let site = pagewire_testkit::Origin::start().await;
    let server = S3Server::start("enforce", &[format!("lists/one.ndjson={}", site.url("/p/1"))]);
    let config = format!(
        "[object_store.s3]\nbuckets = [\"foreign\"]\nroles = [\"arn:aws:iam::123456789012:role/*\"]\n\
         endpoint = \"{0}\"\nsts_endpoint = \"{0}\"\nkey_id_env = \"AWS_ACCESS_KEY_ID\"\nkey_env = \"AWS_SECRET_ACCESS_KEY\"\n",
        server.endpoint
    );
    let options = Options::new(EXE).config(&config);
    let options = options.environment("AWS_ACCESS_KEY_ID", &server.key[0]);
    let mut world = World::with(options.environment("AWS_SECRET_ACCESS_KEY", &server.key[1])).await;
    world.key = world.server.create_key(&["jobs:read", "jobs:write"]);
    let run = async |uri: &str, role: Option<&str>| {
        let mut input = json!({"s3_uri": uri});
        if let Some(role) = role {
            input["role_arn"] = json!(format!("arn:aws:iam::123456789012:role/{role}"));
        }
        let id = world.submit(&job_of(&input)).await;
        world.ended(&id).await
    };
    let job = run("s3://foreign/lists/one.ndjson", Some("reader")).await;
    assert_eq!((&job["status"], &job["urls_done"]), (&json!("completed"), &json!(1)), "{job}");
    for (uri, role, says) in [
        ("s3://foreign/lists/none", Some("reader"), "there is no object"),
        ("s3://foreign/lists/one.ndjson", Some("stranger"), "does not let this server read"),
        ("s3://foreign/lists/one.ndjson", None, "does not let this server read"),
        ("s3://no-such-bucket/lists/one.ndjson", Some("reader"), "s3://no-such-bucket"),
    ] {
        let job = run(uri, role).await;
        assert_eq!(job["status"], "failed", "{uri} {role:?}: {job}");
        assert!(job["error"].as_str().is_some_and(|error| error.contains(says)), "{uri} {role:?}: {job}");
    }
    assert_eq!(site.hits_of("/p/1"), 1);
    let log = world.server.log();
    assert!(!log.contains(&server.key[1]), "the key is in no log");
}

#[tokio::test]
async fn slow_uploads_and_files_are_kept_in_a_bucket_whose_own_links_lead_to_them() {
    let server = S3Server::start("open", &[]);
    let config = format!(
        "[blobs]\nbucket = \"s3://own\"\n[object_store.s3]\nendpoint = \"{}\"\n\
         key_id_env = \"AWS_ACCESS_KEY_ID\"\nkey_env = \"AWS_SECRET_ACCESS_KEY\"\n",
        server.endpoint
    );
    let options = Options::new(EXE).config(&config);
    let options = options.environment("AWS_ACCESS_KEY_ID", &server.key[0]);
    let mut world = World::with(options.environment("AWS_SECRET_ACCESS_KEY", &server.key[1])).await;
    world.key = world.server.create_key(&["jobs:read", "jobs:write"]);
    let urls = world.origin.product_urls(1_200);
    let kept = world.upload("/v1/uploads", "application/x-ndjson", ndjson(&urls).as_bytes()).await.json();
    let id = world.submit(&job_of(&json!({"upload_id": kept["upload_id"]}))).await;
    assert!(world.origin.wait_for_hits(|hits| hits >= 300).await);
    world.server.restart().await;
    let job = world.ended(&id).await;
    assert_eq!((&job["status"], &job["urls_done"]), (&json!("completed"), &json!(1_200)), "{job}");

    let link = job["download_url"].as_str().expect("a link");
    let path = link.strip_prefix(&server.endpoint).expect("a link to the bucket");
    assert!(path.starts_with("/own/results/") && path.contains("X-Amz-Signature="), "{path}");
    let address = server.endpoint.strip_prefix("http://").expect("plain").parse().expect("an address");
    let file = http::request(address, "GET", path, &[], b"").await;
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file.body);
    let hex: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&json!(hex), lines(&file).len()), (&job["files"][0]["sha256"], 1_200));
    let part = http::request(address, "GET", path, &[("range", "bytes=0-9")], b"").await;
    assert_eq!((part.status, part.body.as_slice()), (206, &file.body[..10]));
    assert!(!world.server.log().contains(&server.key[1]), "the key is in no log");
}
