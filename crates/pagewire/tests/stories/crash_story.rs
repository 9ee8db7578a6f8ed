//! The process is killed, as a power cut would, again and again in mid-stream: each URL still arrives exactly once, and
//! no id ever means two URLs.

use std::time::Duration;

use pagewire_testkit::Ledger;

use crate::world::{Dice, World, light, stream_id};

const KILLS: usize = 20;

#[tokio::test]
async fn slow_twenty_kills_in_mid_stream_lose_nothing_and_repeat_nothing() {
    let seed = std::env::var("PAGEWIRE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260);
    let (mut dice, total) = (Dice::of(seed), 6_000_usize);
    let mut world = World::start().await;
    // Some time a page, so that a kill finds pages under way in every state.
    let urls: Vec<String> = (0..total).map(|n| world.origin.url(&format!("/slow/{}?{n}", n % 7))).collect();
    let mut reader = world.stream(&light(&urls, 16)).open().await;
    let id = stream_id(&reader);
    let mut ledger = Ledger::new();
    let mut kills = 0;
    loop {
        let count = usize::try_from(dice.below(100)).expect("small");
        ledger.enter(&reader.take_records(count).await);
        tokio::time::sleep(Duration::from_micros(dice.below(20_000))).await;
        assert!(world.origin.hits() < total as u64, "kill {kills} comes after the end (seed {seed})");
        world.server.kill_9();
        ledger.enter(&reader.read_to_cut().await);
        kills += 1;
        world.server.restart().await;
        reader = world.resume(&id, ledger.last_id().as_deref()).open().await;
        if kills == KILLS {
            break;
        }
    }
    let frames = reader.read_to_end().await;
    ledger.enter(&frames);
    assert_eq!(frames.last().map(|frame| frame.event.as_str()), Some("end"), "seed {seed}");
    let end = frames[frames.len() - 1].json();
    assert_eq!(end["done"].as_u64(), Some(total as u64), "seed {seed}: {end}");
    ledger.assert_complete(total as u64);
    // The whole stream read again is the same stream.
    ledger.enter(&world.resume(&id, None).open().await.read_to_end().await);
    ledger.assert_complete(total as u64);
    // Only what was under way at a kill is fetched twice: at most what may be finished and unwritten, and in flight.
    let again = world.origin.hits() - total as u64;
    assert!(again <= (KILLS * 3 * 16) as u64, "{again} pages were fetched again (seed {seed})");
}

#[tokio::test]
async fn a_stream_whose_first_answer_was_lost_in_a_crash_is_still_whole() {
    let mut world = World::start().await;
    let urls = world.origin.product_urls(50);
    let reader = world.stream(&light(&urls, 4)).open().await;
    let id = stream_id(&reader);
    world.server.kill_9();
    drop(reader);
    world.server.restart().await;
    let mut ledger = Ledger::new();
    ledger.enter(&world.resume(&id, None).open().await.read_to_end().await);
    ledger.assert_complete(50);
}

#[tokio::test]
async fn a_finished_stream_outlives_a_crash() {
    let mut world = World::start().await;
    let mut reader = world.stream(&light(&world.origin.product_urls(20), 4)).open().await;
    let id = stream_id(&reader);
    let mut ledger = Ledger::new();
    ledger.enter(&reader.read_to_end().await);
    world.server.kill_9();
    world.server.restart().await;
    ledger.enter(&world.resume(&id, None).open().await.read_to_end().await);
    ledger.assert_complete(20);
    assert_eq!(world.origin.hits(), 20);
}
