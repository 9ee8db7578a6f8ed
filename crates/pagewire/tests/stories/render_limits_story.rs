//! Pages that would take all there is: each ends with what it is, in its time, and others do not notice.

use std::time::Duration;

use pagewire_testkit::wait::eventually;
use serde_json::{Value, json};

use crate::render_story::{put_shell, rendered, with_browser};
use crate::world::{World, problem};

/// A page that is well beside the others: it arrives while they are at their worst, and afterwards.
async fn is_well(world: &World) {
    let url = put_shell(&world.origin, "/well");
    let page = rendered(world, json!({"url": url, "formats": ["text"], "wait_for": "td"})).await;
    assert_eq!(page.status, 200, "{}", page.text());
}

async fn ends_with(world: &World, html: &str, more: Value, status: u16, code: &str) -> Value {
    world.origin.set_page("/ill", 200, "text/html", html);
    let mut body = json!({"url": world.origin.url("/ill"), "retry": {"max": 0}, "timeout_ms": 3_000, "formats": ["text"]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let (ill, ()) = tokio::join!(rendered(world, body), is_well(world));
    let told = problem(&ill, status, code);
    is_well(world).await;
    told
}

#[tokio::test]
async fn a_page_that_loops_for_ever_ends_with_its_time() {
    let world = World::with_config(&with_browser("")).await;
    ends_with(&world, "<p>a<script>for (;;) {}</script>", json!({}), 504, "timeout").await;
    let late = "<p>a<script>onload = () => setTimeout(() => { for (;;) {} })</script>";
    ends_with(&world, late, json!({"wait_for": 500}), 504, "timeout").await;
    ends_with(&world, "<script>location.reload()</script>", json!({"wait_for": "#never"}), 504, "timeout")
        .await;
}

#[tokio::test]
async fn dialogs_are_dismissed_and_a_storm_of_them_is_an_end() {
    let world = World::with_config(&with_browser("")).await;
    let some = "<p id=a></p><script>alert(1); a.textContent = 'said ' + confirm(2) + prompt(3)</script>";
    world.origin.set_page("/some", 200, "text/html", some);
    let page = rendered(&world, json!({"url": world.origin.url("/some"), "formats": ["text"]})).await.json();
    assert_eq!(page["data"]["text"], "said falsenull");
    let told =
        ends_with(&world, "<script>for (;;) alert('a')</script>", json!({}), 502, "render_failed").await;
    assert!(told["detail"].as_str().is_some_and(|text| text.contains("dialogs")), "{told}");
}

#[tokio::test]
async fn a_page_brings_no_more_bytes_and_no_larger_document_than_it_may() {
    let world =
        World::with_config(&with_browser("page_bytes_max = \"1 MiB\"\nhtml_bytes_max = \"1 MiB\"\n")).await;
    let loads = "<script>fetch('/big/8388608').then((a) => a.text()).then(() => {})</script>";
    ends_with(&world, loads, json!({"wait_for": 8_000, "timeout_ms": 15_000}), 502, "body_too_large").await;
    let grows = "<script>document.write('<p>' + 'a'.repeat(4 << 20))</script>";
    ends_with(&world, grows, json!({"timeout_ms": 15_000}), 502, "body_too_large").await;
}

#[tokio::test]
async fn slow_ten_thousand_requests_of_one_page_are_cut_off_and_the_page_arrives() {
    let world = World::with_config(&with_browser("requests_max = 50\n")).await;
    let many = "<p>the page</p><script>
        let left = 10000, ended = 0;
        const next = () => left-- > 0 && fetch('/p/1').finally(() => {
          next(); if (++ended === 10000) document.body.insertAdjacentHTML('beforeend', '<hr>') });
        for (let i = 0; i < 20; i++) next();</script>";
    world.origin.set_page("/many", 200, "text/html", many);
    let body = json!({
        "url": world.origin.url("/many"), "formats": ["text"], "timeout_ms": 120_000, "wait_for": "hr", "retry": {"max": 0}
    });
    let (page, ()) = tokio::join!(rendered(&world, body), is_well(&world));
    assert_eq!(page.status, 200, "{}", page.text());
    let page = page.json();
    assert_eq!(page["meta"]["warnings"][0]["code"], "requests_refused", "{page}");
    assert!(world.origin.hits() < 80, "{}", world.origin.hits());
}

#[tokio::test]
async fn slow_a_page_that_eats_memory_is_ended_and_others_go_on() {
    let more = "page_memory_bytes_max = \"300 MiB\"\nbrowser_memory_bytes_max = \"4 GiB\"\n";
    let world = World::with_config(&with_browser(more)).await;
    let time = json!({"timeout_ms": 60_000, "wait_for": "#never"});
    let dom = "<script>for (let i = 0; ; i++) { const d = document.createElement('div'); d.textContent = 'x'.repeat(1000) + i;
               document.documentElement.appendChild(d); }</script>";
    ends_with(&world, dom, time.clone(), 502, "render_failed").await;
    let heap = "<script>const all = []; for (let i = 0; ; i++) all.push(new Array(1000).fill(i))</script>";
    ends_with(&world, heap, time.clone(), 502, "render_failed").await;
    let buffers =
        "<script>const all = []; setInterval(() => all.push(new Uint8Array(32 << 20).fill(7)), 20)</script>";
    ends_with(&world, buffers, time, 502, "render_failed").await;
}

#[tokio::test]
async fn slow_a_dom_of_a_hundred_megabytes_is_too_large_and_nothing_worse() {
    let world = World::with_config(&with_browser("page_memory_bytes_max = \"4 GiB\"\n")).await;
    let large = "<script>const row = '<p>' + 'x'.repeat(1 << 20) + '</p>';
                 for (let i = 0; i < 100; i++) document.body.insertAdjacentHTML('beforeend', row)</script>";
    // Hidden, since laying so much text out would take longer than the test.
    let body = format!("<body style=display:none>{large}");
    ends_with(&world, &body, json!({"timeout_ms": 30_000}), 502, "body_too_large").await;
}

#[tokio::test]
async fn an_idle_browser_is_shut_down_and_comes_back_when_it_is_needed() {
    let world = World::with_config(&with_browser("idle_s = 1\n")).await;
    let server = world.server.pid();
    assert_eq!(descendants(server), 0, "none runs before it is needed");
    is_well(&world).await;
    assert!(descendants(server) > 0);
    eventually("the browser is gone", GONE, || descendants(server) == 0).await;
    is_well(&world).await;
}

/// The processes below one, those that nobody has waited for included.
pub(crate) fn descendants(pid: u32) -> usize {
    let mut parents: Vec<(u32, u32)> = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("a table of processes").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let (mut found, mut open) = (0, vec![pid]);
    while let Some(parent) = open.pop() {
        let children: Vec<u32> =
            parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid).collect();
        found += children.len();
        open.extend(children);
    }
    found
}

/// How long what is killed may take to be gone.
pub(crate) const GONE: Duration = Duration::from_secs(10);
