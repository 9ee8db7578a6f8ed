//! A test key's targets are fixtures: nothing leaves the server, nothing is charged, and all the rest is as with a live
//! key. The guard is as it ships, so that a request that did leave would be refused as well as counted.

use std::path::Path;
use std::time::{Duration, Instant};

use pagewire_testkit::{Frame, Ledger, binary::Options, http, sse::StreamRequest};
use serde_json::{Value, json};

use crate::world::{EXE, World, light, named, problem, stream_id};

/// A world as it ships, whose `key` is a test key.
async fn sandbox(toml: &str) -> World {
    let mut world = World::with(Options::new(EXE).guarded().config(toml)).await;
    world.key = world.server.create_key_with(&["scrape", "stream:write", "stream:read"], &["--sandbox"]);
    assert!(world.key.starts_with("pw_test_"));
    world
}

/// Whether the site has seen anything at all.
fn untouched(world: &World) -> bool {
    (world.origin.hits(), world.origin.connections()) == (0, 0)
}

async fn spent(world: &World) -> Value {
    world.get("/v1/usage").await.json()["credits"]["used"].clone()
}

#[tokio::test]
async fn any_url_has_a_page_and_nothing_leaves_the_server() {
    let world = sandbox("").await;
    for url in [
        world.origin.url("/products/7"),
        "https://no-such-name.invalid/products/7".to_owned(),
        "http://169.254.169.254/products/7".to_owned(),
    ] {
        let body =
            json!({"url": url, "formats": ["links"], "extract": {"name": "string", "price": "number"}});
        let answer = world.post("/v1/scrape", &body).await;
        assert_eq!(answer.status, 200, "{url}: {}", answer.text());
        let page = answer.json();
        assert_eq!((&page["url"], &page["final_url"]), (&json!(url), &json!(url)));
        assert_eq!(page["data"]["name"], "Enamel kettle No. 7");
        assert_eq!(page["data"]["price"], 27.5);
        assert_eq!((&page["meta"]["credits"], &page["meta"]["attempts"]), (&json!(0), &json!(1)));
    }
    let live = world.server.create_key(&["scrape"]);
    let body = json!({"url": world.origin.url("/products/7"), "formats": ["links"]});
    let refused = http::post_json(world.server.address(), "/v1/scrape", &live, &body).await;
    let _ = problem(&refused, 502, "blocked_target");
    assert!(untouched(&world));
    assert_eq!(spent(&world).await, 0);
}

#[tokio::test]
async fn a_stream_of_the_sandbox_is_a_stream_like_any_other_but_for_its_price() {
    let world = sandbox("").await;
    let mut urls: Vec<String> = (0..200).map(|n| world.origin.url(&format!("/products/{n}"))).collect();
    urls.push(world.origin.url("/status/410"));
    let body = json!({"urls": urls, "concurrency": 16, "formats": [], "extract": {"name": "string"}});
    let frames = world.read(&body).await;
    let mut ledger = Ledger::new();
    ledger.enter(&frames);
    ledger.assert_complete(201);
    assert_eq!(ledger.errors(), 1);
    for page in named(&frames, "page") {
        let (index, page) = (page.index(), page.json());
        assert_eq!(page["data"]["name"], format!("Enamel kettle No. {index}"));
        assert_eq!(page["meta"]["credits"], 0);
    }
    let end = frames.last().expect("an end").json();
    assert_eq!((&end["done"], &end["errored"], &end["credits_used"]), (&json!(200), &json!(1), &json!(0)));
    assert!(untouched(&world), "not even robots.txt is asked for");
    assert_eq!(spent(&world).await, 0);
}

#[tokio::test]
async fn what_the_documentation_lists_is_what_comes() {
    let world = sandbox("").await;
    let documentation =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox.md"))
            .expect("the documentation");
    let rows: Vec<(&str, &str)> = documentation
        .lines()
        .filter(|line| line.starts_with("| `/"))
        .map(|line| {
            let mut cells = line.split('|').skip(1).map(|cell| cell.trim().trim_matches('`'));
            (cells.next().expect("a path"), cells.next().expect("an end"))
        })
        .collect();
    assert!(rows.len() >= 18, "{rows:?}");
    let urls: Vec<String> = rows.iter().map(|(path, _)| format!("https://shop.example{path}")).collect();
    let body = json!({"urls": urls, "formats": ["metadata"], "timeout_ms": 1_000, "retry": {"max": 0}, "concurrency": 20});
    let frames = world.read(&body).await;
    for (index, (path, ends_as)) in rows.iter().enumerate() {
        let record = frames.iter().find(|frame| frame.is_record() && frame.index() == index);
        let record: &Frame = record.unwrap_or_else(|| panic!("no record of {path}"));
        let data = record.json();
        let seen = if record.event == "page" { "page" } else { data["code"].as_str().unwrap_or_default() };
        assert_eq!(seen, *ends_as, "{path}: {data}");
    }
    let ignoring =
        json!({"url": "https://a.example/errors/robots_disallowed", "robots": "ignore", "formats": ["text"]});
    assert_eq!(world.post("/v1/scrape", &ignoring).await.status, 200);
}

#[tokio::test]
async fn a_sandbox_stream_is_still_one_after_a_crash_and_a_restart() {
    let mut world = sandbox("").await;
    let urls: Vec<String> = (0..120).map(|n| world.origin.url(&format!("/slow/20?{n}"))).collect();
    let mut reader = world.stream(&light(&urls, 4)).open().await;
    let id = stream_id(&reader);
    let mut ledger = Ledger::new();
    ledger.enter(&reader.take_records(20).await);
    world.server.kill_9();
    ledger.enter(&reader.read_to_cut().await);
    world.server.restart().await;
    let frames = world.resume(&id, ledger.last_id().as_deref()).open().await.read_to_end().await;
    ledger.enter(&frames);
    ledger.assert_complete(120);
    assert_eq!(ledger.errors(), 0, "a live run would have been refused by the guard");
    assert_eq!(frames.last().expect("an end").json()["credits_used"], 0);
    assert!(untouched(&world));
}

#[tokio::test]
async fn neither_mode_finds_the_other_modes_streams() {
    let mut world = sandbox("").await;
    let live = world.server.create_key(&["stream:write"]);
    let start = async |key: &str, path: &str| {
        let body = light(&[world.origin.url(path)], 1);
        StreamRequest::post(world.server.address(), "/v1/stream", key, &body).open().await
    };
    let open = start(&world.key, "/slow/60000").await;
    let (mut sandboxed, mut refused) = (start(&world.key, "/").await, start(&live, "/").await);
    // What the guard refuses is a live stream all the same.
    assert_eq!(named(&refused.read_to_end().await, "error").len(), 1);
    assert_eq!(named(&sandboxed.read_to_end().await, "page").len(), 1);
    let (open_sandbox, ended_sandbox, ended_live) =
        (stream_id(&open), stream_id(&sandboxed), stream_id(&refused));
    let ask = async |world: &World, id: &str, key: &str| {
        http::get(world.server.address(), &format!("/v1/stream/{id}"), Some(key)).await
    };
    // Once while the server holds them in memory, and once from what it has stored.
    for restarted in [false, true] {
        if restarted {
            world.server.restart().await;
        }
        for (id, key) in [(&open_sandbox, &live), (&ended_sandbox, &live), (&ended_live, &world.key)] {
            let _ = problem(&ask(&world, id, key).await, 404, "not_found");
        }
        for (id, key) in [(&ended_sandbox, &world.key), (&ended_live, &live)] {
            assert_eq!(ask(&world, id, key).await.status, 200, "its own is there");
        }
    }
    assert!(untouched(&world));
}

#[tokio::test]
async fn the_sandbox_needs_no_credits_and_leaves_those_that_are_there() {
    let world = sandbox("[plans.enterprise]\ncredits_total = 1\n").await;
    let live = world.server.create_key(&["scrape"]);
    let brought = json!({"html": "<p>Brought along.</p>", "formats": ["text"]});
    let last = http::post_json(world.server.address(), "/v1/parse", &live, &brought).await;
    assert_eq!((last.status, &last.json()["meta"]["credits"]), (200, &json!(1)), "{}", last.text());
    let refused = http::post_json(world.server.address(), "/v1/parse", &live, &brought).await;
    let _ = problem(&refused, 402, "credits_exhausted");

    let page = json!({"url": "https://shop.example/", "formats": ["text"]});
    assert_eq!(world.post("/v1/scrape", &page).await.status, 200);
    let parsed = world.post("/v1/parse", &brought).await;
    assert_eq!((parsed.status, &parsed.json()["meta"]["credits"]), (200, &json!(0)), "{}", parsed.text());
    let urls: Vec<String> = (0..20).map(|n| format!("https://shop.example/products/{n}")).collect();
    let frames = world.read(&light(&urls, 4)).await;
    assert_eq!(named(&frames, "page").len(), 20);
    let codes: Vec<Value> =
        named(&frames, "warning").iter().map(|warning| warning.json()["code"].clone()).collect();
    assert!(!codes.iter().any(|code| code == "low_credits" || code == "credits_exhausted"), "{codes:?}");
    assert_eq!(spent(&world).await, 1);
}

#[tokio::test]
async fn a_job_of_the_sandbox_is_rehearsed_apart_from_the_live_one() {
    let world = sandbox("").await;
    let scopes = ["jobs:read", "jobs:write"];
    let test = world.server.create_key_with(&scopes, &["--sandbox"]);
    let live = world.server.create_key(&scopes);
    let urls: Vec<String> = (0..30).map(|n| world.origin.url(&format!("/products/{n}"))).collect();
    let body = json!({"urls": urls, "defaults": {"extract": {"name": "string"}}}).to_string();
    let submit = async |key: &str| {
        let bearer = format!("Bearer {key}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", "nightly"),
        ];
        let answer =
            http::request(world.server.address(), "POST", "/v1/jobs", &headers, body.as_bytes()).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["id"].as_str().expect("an id").to_owned()
    };
    let ask = async |path: &str, key: &str| http::get(world.server.address(), path, Some(key)).await;
    let rehearsed = submit(&test).await;
    assert_eq!(submit(&test).await, rehearsed, "a repeated request is the same job");
    let path = format!("/v1/jobs/{rehearsed}");
    let begun = Instant::now();
    let job = loop {
        let job = ask(&path, &test).await.json();
        if job["status"] == "completed" {
            break job;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{job}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (&job["urls_done"], &job["urls_errored"], &job["credits_used"]),
        (&json!(30), &json!(0), &json!(0)),
        "{job}"
    );
    for path in [path.clone(), format!("{path}/results"), format!("{path}/stream")] {
        let _ = problem(&ask(&path, &live).await, 404, "not_found");
    }
    let performed = submit(&live).await;
    assert_ne!(performed, rehearsed, "a rehearsal does not stand for the request itself");
    let _ = problem(&ask(&format!("/v1/jobs/{performed}"), &test).await, 404, "not_found");
    let listed = ask("/v1/jobs", &test).await.text();
    assert!(listed.contains(&rehearsed) && !listed.contains(&performed), "{listed}");
    assert!(untouched(&world));
}
