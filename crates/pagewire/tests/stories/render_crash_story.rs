//! Browsers that are killed, servers that are killed, and what is left of both.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use pagewire_testkit::wait::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::render_limits_story::{GONE, descendants};
use crate::render_story::{put_shell, rendered, with_browser};
use crate::world::{World, named};

/// Processes whose command line names a directory, and their resident memory in KiB.
fn processes_of(directory: &Path) -> Vec<(i32, String, u64)> {
    let name = directory.to_string_lossy().into_owned();
    let entries = std::fs::read_dir("/proc").expect("a table of processes").flatten();
    let read = |path: std::path::PathBuf| std::fs::read(path).unwrap_or_default();
    entries
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let command = String::from_utf8_lossy(&read(entry.path().join("cmdline"))).replace('\0', " ");
            let status = String::from_utf8_lossy(&read(entry.path().join("status"))).into_owned();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let rss = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0);
            command.contains(&name).then_some((pid, command, rss))
        })
        .collect()
}

/// The process that leads a browser of that server.
fn browser_of(world: &World) -> Option<Pid> {
    let profiles = world.server.data_dir().join("browsers");
    let all = processes_of(&profiles);
    let (pid, ..) = all.into_iter().find(|(_, command, _)| !command.contains("--type="))?;
    Pid::from_raw(pid)
}

fn zombies_below(pid: u32) -> usize {
    let entries = std::fs::read_dir("/proc").expect("a table of processes").flatten();
    entries
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let (state, parent) = (fields.next()?, fields.next()?.parse::<u32>().ok()?);
            (state == "Z" && parent == pid).then_some(())
        })
        .count()
}

/// All that has ended below the server is waited for.
async fn no_zombies(world: &World) {
    eventually("no zombies", GONE, || zombies_below(world.server.pid()) == 0).await;
}

#[tokio::test]
async fn nothing_of_a_browser_is_left_when_its_server_is_killed_or_told_to_go() {
    let mut world = World::with_config(&with_browser("")).await;
    let profiles = world.server.data_dir().join("browsers");
    world.origin.set_page("/loop", 200, "text/html", "<script>for (;;) {}</script>");
    let looping = json!({"url": world.origin.url("/loop"), "timeout_ms": 1_000, "retry": {"max": 0}});
    rendered(&world, looping.clone()).await;
    assert!(!processes_of(&profiles).is_empty());
    world.server.kill_9();
    eventually("nothing is left after a kill", GONE, || processes_of(&profiles).is_empty()).await;

    world.server.restart().await;
    let left = std::fs::read_dir(&profiles).map_or(0, Iterator::count);
    assert_eq!(left, 0, "the profiles of before are removed");
    rendered(&world, looping).await;
    assert!(!processes_of(&profiles).is_empty());
    assert!(world.server.terminate(Duration::from_secs(30)).await.success());
    assert_eq!(processes_of(&profiles), []);
    assert_eq!(std::fs::read_dir(&profiles).map_or(0, Iterator::count), 0);
}

#[tokio::test]
async fn a_browser_that_does_not_see_its_server_killed_ends_when_the_server_is_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let program = directory.path().join("browser");
    // One that neither answers nor looks at its pipe. A stopped one would not do: the system continues it when its server goes.
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && exec echo Chromium 150.0\ntrap '' HUP\nwhile :; do sleep 1; done\n";
    std::fs::write(&program, script).expect("a script");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("a mode");
    let toml = format!("[render]\nsandbox = false\nbrowser = \"{}\"\n", program.display());
    let mut world = World::with_config(&toml).await;
    let profiles = world.server.data_dir().join("browsers");
    let page = json!({"url": world.origin.url("/p/1")});
    tokio::select! {
        answer = rendered(&world, page) => panic!("by no browser: {}", answer.text()),
        () = eventually("it runs", GONE, || !processes_of(&profiles).is_empty()) => {}
    }
    world.server.kill_9();
    assert!(!processes_of(&profiles).is_empty(), "it has not seen that its server is gone");
    world.server.restart().await;
    eventually("nothing is left", GONE, || processes_of(&profiles).is_empty()).await;
}

#[tokio::test]
async fn a_browser_that_is_killed_is_replaced_and_its_pages_are_begun_anew() {
    let world = World::with_config(&with_browser("")).await;
    let url = put_shell(&world.origin, "/shop");
    world.origin.delay("/rows.json", Duration::from_millis(700));
    let page = json!({"url": url, "formats": ["text"], "wait_for": "td", "retry": {"max": 0}});
    let kill = async {
        world.origin.wait_for_hits(|hits| hits >= 1).await;
        kill_process(browser_of(&world).expect("it runs"), Signal::KILL).expect("killed");
    };
    let (answer, ()) = tokio::join!(rendered(&world, page), kill);
    assert_eq!(answer.status, 200, "{}", answer.text());
    no_zombies(&world).await;
}

#[tokio::test]
async fn slow_a_browser_that_hangs_is_killed_and_its_pages_are_begun_anew() {
    let world = World::with_config(&with_browser("")).await;
    let url = put_shell(&world.origin, "/shop");
    let page = |ms: u64| json!({"url": url, "formats": ["text"], "wait_for": "td", "retry": {"max": 0}, "timeout_ms": ms});
    assert_eq!(rendered(&world, page(20_000)).await.status, 200);
    let hung = browser_of(&world).expect("it runs");
    kill_process(hung, Signal::STOP).expect("stopped");
    assert_eq!(rendered(&world, page(2_000)).await.status, 504, "a page waits no longer than it may");
    eventually("the browser that hangs is gone", Duration::from_secs(60), || {
        rustix::process::test_kill_process(hung).is_err()
    })
    .await;
    assert_eq!(rendered(&world, page(20_000)).await.status, 200);
}

#[tokio::test]
async fn a_browser_is_replaced_after_so_many_pages() {
    let world = World::with_config(&with_browser("recycle_after_pages = 3\n")).await;
    let url = put_shell(&world.origin, "/shop");
    let page = json!({"url": url, "formats": ["text"], "wait_for": "td", "retry": {"max": 0}});
    assert_eq!(rendered(&world, page.clone()).await.status, 200);
    let first = browser_of(&world).expect("it runs");
    for _ in 0..6 {
        assert_eq!(rendered(&world, page.clone()).await.status, 200);
    }
    eventually("the first is gone", GONE, || rustix::process::test_kill_process(first).is_err()).await;
    no_zombies(&world).await;
}

#[tokio::test]
async fn a_browser_that_has_grown_too_large_is_replaced() {
    let world = World::with_config(&with_browser("browser_memory_bytes_max = \"256 MiB\"\n")).await;
    let large = "<p>the page<script>window.kept = new Uint8Array(300 << 20).fill(7)</script>";
    world.origin.set_page("/large", 200, "text/html", large);
    // It is looked at while it shows pages.
    let page = |path: &str| json!({"url": world.origin.url(path), "wait_for": 900, "retry": {"max": 0}});
    let (shown, first) = tokio::join!(rendered(&world, page("/large")), async {
        world.origin.wait_for_hits(|hits| hits >= 1).await;
        browser_of(&world).expect("it runs")
    });
    assert_eq!(shown.status, 200, "the page that it shows arrives: {}", shown.text());
    eventually("the first is gone", GONE, || rustix::process::test_kill_process(first).is_err()).await;
    let url = put_shell(&world.origin, "/shop");
    assert_eq!(rendered(&world, json!({"url": url})).await.status, 200);
}

#[tokio::test]
async fn slow_ten_kills_of_the_browser_lose_none_of_two_hundred_pages() {
    let world = World::with_config(&with_browser("")).await;
    let shell = put_shell(&world.origin, "/shop");
    let urls: Vec<Value> =
        (0..200).map(|n| json!({"url": format!("{shell}?n={n}"), "custom_id": n.to_string()})).collect();
    for n in 0..200 {
        world.origin.set_page(&format!("/shop?n={n}"), 200, "text/html", crate::render_story::SHELL);
    }
    let body = json!({
        "urls": urls, "concurrency": 8, "formats": ["text"], "render": true, "wait_for": "td", "robots": "ignore",
        "timeout_ms": 20_000, "retry": {"max": 2},
    });
    let kill = async {
        for kill in 1..=10_u64 {
            // Each page asks for itself and for its rows.
            world.origin.wait_for_hits(|hits| hits >= kill * 36).await;
            let Some(browser) = browser_of(&world) else { continue };
            // It may have just been replaced.
            let _ = kill_process(browser, Signal::KILL);
        }
    };
    let (frames, ()) = tokio::join!(world.read(&body), kill);
    let (pages, errors) = (named(&frames, "page"), named(&frames, "error"));
    assert_eq!(pages.len() + errors.len(), 200, "none is lost, none is there twice");
    for page in &pages {
        let elapsed = page.json()["meta"]["elapsed_ms"].as_u64().expect("a time");
        assert!(elapsed <= 21_000, "none waits past its timeout: {elapsed} ms");
    }
    for error in &errors {
        assert_eq!(error.json()["attempts"], 3, "an error comes after its retries: {}", error.json());
    }
    assert!(pages.len() >= 190, "{} errors: {:?}", errors.len(), errors.first().map(|error| error.json()));
    no_zombies(&world).await;
}

#[tokio::test]
async fn slow_five_hundred_pages_take_no_more_memory_than_fifty() {
    let world = World::with_config(&with_browser("recycle_after_pages = 10000\n")).await;
    let shell = put_shell(&world.origin, "/shop");
    let body = |count: usize| {
        let urls: Vec<&str> = vec![&shell; count];
        json!({
            "urls": urls, "concurrency": 8, "formats": ["text"], "render": true, "wait_for": "td", "robots": "ignore",
        })
    };
    let memory = async || {
        // The pages of a moment ago are gone, and only the browser is left.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let profiles = world.server.data_dir().join("browsers");
        let browser: u64 = processes_of(&profiles).iter().map(|(_, _, rss)| rss).sum();
        browser + world.server.rss_kib()
    };
    let shown = async |count: usize| {
        let frames = world.read(&body(count)).await;
        assert_eq!(named(&frames, "page").len(), count, "{:?}", named(&frames, "error").first());
    };
    shown(50).await;
    let after_fifty = memory().await;
    shown(450).await;
    let after_all = memory().await;
    println!("{after_fifty} KiB after 50 pages, {after_all} KiB after 500");
    assert!(after_all * 100 <= after_fifty * 115, "{after_fifty} KiB, then {after_all} KiB");
    no_zombies(&world).await;
    assert!(descendants(world.server.pid()) < 12);
}
