//! Who may do what: keys that are missing, wrong, over, or not for this, and keys that end while they are in use.

use std::time::{Duration, Instant};

use pagewire_testkit::{
    http::{self, Response},
    sse::Item,
    wait::quiet,
};
use serde_json::{Value, json};

use crate::world::{World, light, problem};

async fn with_key(world: &World, key: &str) -> Response {
    http::post_json(
        world.server.address(),
        "/v1/scrape",
        key,
        &json!({"url": world.origin.url("/p/1"), "formats": ["metadata"]}),
    )
    .await
}

/// The keys as `apikey list --json` tells them.
fn listed(world: &World) -> Vec<Value> {
    let output = world.server.run(&["apikey", "list", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

pub(crate) fn revoke(world: &World, name: &str) {
    let keys = listed(world);
    let key = keys.iter().find(|key| key["name"] == name).unwrap_or_else(|| panic!("no {name} in {keys:?}"));
    let id = key["id"].as_str().expect("an id");
    let output = world.server.run(&["apikey", "revoke", id]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The same key with another letter, which its checksum tells.
fn mistyped(key: &str) -> String {
    let (head, tail) = key.split_at(20);
    let other = if tail.starts_with('a') { "b" } else { "a" };
    format!("{head}{other}{}", &tail[1..])
}

#[tokio::test]
async fn without_a_key_nothing_is_done() {
    let world = World::start().await;
    for path in ["/v1/scrape", "/v1/stream"] {
        let answer = http::request(
            world.server.address(),
            "POST",
            path,
            &[("content-type", "application/json")],
            b"{\"url\": \"http://a/\"}",
        )
        .await;
        let _ = problem(&answer, 401, "missing_credentials");
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
    }
}

#[tokio::test]
async fn a_mistyped_key_is_told_from_an_unknown_one() {
    let world = World::start().await;
    for wrong in [mistyped(&world.key), "abc".to_owned(), format!("{}x", world.key), "pw_live_".to_owned()] {
        let _ = problem(&with_key(&world, &wrong).await, 401, "malformed_key");
    }
    let stranger = World::start().await;
    let _ = problem(&with_key(&world, &stranger.key).await, 401, "unknown_key");
    assert_eq!(world.origin.hits(), 0);
}

#[tokio::test]
async fn both_headers_take_a_key_and_two_keys_contradict() {
    let world = World::start().await;
    let second = world.server.create_key(&["scrape"]);
    let body = json!({"url": world.origin.url("/p/1"), "formats": ["metadata"]}).to_string();
    let ask = async |headers: &[(&str, &str)]| {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        http::request(world.server.address(), "POST", "/v1/scrape", &all, body.as_bytes()).await
    };
    let bearer = format!("Bearer {}", world.key);
    assert_eq!(ask(&[("x-api-key", &world.key)]).await.status, 200);
    assert_eq!(ask(&[("authorization", &bearer), ("x-api-key", &world.key)]).await.status, 200);
    let both = ask(&[("authorization", &bearer), ("x-api-key", &second)]).await;
    let _ = problem(&both, 400, "conflict_params");
}

#[tokio::test]
async fn a_key_without_the_scope_is_told_which_it_lacks() {
    let world = World::start().await;
    let reader = world.server.create_key(&["stream:read"]);
    let refused = problem(&with_key(&world, &reader).await, 403, "insufficient_scope");
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("`scrape`")), "{refused}");
    let body = light(&[world.origin.url("/p/1")], 1);
    let answer = http::post_json(world.server.address(), "/v1/stream", &reader, &body).await;
    let refused = problem(&answer, 403, "insufficient_scope");
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("stream:write")), "{refused}");
    let admin = world.server.create_key(&["admin"]);
    assert_eq!(with_key(&world, &admin).await.status, 200, "`admin` contains every other");
    assert_eq!(world.origin.hits(), 1);
}

#[tokio::test]
async fn a_key_ends_at_its_time() {
    let world = World::start().await;
    let key = world.server.create_key_with(&["scrape"], &["--expires", "2s"]);
    assert_eq!(with_key(&world, &key).await.status, 200);
    let begun = Instant::now();
    loop {
        let answer = with_key(&world, &key).await;
        if answer.status != 200 {
            let _ = problem(&answer, 401, "expired_key");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it still works");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_while_the_server_runs() {
    let world = World::start().await;
    let made = world.server.run(&["apikey", "create", "--name", "second", "--scopes", "scrape"]);
    let key = String::from_utf8_lossy(&made.stdout).trim_end().to_owned();
    assert_eq!(with_key(&world, &key).await.status, 200, "a new key works at once");
    let keys = listed(&world);
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(!keys.iter().any(|listed| listed.to_string().contains(&key)), "secrets are shown once");
    revoke(&world, "second");
    let begun = Instant::now();
    loop {
        let answer = with_key(&world, &key).await;
        if answer.status != 200 {
            let _ = problem(&answer, 401, "revoked_key");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(6), "a revoked key still works");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(with_key(&world, &world.key).await.status, 200, "the other key is as before");
}

#[tokio::test]
async fn a_stream_ends_within_five_seconds_of_its_keys_revocation() {
    let world = World::start().await;
    let idle = vec![world.origin.url("/hang")];
    let busy = (0..2_000).map(|n| world.origin.url(&format!("/slow/10?{n}"))).collect::<Vec<_>>();
    let mut readers = Vec::new();
    for urls in [idle, busy] {
        let mut reader = world.stream(&light(&urls, 4)).open().await;
        let _ = reader.next_item().await;
        readers.push(reader);
    }
    let busy_id = crate::world::stream_id(&readers[1]);
    revoke(&world, "test");
    let begun = Instant::now();
    for mut reader in readers {
        let mut last = None;
        while let Some(item) = reader.next_item().await {
            assert!(!matches!(&item, Item::Frame(frame) if frame.event == "end"), "it was not at its end");
            last = Some(item);
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(matches!(&last, Some(Item::Comment(text)) if text.starts_with("error")), "{last:?}");
    }
    let again = http::get(world.server.address(), &format!("/v1/stream/{busy_id}"), Some(&world.key)).await;
    let _ = problem(&again, 401, "revoked_key");
    let hits = quiet(Duration::from_secs(1), Duration::from_secs(5), || world.origin.hits()).await;
    assert!(hits < 2_000, "the fetching stops with its reader");
}

#[tokio::test]
async fn a_reader_that_has_stopped_is_cut_off_as_well() {
    let world = World::start().await;
    let made = world.server.run(&["apikey", "create", "--name", "other", "--scopes", "stream:read"]);
    let other = String::from_utf8_lossy(&made.stdout).trim_end().to_owned();
    let connections = async || {
        let usage = http::get(world.server.address(), "/v1/usage", Some(&other)).await;
        usage.json()["connections"]["used"].as_u64()
    };
    let body = json!({"urls": world.origin.product_urls(2_000), "formats": ["raw_html"]});
    let mut stopped = world.stream(&body).receive_buffer_bytes(16 << 10).open().await;
    assert_eq!(stopped.take_records(3).await.len(), 3);
    quiet(Duration::from_millis(300), Duration::from_secs(20), || world.origin.hits()).await;
    assert_eq!(connections().await, Some(1));
    revoke(&world, "test");
    let begun = Instant::now();
    while connections().await != Some(0) {
        assert!(begun.elapsed() < Duration::from_secs(5), "its connection is still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_key_may_be_bound_to_addresses() {
    let world = World::start().await;
    let here = world.server.create_key_with(&["scrape"], &["--allow-ip", "127.0.0.0/8"]);
    let elsewhere = world.server.create_key_with(&["scrape"], &["--allow-ip", "10.0.0.0/8"]);
    assert_eq!(with_key(&world, &here).await.status, 200);
    let _ = problem(&with_key(&world, &elsewhere).await, 403, "ip_not_allowed");
}

#[tokio::test]
async fn a_key_in_the_query_works_for_reading_streams_only_and_is_never_logged() {
    let world = World::start().await;
    let mut reader = world.stream(&light(&[world.origin.url("/p/1")], 1)).open().await;
    let id = crate::world::stream_id(&reader);
    let _ = reader.read_to_end().await;
    let path = format!("/v1/stream/{id}?api_key={}", world.key);
    let answer = http::get(world.server.address(), &path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let path = format!("/v1/scrape?api_key={}", world.key);
    let answer =
        http::request(world.server.address(), "POST", &path, &[("content-type", "application/json")], b"{}")
            .await;
    let _ = problem(&answer, 401, "missing_credentials");
    assert!(!world.server.log().contains(&world.key[8..]), "a key stands in the log");
}

#[tokio::test]
async fn a_key_with_no_scope_or_an_unknown_one_is_not_made() {
    let world = World::start().await;
    for args in [
        &["apikey", "create", "--name", "x"][..],
        &["apikey", "create", "--name", "x", "--scopes", ""],
        &["apikey", "create", "--name", "x", "--scopes", "scrape,everything"],
    ] {
        let output = world.server.run(args);
        assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}");
    }
    assert_eq!(listed(&world).len(), 1);
}
