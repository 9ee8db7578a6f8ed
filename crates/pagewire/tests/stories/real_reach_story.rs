//! Pages of a real web server, kept and confirmed, and through real proxies that want to know who asks.

use std::time::Duration;

use pagewire_testkit::http;
use serde_json::{Value, json};

use crate::daemons::{Daemon, Nginx};
use crate::world::{World, problem};

/// A page of nginx, or a problem, in these words.
async fn ask(world: &World, nginx: &Nginx, key: &str, path: &str, words: Value) -> Value {
    let mut body =
        json!({"url": format!("http://{}{path}", nginx.address()), "formats": ["text"], "robots": "ignore"});
    body.as_object_mut().expect("an object").extend(words.as_object().expect("an object").clone());
    http::post_json(world.server.address(), "/v1/scrape", key, &body).await.json()
}

/// Whether it came from the cache, and what it cost.
fn told(page: &Value) -> (Value, Value) {
    (page["meta"]["cached"].clone(), page["meta"]["credits"].clone())
}

fn text(page: &Value) -> &str {
    page["data"]["text"].as_str().unwrap_or_else(|| panic!("no text: {page}"))
}

#[tokio::test]
async fn nginx_confirms_a_kept_page_by_its_tag_without_a_body_also_where_it_packs_it() {
    let world = World::start().await;
    let long = "The quay was empty, and the sea was still. ".repeat(40);
    for packs in ["", "gzip on; gzip_vary on; gzip_min_length 1;"] {
        let nginx = Nginx::start(packs).await;
        nginx.write("doc", &format!("<title>One</title><p>{long}"));
        let first = ask(&world, &nginx, &world.key, "/doc", json!({"max_age_s": 3600})).await;
        assert_eq!(told(&first), (json!(false), json!(1)), "{first}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        let confirmed = ask(&world, &nginx, &world.key, "/doc", json!({"max_age": 1})).await;
        assert_eq!(told(&confirmed), (json!(true), json!(0)), "{confirmed}");
        assert_eq!(confirmed["data"], first["data"]);
        let lines = nginx.log(2).await;
        assert!(lines[0].starts_with("GET /doc 200 ") && lines[1] == "GET /doc 304 0", "{lines:?}");
        // Another length, so that it is another tag within the same second.
        nginx.write("doc", &format!("<title>Two</title><p>Changed. {long}"));
        let changed = ask(&world, &nginx, &world.key, "/doc", json!({"max_age": 1})).await;
        assert_eq!((told(&changed), &changed["meta"]["title"]), ((json!(false), json!(1)), &json!("Two")));
    }
}

#[tokio::test]
async fn what_a_secret_opens_is_kept_for_that_secret_in_that_workspace_alone() {
    let world = World::start().await;
    let nginx = Nginx::start(
        "location /by-key { if ($http_authorization = '') { return 401; }
             return 200 '<p>key $http_authorization of $request_id and what it opens'; }
         location /by-cookie { add_header Vary Cookie; add_header Cache-Control private;
             return 200 '<p>cookie $http_cookie of $request_id and what it opens'; }
         location /no-store { add_header Cache-Control 'private, no-store'; return 200 '<p>$request_id and more'; }",
    )
    .await;
    let other = world.server.create_key_with(&["scrape"], &["--workspace", "other"]);
    let mine = world.key.as_str();
    let key = |name: &str| json!({"max_age_s": 3600, "headers": {"authorization": format!("Bearer {name}")}});
    let cookie = |name: &str| json!({"max_age_s": 3600, "cookies": {"id": name}});
    for (path, secret) in [("/by-key", &key as &dyn Fn(&str) -> Value), ("/by-cookie", &cookie)] {
        let first = ask(&world, &nginx, mine, path, secret("one")).await;
        assert_eq!(told(&first), (json!(false), json!(1)), "{first}");
        let kept = ask(&world, &nginx, mine, path, secret("one")).await;
        assert_eq!((told(&kept), text(&kept)), ((json!(true), json!(0)), text(&first)));
        for (whose, words) in [(mine, secret("two")), (&*other, secret("one"))] {
            let page = ask(&world, &nginx, whose, path, words.clone()).await;
            assert_eq!(told(&page), (json!(false), json!(1)), "{words}: {page}");
            assert_ne!(text(&page), text(&first), "{words}");
        }
    }
    let without = ask(&world, &nginx, mine, "/by-key", json!({"max_age_s": 3600})).await;
    assert_eq!((&without["code"], &without["http_status"]), (&json!("http_error"), &json!(401)));
    let without = ask(&world, &nginx, mine, "/by-cookie", json!({"max_age_s": 3600})).await;
    assert!(told(&without).0 == false && !text(&without).contains("one"), "{without}");
    let first = ask(&world, &nginx, mine, "/no-store", json!({"max_age_s": 3600})).await;
    let second = ask(&world, &nginx, mine, "/no-store", json!({"max_age_s": 3600})).await;
    assert_eq!((told(&second).0, text(&second) == text(&first)), (json!(false), false), "it is not kept");
    let names: Vec<_> = walk(&world.server.data_dir().join("cache"));
    assert!(!names.is_empty() && names.iter().all(|name| !name.contains("one")), "{names:?}");
}

/// The names of files below a directory, and of those that they are in.
fn walk(directory: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"));
    let names = entries.flat_map(|entry| {
        let below = if entry.path().is_dir() { walk(&entry.path()) } else { Vec::new() };
        [vec![entry.file_name().to_string_lossy().into_owned()], below].concat()
    });
    names.collect()
}

#[tokio::test]
async fn the_same_page_at_the_same_time_is_fetched_once_for_each_workspace_and_secret() {
    let world = World::start().await;
    world.origin.set_page("/slow", 200, "text/html", "<p>a page that takes its time");
    world.origin.delay("/slow", Duration::from_millis(800));
    let other = world.server.create_key_with(&["scrape"], &["--workspace", "other"]);
    let url = world.origin.url("/slow");
    let ask = async |key: &str, secret: &str| {
        let body = json!({
            "url": url, "formats": ["metadata"], "robots": "ignore", "max_age_s": 600, "cookies": {"id": secret},
        });
        http::post_json(world.server.address(), "/v1/scrape", key, &body).await.json()
    };
    let mine = world.key.as_str();
    let (a, b, c, d) = tokio::join!(ask(mine, "one"), ask(mine, "one"), ask(mine, "two"), ask(&other, "one"));
    let fetched = [&a, &b, &c, &d].iter().filter(|page| page["meta"]["cached"] == false).count();
    assert_eq!((fetched, world.origin.hits_of("/slow")), (3, 3), "{a} {b} {c} {d}");
}

#[tokio::test]
async fn who_has_more_time_is_not_failed_by_the_timeout_of_the_one_who_asked_first() {
    let world = World::start().await;
    world.origin.set_page("/slow", 200, "text/html", "<p>a page that takes its time");
    world.origin.delay("/slow", Duration::from_millis(1_600));
    let ask = async |timeout_ms: u32| {
        let body = json!({
            "url": world.origin.url("/slow"), "formats": ["metadata"], "robots": "ignore", "max_age_s": 600,
            "timeout_ms": timeout_ms, "retry": {"max": 0},
        });
        world.post("/v1/scrape", &body).await
    };
    let (first, same, patient) = tokio::join!(ask(1_000), ask(1_000), async {
        assert!(world.origin.wait_for_hits(|hits| hits >= 1).await);
        ask(20_000).await
    });
    problem(&first, 504, "timeout");
    problem(&same, 504, "timeout");
    assert_eq!(patient.status, 200, "{}", patient.text());
    assert_eq!(world.origin.hits_of("/slow"), 2);
}

#[tokio::test]
async fn a_page_that_moved_is_fetched_though_its_host_asks_for_a_delay() {
    let world = World::with_config("[politeness]\ncrawl_delay_max_s = 1\n").await;
    let nginx = Nginx::start(
        "location = /robots.txt { return 200 'User-agent: *\\nCrawl-delay: 1\\n'; }
         location = /moves { if (-f $document_root/moved) { return 302 /there; } try_files /doc =404; }
         location = /there { etag off; if ($http_if_none_match) { return 304; } return 200 '<title>There</title>'; }",
    )
    .await;
    nginx.write("doc", "<title>Here</title>");
    let words = |max_age: Value| json!({"robots": "respect", "formats": ["metadata"], "max_age": max_age});
    let here = ask(&world, &nginx, &world.key, "/moves", words(json!(3_600_000))).await;
    assert_eq!(here["meta"]["title"], "Here", "{here}");
    nginx.write("moved", "");
    let there = tokio::time::timeout(
        Duration::from_secs(20),
        ask(&world, &nginx, &world.key, "/moves", words(json!(1))),
    );
    let there = there.await.expect("it does not go round");
    assert_eq!(
        (&there["meta"]["title"], &there["meta"]["cached"]),
        (&json!("There"), &json!(false)),
        "{there}"
    );
}

#[tokio::test]
async fn pages_come_through_tinyproxy_and_microsocks_for_those_whom_they_know() {
    let (tiny, socks) = (Daemon::tinyproxy().await, Daemon::microsocks().await);
    let page = "location / { return 200 '<title>Here</title><p>The quay was empty.'; }";
    let (plain, secure) = (Nginx::start(page).await, Nginx::over_tls(page).await);
    let pool = |kind: &str, country: &str, url: String| {
        format!("[[proxies]]\ntype = \"{kind}\"\ncountry = \"{country}\"\nurls = [\"{url}\"]\n")
    };
    let pools = [
        ("datacenter", "se", tiny.url("http", "user:secret")),
        ("datacenter", "xx", tiny.url("http", "user:hunter2")),
        ("residential", "se", socks.url("socks5h", "user:secret")),
        ("residential", "xx", socks.url("socks5h", "user:hunter2")),
        ("mobile", "se", socks.url("socks5", "user:secret")),
        ("mobile", "xx", socks.url("socks5", "user:hunter2")),
    ];
    let pools: String = pools.into_iter().map(|(kind, country, url)| pool(kind, country, url)).collect();
    let config = format!("[fetch]\nextra_roots_pem = {:?}\n{pools}", secure.certificate());
    let world = World::with_config(&config).await;
    let urls = [format!("http://{}/a", plain.address()), format!("https://{}/b", secure.address())];
    for kind in ["datacenter", "residential", "mobile"] {
        for (url, robots) in urls.iter().zip(["respect", "ignore"]) {
            let body = |country: &str| {
                json!({
                    "url": url, "proxy_type": kind, "country": country, "formats": ["metadata"], "robots": robots,
                    "retry": {"max": 0},
                })
            };
            let page = world.post("/v1/scrape", &body("se")).await;
            assert_eq!(page.status, 200, "{kind} {url}: {}", page.text());
            let meta = page.json()["meta"].clone();
            assert_eq!(
                (&meta["proxy_type"], &meta["proxy_country"], &meta["title"]),
                (&json!(kind), &json!("se"), &json!("Here"))
            );
            let refused = problem(&world.post("/v1/scrape", &body("xx")).await, 502, "proxy_failed");
            assert_eq!(
                (&refused["proxy_type"], &refused["proxy_country"]),
                (&json!(kind), &json!("xx")),
                "{refused}"
            );
            assert!(!refused.to_string().contains("hunter2"), "{refused}");
        }
    }
    let (asked, asked_by_tls) = (plain.log(4).await, secure.log(3).await);
    // robots.txt once for all who go by proxy.
    let pages = |lines: &[String], path: &str| lines.iter().filter(|line| line.contains(path)).count();
    assert_eq!(
        (pages(&asked, " /a "), pages(&asked, " /robots.txt "), pages(&asked_by_tls, " /b ")),
        (3, 1, 3)
    );
    assert!(!world.server.log().contains("hunter2"), "{}", world.server.log());
}
