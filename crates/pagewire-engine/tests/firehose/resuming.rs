//! Where an upstream stopped, it goes on: after every way in which a connection or this process can end.

use std::collections::BTreeSet;

use pagewire_engine::live::watch::Link;
use pagewire_testkit::upstream::{Break, Misdeed};
use pagewire_testkit::wait::eventually;
use pagewire_testkit::{DEADLINE, Upstream};
use serde_json::json;

use crate::keeper::Keeper;
use crate::rig::{KINDS, Kind, Running, asked};

#[tokio::test]
async fn a_crash_between_the_append_and_its_state_loses_nothing_and_repeats_nothing() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::new());
        let source = kind.source(&upstream);
        let first = Running::start(&source, &keeper);
        asked(&upstream, 1).await;
        upstream.publish(1);
        keeper.wait_for_events(1).await;
        first.stop().await;

        for crash in 0..5 {
            upstream.publish(100);
            let takes = keeper.kept().takes;
            keeper.crash_at(takes + 1 + crash % 2);
            let running = Running::start(&source, &keeper);
            if crash % 2 == 1 {
                asked(&upstream, upstream.asked().len() + 1).await;
                keeper.wait_for_events(2).await;
                upstream.publish(20);
            }
            running.ended().await;
        }
        keeper.crash_at(usize::MAX);
        let last = Running::start(&source, &keeper);
        upstream.publish(1);
        let all = 1 + 5 * 100 + 2 * 20 + 1;
        keeper.wait_for_events(all).await;
        last.stop().await;
        assert_eq!(keeper.titles(), kind.titles(0..all), "{kind:?}");
        assert!(keeper.kept().repeated > 0, "{kind:?}: the crashes were between append and state");
    }
}

#[tokio::test]
async fn however_a_connection_ends_the_next_one_goes_on_where_it_stopped() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::new());
        let close = |code, reason: &str| Misdeed::After(7, Break::Close(code, reason.to_owned()));
        upstream.misbehave([
            Misdeed::After(5, Break::HalfMessage),
            Misdeed::After(7, Break::Reset),
            close(1000, ""),
            close(1008, "too slow"),
            Misdeed::Answer(503, String::new(), "try again".to_owned()),
            Misdeed::After(0, Break::HalfMessage),
            Misdeed::Dribble(3),
        ]);
        let running = Running::start(&kind.source(&upstream), &keeper);
        asked(&upstream, 1).await;
        upstream.publish(60);
        keeper.wait_for_events(60).await;
        running.stop().await;
        assert_eq!(keeper.titles(), kind.titles(0..60), "{kind:?}");
    }
}

#[tokio::test]
async fn the_place_is_kept_also_where_no_message_becomes_an_event() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::new());
        let mut source = kind.source(&upstream);
        source["filter"] = json!({"/nowhere": [1]});
        let running = Running::start(&source, &keeper);
        asked(&upstream, 1).await;
        upstream.publish(30);
        let is_kept = || keeper.kept().state.as_ref().is_some_and(|state| state.contains(&kind.mark(29)));
        eventually("the place of the last message", DEADLINE, is_kept).await;
        running.stop().await;
        assert!(keeper.kept().events.is_empty());

        source["filter"] = json!({});
        let running = Running::start(&source, &keeper);
        upstream.publish(1);
        keeper.wait_for_events(1).await;
        running.stop().await;
        let last = kind.title(30);
        assert_eq!(keeper.titles().last(), Some(&last), "{kind:?}");
        assert!(keeper.titles().len() <= 4, "{kind:?}: a place may hold a few messages, but not all");
    }
}

#[tokio::test]
async fn a_place_that_the_upstream_refuses_is_given_up_and_that_is_told() {
    let (upstream, keeper) = (Upstream::start().await, Keeper::new());
    let source = Kind::EventStreams.source(&upstream);
    keeper.kept().state =
        Some(json!({"url": source["url"], "last_event_id": "of another stream"}).to_string());
    let running = Running::start(&source, &keeper);
    asked(&upstream, 4).await;
    keeper
        .wait_for_link("what is lost", |link| {
            matches!(link, Link::Degraded { reason } if reason.contains("cannot be read on from where it stopped"))
        })
        .await;
    keeper.wait_for_link("a connection", |link| *link == Link::Open { http_status: 200 }).await;
    upstream.publish(3);
    keeper.wait_for_events(3).await;
    running.stop().await;
}

#[tokio::test]
async fn what_has_been_read_when_it_is_stopped_is_kept() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::blocked());
        let running = Running::start(&kind.source(&upstream), &keeper);
        asked(&upstream, 1).await;
        upstream.publish(10);
        eventually("all is said", DEADLINE, || upstream.said() >= 10).await;
        keeper.let_take(100);
        keeper.wait_for_events(1).await;
        running.stop().await;
        let again = Running::start(&kind.source(&upstream), &keeper);
        keeper.wait_for_events(10).await;
        again.stop().await;
        assert_eq!(keeper.titles(), kind.titles(0..10), "{kind:?}");
    }
}

#[tokio::test]
async fn messages_that_share_a_place_are_all_told() {
    // Three posts share a `time_us`, and a resume begins with all of them.
    let (upstream, keeper) = (Upstream::start().await, Keeper::new());
    let source = Kind::Jetstream.source(&upstream);
    for round in 1..=10 {
        let running = Running::start(&source, &keeper);
        asked(&upstream, round).await;
        upstream.publish(1);
        keeper.wait_for_events(round).await;
        running.stop().await;
    }
    let titles: BTreeSet<String> = keeper.titles().into_iter().collect();
    assert_eq!(titles.into_iter().collect::<Vec<_>>(), Kind::Jetstream.titles(0..10));
    assert!(keeper.kept().repeated > 0);
}
