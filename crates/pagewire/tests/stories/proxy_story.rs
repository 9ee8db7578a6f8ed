//! Pages through the operator's proxies: by type and country, around those that fail, with what a session keeps.

use std::collections::BTreeSet;

use pagewire_testkit::Origin;
use pagewire_testkit::binary::Options;
use pagewire_testkit::proxy::{Conduct, ProxyServer};
use serde_json::{Value, json};

use crate::render_story::with_browser;
use crate::world::{EXE, World, named, problem};

/// A pool of these proxies.
pub(crate) fn pool(kind: &str, rest: &str, proxies: &[&ProxyServer]) -> String {
    let urls: Vec<String> =
        proxies.iter().map(|proxy| proxy.url().replacen("://", "://name:hunter2@", 1)).collect();
    format!("[[proxies]]\nname = \"{kind}\"\ntype = \"{kind}\"\nurls = {urls:?}\n{rest}\n")
}

async fn working(count: usize) -> Vec<ProxyServer> {
    let mut proxies = Vec::new();
    for _ in 0..count {
        proxies.push(ProxyServer::start(Conduct::Works).await);
    }
    proxies
}

/// A URL's page, or its problem.
async fn scrape(world: &World, body: Value) -> Value {
    let mut body = body;
    for (field, value) in [("formats", json!(["raw_html"])), ("robots", json!("ignore"))] {
        body.as_object_mut().expect("an object").entry(field).or_insert(value);
    }
    world.post("/v1/scrape", &body).await.json()
}

#[tokio::test]
async fn a_page_comes_through_a_proxy_of_its_type_and_country_and_costs_what_that_costs() {
    let proxies = working(2).await;
    let config = pool("datacenter", "country = \"se\"", &[&proxies[0]])
        + &pool("residential", "country = \"de\"", &[&proxies[1]]);
    let world = World::with_config(&config).await;
    let url = world.origin.url("/p/1");
    for (wish, kind, country, credits) in [
        (json!({}), "none", Value::Null, 1),
        (json!({"proxy_type": "datacenter"}), "datacenter", json!("se"), 2),
        (json!({"proxy_type": "residential", "country": "de"}), "residential", json!("de"), 11),
        (json!({"country": "de"}), "residential", json!("de"), 11),
        (json!({"location": {"country": "se"}}), "datacenter", json!("se"), 2),
    ] {
        let mut body = wish.clone();
        body["url"] = json!(url);
        let page = scrape(&world, body).await;
        let meta = &page["meta"];
        assert_eq!(
            (&meta["proxy_type"], &meta["proxy_country"], &meta["credits"]),
            (&json!(kind), &country, &json!(credits)),
            "{wish}: {page}"
        );
    }
    assert_eq!((proxies[0].heads().len(), proxies[1].heads().len()), (2, 2));
    let log = world.server.log();
    assert!(!log.contains("hunter2") && !log.contains(&proxies[0].address().to_string()), "{log}");
}

#[tokio::test]
async fn what_fits_no_pool_is_refused_at_its_place_before_anything_is_fetched() {
    let proxies = working(1).await;
    let config = pool("datacenter", "country = \"se\"", &[&proxies[0]]);
    let mut world = World::with_config(&config).await;
    let url = world.origin.url("/p/1");
    let list = |overrides: Value| {
        let mut entry = overrides;
        entry["url"] = json!(url);
        json!([url, entry])
    };
    world.key = world.server.create_key(&["scrape", "stream:write", "jobs:read", "jobs:write"]);
    for (path, body, pointer) in [
        ("/v1/scrape", json!({"url": url, "proxy_type": "mobile"}), "/proxy_type"),
        ("/v1/scrape", json!({"url": url, "country": "no"}), "/country"),
        ("/v1/scrape", json!({"url": url, "proxy_type": "datacenter", "country": "no"}), "/proxy_type"),
        ("/v1/stream", json!({"urls": list(json!({"proxy_type": "mobile"}))}), "/urls/1/proxy_type"),
        (
            "/v1/stream",
            json!({"urls": list(json!({"country": "no"})), "proxy_type": "datacenter"}),
            "/urls/1/country",
        ),
        ("/v1/jobs", json!({"urls": list(json!({"proxy_type": "residential"}))}), "/urls/1/proxy_type"),
        ("/v1/jobs", json!({"urls": [url], "defaults": {"proxy_type": "mobile"}}), "/defaults/proxy_type"),
    ] {
        let told = problem(&world.post(path, &body).await, 422, "no_proxy_available");
        assert_eq!(told["errors"][0]["pointer"], pointer, "{path} {body}: {told}");
        assert_eq!(told["retryable"], false);
    }
    // Of a list that nobody waits for, each URL for itself.
    let lines = format!("{}\n{}\n", json!({"url": url}), json!({"url": url, "proxy_type": "mobile"}));
    let headers = [("content-type", "application/x-ndjson")];
    let upload = world.send("POST", "/v1/uploads", &headers, lines.as_bytes()).await.json();
    let input = json!({"upload_id": upload["upload_id"]});
    let job = world
        .submit(&json!({"input": input, "defaults": {"formats": ["metadata"], "robots": "ignore"}}))
        .await;
    assert_eq!(world.ended(&job).await["urls_errored"], 1);
    let records = world.get(&format!("/v1/jobs/{job}/results")).await.text();
    assert!(records.contains("no_proxy_available"), "{records}");
    assert_eq!((world.origin.hits(), proxies[0].connections()), (1, 0));
}

#[tokio::test]
async fn proxies_that_fail_are_gone_around_and_come_back() {
    let conducts = [
        Conduct::Hangs,
        Conduct::Demands,
        Conduct::Resets,
        Conduct::Rubbish,
        Conduct::EndlessHead,
        Conduct::Works,
    ];
    let mut proxies = Vec::new();
    for conduct in conducts {
        proxies.push(ProxyServer::start(conduct).await);
    }
    let pools = pool("datacenter", "", &proxies.iter().collect::<Vec<_>>());
    let world = World::with_config(&format!("[fetch]\nconnect_timeout_ms = 500\n{pools}")).await;
    let urls = world.origin.product_urls(60);
    let body = json!({
        "urls": urls, "proxy_type": "datacenter", "concurrency": 4, "formats": ["metadata"], "robots": "ignore",
        "timeout_ms": 1_000, "retry": {"max": 5},
    });
    let frames = world.read(&body).await;
    let failed: Vec<Value> = named(&frames, "error").iter().map(|frame| frame.json()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(named(&frames, "page").len(), urls.len());
    let rubbish = &proxies[3];
    let before = rubbish.connections();
    assert!(before < 10, "{before} tries of one that says rubbish");
    let log = world.server.log();
    assert!(log.contains("a proxy failed and rests") && log.contains("datacenter#4"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");

    for proxy in &proxies[..5] {
        proxy.behave(Conduct::Works);
    }
    // Trials are few, and the traffic makes them.
    let mut pages = 0;
    while rubbish.heads().len() <= usize::try_from(before).expect("few") {
        let page = scrape(&world, json!({"url": world.origin.url("/p/1"), "proxy_type": "datacenter"})).await;
        assert_eq!(page["meta"]["attempts"], 1, "{page}");
        pages += 1;
        assert!(pages < 5_000, "it never comes back");
    }
}

#[tokio::test]
async fn attempts_escalate_through_the_types_that_there_are() {
    let proxies = working(2).await;
    let pools = pool("datacenter", "", &[&proxies[0]]) + &pool("mobile", "", &[&proxies[1]]);
    // Without a browser, which would show what is tried again.
    let world = World::with_config(&format!("{pools}[render]\nbrowser = \"/nowhere/chromium\"\n")).await;
    for (fails, kind, credits) in [(0, "none", 1), (1, "datacenter", 2), (2, "mobile", 21), (3, "mobile", 21)]
    {
        let body = json!({
            "url": world.origin.url(&format!("/flaky/{fails}/{fails}")), "retry": {"max": 3, "escalate": true},
        });
        let page = scrape(&world, body).await;
        let meta = &page["meta"];
        assert_eq!(
            (&meta["proxy_type"], &meta["attempts"], &meta["credits"]),
            (&json!(kind), &json!(fails + 1), &json!(credits)),
            "{page}"
        );
    }
}

/// What is told of the way that a page or a failure went, as JSON.
fn way(told: &Value) -> Value {
    json!([told["proxy_type"], told["proxy_country"], told["rendered"]])
}

#[tokio::test]
async fn a_failure_tells_what_its_last_attempt_went_through_and_never_which_proxy() {
    let (working, refusing) = (working(2).await, ProxyServer::start(Conduct::Demands).await);
    let config = pool("datacenter", "country = \"se\"", &[&working[0]])
        + &pool("residential", "country = \"de\"", &[&refusing])
        + &pool("mobile", "", &[&working[1]]);
    let world = World::with_config(&format!("{config}[render]\nbrowser = \"/nowhere/chromium\"\n")).await;
    let once = json!({"max": 0});
    for (path, wish, code, told) in [
        ("/status/404", json!({"retry": once}), "http_error", json!(["none", null, false])),
        (
            "/status/404",
            json!({"proxy_type": "datacenter"}),
            "http_error",
            json!(["datacenter", "se", false]),
        ),
        (
            "/private",
            json!({"proxy_type": "mobile", "robots": "respect"}),
            "robots_disallowed",
            json!(["mobile", null, false]),
        ),
        (
            "/p/1",
            json!({"country": "de", "retry": once}),
            "proxy_failed",
            json!(["residential", "de", false]),
        ),
        // All that fit rest now.
        (
            "/p/2",
            json!({"country": "de", "retry": once}),
            "proxy_failed",
            json!(["residential", "de", false]),
        ),
        (
            "/status/503?0",
            json!({"retry": {"max": 1, "escalate": true}}),
            "http_error",
            json!(["datacenter", "se", false]),
        ),
        (
            "/status/503?1",
            json!({"retry": {"max": 3, "escalate": true}}),
            "http_error",
            json!(["mobile", null, false]),
        ),
        (
            "/binary",
            json!({"proxy_type": "datacenter", "formats": ["text"]}),
            "unsupported_content",
            json!(["datacenter", "se", false]),
        ),
    ] {
        world.origin.set_robots("User-agent: *\nDisallow: /private\n");
        let mut body = json!({"urls": [world.origin.url(path)], "robots": "ignore", "formats": ["raw_html"]});
        body.as_object_mut().expect("an object").extend(wish.as_object().expect("an object").clone());
        let record = named(&world.read(&body).await, "error").first().expect("a failure").json();
        assert_eq!((&record["code"], way(&record)), (&json!(code), told.clone()), "{path} {wish}: {record}");
        let mut single = body;
        let urls = single.as_object_mut().expect("an object").remove("urls").expect("urls");
        single["url"] = urls[0].clone();
        let problem = world.post("/v1/scrape", &single).await.json();
        assert_eq!((&problem["code"], way(&problem)), (&json!(code), told), "{path} {wish}: {problem}");
        for said in [record.to_string(), problem.to_string()] {
            assert!(
                !said.contains("hunter2") && !said.contains(&refusing.address().port().to_string()),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn metrics_tell_of_each_pool_what_went_through_it_and_never_where_it_is() {
    let (working, failing) = (working(2).await, ProxyServer::start(Conduct::Demands).await);
    let config = pool("datacenter", "", &[&working[0], &working[1]])
        + &pool("mobile", "country = \"se\"", &[&failing])
        + &pool("mobile", "country = \"de\"", &[&failing]);
    let world = World::with_config(&config).await;
    let value = async |series: &str| {
        let text = world.get("/metrics").await.text();
        let line =
            text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {series} in {text}"))
    };
    let of = |name: &str, pool: &str| format!("{name}{{pool=\"{pool}\",type=\"{pool}\"}}");
    assert_eq!(value(&of("pagewire_proxies", "datacenter")).await, "2");
    assert_eq!(value(&of("pagewire_proxies", "mobile")).await, "2", "pools of one name are one");
    for n in 0..3 {
        let url = world.origin.url(&format!("/p/{n}"));
        scrape(&world, json!({"url": url, "proxy_type": "datacenter"})).await;
    }
    let tunnelled = world.origin.url("/").replacen("http:", "https:", 1);
    scrape(&world, json!({"url": tunnelled, "country": "se", "retry": {"max": 0}})).await;
    assert_eq!(value(&of("pagewire_proxy_requests_total", "datacenter")).await, "3");
    assert_eq!(value(&of("pagewire_proxy_requests_total", "mobile")).await, "1");
    for (blame, count) in [("proxy", "1"), ("proxy_or_target", "0")] {
        let series =
            format!("pagewire_proxy_failures_total{{pool=\"mobile\",type=\"mobile\",blame=\"{blame}\"}}");
        assert_eq!(value(&series).await, count, "{blame}");
    }
    assert_eq!(value(&of("pagewire_proxies_resting", "mobile")).await, "1", "until it is tried again");
    assert_eq!(value(&of("pagewire_proxies_resting", "datacenter")).await, "0");
    let slow = json!({"url": world.origin.url("/slow/1500"), "proxy_type": "datacenter"});
    let (page, under_way) = tokio::join!(scrape(&world, slow), async {
        assert!(world.origin.wait_for_hits(|hits| hits >= 4).await);
        value(&of("pagewire_proxy_requests_under_way", "datacenter")).await
    });
    assert_eq!((&page["http_status"], &*under_way), (&json!(200), "1"));
    assert_eq!(value(&of("pagewire_proxy_requests_under_way", "datacenter")).await, "0");
    let text = world.get("/metrics").await.text();
    for secret in ["hunter2", "127.0.0.1", &failing.address().port().to_string()] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn a_page_that_an_attempt_got_by_proxy_is_kept_as_that_and_not_as_one_had_without() {
    let proxies = working(1).await;
    let pools = pool("datacenter", "country = \"se\"", &[&proxies[0]]);
    let world = World::with_config(&format!("{pools}[render]\nbrowser = \"/nowhere/chromium\"\n")).await;
    let url = world.origin.url("/flaky/1/kept");
    let ask = async |wish: Value| {
        let mut body = json!({"url": url, "max_age_s": 3600});
        body.as_object_mut().expect("an object").extend(wish.as_object().expect("an object").clone());
        let page = scrape(&world, body).await;
        (page["meta"]["cached"].clone(), way(&page["meta"]), page["meta"]["credits"].clone())
    };
    let by_proxy = json!(["datacenter", "se", false]);
    let escalating = json!({"retry": {"max": 1, "escalate": true}});
    assert_eq!(ask(escalating).await, (json!(false), by_proxy.clone(), json!(2)));
    assert_eq!(ask(json!({})).await, (json!(false), json!(["none", null, false]), json!(1)), "another page");
    let kept = ask(json!({"proxy_type": "datacenter"})).await;
    assert_eq!(kept, (json!(true), by_proxy, json!(0)), "as it came, with what it came through");
    assert_eq!(ask(json!({})).await, (json!(true), json!(["none", null, false]), json!(0)));
    let in_se = ask(json!({"proxy_type": "datacenter", "country": "se"})).await;
    assert_eq!(in_se.0, false, "who names a country wants a page from there");
    assert_eq!(world.origin.hits(), 4);
}

#[tokio::test]
async fn a_browser_goes_by_the_same_proxy_with_all_that_a_page_asks_for() {
    let proxies = working(1).await;
    let config = pool("datacenter", "country = \"se\"", &[&proxies[0]]);
    let world = World::with_config(&format!("{config}{}", with_browser(""))).await;
    let script = "<title>Shell</title><div id=app></div><script src=/made.js></script>";
    world.origin.set_page("/shell", 200, "text/html", script);
    let made = "document.getElementById('app').textContent = 'made by a script';";
    world.origin.set_page("/made.js", 200, "text/javascript", made);
    let body = json!({
        "url": world.origin.url("/shell"), "render": true, "proxy_type": "datacenter", "formats": ["text"],
        "only_main_content": false,
    });
    let page = scrape(&world, body).await;
    let meta = &page["meta"];
    assert_eq!(
        (&meta["rendered"], &meta["proxy_type"], &meta["proxy_country"], &meta["credits"]),
        (&json!(true), &json!("datacenter"), &json!("se"), &json!(6)),
        "{page}"
    );
    assert!(page.to_string().contains("made by a script"), "{page}");
    let heads = proxies[0].heads();
    for path in ["/shell", "/made.js"] {
        assert!(heads.iter().any(|head| head.contains(path)), "{path}: {heads:?}");
    }
    assert_eq!((world.origin.hits_of("/shell"), world.origin.hits_of("/made.js")), (1, 1));
}

#[tokio::test]
async fn a_proxy_has_no_more_under_way_than_it_may_and_who_waits_holds_nobody_up() {
    let proxies = working(1).await;
    let config = pool("datacenter", "concurrency = 2", &[&proxies[0]]);
    let world = World::with_config(&format!("{config}[scheduler]\nfetches_max = 4\n")).await;
    let urls: Vec<String> = (0..40).map(|n| world.origin.url(&format!("/slow/50?{n}"))).collect();
    let body = json!({
        "urls": urls, "proxy_type": "datacenter", "concurrency": 32, "formats": ["metadata"], "robots": "ignore",
    });
    let mut reader = world.stream(&body).open().await;
    assert!(world.origin.wait_for_hits(|hits| hits >= 4).await);
    let page = scrape(&world, json!({"url": world.origin.url("/p/1")})).await;
    assert_eq!(page["http_status"], 200);
    assert!(world.origin.hits() < 40, "the others had not ended when it did");
    let by_proxy = scrape(&world, json!({"url": world.origin.url("/p/2"), "proxy_type": "datacenter"})).await;
    assert_eq!(by_proxy["http_status"], 200);
    assert!(world.origin.hits() < 42, "a page that somebody waits for goes before the others");
    let frames = reader.read_to_end().await;
    assert_eq!(named(&frames, "page").len(), urls.len());
    assert_eq!(proxies[0].connections_at_once(), 2);
}

#[tokio::test]
async fn a_session_keeps_its_cookies_and_its_proxy_and_is_nobody_elses() {
    let proxies = working(4).await;
    let world = World::with_config(&pool("datacenter", "", &proxies.iter().collect::<Vec<_>>())).await;
    let echo = world.origin.url("/echo");
    let cookie = |page: &Value| {
        let echo: Value = serde_json::from_str(page["data"]["raw_html"].as_str()?).ok()?;
        let mut headers = echo["headers"].as_array()?.iter();
        Some(headers.find(|header| header[0] == "cookie")?[1].as_str()?.to_owned())
    };
    let login =
        json!({"url": world.origin.url("/set-cookie/id=7"), "session": "a", "proxy_type": "datacenter"});
    let first = scrape(&world, login).await;
    assert_eq!(cookie(&first).as_deref(), Some("id=7"), "the redirect's own: {first}");
    for n in 0..6 {
        let again =
            scrape(&world, json!({"url": format!("{echo}?{n}"), "session": "a", "proxy_type": "datacenter"}))
                .await;
        assert_eq!(cookie(&again).as_deref(), Some("id=7"));
    }
    assert_eq!(proxies.iter().filter(|proxy| proxy.connections() > 0).count(), 1, "always the same proxy");
    let others = [
        scrape(&world, json!({"url": echo, "session": "b"})).await,
        scrape(&world, json!({"url": echo})).await,
    ];
    assert!(others.iter().all(|page| page["http_status"] == 200 && cookie(page).is_none()), "{others:?}");
    let mut stranger = world;
    stranger.key = stranger.server.create_key_with(&["scrape", "stream:write"], &["--workspace", "other"]);
    let theirs = scrape(&stranger, json!({"url": echo, "session": "a"})).await;
    assert_eq!(cookie(&theirs), None, "another workspace's session of that name");
    // A run's sessions are its own too.
    let urls: Vec<Value> = (0..3)
        .map(|n| json!({"url": stranger.origin.url(&format!("/echo?run{n}")), "session": "a"}))
        .collect();
    let body = json!({"urls": urls, "formats": ["raw_html"], "robots": "ignore"});
    for frame in named(&stranger.read(&body).await, "page") {
        assert_eq!(cookie(&frame.json()), None);
    }
    for bad in ["", "a b", "å", &"x".repeat(65)] {
        let told = stranger.post("/v1/scrape", &json!({"url": echo, "session": bad})).await;
        assert_eq!(problem(&told, 422, "validation_failed")["errors"][0]["pointer"], "/session");
    }
}

#[tokio::test]
async fn the_sessions_of_a_run_are_its_own_and_each_has_one_proxy() {
    let proxies = working(6).await;
    let world = World::with_config(&pool("datacenter", "", &proxies.iter().collect::<Vec<_>>())).await;
    let sessions = 4;
    let urls: Vec<Value> = (0..40)
        .map(
            |n| json!({"url": world.origin.url(&format!("/p/{n}")), "session": format!("s{}", n % sessions)}),
        )
        .collect();
    let body = json!({
        "urls": urls, "proxy_type": "datacenter", "formats": ["metadata"], "robots": "ignore", "concurrency": 8,
    });
    assert_eq!(named(&world.read(&body).await, "page").len(), 40);
    let mut used = BTreeSet::new();
    for (proxy, number) in proxies.iter().zip(0..) {
        for head in proxy.heads() {
            let page: u32 =
                head.split(['/', ' ']).nth(5).and_then(|n| n.parse().ok()).expect("a page's number");
            used.insert((page % sessions, number));
        }
    }
    assert_eq!(used.len(), 4, "one proxy for each session: {used:?}");
}

#[tokio::test]
async fn a_pool_that_rotates_by_host_has_one_proxy_for_each() {
    let proxies = working(4).await;
    let config = pool("datacenter", "rotation = \"host\"", &proxies.iter().collect::<Vec<_>>());
    let world = World::with_config(&config).await;
    let mut others = Vec::new();
    for n in 2..8 {
        others.push(Origin::start_on(&format!("127.0.0.{n}")).await);
    }
    let urls: Vec<String> = others.iter().flat_map(|origin| origin.product_urls(5)).collect();
    let body = json!({
        "urls": urls, "proxy_type": "datacenter", "formats": ["metadata"], "robots": "ignore", "concurrency": 8,
    });
    assert_eq!(named(&world.read(&body).await, "page").len(), 30);
    let mut used = BTreeSet::new();
    for (proxy, number) in proxies.iter().zip(0..) {
        used.extend(proxy.heads().iter().map(|head| (head.split('/').nth(2).map(str::to_owned), number)));
    }
    assert_eq!(used.len(), 6, "one proxy for each host: {used:?}");
    let spread: BTreeSet<i32> = used.iter().map(|(_, number)| *number).collect();
    assert!(spread.len() > 1, "not the same for all: {used:?}");
}

#[tokio::test]
async fn credentials_may_stand_in_the_environment_and_are_never_shown() {
    let proxies = working(1).await;
    let config = format!(
        "[[proxies]]\ntype = \"mobile\"\nurls = [\"{}\"]\ncredentials_env = \"MOBILE_PROXY\"\n",
        proxies[0].url()
    );
    let options = Options::new(EXE).config(&config).environment("MOBILE_PROXY", "me:hunter2");
    let world = World::with(options).await;
    let page = scrape(&world, json!({"url": world.origin.url("/p/1"), "proxy_type": "mobile"})).await;
    assert_eq!(page["meta"]["proxy_type"], "mobile", "{page}");
    assert!(proxies[0].heads()[0].contains("Basic bWU6aHVudGVyMg=="), "{:?}", proxies[0].heads());
    assert!(!world.server.log().contains("hunter2"));
}
