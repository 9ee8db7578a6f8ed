//! What a job's files are as its `output` wants them: in parts, packed, safe to open; under names of the server's own.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::World;

pub(crate) fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip");
    let mut child = gzip.arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    let bytes = bytes.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&bytes).expect("written"));
    let output = child.wait_with_output().expect("it ends");
    writing.join().expect("written");
    assert!(output.status.success());
    output.stdout
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn files_are_split_by_size_and_together_have_each_url_once() {
    const PART_BYTES: u64 = 1 << 20;
    let world = World::of_jobs().await;
    let urls = world.origin.product_urls(120);
    for gzip in [false, true] {
        // Of pages that do not pack, the packed files are many too.
        let path = if gzip { "noise" } else { "raw_html" };
        let urls: Vec<String> = if gzip {
            (0..40)
                .map(|n| {
                    let noise: String = (0..60_000_u64)
                        .map(|at| {
                            let mixed = (at + 60_000 * n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                            char::from(b'!' + u8::try_from((mixed ^ (mixed >> 29)) % 90).unwrap_or(0))
                        })
                        .collect();
                    world.origin.set_page(&format!("/{path}/{n}"), 200, "text/html", format!("<p>{noise}"));
                    world.origin.url(&format!("/{path}/{n}"))
                })
                .collect()
        } else {
            urls.clone()
        };
        let body = json!({
            "urls": urls, "output": {"gzip": gzip, "max_part_bytes": PART_BYTES},
            "defaults": {"formats": ["raw_html"], "robots": "ignore"},
        });
        let id = world.submit(&body).await;
        let job = world.ended(&id).await;
        let files = job["files"].as_array().expect("files");
        assert!(files.len() > 1, "{job}");
        let extension = if gzip { "ndjson.gz" } else { "ndjson" };
        let mut found: Vec<String> = Vec::new();
        for (file, part) in files.iter().zip(1..) {
            assert_eq!(file["name"], json!(format!("{id}-part-{part:05}.{extension}")));
            let answer = world.follow(&file["url"], "GET", &[]).await;
            assert_eq!(
                json!([answer.body.len(), sha256(&answer.body)]),
                json!([file["bytes"], file["sha256"]])
            );
            assert!(answer.body.len() as u64 <= PART_BYTES);
            let text = if gzip { unpacked(&answer.body) } else { answer.body };
            let rows: Vec<Value> = text
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice(line).expect("JSON"))
                .collect();
            assert_eq!(json!(rows.len()), file["rows"]);
            found.extend(rows.iter().map(|row| row["url"].as_str().expect("a url").to_owned()));
        }
        assert_eq!(job["download_url"], files[0]["url"], "the first of them");
        found.sort_unstable();
        let mut wanted = urls;
        wanted.sort_unstable();
        assert_eq!(found, wanted);
    }
}

#[tokio::test]
async fn what_a_spreadsheet_would_run_is_made_text_unless_the_job_says_otherwise() {
    let world = World::of_jobs().await;
    let page = "<script type=\"application/ld+json\">{\"@context\": \"https://schema.org\", \"@type\": \"Product\", \
                \"name\": \"=HYPERLINK(\\\"http://evil.example\\\")\"}</script>";
    world.origin.set_page("/formula", 200, "text/html", page);
    let csv = async |output: Value| {
        let body = json!({
            "urls": [world.origin.url("/formula")], "output": output,
            "defaults": {"formats": [], "extract": {"name": "string"}, "robots": "ignore"},
        });
        let job = world.ended(&world.submit(&body).await).await;
        world.follow(&job["download_url"], "GET", &[]).await.text()
    };
    let safe = csv(json!({"format": "csv"})).await;
    assert!(safe.contains("\"'=HYPERLINK(\"\"http://evil.example\"\")\""), "{safe}");
    let as_it_is = csv(json!({"format": "csv", "escape_formulas": false})).await;
    assert!(as_it_is.contains("\"=HYPERLINK(\"\"http://evil.example\"\")\""), "{as_it_is}");
}

#[tokio::test]
async fn what_a_job_is_called_is_the_name_of_no_file() {
    let world = World::of_jobs().await;
    let body = json!({
        "name": "../../../etc/passwd C:\\nul “quoted\" name", "urls": world.origin.product_urls(1),
        "defaults": {"formats": ["metadata"]},
    });
    let id = world.submit(&body).await;
    let job = world.ended(&id).await;
    assert_eq!(job["name"], body["name"], "told as it came");
    assert_eq!(job["files"][0]["name"], json!(format!("{id}.ndjson")));
    let file = world.follow(&job["download_url"], "HEAD", &[]).await;
    let disposition = file.header("content-disposition");
    assert_eq!(disposition, Some(format!("attachment; filename=\"{id}.ndjson\"").as_str()));
    for name in ["", "a\nb", "a\u{0}", "a\u{7f}", &"a".repeat(201)] {
        let answer = world.post("/v1/jobs", &json!({"urls": ["http://a/"], "name": name})).await;
        let told = crate::world::problem(&answer, 422, "validation_failed");
        assert_eq!(told["errors"][0]["pointer"], "/name", "{name:?}");
    }
    for path in
        ["/v1/jobs/..%2fkeys", "/v1/jobs/%00", "/v1/jobs/job_%2e%2e%2f", "/v1/jobs/job_x%0d%0a/results"]
    {
        crate::world::problem(&world.get(path).await, 404, "not_found");
    }
}
