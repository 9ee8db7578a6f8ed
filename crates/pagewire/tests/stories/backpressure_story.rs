//! A client that stops reading stops the fetching, and one that goes away stops it at once.

use std::time::Duration;

use pagewire_testkit::{
    Ledger,
    wait::{eventually, quiet},
};
use serde_json::json;

use crate::world::{World, light, stream_id};

/// What the kernel takes in for a reader that has stopped counts as sent, so that the test keeps it small.
const RECEIVE_BUFFER_BYTES: u32 = 64 << 10;

#[tokio::test]
async fn slow_a_reader_that_stops_holds_the_fetching_and_gets_all_when_it_reads_on() {
    let world = World::start().await;
    let urls = world.origin.product_urls(10_000);
    let body = json!({"urls": urls, "concurrency": 16, "formats": ["raw_html"]});
    let mut reader = world.stream(&body).receive_buffer_bytes(RECEIVE_BUFFER_BYTES).open().await;
    let mut ledger = Ledger::new();
    ledger.enter(&reader.take_records(100).await);

    let hits = quiet(Duration::from_secs(1), Duration::from_secs(20), || world.origin.hits()).await;
    assert!(hits < 250, "{hits} requests for a reader that took 100 records");
    let (rss, cpu) = (world.server.rss_kib(), world.server.cpu_seconds());
    tokio::time::sleep(Duration::from_secs(3)).await; // while it is stopped, nothing may move
    assert_eq!(world.origin.hits(), hits);
    assert!(world.server.rss_kib() < rss + (8 << 10), "{rss} KiB, then {}", world.server.rss_kib());
    assert!(world.server.cpu_seconds() < cpu + 0.5, "a stopped stream costs no work");

    ledger.enter(&reader.read_to_end().await);
    ledger.assert_complete(10_000);
    assert_eq!(world.origin.hits(), 10_000);
    let peak = world.server.peak_rss_kib();
    assert!(peak < 150 << 10, "{peak} KiB at the most");
}

#[tokio::test]
async fn a_reader_that_goes_away_stops_the_fetching_within_a_second() {
    let world = World::start().await;
    let urls: Vec<String> = (0..2_000).map(|n| world.origin.url(&format!("/slow/10?{n}"))).collect();
    let mut reader = world.stream(&light(&urls, 8)).open().await;
    let id = stream_id(&reader);
    let mut ledger = Ledger::new();
    ledger.enter(&reader.take_records(50).await);
    drop(reader);
    tokio::time::sleep(Duration::from_secs(1)).await; // the second that it may take
    let hits = world.origin.hits();
    assert_eq!(quiet(Duration::from_secs(1), Duration::from_secs(3), || world.origin.hits()).await, hits);
    assert!(hits < 1_900, "{hits} requests: it went on to the end");

    let last = ledger.last_id().expect("records came");
    ledger.enter(&world.resume(&id, Some(&last)).open().await.read_to_end().await);
    ledger.assert_complete(2_000);
}

#[tokio::test]
async fn a_slow_reader_of_one_stream_does_not_hold_another() {
    let world = World::start().await;
    let urls = world.origin.product_urls(2_000);
    let body = json!({"urls": urls, "concurrency": 16, "formats": ["raw_html"]});
    let mut stopped = world.stream(&body).receive_buffer_bytes(RECEIVE_BUFFER_BYTES).open().await;
    assert_eq!(stopped.take_records(5).await.len(), 5);
    quiet(Duration::from_millis(300), Duration::from_secs(20), || world.origin.hits()).await;
    let mut ledger = Ledger::new();
    ledger.enter(&world.read(&light(&world.origin.product_urls(100), 8)).await);
    ledger.assert_complete(100);
}

#[tokio::test]
async fn connections_that_are_dropped_leave_no_file_open() {
    let world = World::start().await;
    let _ = world.read(&light(&world.origin.product_urls(5), 2)).await;
    let before = world.server.open_files();
    for _ in 0..20 {
        let mut reader = world.stream(&light(&[world.origin.url("/p/1")], 1)).open().await;
        assert_eq!(reader.take_records(1).await.len(), 1);
    }
    eventually("sockets are closed again", Duration::from_secs(10), || {
        // Each ended run may keep its journal's file; what must not stay is the connections.
        world.server.open_files() <= before + 30
    })
    .await;
}
