//! A list of URLs goes in, and each comes out as soon as it is done: pages, errors, progress, the end, and the accounts.

use std::time::{Duration, Instant};

use pagewire_testkit::{Ledger, http, sse::Item};
use serde_json::{Value, json};

use crate::world::{World, light, named};

#[tokio::test]
async fn every_url_arrives_once_and_the_accounts_add_up() {
    let world = World::start().await;
    let mut urls = world.origin.product_urls(120);
    urls.extend((0..5).map(|n| world.origin.url(&format!("/status/404?{n}"))));
    urls.push(urls[0].clone()); // asked for twice, answered twice
    let frames = world.read(&light(&urls, 8)).await;

    let mut ledger = Ledger::new();
    ledger.enter(&frames);
    ledger.assert_complete(126);
    assert_eq!(ledger.errors(), 5);
    for frame in frames.iter().filter(|frame| frame.is_record()) {
        assert_eq!(frame.json()["url"], urls[frame.index()].as_str());
    }
    let ids: Vec<String> = frames.iter().filter_map(|frame| frame.id.clone()).collect();
    assert_eq!(ids, (1..=126).map(|id| format!("{id:04}")).collect::<Vec<_>>());

    assert_eq!(frames.last().map(|frame| frame.event.as_str()), Some("end"));
    let end = frames[frames.len() - 1].json();
    assert_eq!((&end["done"], &end["errored"], &end["total"]), (&json!(121), &json!(5), &json!(126)));
    let credits: u64 =
        named(&frames, "page").iter().filter_map(|page| page.json()["meta"]["credits"].as_u64()).sum();
    assert_eq!(end["credits_used"], credits);
    assert_eq!(credits, 121, "a page costs one, an error nothing");
    assert!(end["elapsed_ms"].is_u64() && end["trace_id"].is_string(), "{end}");
}

#[tokio::test]
async fn only_records_have_ids_and_only_known_events_come() {
    let world = World::start().await;
    let urls = [world.origin.url("/p/1"), world.origin.url("/status/410")];
    for frame in world.read(&light(&urls, 1)).await {
        match frame.event.as_str() {
            "page" | "error" => assert!(frame.id.is_some(), "{frame:?}"),
            "progress" | "warning" | "end" => assert_eq!(frame.id, None, "{frame:?}"),
            other => panic!("an event `{other}`"),
        }
    }
}

#[tokio::test]
async fn a_page_is_an_envelope_with_what_was_asked_for() {
    let world = World::start().await;
    let url = world.origin.url("/p/7");
    let body = json!({
        "urls": [url], "formats": ["raw_html", "text", "links", "metadata"],
        "extract": {"name": "string", "price": "number"},
    });
    let frames = world.read(&body).await;
    let page = named(&frames, "page")[0].json();
    assert_eq!((&page["url"], &page["final_url"]), (&json!(url), &json!(url)));
    assert_eq!(page["http_status"], 200);
    let data = &page["data"];
    assert_eq!((&data["name"], &data["price"]), (&json!("Product 7"), &json!(13.5)));
    assert!(data["raw_html"].as_str().is_some_and(|html| html.contains("\"Product 7\"")));
    assert!(data["text"].as_str().is_some_and(|text| text.contains("Product 7") && !text.contains("<h1")));
    assert!(data["links"].as_array().is_some_and(|links| !links.is_empty()));
    let meta = &page["meta"];
    assert_eq!((&meta["index"], &meta["attempts"], &meta["credits"]), (&json!(0), &json!(1), &json!(1)));
    assert_eq!(
        (&meta["rendered"], &meta["cached"], &meta["proxy_type"]),
        (&json!(false), &json!(false), &json!("none"))
    );
    assert_eq!(meta["content_type"], "text/html");
    assert!(meta["title"].as_str().is_some_and(|title| title.starts_with("Product 7")));
    assert!(meta["bytes"].as_u64().is_some_and(|bytes| bytes >= 27_000));
    assert!(meta["fetched_at"].as_str().is_some_and(|time| time.ends_with('Z')));
    assert!(meta["elapsed_ms"].is_u64());
}

#[tokio::test]
async fn an_error_says_what_failed_in_a_word_and_a_sentence() {
    let world = World::start().await;
    let body =
        json!({"urls": [world.origin.url("/status/500")], "retry": {"max": 1}, "formats": ["metadata"]});
    let frames = world.read(&body).await;
    let error = named(&frames, "error")[0].json();
    assert_eq!((&error["code"], &error["http_status"]), (&json!("http_error"), &json!(500)));
    assert_eq!((&error["index"], &error["attempts"]), (&json!(0), &json!(2)));
    assert_eq!(error["retryable"], true);
    assert!(error["error"].as_str().is_some_and(|sentence| !sentence.is_empty()));
    assert_eq!(world.origin.hits(), 2);
}

#[tokio::test]
async fn a_url_that_fails_at_first_is_tried_again() {
    let world = World::start().await;
    let frames =
        world.read(&json!({"urls": [world.origin.url("/flaky/2/a")], "formats": ["metadata"]})).await;
    let page = named(&frames, "page")[0].json();
    assert_eq!(page["meta"]["attempts"], 3);
    assert_eq!(page["meta"]["credits"], 1, "only what came costs");
}

#[tokio::test]
async fn a_url_brings_its_own_parameters_and_gets_its_own_words_back() {
    let world = World::start().await;
    let body = json!({
        "urls": [
            {"url": world.origin.url("/p/1"), "custom_id": "row 1", "metadata": {"sku": 9}, "formats": ["links"],
             "user_agent": "Own/1"},
            {"url": world.origin.url("/status/404"), "custom_id": "row 2", "metadata": {"sku": 10}},
            world.origin.url("/p/2"),
        ],
        "formats": ["raw_html"], "user_agent": "All/1",
    });
    let frames = world.read(&body).await;
    let by_index = |index: usize| -> Value {
        frames.iter().find(|frame| frame.is_record() && frame.index() == index).expect("each came").json()
    };
    let (own, failed, plain) = (by_index(0), by_index(1), by_index(2));
    assert_eq!((&own["custom_id"], &own["metadata"]), (&json!("row 1"), &json!({"sku": 9})));
    assert!(own["data"]["links"].is_array() && own["data"].get("raw_html").is_none());
    assert_eq!((&failed["custom_id"], &failed["metadata"]), (&json!("row 2"), &json!({"sku": 10})));
    assert!(plain["data"]["raw_html"].is_string() && plain.get("custom_id").is_none());
    let agent = |path: &str| {
        world.origin.last_request(path).expect("asked for").header("user-agent").map(ToOwned::to_owned)
    };
    assert_eq!((agent("/p/1").as_deref(), agent("/p/2").as_deref()), (Some("Own/1"), Some("All/1")));
}

#[tokio::test]
async fn progress_goes_up_to_the_total() {
    let world = World::start().await;
    let frames = world.read(&light(&world.origin.product_urls(400), 16)).await;
    let progress: Vec<Value> = named(&frames, "progress").iter().map(|frame| frame.json()).collect();
    assert!(progress.len() >= 2, "{progress:?}");
    let mut before = 0;
    for step in &progress {
        let (done, queued) = (step["done"].as_u64().expect("done"), step["queued"].as_u64().expect("queued"));
        assert!(done >= before, "{progress:?}");
        assert_eq!((done + queued, &step["total"]), (400, &json!(400)));
        assert!(step["errored"].as_u64().is_some_and(|errored| errored <= done));
        before = done;
    }
    assert_eq!(before, 400, "the last says all is done");
}

#[tokio::test]
async fn progress_comes_four_times_a_second_while_it_changes() {
    let world = World::start().await;
    let urls: Vec<String> = (0..20).map(|n| world.origin.url(&format!("/slow/100?{n}"))).collect();
    let frames = world.read(&light(&urls, 1)).await; // about two seconds
    let count = named(&frames, "progress").len();
    assert!((4..=20).contains(&count), "{count} of them");
}

#[tokio::test]
async fn the_headers_name_the_stream_and_keep_proxies_out() {
    let world = World::start().await;
    let mut reader = world.stream(&light(&[world.origin.url("/p/1")], 1)).open().await;
    let header = |name: &str| reader.header(name).unwrap_or_else(|| panic!("no {name}")).to_owned();
    let (stream, job) = (header("pagewire-stream-id"), header("pagewire-job-id"));
    assert!(stream.starts_with("str_") && job.starts_with("job_"));
    assert_eq!(header("location"), format!("/v1/stream/{stream}"));
    assert_eq!(header("cache-control"), "no-store, no-transform");
    assert_eq!(header("x-accel-buffering"), "no");
    assert!(header("content-type").starts_with("text/event-stream"));
    assert!(!header("x-trace-id").is_empty());
    for frame in reader.read_to_end().await {
        if matches!(frame.event.as_str(), "progress" | "end") {
            assert_eq!((&frame.json()["stream_id"], &frame.json()["job_id"]), (&json!(stream), &json!(job)));
        }
    }
}

#[tokio::test]
async fn a_comment_goes_out_before_anything_is_fetched() {
    let world = World::start().await;
    let begun = Instant::now();
    let mut reader = world.stream(&light(&[world.origin.url("/hang")], 1)).open().await;
    let first = reader.next_item().await;
    assert!(matches!(first, Some(Item::Comment(_))), "{first:?}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_page_is_sent_while_others_are_still_fetched() {
    let world = World::start().await;
    let urls = [world.origin.url("/hang"), world.origin.url("/p/1")];
    let mut reader = world.stream(&light(&urls, 2)).open().await;
    let page = reader.next_of(&["page", "error"]).await.expect("a page");
    assert_eq!((page.event.as_str(), page.index(), page.id.as_deref()), ("page", 1, Some("0001")));
}

#[tokio::test]
async fn no_more_are_fetched_at_once_than_asked_for() {
    let world = World::start().await;
    let urls: Vec<String> = (0..60).map(|n| world.origin.url(&format!("/slow/20?{n}"))).collect();
    let _ = world.read(&light(&urls, 5)).await;
    assert!((3..=5).contains(&world.origin.in_flight_max()), "{}", world.origin.in_flight_max());
}

#[tokio::test]
async fn the_same_events_come_as_ndjson_when_asked_for() {
    let world = World::start().await;
    let urls = [world.origin.url("/p/1"), world.origin.url("/status/404")];
    let bearer = format!("Bearer {}", world.key);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/x-ndjson"),
    ];
    let body = light(&urls, 1).to_string();
    let answer = http::request(world.server.address(), "POST", "/v1/stream", &headers, body.as_bytes()).await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let text = answer.text();
    let events: Vec<Value> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    let ids: Vec<&str> = events.iter().filter_map(|event| event["id"].as_str()).collect();
    assert_eq!(ids, ["0001", "0002"]);
    assert_eq!(events.last().expect("events")["event"], "end");
    let page = events.iter().find(|event| event["event"] == "page").expect("a page");
    assert_eq!(page["data"]["url"], urls[0].as_str());
}

#[tokio::test]
async fn robots_txt_is_respected_unless_told_otherwise() {
    let world = World::start().await;
    world.origin.set_robots("User-agent: *\nDisallow: /p/\n");
    let body =
        |robots: &str| json!({"urls": [world.origin.url("/p/1")], "robots": robots, "formats": ["metadata"]});
    let refused = world.read(&body("respect")).await;
    assert_eq!(named(&refused, "error")[0].json()["code"], "robots_disallowed");
    assert_eq!(world.origin.hits(), 0);
    assert_eq!(named(&world.read(&body("ignore")).await, "page").len(), 1);
}

#[tokio::test]
async fn the_wall_time_ends_a_stream_with_every_url_accounted_for() {
    let world = World::with_config("[stream]\nwall_time_s = 1\n").await;
    let urls: Vec<String> = (0..6).map(|n| world.origin.url(&format!("/hang?{n}"))).collect();
    let begun = Instant::now();
    let body = json!({
        "urls": urls, "concurrency": 2, "formats": ["metadata"], "timeout_ms": 30_000, "retry": {"max": 0},
    });
    let frames = world.read(&body).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let mut ledger = Ledger::new();
    ledger.enter(&frames);
    ledger.assert_complete(6);
    assert_eq!(named(&frames, "warning")[0].json()["code"], "max_wall_time");
    let codes: Vec<Value> =
        named(&frames, "error").iter().map(|error| error.json()["code"].clone()).collect();
    assert!(codes.iter().all(|code| code == "cancelled"), "what is under way ends as well: {codes:?}");
}

#[tokio::test]
async fn an_idle_stream_is_pinged() {
    let world = World::with_config("[stream]\nping_s = 1\n").await;
    let mut reader = world.stream(&light(&[world.origin.url("/hang")], 1)).open().await;
    let mut pings = 0;
    while pings < 2 {
        match reader.next_item().await.expect("the stream is open") {
            Item::Comment(text) => pings += usize::from(text == "ping"),
            Item::Frame(frame) if frame.event == "progress" => {}
            other => panic!("nothing else was due: {other:?}"),
        }
    }
}

#[tokio::test]
async fn credits_that_run_out_end_a_stream_cleanly() {
    let world = World::with_config("[plans.enterprise]\ncredits_total = 3\n").await;
    let frames = world.read(&light(&world.origin.product_urls(8), 1)).await;
    let mut ledger = Ledger::new();
    ledger.enter(&frames);
    ledger.assert_complete(8);
    let warned =
        named(&frames, "warning").iter().any(|warning| warning.json()["code"] == "credits_exhausted");
    assert!(warned, "{frames:?}");
    let end = frames[frames.len() - 1].json();
    assert_eq!((&end["credits_used"], &end["done"]), (&json!(3), &json!(3)));
    let refused =
        world.post("/v1/scrape", &json!({"url": world.origin.url("/p/1"), "formats": ["metadata"]})).await;
    let _ = crate::world::problem(&refused, 402, "credits_exhausted");
}

#[tokio::test]
async fn little_credit_is_told_once_with_what_is_left_before_it_is_none() {
    let world = World::with_config("[plans.enterprise]\ncredits_total = 40\n").await;
    let frames = world.read(&light(&world.origin.product_urls(45), 1)).await;
    let warnings: Vec<(usize, Value)> = frames
        .iter()
        .enumerate()
        .filter(|(_, frame)| frame.event == "warning")
        .map(|(at, frame)| (at, frame.json()))
        .collect();
    let codes: Vec<&str> = warnings.iter().filter_map(|(_, warning)| warning["code"].as_str()).collect();
    assert_eq!(codes, ["low_credits", "credits_exhausted"], "{warnings:?}");
    let (at, low) = &warnings[0];
    assert!(low["balance"].as_u64().is_some_and(|balance| (1..4).contains(&balance)), "under a tenth: {low}");
    let pages_before = frames[..*at].iter().filter(|frame| frame.event == "page").count();
    assert!((35..40).contains(&pages_before), "it comes while there is something left: after {pages_before}");
}
