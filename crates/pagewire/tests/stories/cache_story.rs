//! Pages that may be a little old are fetched once: for one workspace, by one key, through a restart, and for nothing.

use std::time::Duration;

use pagewire_testkit::http;
use serde_json::{Value, json};

use crate::render_story::{SHELL, put_shell, with_browser};
use crate::world::{World, named};

const PATH: &str = "/doc";

/// A world with a page that bears an `ETag`.
async fn world() -> World {
    let world = World::start().await;
    world.origin.set_document(
        PATH,
        "text/html; charset=utf-8",
        "<title>Kept</title><h1>Kept</h1><p>A page.</p>",
    );
    world
}

/// The answer for that page in these words.
async fn scrape(world: &World, params: &Value) -> Value {
    let mut body = json!({"url": world.origin.url(PATH), "formats": ["metadata"]});
    for (name, value) in params.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let answer = world.post("/v1/scrape", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn told(page: &Value) -> (&Value, &Value) {
    (&page["meta"]["cached"], &page["meta"]["credits"])
}

#[tokio::test]
async fn a_page_that_is_young_enough_is_not_fetched_again_and_costs_nothing() {
    let world = world().await;
    let first = scrape(&world, &json!({"max_age_s": 3600})).await;
    assert_eq!(told(&first), (&json!(false), &json!(1)));
    assert!(first["meta"]["cache_age_s"].is_null());
    for params in [
        json!({"max_age_s": 3600}),
        json!({"max_age_s": 3600}),
        json!({"max_age": 3_600_000}),
        json!({"max_age_s": 3600, "formats": ["text", "links"]}),
        json!({"max_age_s": 3600, "formats": [], "extract": {"heading": {"css": "h1"}}}),
    ] {
        let page = scrape(&world, &params).await;
        assert_eq!(told(&page), (&json!(true), &json!(0)), "{params}: {page}");
        assert!(page["meta"]["cache_age_s"].as_u64().is_some_and(|age| age < 60), "{page}");
        assert_eq!(page["meta"]["fetched_at"], first["meta"]["fetched_at"]);
        assert_eq!((&page["http_status"], &page["final_url"]), (&first["http_status"], &first["final_url"]));
    }
    let again = scrape(&world, &json!({"max_age_s": 3600})).await;
    assert_eq!(again["data"], first["data"]);
    assert_eq!(world.origin.hits_of(PATH), 1);
    for own in [json!({}), json!({"max_age_s": 0})] {
        assert_eq!(told(&scrape(&world, &own).await), (&json!(false), &json!(1)));
    }
    assert_eq!(world.origin.hits_of(PATH), 3, "who says nothing of age has a fetch of his own");
}

#[tokio::test]
async fn an_older_page_is_asked_for_by_its_tag_and_confirmed_without_a_body() {
    let world = world().await;
    scrape(&world, &json!({"max_age_s": 3600})).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let confirmed = scrape(&world, &json!({"max_age": 1})).await;
    assert_eq!(told(&confirmed), (&json!(true), &json!(0)));
    assert_eq!((&confirmed["meta"]["cache_age_s"], &confirmed["meta"]["title"]), (&json!(0), &json!("Kept")));
    let asked = world.origin.last_request(PATH).expect("asked");
    assert!(asked.header("if-none-match").is_some(), "{asked:?}");
    assert_eq!(world.origin.hits_of(PATH), 2);
    world.origin.set_document(PATH, "text/html", "<title>Changed</title>");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let changed = scrape(&world, &json!({"max_age": 1})).await;
    assert_eq!(told(&changed), (&json!(false), &json!(1)), "what has changed is fetched, and paid for");
    assert_eq!(scrape(&world, &json!({"max_age_s": 60})).await["meta"]["title"], "Changed");
}

#[tokio::test]
async fn what_changes_the_answer_is_another_page_and_another_workspace_has_its_own() {
    let world = world().await;
    for params in [
        json!({"max_age_s": 60}),
        json!({"max_age_s": 60, "headers": {"accept-language": "sv"}}),
        json!({"max_age_s": 60, "cookies": {"a": "1"}}),
        json!({"max_age_s": 60, "user_agent": "Own/1"}),
        json!({"max_age_s": 60, "method": "POST"}),
        json!({"max_age_s": 60, "headers": {"cache-control": "no-cache"}}),
    ] {
        assert_eq!(told(&scrape(&world, &params).await), (&json!(false), &json!(1)), "{params}");
    }
    let other = world.server.create_key_with(&["scrape"], &["--workspace", "other"]);
    let body = json!({"url": world.origin.url(PATH), "formats": ["metadata"], "max_age_s": 60});
    let answer = http::post_json(world.server.address(), "/v1/scrape", &other, &body).await;
    assert_eq!((answer.status, told(&answer.json())), (200, (&json!(false), &json!(1))), "{}", answer.text());
    assert_eq!(world.origin.hits_of(PATH), 7);
}

#[tokio::test]
async fn pages_are_there_after_a_restart_and_after_a_kill_what_is_torn_is_fetched_again() {
    let mut world = world().await;
    let first = scrape(&world, &json!({"max_age_s": 3600})).await;
    let status = world.server.terminate(Duration::from_secs(30)).await;
    assert!(status.success());
    world.server.restart().await;
    let kept = scrape(&world, &json!({"max_age_s": 3600})).await;
    assert_eq!((told(&kept), &kept["data"]), ((&json!(true), &json!(0)), &first["data"]));
    world.server.kill_9();
    for file in files(&world.server.data_dir().join("cache")) {
        let whole = std::fs::read(&file).expect("a page");
        std::fs::write(&file, &whole[..whole.len() / 2]).expect("written");
    }
    world.server.restart().await;
    assert_eq!(told(&scrape(&world, &json!({"max_age_s": 3600})).await), (&json!(false), &json!(1)));
    assert_eq!(world.origin.hits_of(PATH), 2);
}

/// The files below a directory.
fn files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn the_same_page_a_hundred_times_in_a_stream_is_fetched_once() {
    let world = world().await;
    world.origin.delay(PATH, Duration::from_millis(300));
    let urls = vec![world.origin.url(PATH); 100];
    let body = json!({"urls": urls, "concurrency": 50, "formats": ["metadata"], "max_age_s": 60});
    let frames = world.read(&body).await;
    assert_eq!(named(&frames, "page").len(), 100);
    assert_eq!(world.origin.hits_of(PATH), 1);
    let end = named(&frames, "end")[0].json();
    assert_eq!((&end["done"], &end["credits_used"]), (&json!(100), &json!(1)));
}

#[tokio::test]
async fn a_page_that_fails_is_not_kept_and_a_caller_that_goes_away_takes_nobody_with_him() {
    let world = World::start().await;
    let path = "/flaky/1/cache";
    let body =
        json!({"url": world.origin.url(path), "formats": ["metadata"], "max_age_s": 60, "retry": {"max": 0}});
    assert_eq!(world.post("/v1/scrape", &body).await.status, 502);
    let page = world.post("/v1/scrape", &body).await.json();
    assert_eq!(told(&page), (&json!(false), &json!(1)), "{page}");
    world.origin.set_page("/slow-doc", 200, "text/html", "<title>Slow</title>");
    world.origin.delay("/slow-doc", Duration::from_millis(600));
    let slow = json!({"url": world.origin.url("/slow-doc"), "formats": ["metadata"], "max_age_s": 60});
    let (gone, stays) = tokio::join!(
        tokio::time::timeout(Duration::from_millis(200), world.post("/v1/scrape", &slow)),
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            world.post("/v1/scrape", &slow).await
        }
    );
    assert!(gone.is_err());
    assert_eq!((stays.status, stays.json()["meta"]["title"].clone()), (200, json!("Slow")));
}

#[tokio::test]
async fn a_page_is_kept_as_a_browser_showed_it() {
    let mut world = World::with_config(&with_browser("")).await;
    put_shell(&world.origin, PATH);
    let shown = |more: Value| {
        let mut params = json!({"max_age_s": 3600, "formats": ["text"], "robots": "ignore"});
        params.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        params
    };
    let (always, auto) = (shown(json!({"render": true})), shown(json!({"render": "auto"})));
    let reason = |page: &Value| page["meta"]["render_reason"].clone();
    let first = scrape(&world, &always).await;
    assert_eq!(told(&first), (&json!(false), &json!(5)));
    let judged = scrape(&world, &auto).await;
    assert_eq!((told(&judged), reason(&judged)), ((&json!(false), &json!(5)), json!("empty_root")));
    let hits = world.origin.hits();
    for (params, reason_before) in [(&always, Value::Null), (&auto, json!("empty_root"))] {
        let kept = scrape(&world, params).await;
        assert_eq!(told(&kept), (&json!(true), &json!(0)), "{kept}");
        assert_eq!((&kept["meta"]["rendered"], reason(&kept)), (&json!(true), reason_before));
        assert_eq!(kept["data"], first["data"]);
    }
    let links = scrape(&world, &shown(json!({"render": true, "formats": ["links"]}))).await;
    assert_eq!(told(&links), (&json!(true), &json!(0)), "what is read of it does not matter");
    assert_eq!(world.origin.hits(), hits);
    world.server.restart().await;
    let kept = scrape(&world, &auto).await;
    assert_eq!((told(&kept), reason(&kept)), ((&json!(true), &json!(0)), json!("empty_root")));
    assert_eq!((&kept["meta"]["rendered"], &kept["data"]), (&json!(true), &first["data"]));
    // Neither another look at the page, nor a picture, nor a step is what was kept; pictures and steps never are.
    for other in [
        json!({"render": true, "mobile": true}),
        json!({"render": true, "formats": ["text", "screenshot"]}),
        json!({"render": true, "formats": ["text", "screenshot"]}),
        json!({"render": true, "actions": [{"type": "scroll", "to": "bottom"}]}),
        json!({"render": true, "actions": [{"type": "scroll", "to": "bottom"}]}),
        json!({"render": false}),
    ] {
        let page = scrape(&world, &shown(other.clone())).await;
        assert_eq!(page["meta"]["cached"], json!(false), "{other}");
    }
}

#[tokio::test]
async fn an_older_page_is_shown_anew_and_one_that_needed_no_browser_is_confirmed() {
    let world = World::with_config(&with_browser("")).await;
    put_shell(&world.origin, "/rows");
    world.origin.set_document(PATH, "text/html; charset=utf-8", SHELL);
    let auto =
        |max_age: u64| json!({"max_age": max_age, "formats": ["text"], "render": "auto", "robots": "ignore"});
    scrape(&world, &auto(3_600_000)).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let again = scrape(&world, &auto(1)).await;
    assert_eq!((told(&again), &again["meta"]["rendered"]), ((&json!(false), &json!(5)), &json!(true)));
    let asked = world.origin.last_request(PATH).expect("asked");
    assert!(asked.header("if-none-match").is_none(), "its tag is the shell's: {asked:?}");

    world.origin.set_document(PATH, "text/html; charset=utf-8", "<title>Kept</title><h1>Kept</h1><p>A page.");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let served = scrape(&world, &auto(1)).await;
    assert_eq!((told(&served), &served["meta"]["rendered"]), ((&json!(false), &json!(1)), &json!(false)));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let confirmed = scrape(&world, &auto(1)).await;
    assert_eq!(told(&confirmed), (&json!(true), &json!(0)));
    assert_eq!(confirmed["meta"]["render_reason"], json!("no_scripts"));
    world.origin.set_document(PATH, "text/html; charset=utf-8", SHELL);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let shell = scrape(&world, &auto(1)).await;
    assert_eq!((told(&shell), &shell["meta"]["rendered"]), ((&json!(false), &json!(5)), &json!(true)));
}
