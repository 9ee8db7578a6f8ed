//! `kill -9` between and during polls: no event is lost, and none is told twice.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::source_world::{Sources, feed};
use crate::world::Dice;

const ROUNDS: usize = 6;

#[tokio::test]
async fn kill_9_between_polls_loses_no_event_and_repeats_none() {
    let mut sources = Sources::start().await;
    let mut dice = Dice::of(5);
    let mut titles: Vec<String> = vec!["0".to_owned()];
    publish(&sources, &titles);
    sources.add(&feed(&sources.world, "a", "/feed")).await;
    sources.once_read("a").await;
    let begin = sources.listen(None).await.next_of(&["begin", "checkpoint"]).await;
    let begin = begin.and_then(|frame| frame.json()["id"].as_str().map(str::to_owned));
    for round in 0..ROUNDS {
        for _ in 0..=dice.below(3) {
            titles.push(titles.len().to_string());
        }
        publish(&sources, &titles);
        // Anywhere from before the poll to after it.
        tokio::time::sleep(Duration::from_millis(dice.below(1_500))).await;
        if round % 2 == 0 {
            sources.world.server.restart().await;
        } else {
            let status = sources.world.server.terminate(Duration::from_secs(30)).await;
            assert!(status.success(), "{status}");
            sources.world.server.restart().await;
        }
    }
    titles.push("last".to_owned());
    publish(&sources, &titles);
    let mut stream = sources.listen(begin.as_deref()).await;
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    while !told.contains_key("last") {
        let event = stream.next_of(&["rss"]).await.expect("an event").json();
        *told.entry(event["title"].as_str().expect("a title").to_owned()).or_default() += 1;
    }
    let once: BTreeMap<String, usize> = titles[1..].iter().map(|title| (title.clone(), 1)).collect();
    assert_eq!(told, once);
}

/// The newest first, as feeds are.
fn publish(sources: &Sources, titles: &[String]) {
    let items: Vec<(&str, &str)> =
        titles.iter().rev().map(|title| (title.as_str(), title.as_str())).collect();
    sources.publish("/feed", &items);
}
