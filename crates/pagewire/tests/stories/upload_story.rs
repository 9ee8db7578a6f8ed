//! Lists as they come from the world: taken line by line or refused with a reason, and nothing kept of what was refused.

use std::io::Write as _;
use std::process::{Command, Stdio};

use pagewire_testkit::http::{self, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::job_world::lines;
use crate::world::{World, problem};

const NDJSON: &str = "application/x-ndjson";
/// A list in memory, and what judging it takes: none of it grows with the list.
const RSS_KIB_MAX: u64 = 100 * 1_024;

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip");
    let mut child = gzip.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    let bytes = bytes.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&bytes).expect("written"));
    let output = child.wait_with_output().expect("it ends");
    writing.join().expect("written");
    output.stdout
}

impl World {
    async fn send_list(&self, query: &str, content_type: &str, coding: &str, list: &[u8]) -> Response {
        let headers = [("content-type", content_type), ("content-encoding", coding)];
        self.send("POST", &format!("/v1/uploads{query}"), &headers, list).await
    }

    /// Uploads that are kept, half-written ones too.
    fn uploads_kept(&self) -> usize {
        let kept = std::fs::read_dir(self.server.data_dir().join("blobs/uploads"));
        kept.map_or(0, std::iter::Iterator::count)
    }
}

/// Media type, coding, list; status, code, and what the detail says.
type Refused<'a> = (&'a str, &'a str, &'a [u8], u16, &'a str, &'a str);

#[tokio::test]
async fn a_list_that_cannot_be_taken_is_refused_with_a_reason_and_leaves_nothing() {
    let world = World::of_jobs().await;
    let good = format!("{}\n", json!(world.origin.url("/p/1")));
    let whole = packed(good.repeat(1_000).as_bytes());
    let mut flipped = whole.clone();
    let at = flipped.len() - 7;
    flipped[at] ^= 1;
    let cases: [Refused<'_>; 14] = [
        (NDJSON, "identity", b"", 422, "validation_failed", "no URL"),
        (NDJSON, "identity", b"\xef\xbb\xbf\r\n\n \r\n", 422, "validation_failed", "no URL"),
        (NDJSON, "identity", b"\xff\xfe\"\0h\0", 422, "validation_failed", "UTF-8"),
        (NDJSON, "gzip", &whole[..whole.len() - 9], 422, "validation_failed", "gzip"),
        (NDJSON, "gzip", &whole[..40], 422, "validation_failed", "gzip"),
        (NDJSON, "gzip", &flipped, 422, "validation_failed", "gzip"),
        (NDJSON, "gzip", good.as_bytes(), 422, "validation_failed", "gzip"),
        (NDJSON, "br", good.as_bytes(), 415, "unsupported_media_type", "gzip"),
        ("application/json", "identity", good.as_bytes(), 415, "unsupported_media_type", "ndjson"),
        ("text/csv", "identity", b"name,age\na,1\n", 422, "validation_failed", "no field"),
        ("text/csv", "identity", b"custom_id\n1\n", 422, "validation_failed", "`url`"),
        (
            "text/csv",
            "identity",
            b"url,custom_id,url\nhttp://a/,1,http://b/\n",
            422,
            "validation_failed",
            "`url` twice",
        ),
        ("text/csv", "identity", b"url\n", 422, "validation_failed", "no URL"),
        ("text/csv", "identity", b"\"url\nhttp://a/\n", 422, "validation_failed", "header"),
    ];
    for (form, coding, list, status, code, says) in cases {
        let shown = String::from_utf8_lossy(&list[..list.len().min(30)]).into_owned();
        let told = problem(&world.send_list("", form, coding, list).await, status, code);
        let detail = told["detail"].as_str().expect("a detail");
        assert!(detail.contains(says), "{shown:?}: {detail}");
        assert_eq!(world.uploads_kept(), 0, "{shown:?}");
    }
    let large = [("content-type", NDJSON), ("content-length", "1000000001")];
    let told = world.send("POST", "/v1/uploads", &large, b"").await;
    problem(&told, 413, "body_too_large");
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn lines_of_every_kind_are_judged_one_by_one_and_none_is_lost() {
    let world = World::of_jobs().await;
    let url = |n: u32| world.origin.url(&format!("/p/{n}"));
    let mut list = b"\xef\xbb\xbf".to_vec();
    list.extend_from_slice(format!("{}\r\n\r\n\n", json!(url(1))).as_bytes());
    list.extend_from_slice(format!("\"{}\"\n", "x".repeat(10_000_000)).as_bytes());
    list.extend_from_slice(b"\"http://a/\0\"\n\0\n\"http://\xff/\"\n");
    list.extend_from_slice(b"{\"url\": \"http://a/\", \"colour\": 1}\n{\"url\": 7}\n");
    list.extend_from_slice(format!("{}1{}\n", "[".repeat(10_000), "]".repeat(10_000)).as_bytes());
    let strange = json!({"url": url(2), "custom_id": "../../etc/passwd\u{0}\r\n\u{202e}"});
    list.extend_from_slice(strange.to_string().as_bytes());

    let before = world.server.peak_rss_kib();
    let told = problem(&world.send_list("", NDJSON, "identity", &list).await, 422, "validation_failed");
    let lines_told: Vec<&str> =
        told["errors"].as_array().expect("errors").iter().filter_map(|e| e["pointer"].as_str()).collect();
    let bad = ["/lines/4", "/lines/5", "/lines/6", "/lines/7", "/lines/8", "/lines/9", "/lines/10"];
    assert_eq!((lines_told.as_slice(), &told["invalid"]), (&bad[..], &json!(7)), "{told}");
    assert_eq!(world.uploads_kept(), 0);

    let answer = world.send_list("?on_invalid=record", NDJSON, "gzip", &packed(&list)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let kept = answer.json();
    assert_eq!((&kept["urls"], kept["invalid"].as_array().map(Vec::len)), (&json!(9), Some(7)));
    assert!(world.server.peak_rss_kib() - before < 30 * 1_024, "a line of 10 MB is not held");
    let body = json!({"input": {"upload_id": kept["upload_id"]}, "defaults": {"formats": ["metadata"], "robots": "ignore"}});
    let job = world.ended(&world.submit(&body).await).await;
    assert_eq!(
        (&job["status"], &job["urls_done"], &job["urls_errored"]),
        (&json!("completed"), &json!(9), &json!(7))
    );
    let records = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    let mut indexes: Vec<u64> = records
        .iter()
        .map(|record| record["meta"]["index"].as_u64().or(record["index"].as_u64()).expect("an index"))
        .collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..9).collect::<Vec<_>>());
    let of_strange = records.iter().find(|record| record["url"] == json!(url(2))).expect("its record");
    assert_eq!(of_strange["custom_id"], strange["custom_id"], "echoed as it came, and no name of anything");
}

#[tokio::test]
async fn quotes_and_line_feeds_in_cells_of_a_csv_are_part_of_them() {
    let world = World::of_jobs().await;
    let list = format!(
        "custom_id,url,metadata\r\n\"a \"\"quoted\"\", one\r\nof two lines\",\"{}\",\"{{\"\"n\"\": 1}}\"\r\n\r\n7,\"{}\",\r\n",
        world.origin.url("/p/1?a,b"),
        world.origin.url("/p/2")
    );
    let kept = world.upload("/v1/uploads", "text/csv; charset=utf-8", list.as_bytes()).await;
    assert_eq!(kept.status, 201, "{}", kept.text());
    let body = json!({"input": {"upload_id": kept.json()["upload_id"]}, "defaults": {"formats": ["metadata"], "robots": "ignore"}});
    let job = world.ended(&world.submit(&body).await).await;
    let mut records = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    records.sort_by_key(|record| record["meta"]["index"].as_u64());
    let told: Vec<(&Value, &Value)> =
        records.iter().map(|record| (&record["custom_id"], &record["metadata"])).collect();
    assert_eq!(
        told,
        [(&json!("a \"quoted\", one\r\nof two lines"), &json!({"n": 1})), (&json!("7"), &Value::Null)]
    );
}

#[tokio::test]
async fn an_upload_that_is_cut_off_is_none() {
    let world = World::of_jobs().await;
    let mut socket = TcpStream::connect(world.server.address()).await.expect("a connection");
    let line = format!("{}\n", json!(world.origin.url("/p/1")));
    let head = format!(
        "POST /v1/uploads HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: {NDJSON}\r\ncontent-length: 2000000\r\n\r\n",
        world.key
    );
    socket.write_all(head.as_bytes()).await.expect("sent");
    socket.write_all(line.repeat(20_000).as_bytes()).await.expect("sent");
    socket.shutdown().await.expect("cut off");
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&answer));
    let gone = async {
        while world.uploads_kept() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(pagewire_testkit::DEADLINE, gone).await.expect("nothing is left of it");
}

#[tokio::test]
async fn another_workspaces_upload_is_as_one_that_never_was() {
    let world = World::of_jobs().await;
    let line = format!("{}\n", json!(world.origin.url("/p/1")));
    let kept = world.upload("/v1/uploads", NDJSON, line.as_bytes()).await.json();
    let stranger = world.server.create_key_with(&["jobs:read", "jobs:write"], &["--workspace", "other"]);
    let refused = async |upload: &Value| {
        let body = json!({"input": {"upload_id": upload}});
        let answer = http::post_json(world.server.address(), "/v1/jobs", &stranger, &body).await;
        let mut told = problem(&answer, 422, "validation_failed");
        told["trace_id"] = Value::Null;
        told
    };
    let foreign = refused(&kept["upload_id"]).await;
    assert_eq!(foreign["errors"][0]["pointer"], "/input/upload_id");
    assert_eq!(foreign, refused(&json!("upl_00000000000000000000000000000000")).await);
    let body = json!({"input": {"upload_id": kept["upload_id"]}, "defaults": {"formats": ["metadata"]}});
    let job = world.ended(&world.submit(&body).await).await;
    assert_eq!(job["urls_done"], 1, "it is still its owner's");
}

#[tokio::test]
async fn slow_a_million_urls_are_taken_and_one_more_is_too_many() {
    let world = World::of_jobs().await;
    let mut list: Vec<u8> = (0..1_000_000).flat_map(|n| format!("\"http://a/{n}\"\n").into_bytes()).collect();
    let before = world.server.peak_rss_kib();
    let kept = world.upload("/v1/uploads", NDJSON, &list).await;
    assert_eq!((kept.status, &kept.json()["urls"]), (201, &json!(1_000_000)), "{}", kept.text());
    let kept_before = world.uploads_kept();
    list.extend_from_slice(b"\"http://a/\"\n");
    let refused = world.upload("/v1/uploads", NDJSON, &list).await;
    let told = problem(&refused, 413, "too_many_urls");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("1000000")), "{told}");
    assert_eq!(world.uploads_kept(), kept_before);
    let peak = world.server.peak_rss_kib();
    println!("{} bytes: {before} KiB before, {peak} KiB at the most", list.len());
    assert!(peak < RSS_KIB_MAX, "{peak} KiB");
}

#[tokio::test]
async fn slow_a_bomb_is_cut_off_at_its_cap_in_bounded_memory() {
    let world = World::of_jobs().await;
    // 64 MiB of nothing each; gzip may be many members behind one another.
    let bomb = packed(&vec![0; 64 << 20]).repeat(60);
    assert!(bomb.len() < 5_000_000, "4 GB in {} bytes", bomb.len());
    let mut socket = TcpStream::connect(world.server.address()).await.expect("a connection");
    let head = format!(
        "POST /v1/uploads HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {}\r\ncontent-type: {NDJSON}\r\n\
         content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        world.key,
        bomb.len()
    );
    socket.write_all(&[head.as_bytes(), &bomb].concat()).await.expect("sent");
    let mut answer = Vec::new();
    // Four gigabytes are unpacked by a program that was not optimised.
    let read = tokio::time::timeout(10 * pagewire_testkit::DEADLINE, socket.read_to_end(&mut answer)).await;
    read.expect("an answer in time").expect("read");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("body_too_large"), "{answer}");
    assert_eq!(world.uploads_kept(), 0);
    let peak = world.server.peak_rss_kib();
    println!("{} bytes of bomb: {peak} KiB at the most", bomb.len());
    assert!(peak < RSS_KIB_MAX, "{peak} KiB");
}
