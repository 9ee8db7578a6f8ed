//! Jobs: URLs in, files out, watched on the way.

use pagewire_testkit::sse::Item;
use pagewire_testkit::{Ledger, http};
use serde_json::{Value, json};

use crate::job_world::lines;
use crate::world::{World, light, problem};

#[tokio::test]
async fn a_job_leaves_a_file_with_each_url_once() {
    let world = World::of_jobs().await;
    let mut urls = world.origin.product_urls(30);
    urls.push(world.origin.url("/status/404"));
    let id = world.submit(&json!({"name": "first", "urls": urls, "defaults": {"extract": {"name": "string"}, "formats": []}})).await;
    let job = world.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["name"], &job["kind"]),
        (&json!("completed"), &json!("first"), &json!("job"))
    );
    assert_eq!(
        (&job["urls_total"], &job["urls_done"], &job["urls_errored"]),
        (&json!(31), &json!(31), &json!(1))
    );
    assert_eq!(job["credits_used"], 30);
    assert_eq!(job["files"][0]["rows"], 31);
    assert_eq!(job["files"][0]["url"], job["download_url"]);

    let file = world.follow(&job["download_url"], "GET", &[]).await;
    assert_eq!(file.status, 200);
    assert_eq!(
        file.header("content-disposition"),
        Some(format!("attachment; filename=\"{id}.ndjson\"").as_str())
    );
    let records = lines(&file);
    let mut found: Vec<&str> = records.iter().map(|record| record["url"].as_str().expect("a url")).collect();
    found.sort_unstable();
    let mut wanted: Vec<&str> = urls.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    let failed: Vec<&Value> = records.iter().filter(|record| record["status"] == "error").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["code"], "http_error");
}

#[tokio::test]
async fn a_link_gives_the_file_or_a_part_of_it_and_nothing_else() {
    let world = World::of_jobs().await;
    let id = world
        .submit(&json!({"urls": world.origin.product_urls(3), "defaults": {"formats": ["metadata"]}}))
        .await;
    let job = world.ended(&id).await;
    let link = &job["download_url"];
    let whole = world.follow(link, "GET", &[]).await;
    let bytes = whole.body.len();
    assert_eq!(job["files"][0]["bytes"], bytes);
    let head = world.follow(link, "HEAD", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(bytes.to_string().as_str()));
    let part = world.follow(link, "GET", &[("range", "bytes=5-14")]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[5..15]));
    assert_eq!(part.header("content-range"), Some(format!("bytes 5-14/{bytes}").as_str()));
    let end = world.follow(link, "GET", &[("range", "bytes=-7")]).await;
    assert_eq!(end.body, &whole.body[bytes - 7..]);
    let past = world.follow(link, "GET", &[("range", "bytes=999999999-")]).await;
    assert_eq!(past.status, 416);

    let text = link.as_str().expect("a link");
    let (front, signature) = text.split_once("&sig=").expect("a signature");
    let other = if signature.starts_with('A') { "B" } else { "A" };
    for tampered in [
        format!("{front}&sig={other}{}", &signature[1..]),
        text.replace("ws=default", "ws=other"),
        text.replace(".ndjson?", ".csv?"),
        text.replace("&exp=", "&exp=9"),
        text.replace("&sig=", "&gis="),
    ] {
        let answer = world.follow(&json!(tampered), "GET", &[]).await;
        problem(&answer, 404, "not_found");
    }
}

#[tokio::test]
async fn a_job_is_its_workspaces_alone() {
    let world = World::of_jobs().await;
    let id = world.submit(&json!({"urls": world.origin.product_urls(1)})).await;
    world.ended(&id).await;
    let stranger = world.server.create_key_with(&["jobs:read", "jobs:write"], &["--workspace", "other"]);
    for (method, path) in [
        ("GET", format!("/v1/jobs/{id}")),
        ("GET", format!("/v1/jobs/{id}/results")),
        ("GET", format!("/v1/jobs/{id}/stream")),
        ("DELETE", format!("/v1/jobs/{id}")),
    ] {
        let bearer = format!("Bearer {stranger}");
        let headers = [("authorization", bearer.as_str())];
        let answer = http::request(world.server.address(), method, &path, &headers, b"").await;
        problem(&answer, 404, "not_found");
    }
    let bearer = format!("Bearer {stranger}");
    let list =
        http::request(world.server.address(), "GET", "/v1/jobs", &[("authorization", &bearer)], b"").await;
    assert_eq!(list.json()["jobs"], json!([]));
}

#[tokio::test]
async fn jobs_are_listed_newest_first_and_by_state() {
    let world = World::of_jobs().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = world.submit(&json!({"urls": world.origin.product_urls(1)})).await;
        world.ended(&id).await;
        ids.insert(0, id);
    }
    let listed = async |query: &str| {
        let page = world.get(&format!("/v1/jobs{query}")).await.json();
        let jobs = page["jobs"].as_array().expect("jobs").iter();
        (
            jobs.map(|job| job["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>(),
            page["next_cursor"].clone(),
        )
    };
    assert_eq!(listed("").await, (ids.clone(), Value::Null));
    let (first, cursor) = listed("?limit=2").await;
    assert_eq!(first, ids[..2]);
    let cursor = cursor.as_str().expect("there is more").to_owned();
    assert_eq!(listed(&format!("?limit=2&cursor={cursor}")).await, (ids[2..].to_vec(), Value::Null));
    assert_eq!(listed("?status=processing").await.0, Vec::<String>::new());
    assert_eq!(listed("?status=completed").await.0, ids);
    for (query, code) in [
        ("?status=done", "validation_failed"),
        ("?limit=0", "validation_failed"),
        ("?cursor=x", "invalid_cursor"),
        ("?colour=1", "validation_failed"),
    ] {
        let answer = world.get(&format!("/v1/jobs{query}")).await;
        assert_eq!(answer.problem_code(), code, "{query}");
    }
}

#[tokio::test]
async fn results_are_had_page_by_page_while_they_land() {
    let world = World::of_jobs().await;
    let id = world.submit(&json!({"urls": world.origin.product_urls(25), "defaults": {"formats": []  , "extract": {"name": "string"}}})).await;
    world.ended(&id).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/jobs/{id}/results?limit=10{cursor}")).await.json();
        for result in page["results"].as_array().expect("results") {
            seen.push((
                result["id"].as_str().expect("an id").to_owned(),
                result["data"]["meta"]["index"].as_u64(),
            ));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let ids: Vec<String> = (1..=25).map(|id| format!("{id:04}")).collect();
    assert_eq!(seen.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids);
    let mut indexes: Vec<Option<u64>> = seen.iter().map(|(_, index)| *index).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..25).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_job_is_watched_to_its_end_and_replayed_after_it() {
    let world = World::of_jobs().await;
    let id = world
        .submit(&json!({"urls": world.origin.product_urls(20), "defaults": {"formats": ["metadata"]}}))
        .await;
    let live = world.watch(&id).open().await.read_to_end().await;
    let last = live.last().expect("events");
    assert_eq!(last.event, "done");
    assert_eq!(last.json(), json!({"status": "completed", "completed": 20, "total": 20, "errored": 0}));
    assert_eq!(live.iter().filter(|frame| frame.event == "page").count(), 20);
    let progress: Vec<Value> =
        live.iter().filter(|frame| frame.event == "progress").map(pagewire_testkit::Frame::json).collect();
    assert!(progress.iter().all(|told| told["total"] == 20), "{progress:?}");
    assert_eq!(progress.last().expect("counters")["completed"], 20);

    let replayed = world.watch(&id).open().await.read_to_end().await;
    let records = |frames: &[pagewire_testkit::Frame]| -> Vec<(Option<String>, String)> {
        frames
            .iter()
            .filter(|frame| frame.is_record())
            .map(|frame| (frame.id.clone(), frame.data.clone()))
            .collect()
    };
    assert_eq!(records(&replayed), records(&live));
    let rest = world.watch(&id).header("last-event-id", "0015").open().await.read_to_end().await;
    assert_eq!(records(&rest), records(&live)[15..]);
    let mut quiet = world.watch(&id);
    quiet.path.push_str("?include=progress,done");
    let quiet = quiet.open().await.read_to_end().await;
    assert!(quiet.iter().all(|frame| matches!(frame.event.as_str(), "progress" | "done")), "{quiet:?}");
}

#[tokio::test]
async fn who_watches_a_quiet_job_is_pinged() {
    let mut world = World::with_config("[stream]\nping_s = 1\n").await;
    world.key = world.server.create_key(&["jobs:read", "jobs:write"]);
    let body = json!({"urls": [world.origin.url("/hang")], "defaults": {"robots": "ignore"}});
    let id = world.submit(&body).await;
    let mut reader = world.watch(&id).open().await;
    let mut pings = 0;
    while pings < 2 {
        match reader.next_item().await.expect("it goes on") {
            Item::Comment(text) => pings += usize::from(text == "ping"),
            Item::Frame(frame) => assert_eq!(frame.event, "progress"),
            Item::Retry(_) => {}
        }
    }
}

#[tokio::test]
async fn a_request_repeated_with_its_key_makes_one_job() {
    let world = World::of_jobs().await;
    let body = json!({"urls": world.origin.product_urls(1)}).to_string();
    let post = async |key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        world.send("POST", "/v1/jobs", &headers, body.as_bytes()).await
    };
    let (first, again) = (post("k-1", &body).await, post("k-1", &body).await);
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("location"), again.header("location"));
    problem(&post("k-1", "{\"urls\": [\"https://example.com/\"]}").await, 409, "idempotency_conflict");
    assert_ne!(post("k-2", &body).await.body, first.body);
    assert_eq!(world.get("/v1/jobs").await.json()["jobs"].as_array().expect("jobs").len(), 2);
    problem(&post("", &body).await, 422, "validation_failed");
}

#[tokio::test]
async fn a_cancelled_job_keeps_what_is_done() {
    let world = World::of_jobs().await;
    let urls: Vec<String> = (0..200).map(|n| world.origin.url(&format!("/slow/100?n={n}"))).collect();
    let id = world.submit(&json!({"urls": urls, "concurrency": 4, "defaults": {"formats": ["metadata"], "robots": "ignore"}})).await;
    assert!(world.origin.wait_for_hits(|hits| hits >= 8).await);
    let answer = world.send("DELETE", &format!("/v1/jobs/{id}"), &[], b"").await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let job = world.ended(&id).await;
    assert_eq!(job["status"], "cancelled");
    let done = job["urls_done"].as_u64().expect("a number");
    assert!((4..200).contains(&done), "{job}");
    assert_eq!(world.origin.hits(), done, "what was under way ended, nothing else was begun");
    let file = world.follow(&job["download_url"], "GET", &[]).await;
    assert_eq!(lines(&file).len() as u64, done);
    let again = world.send("DELETE", &format!("/v1/jobs/{id}"), &[], b"").await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("cancelled")));
}

#[tokio::test]
async fn a_stream_that_was_to_end_ends_after_a_crash_too() {
    let mut world = World::of_jobs().await;
    let urls: Vec<String> = (0..200).map(|n| world.origin.url(&format!("/slow/2000?n={n}"))).collect();
    let reader = world.stream(&light(&urls, 2)).open().await;
    let id = reader.header("pagewire-job-id").expect("a job's id").to_owned();
    assert!(world.origin.wait_for_hits(|hits| hits >= 2).await);
    let answer = world.send("DELETE", &format!("/v1/jobs/{id}"), &[], b"").await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    world.server.kill_9();
    world.server.restart().await;
    let job = world.ended(&id).await;
    assert_eq!(job["status"], "cancelled", "{job}");
    assert!(world.origin.hits() <= 8, "{} requests", world.origin.hits());
}

#[tokio::test]
async fn an_upload_becomes_a_job_and_its_bad_lines_errors() {
    let world = World::of_jobs().await;
    let good = world.origin.product_urls(1_200);
    let mut list: Vec<String> = good.iter().map(|url| json!(url).to_string()).collect();
    list[3] = json!({"url": good[3], "custom_id": "row-3"}).to_string();
    list.insert(700, "\"ftp://example.com/\"".to_owned());
    let list = list.join("\n");
    let refused = world.upload("/v1/uploads", "application/x-ndjson", list.as_bytes()).await;
    let told = problem(&refused, 422, "validation_failed");
    assert_eq!((&told["errors"][0]["pointer"], &told["invalid"]), (&json!("/lines/701"), &json!(1)));

    let kept = world.upload("/v1/uploads?on_invalid=record", "application/x-ndjson", list.as_bytes()).await;
    assert_eq!(kept.status, 201, "{}", kept.text());
    let kept = kept.json();
    assert_eq!(
        (&kept["urls"], &kept["format"], &kept["bytes"]),
        (&json!(1_201), &json!("ndjson"), &json!(list.len()))
    );
    assert_eq!(kept["invalid"][0]["line"], 701);

    let id = world.submit(&json!({"input": {"upload_id": kept["upload_id"]}, "concurrency": 64, "defaults": {"formats": [], "extract": {"name": "string"}, "robots": "ignore"}})).await;
    let job = world.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["urls_done"], &job["urls_errored"]),
        (&json!("completed"), &json!(1_201), &json!(1))
    );
    let records = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    let mut indexes: Vec<u64> = records
        .iter()
        .map(|record| record["meta"]["index"].as_u64().or(record["index"].as_u64()).expect("an index"))
        .collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..1_201).collect::<Vec<_>>());
    let bad = records.iter().find(|record| record["status"] == "error").expect("an error");
    assert_eq!(
        (&bad["code"], &bad["url"], &bad["index"]),
        (&json!("invalid_url"), &json!("ftp://example.com/"), &json!(700))
    );
    let named = records.iter().find(|record| record["custom_id"] == "row-3").expect("its custom_id");
    assert_eq!(named["url"], json!(good[3]));
}

#[tokio::test]
async fn tables_have_the_fields_as_columns() {
    let world = World::of_jobs().await;
    let body = |format: &str| json!({"urls": world.origin.product_urls(5), "output": {"format": format}, "defaults": {"formats": [], "extract": {"name": "string", "price": "number"}}});
    let id = world.submit(&body("csv")).await;
    let job = world.ended(&id).await;
    let text = world.follow(&job["download_url"], "GET", &[]).await.text();
    let rows: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(rows[0], "url,status,http_status,error_code,fetched_at,name,price");
    assert_eq!(rows.len(), 7, "{text}");
    let id = world.submit(&body("parquet")).await;
    let job = world.ended(&id).await;
    let file = world.follow(&job["download_url"], "GET", &[]).await;
    assert!(file.body.starts_with(b"PAR1") && file.body.ends_with(b"PAR1"));
    let without = json!({"urls": world.origin.product_urls(1), "output": {"format": "csv"}});
    problem(&world.post("/v1/jobs", &without).await, 422, "validation_failed");
}

#[tokio::test]
async fn what_a_stream_finished_is_had_as_a_job() {
    let world = World::of_jobs().await;
    let mut reader = world
        .stream(&json!({"urls": world.origin.product_urls(10), "formats": ["metadata"], "robots": "ignore"}))
        .open()
        .await;
    let id = reader.header("pagewire-job-id").expect("a job's id").to_owned();
    let frames = reader.read_to_end().await;
    let job = world.ended(&id).await;
    assert_eq!(
        (&job["kind"], &job["status"], &job["urls_done"]),
        (&json!("stream"), &json!("completed"), &json!(10))
    );
    let page = world.get(&format!("/v1/jobs/{id}/results")).await.json();
    assert_eq!(page["results"].as_array().expect("results").len(), 10);
    let replayed = world.watch(&id).open().await.read_to_end().await;
    let mut ledger = Ledger::new();
    ledger.enter(&frames);
    ledger.enter(&replayed);
    assert_eq!(ledger.len(), 10, "the same ids mean the same URLs");
}

#[tokio::test]
async fn a_job_goes_on_after_a_crash_and_no_url_is_lost_or_repeated() {
    let mut world = World::of_jobs().await;
    let list: Vec<String> =
        world.origin.product_urls(3_000).iter().map(|url| json!(url).to_string()).collect();
    let kept = world.upload("/v1/uploads", "application/x-ndjson", list.join("\n").as_bytes()).await.json();
    let id = world.submit(&json!({"input": {"upload_id": kept["upload_id"]}, "concurrency": 16, "defaults": {"formats": [], "extract": {"name": "string"}, "robots": "ignore"}})).await;
    for hits in [300, 1_200, 2_400] {
        assert!(world.origin.wait_for_hits(|seen| seen >= hits).await);
        world.server.restart().await;
    }
    let job = world.ended(&id).await;
    assert_eq!((&job["status"], &job["urls_done"]), (&json!("completed"), &json!(3_000)));
    let records = lines(&world.follow(&job["download_url"], "GET", &[]).await);
    let mut indexes: Vec<u64> =
        records.iter().filter_map(|record| record["meta"]["index"].as_u64()).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..3_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_no_job_can_be_is_refused_and_changes_nothing() {
    let world = World::of_jobs().await;
    let url = world.origin.url("/product/1");
    for (body, code) in [
        (json!({}), "validation_failed"),
        (json!({"urls": []}), "validation_failed"),
        (json!({"urls": vec![url.clone(); 1_001]}), "too_many_urls"),
        (json!({"urls": [url], "input": {"upload_id": "x"}}), "validation_failed"),
        (json!({"input": {"upload_id": "upl_00000000000000000000000000000000"}}), "validation_failed"),
        (json!({"urls": [url], "defaults": {"extract": {"a": "strin"}}}), "schema_invalid"),
        (json!({"urls": [{"url": url, "extract": {"a": "strin"}}]}), "schema_invalid"),
        (json!({"urls": [url], "name": "a/\u{1}"}), "validation_failed"),
        (json!({"urls": [url], "concurrency": 0}), "validation_failed"),
        (json!({"urls": [url], "webhook": "ftp://example.com/hook"}), "validation_failed"),
        (json!({"urls": [url], "input": {"s3_uri": "s3://bucket/list"}}), "validation_failed"),
        (json!({"input": {"s3_uri": "s3://bucket/list"}}), "validation_failed"),
        (json!({"urls": ["ftp://a/"]}), "invalid_url"),
    ] {
        let answer = world.post("/v1/jobs", &body).await;
        assert_eq!(answer.problem_code(), code, "{body}: {}", answer.text());
    }
    assert_eq!(world.get("/v1/jobs").await.json()["jobs"], json!([]));
    for (path, content_type, list, code) in [
        ("/v1/uploads", "application/json", "\"http://a/\"", "unsupported_media_type"),
        ("/v1/uploads", "application/x-ndjson", "", "validation_failed"),
        ("/v1/uploads", "text/csv", "link\nhttp://a/\n", "validation_failed"),
        ("/v1/uploads?on_invalid=keep", "text/csv", "url\nhttp://a/\n", "validation_failed"),
    ] {
        let answer = world.upload(path, content_type, list.as_bytes()).await;
        assert_eq!(answer.problem_code(), code, "{list}: {}", answer.text());
    }
    problem(&world.get("/v1/jobs/job_x").await, 404, "not_found");
    problem(&world.get("/v1/jobs/job_00000000000000000000000000000000").await, 404, "not_found");
}
