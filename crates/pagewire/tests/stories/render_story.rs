//! Pages as a browser shows them: asked for, waited for, acted on, pictured.

use pagewire_testkit::{Origin, http::Response};
use serde_json::{Value, json};

use crate::world::{World, named, problem};

/// A browser as it has to be for who runs the tests: Chromium has no sandbox for root.
pub(crate) fn with_browser(more: &str) -> String {
    let sandbox = if rustix::process::geteuid().is_root() { "sandbox = false\n" } else { "" };
    // Another than the first that is found, for who wants to try one.
    let browser = std::env::var("PAGEWIRE_TEST_BROWSER")
        .map_or_else(|_| String::new(), |it| format!("browser = \"{it}\"\n"));
    format!("[render]\n{sandbox}{browser}{more}")
}

pub(crate) async fn world() -> World {
    World::with_config(&with_browser("")).await
}

/// A page whose script puts a table there that it fetches.
pub(crate) const SHELL: &str = r#"<!doctype html><title>Loading</title><div id="root"></div><script>
    fetch("/rows.json").then((answer) => answer.json()).then((rows) => {
      document.title = "Catalogue";
      document.getElementById("root").innerHTML =
        "<main><h1>Catalogue</h1><table>" + rows.map((row) => `<tr><td>${row.name}<td>${row.price}`).join("") + "</table></main>";
    });
  </script>"#;

/// Puts the page and its rows on the site.
pub(crate) fn put_shell(origin: &Origin, path: &str) -> String {
    let rows: Vec<Value> = (1..=20).map(|n| json!({"name": format!("Lamp {n}"), "price": n * 10})).collect();
    origin.set_page("/rows.json", 200, "application/json", Value::from(rows).to_string());
    origin.set_page(path, 200, "text/html", SHELL);
    origin.url(path)
}

pub(crate) async fn rendered(world: &World, body: Value) -> Response {
    let mut body = body;
    body["render"] = json!(true);
    body["robots"] = json!("ignore");
    world.post("/v1/scrape", &body).await
}

/// A page of the site with this HTML, rendered as text.
async fn text_of(world: &World, html: &str, more: Value) -> Value {
    world.origin.set_page("/page", 200, "text/html", html);
    let mut body = json!({"url": world.origin.url("/page"), "formats": ["text"]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let answer = rendered(world, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_page_that_scripts_build_is_read_as_it_is_shown() {
    let world = world().await;
    let url = put_shell(&world.origin, "/shop");
    let plain = world.post("/v1/scrape", &json!({"url": url, "formats": ["text"]})).await.json();
    assert_eq!((&plain["data"]["text"], &plain["meta"]["rendered"]), (&json!(""), &json!(false)));

    let page = rendered(&world, json!({"url": url, "formats": ["text", "raw_html"]})).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let page = page.json();
    assert_eq!((&page["final_url"], &page["http_status"]), (&json!(url), &json!(200)));
    assert!(page["data"]["text"].as_str().is_some_and(|text| text.contains("Lamp 20")), "{page}");
    assert!(
        page["data"]["raw_html"].as_str().is_some_and(|html| html.starts_with("<!DOCTYPE html>")),
        "{page}"
    );
    let meta = &page["meta"];
    assert_eq!(
        (&meta["rendered"], &meta["title"], &meta["credits"]),
        (&json!(true), &json!("Catalogue"), &json!(5))
    );
}

#[tokio::test]
async fn a_browser_that_is_not_there_is_told_before_anything_is_fetched() {
    let world = World::with_config("[render]\nbrowser = \"/nowhere/chromium\"\n").await;
    let url = world.origin.url("/p/1");
    let scrape = world.post("/v1/scrape", &json!({"url": url, "render": true})).await;
    let told = problem(&scrape, 422, "validation_failed");
    assert_eq!(told["errors"][0]["pointer"], "/render", "{told}");
    assert!(
        told["errors"][0]["detail"].as_str().is_some_and(|text| text.contains("apt-get install")),
        "{told}"
    );
    let stream = world.post("/v1/stream", &json!({"urls": [url, {"url": url, "render": true}]})).await;
    assert_eq!(problem(&stream, 422, "validation_failed")["errors"][0]["pointer"], "/urls/1/render");
    assert_eq!(world.origin.hits(), 0);
    // Where it is left to the server, a page is what it can be without.
    let shell = put_shell(&world.origin, "/shop");
    let page =
        world.post("/v1/scrape", &json!({"url": shell, "render": "auto", "formats": ["text"]})).await.json();
    assert_eq!(
        (&page["meta"]["rendered"], &page["meta"]["render_reason"]),
        (&json!(false), &json!("no_browser"))
    );
}

#[tokio::test]
async fn what_makes_no_sense_with_or_without_a_browser_is_refused() {
    let world = world().await;
    let url = world.origin.url("/p/1");
    let pointers = async |body: Value| -> Vec<String> {
        let mut body = body;
        body["url"] = json!(url);
        let told = problem(&world.post("/v1/scrape", &body).await, 422, "validation_failed");
        let errors = told["errors"].as_array().expect("errors");
        errors.iter().filter_map(|error| error["pointer"].as_str().map(str::to_owned)).collect()
    };
    let without = json!({"wait_for": "#a", "actions": [{"type": "scroll"}], "formats": ["screenshot"]});
    assert_eq!(pointers(without).await, ["/wait_for", "/actions", "/formats"]);
    let with = json!({
        "render": true, "method": "POST", "body": "a", "wait_for": "p[", "actions": [{"type": "click", "selector": "::"}],
    });
    assert_eq!(pointers(with).await, ["/method", "/body", "/wait_for", "/actions/0/selector"]);
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn auto_renders_shells_and_leaves_pages_as_they_are_served() {
    let world = world().await;
    let shell = put_shell(&world.origin, "/shop");
    let auto = async |url: &str| {
        let body = json!({"url": url, "render": "auto", "formats": ["text"], "robots": "ignore"});
        world.post("/v1/scrape", &body).await.json()
    };
    let shown = auto(&shell).await;
    assert!(shown["data"]["text"].as_str().is_some_and(|text| text.contains("Lamp 20")), "{shown}");
    let meta = &shown["meta"];
    assert_eq!((&meta["rendered"], &meta["render_reason"]), (&json!(true), &json!("empty_root")));
    world.origin.set_page("/old", 200, "text/html", "<h1>Prices</h1><p>Adults 120 kr.");
    let served = auto(&world.origin.url("/old")).await;
    let meta = &served["meta"];
    assert_eq!(
        (&meta["rendered"], &meta["render_reason"], &meta["credits"]),
        (&json!(false), &json!("no_scripts"), &json!(1))
    );
}

#[tokio::test]
async fn a_page_is_waited_for() {
    let world = world().await;
    let late = "<p id=a>early</p><script>setTimeout(() => { document.body.insertAdjacentHTML('beforeend', '<p id=b>late</p>') }, 700)</script>";
    for wait_for in [json!("#b"), json!(1_500)] {
        let page = text_of(&world, late, json!({"wait_for": wait_for})).await;
        assert!(
            page["data"]["text"].as_str().is_some_and(|text| text.contains("late")),
            "{wait_for}: {page}"
        );
    }
    let chained = "<p>early</p><script>
        fetch('/rows.json').then(() => setTimeout(() => fetch('/rows.json').then(() => {
          document.body.insertAdjacentHTML('beforeend', '<p>late</p>') }), 300))</script>";
    put_shell(&world.origin, "/shop");
    let page = text_of(&world, chained, json!({"wait_for": "networkidle"})).await;
    assert!(page["data"]["text"].as_str().is_some_and(|text| text.contains("late")), "{page}");

    world.origin.set_page("/page", 200, "text/html", late);
    let never = json!({
        "url": world.origin.url("/page"), "wait_for": "#never", "timeout_ms": 1_500, "retry": {"max": 0}
    });
    let told = problem(&rendered(&world, never).await, 504, "timeout");
    assert!(told["detail"].as_str().is_some_and(|text| text.contains("#never")), "{told}");
}

#[tokio::test]
async fn steps_are_done_as_a_person_would_do_them() {
    let world = world().await;
    let form = r#"<input id="q"><button id="more">more</button><div style="height:3000px"></div><p id="out"></p><script>
      const out = document.getElementById("out"), q = document.getElementById("q");
      document.getElementById("more").onclick = (event) => { out.textContent += event.isTrusted ? " clicked" : " lied"; };
      q.onkeydown = (event) => { if (event.key === "Enter") out.textContent += " " + q.value; };
      window.onscroll = () => { if (scrollY > 1000 && !window.seen) { window.seen = true; out.textContent += " scrolled"; } };
    </script>"#;
    let actions = json!([
        {"type": "click", "selector": "#more"},
        {"type": "type", "selector": "#q", "text": "blåbär"},
        {"type": "press", "key": "Enter"},
        {"type": "scroll", "to": "bottom"},
        {"type": "wait", "ms": 100},
        {"type": "screenshot"},
    ]);
    let page = text_of(&world, form, json!({"actions": actions})).await;
    let text = page["data"]["text"].as_str().expect("text");
    assert!(text.contains("clicked blåbär scrolled"), "{text}");
    assert_eq!(page["data"]["screenshots"].as_array().map(Vec::len), Some(1));

    let missing = json!({
        "url": world.origin.url("/page"), "retry": {"max": 0}, "timeout_ms": 20_000,
        "actions": [{"type": "scroll"}, {"type": "click", "selector": "#absent"}],
    });
    let told = problem(&rendered(&world, missing).await, 502, "render_failed");
    let detail = told["detail"].as_str().expect("a sentence");
    assert!(detail.contains("step 1") && detail.contains("#absent"), "{told}");
}

#[tokio::test]
async fn a_step_that_leads_to_another_page_gives_that_page() {
    let world = world().await;
    world.origin.set_page("/next", 200, "text/html", "<h1>The next page</h1>");
    let page = text_of(
        &world,
        "<a id=go href=/next>go</a>",
        json!({"actions": [{"type": "click", "selector": "#go"}, {"type": "wait", "selector": "h1"}]}),
    )
    .await;
    assert_eq!(page["final_url"], json!(world.origin.url("/next")));
    assert_eq!(page["data"]["text"], "The next page");
}

#[tokio::test]
async fn pictures_are_of_the_window_or_of_the_whole_page() {
    let world = world().await;
    let tall = "<body style='margin:0;background:#0a0'><div style='height:3000px'></div>";
    world.origin.set_page("/page", 200, "text/html", tall);
    let picture = async |more: Value| -> (String, Vec<u8>) {
        let mut body = json!({"url": world.origin.url("/page"), "formats": ["screenshot"]});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let answer = rendered(&world, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let picture = answer.json()["data"]["screenshot"].clone();
        let bytes = decoded(picture["base64"].as_str().expect("base64"));
        (picture["content_type"].as_str().expect("a type").to_owned(), bytes)
    };
    let png_size = |bytes: &[u8]| {
        assert_eq!(&bytes[1..4], b"PNG");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        (number(16), number(20))
    };
    let (kind, bytes) = picture(json!({})).await;
    assert_eq!((kind.as_str(), png_size(&bytes)), ("image/png", (1_280, 720)));
    let (_, bytes) =
        picture(json!({"screenshot": {"full_page": true}, "viewport": {"width": 500, "height": 400}})).await;
    assert_eq!(png_size(&bytes), (500, 3_000));
    let (_, bytes) = picture(json!({"mobile": true})).await;
    assert_eq!(png_size(&bytes), (780, 1_688), "a phone's screen has two dots a pixel");
    let (kind, bytes) = picture(json!({"screenshot": {"type": "jpeg", "quality": 40}})).await;
    assert_eq!((kind.as_str(), &bytes[..3]), ("image/jpeg", [0xFF, 0xD8, 0xFF].as_slice()));
    let (kind, bytes) = picture(json!({"screenshot": {"type": "webp"}})).await;
    assert_eq!((kind.as_str(), &bytes[8..12]), ("image/webp", b"WEBP".as_slice()));
}

#[tokio::test]
async fn what_is_said_to_the_page_is_said_to_its_origin_alone() {
    let world = world().await;
    let other = Origin::start_on("127.0.0.2").await;
    other.set_page("/pixel", 200, "text/html", "");
    let page = format!("<p>seen</p><iframe src='{}'></iframe>", other.url("/pixel"));
    text_of(
        &world,
        &page,
        json!({
            "headers": {"x-secret": "s3", "accept-language": "sv"}, "cookies": {"session": "c1"}, "user_agent": "Readerbot/2",
        }),
    )
    .await;
    let seen = world.origin.last_request("/page").expect("asked");
    assert_eq!(seen.header("x-secret"), Some("s3"));
    assert_eq!(seen.header("cookie"), Some("session=c1"));
    assert_eq!(seen.header("user-agent"), Some("Readerbot/2"));
    let beside = other.last_request("/pixel").expect("asked");
    assert_eq!((beside.header("x-secret"), beside.header("cookie")), (None, None));
}

#[tokio::test]
async fn the_browser_says_who_sends_it_and_on_a_phone_that_it_is_one() {
    let world = world().await;
    text_of(&world, "<p>a", json!({})).await;
    let agent =
        world.origin.last_request("/page").and_then(|seen| seen.header("user-agent").map(str::to_owned));
    let agent = agent.expect("a user agent");
    assert!(
        agent.contains("Pagewire/") && agent.contains("Chrome/") && !agent.contains("Headless"),
        "{agent}"
    );
    text_of(&world, "<p>a", json!({"mobile": true})).await;
    let agent =
        world.origin.last_request("/page").and_then(|seen| seen.header("user-agent").map(str::to_owned));
    assert!(agent.is_some_and(|agent| agent.contains("Mobile") && agent.contains("Pagewire/")));
}

#[tokio::test]
async fn pages_are_shown_without_what_is_blocked() {
    let world = world().await;
    for path in ["/a.png", "/b.mp4", "/c.woff2", "/d.js"] {
        world.origin.set_page(path, 200, "text/plain", "x");
    }
    let page = "<style>@font-face{font-family:f;src:url(/c.woff2)} p{font-family:f}</style><p>text</p><img src=/a.png>\
                <video src=/b.mp4 preload=auto></video><script src=/d.js></script>";
    text_of(&world, page, json!({"block": ["images", "fonts", "media"]})).await;
    let asked = |path: &str| world.origin.last_request(path).is_some();
    assert_eq!(["/a.png", "/b.mp4", "/c.woff2", "/d.js"].map(asked), [false, false, false, true]);
    text_of(&world, page, json!({})).await;
    assert_eq!(["/a.png", "/b.mp4", "/c.woff2"].map(asked), [true, true, true]);
}

#[tokio::test]
async fn what_is_not_html_comes_as_it_is() {
    let world = world().await;
    world.origin.set_page("/data", 200, "application/json", "{\"a\":[1,2]}");
    let page =
        rendered(&world, json!({"url": world.origin.url("/data"), "formats": ["raw_html"]})).await.json();
    assert_eq!(page["data"]["raw_html"], "{\"a\":[1,2]}");
    assert_eq!(page["meta"]["content_type"], "application/json");
    world.origin.set_page("/gone", 410, "text/html", "<p>gone");
    let gone = rendered(&world, json!({"url": world.origin.url("/gone"), "retry": {"max": 0}})).await;
    assert_eq!(problem(&gone, 502, "http_error")["http_status"], 410);
}

#[tokio::test]
async fn rendered_pages_come_in_a_stream_and_hold_plain_ones_back_in_nothing() {
    let world = World::with_config(&with_browser("pages_per_browser_max = 1\nwaiting_max = 1\n")).await;
    let shell = put_shell(&world.origin, "/shop");
    let mut urls: Vec<Value> =
        (0..12).map(|_| json!({"url": shell, "render": true, "wait_for": "td"})).collect();
    urls.extend(world.origin.product_urls(60).into_iter().map(|url| json!({"url": url})));
    let body = json!({"urls": urls, "concurrency": 40, "formats": ["text"], "robots": "ignore"});
    let frames = world.read(&body).await;
    let pages: Vec<Value> = named(&frames, "page").iter().map(|page| page.json()).collect();
    assert_eq!(pages.len(), 72, "{:?}", named(&frames, "error"));
    let is_rendered: Vec<bool> = pages.iter().map(|page| page["meta"]["rendered"] == true).collect();
    assert_eq!(is_rendered.iter().filter(|rendered| **rendered).count(), 12);
    assert!(pages.iter().all(|page| page["meta"]["attempts"] == 1), "standing back is no attempt");
    // With one tab they are there one after another; the plain ones wait for none of them.
    let half =
        is_rendered.iter().enumerate().filter(|(_, rendered)| **rendered).nth(5).expect("six of them").0;
    assert!(half - 5 >= 50, "most of the plain ones are there before half of the others: {is_rendered:?}");
}

fn decoded(base64: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = base64.trim_end_matches('=').bytes().map(value).collect();
    digits
        .chunks(4)
        .flat_map(|four| {
            let bits = four.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit));
            let bits = bits << (6 * (4 - four.len()));
            bits.to_be_bytes()[1..four.len()].to_vec()
        })
        .collect()
}

#[tokio::test]
async fn a_browser_that_has_no_sandbox_as_root_says_what_to_do() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = World::start().await;
    let body = json!({"url": world.origin.url("/p/1"), "retry": {"max": 0}, "timeout_ms": 60_000});
    let told = problem(&rendered(&world, body).await, 502, "render_failed");
    assert!(told["detail"].as_str().is_some_and(|text| text.contains("sandbox = false")), "{told}");
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn a_page_that_could_not_be_had_as_it_is_served_is_rendered_where_that_was_asked_for() {
    let world = world().await;
    world.origin.set_page("/down", 503, "text/html", "<p>down");
    let body =
        json!({"url": world.origin.url("/down"), "retry": {"max": 1, "escalate": true}, "robots": "ignore"});
    problem(&world.post("/v1/scrape", &body).await, 502, "http_error");
    let second = world.origin.last_request("/down").expect("asked");
    assert!(second.header("user-agent").is_some_and(|agent| agent.contains("Chrome/")), "by a browser");
}

#[tokio::test]
async fn a_session_keeps_its_cookies_from_a_rendered_page_to_a_plain_one_and_back() {
    let world = world().await;
    world.origin.set_page(
        "/set",
        200,
        "text/html",
        "<p>a<script>document.cookie = 'by=script; path=/'</script>",
    );
    world.origin.set_page("/see", 200, "text/html", "<p>a");
    let scrape = async |path: &str, render: bool| {
        let body =
            json!({"url": world.origin.url(path), "render": render, "session": "s1", "robots": "ignore"});
        let answer = world.post("/v1/scrape", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        world.origin.last_request(path).and_then(|seen| seen.header("cookie").map(str::to_owned))
    };
    assert_eq!(scrape("/set", true).await, None);
    assert_eq!(scrape("/see", false).await.as_deref(), Some("by=script"));
    assert_eq!(scrape("/see", true).await.as_deref(), Some("by=script"));
}
