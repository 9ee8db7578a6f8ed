//! A connection drops and the stream goes on where it was: nothing twice, nothing lost, and a clear word when it cannot.

use std::time::Duration;

use pagewire_testkit::{Ledger, http, sse::StreamRequest};
use serde_json::json;

use crate::world::{World, light, problem, stream_id};

#[tokio::test]
async fn a_dropped_stream_goes_on_after_the_last_id() {
    let world = World::start().await;
    let urls = world.origin.product_urls(300);
    let mut ledger = Ledger::new();
    let mut reader = world.stream(&light(&urls, 8)).open().await;
    let id = stream_id(&reader);
    ledger.enter(&reader.take_records(40).await);
    drop(reader);
    // A few more drops, by GET as an EventSource does.
    for _ in 0..3 {
        let last = ledger.last_id().expect("records came");
        let mut reader = world.resume(&id, Some(&last)).open().await;
        assert_eq!(stream_id(&reader), id);
        let records = reader.take_records(30).await;
        assert!(records[0].id.as_ref() > Some(&last), "after {last}: {:?}", records[0].id);
        ledger.enter(&records);
    }
    let last = ledger.last_id().expect("records came");
    let frames = world.resume(&id, Some(&last)).open().await.read_to_end().await;
    ledger.enter(&frames);
    ledger.assert_complete(300);
    let end = frames.last().expect("an end");
    assert_eq!((end.event.as_str(), &end.json()["done"]), ("end", &json!(300)));
    assert_eq!(world.origin.hits(), 300, "nothing is fetched again");
}

#[tokio::test]
async fn a_post_resumes_like_a_get() {
    let world = World::start().await;
    let mut reader = world.stream(&light(&world.origin.product_urls(60), 4)).open().await;
    let id = stream_id(&reader);
    let mut ledger = Ledger::new();
    ledger.enter(&reader.take_records(10).await);
    drop(reader);
    let last = ledger.last_id().expect("records came");
    let mut post = StreamRequest::get(world.server.address(), &format!("/v1/stream/{id}"), &world.key);
    post.method = "POST".to_owned();
    post.headers.push(("content-length".to_owned(), "0".to_owned()));
    ledger.enter(&post.header("last-event-id", &last).open().await.read_to_end().await);
    ledger.assert_complete(60);
}

#[tokio::test]
async fn without_an_id_the_stream_comes_from_its_start() {
    let world = World::start().await;
    let reader = world.stream(&light(&world.origin.product_urls(50), 4)).open().await;
    let id = stream_id(&reader);
    let mut reader = reader;
    let first = reader.read_to_end().await;
    let again = world.resume(&id, None).open().await.read_to_end().await;
    let records = |frames: &[pagewire_testkit::Frame]| -> Vec<pagewire_testkit::Frame> {
        frames.iter().filter(|frame| frame.is_record()).cloned().collect()
    };
    assert_eq!(records(&first), records(&again), "a finished stream is the same stream");
    assert_eq!(world.origin.hits(), 50);
}

#[tokio::test]
async fn the_newer_connection_takes_over_from_the_older() {
    let world = World::start().await;
    let urls: Vec<String> = (0..100).map(|n| world.origin.url(&format!("/slow/30?{n}"))).collect();
    let mut older = world.stream(&light(&urls, 2)).open().await;
    let id = stream_id(&older);
    let mut ledger = Ledger::new();
    ledger.enter(&older.take_records(5).await);
    let last = ledger.last_id().expect("records came");
    let mut newer = world.resume(&id, Some(&last)).open().await;
    let closed = tokio::spawn(async move { while older.next_item().await.is_some() {} });
    ledger.enter(&newer.read_to_end().await);
    ledger.assert_complete(100);
    tokio::time::timeout(Duration::from_secs(5), closed)
        .await
        .expect("the older is closed")
        .expect("cleanly");
}

#[tokio::test]
async fn an_id_that_is_no_position_is_refused() {
    let world = World::start().await;
    let mut reader = world.stream(&light(&world.origin.product_urls(5), 4)).open().await;
    let id = stream_id(&reader);
    let _ = reader.read_to_end().await;
    for last in [
        "abc",
        "-1",
        "6",
        "9999",
        "00000000000000000000000000001",
        "1.5",
        "0x1",
        "18446744073709551616",
        "1 2",
        "é",
    ] {
        let answer = world.resume(&id, Some(last)).send().await.into_response().await;
        let _ = problem(&answer, 400, "invalid_cursor");
    }
    // What holds at the end: there is nothing more but the end.
    let frames = world.resume(&id, Some("0005")).open().await.read_to_end().await;
    assert!(frames.iter().all(|frame| !frame.is_record()), "{frames:?}");
    assert_eq!(frames.last().expect("an end").event, "end");
}

#[tokio::test]
async fn a_stream_of_another_workspace_does_not_exist() {
    let world = World::start().await;
    let reader = world.stream(&light(&[world.origin.url("/hang")], 1)).open().await;
    let id = stream_id(&reader);
    let foreign = world.server.create_key_with(&["stream:write"], &["--workspace", "other"]);
    let unknown = format!("str_{}", "0".repeat(32));
    let ask = |id: &str| {
        let (address, path, key) = (world.server.address(), format!("/v1/stream/{id}"), foreign.clone());
        async move { http::get(address, &path, Some(&key)).await }
    };
    let (theirs, nobodys) = (ask(&id).await, ask(&unknown).await);
    let theirs = problem(&theirs, 404, "not_found");
    let nobodys = problem(&nobodys, 404, "not_found");
    assert_eq!(
        theirs["detail"].as_str().map(|text| text.replace(&id, "ID")),
        nobodys["detail"].as_str().map(|text| text.replace(&unknown, "ID")),
        "nothing tells the two apart"
    );
    let _ = problem(&ask("nonsense").await, 404, "not_found");
}

#[tokio::test]
async fn a_stream_that_nobody_came_back_to_has_expired() {
    let world = World::with_config("[stream]\nresume_window_s = 1\n").await;
    let mut reader =
        world.stream(&light(&[world.origin.url("/p/1"), world.origin.url("/hang")], 2)).open().await;
    let id = stream_id(&reader);
    assert_eq!(reader.take_records(1).await.len(), 1);
    drop(reader);
    // The time itself is what is tested: asking earlier would resume the stream.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let answer = world.resume(&id, Some("0001")).send().await.into_response().await;
    let _ = problem(&answer, 410, "stream_expired");
}
