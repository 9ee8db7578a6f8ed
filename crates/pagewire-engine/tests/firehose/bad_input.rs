//! What an upstream should not send: each is stepped over and told, and the stream goes on.

use std::time::Duration;

use pagewire_engine::live::firehose::Limits;
use pagewire_engine::live::watch::Link;
use pagewire_testkit::upstream::{Break, Misdeed};
use pagewire_testkit::{DEADLINE, Upstream};
use pagewire_types::TargetErrorCode;

use crate::keeper::Keeper;
use crate::rig::{KINDS, Kind, Running, asked, client, limits};

fn degraded(part: &str) -> impl Fn(&Link) -> bool {
    move |link| matches!(link, Link::Degraded { reason } if reason.contains(part))
}

#[tokio::test]
async fn what_is_no_json_is_stepped_over_and_told() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::new());
        let running = Running::start(&kind.source(&upstream), &keeper);
        asked(&upstream, 1).await;
        upstream.publish(3);
        for text in ["{\"did\":\"di", "not json", "{}{}", "", "\u{1}", "{\"a\":1}\u{0}", "[[[[", "{\"seq\":"]
        {
            upstream.publish_raw(text);
        }
        upstream.publish_raw(&format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000)));
        upstream.publish(3);
        keeper.wait_for_events(6).await;
        let expected: Vec<String> = [0, 1, 2, 12, 13, 14].map(|place| kind.title(place)).into();
        assert_eq!(keeper.titles(), expected, "{kind:?}");
        keeper.wait_for_link("what is wrong", degraded("messages could not be read; the last: ")).await;
        assert_eq!(upstream.asked().len(), 1, "{kind:?}: the connection stays");
        running.stop().await;
    }
}

#[tokio::test]
async fn a_message_of_ten_megabytes_is_stepped_over_and_told() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::new());
        let running = Running::start(&kind.source(&upstream), &keeper);
        asked(&upstream, 1).await;
        upstream.publish(1);
        upstream.publish_raw(&format!("{{\"title\":\"{}\"}}", "x".repeat(10 << 20)));
        upstream.publish(1);
        keeper.wait_for_events(2).await;
        assert_eq!(keeper.titles(), [kind.title(0), kind.title(2)], "{kind:?}");
        keeper.wait_for_link("what is wrong", degraded("it has more than 1048576 bytes")).await;
        assert_eq!(upstream.asked().len(), 1, "{kind:?}: the connection stays");
        running.stop().await;
    }
}

#[tokio::test]
async fn a_message_that_no_websocket_reads_is_not_run_into_for_ever() {
    let (upstream, keeper) = (Upstream::start().await, Keeper::new());
    let running = Running::start(&Kind::Jetstream.source(&upstream), &keeper);
    asked(&upstream, 1).await;
    upstream.publish(1);
    keeper.wait_for_events(1).await;
    upstream.publish_raw(&"x".repeat(17 << 20));
    keeper.wait_for_link("what is lost", degraded("cannot be read on from where it stopped")).await;
    let connections = upstream.asked().len();
    asked(&upstream, connections.max(4)).await;
    let opened = || keeper.kept().links.iter().filter(|link| matches!(link, Link::Open { .. })).count();
    pagewire_testkit::wait::eventually("the live end", DEADLINE, || opened() >= 4).await;
    upstream.publish(1);
    keeper.wait_for_events(2).await;
    running.stop().await;
}

#[tokio::test]
async fn a_flood_stays_in_the_upstreams_socket_until_there_is_room() {
    const FLOOD: usize = 4_000;
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::blocked());
        let running = Running::start(&kind.source(&upstream), &keeper);
        asked(&upstream, 1).await;
        upstream.publish_large(FLOOD, 10_000);
        let rest =
            pagewire_testkit::wait::quiet(Duration::from_millis(300), DEADLINE, || upstream.said() as u64)
                .await;
        assert!(rest < FLOOD as u64 / 2, "{kind:?}: {rest} were said though nothing was taken");
        keeper.let_take(FLOOD);
        keeper.wait_for_events(FLOOD).await;
        running.stop().await;
        assert_eq!(keeper.titles(), kind.titles(0..FLOOD), "{kind:?}");
        assert!(keeper.kept().taken_max <= 1_000, "{kind:?}: {}", keeper.kept().taken_max);
    }
}

#[tokio::test]
async fn silence_is_told_and_then_ended() {
    for kind in KINDS {
        let (upstream, keeper) = (Upstream::start().await, Keeper::new());
        upstream.misbehave([Misdeed::After(1, Break::Silence)]);
        let millis = Duration::from_millis;
        let limits = Limits {
            silence_told: millis(300),
            silence_max: millis(600),
            ping_after: millis(100),
            ..limits()
        };
        let running = Running::start_within(limits, client(), &kind.source(&upstream), &keeper);
        asked(&upstream, 1).await;
        upstream.publish(2);
        keeper.wait_for_link("silence", degraded("nothing has come for")).await;
        let down = |link: &Link| matches!(link, Link::Down { code: TargetErrorCode::Timeout, .. });
        keeper.wait_for_link("its end", down).await;
        keeper.wait_for_events(2).await;
        running.stop().await;
        assert_eq!(keeper.titles(), kind.titles(0..2), "{kind:?}");
    }
}

#[tokio::test]
async fn a_websocket_that_answers_pings_is_quiet_and_not_silent() {
    let (upstream, keeper) = (Upstream::start().await, Keeper::new());
    let millis = Duration::from_millis;
    let limits = Limits {
        silence_told: millis(1_500),
        silence_max: millis(3_000),
        ping_after: millis(50),
        ..limits()
    };
    let running = Running::start_within(limits, client(), &Kind::Jetstream.source(&upstream), &keeper);
    asked(&upstream, 1).await;
    tokio::time::sleep(millis(2_500)).await;
    upstream.publish(1);
    keeper.wait_for_events(1).await;
    running.stop().await;
    assert_eq!(keeper.kept().links, [Link::Open { http_status: 101 }]);
}
