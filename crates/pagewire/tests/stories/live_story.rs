//! Reading along with what is new: events arrive once and in order, whoever comes and goes, and whatever is killed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use pagewire_client::{Client, LiveEvent, LiveQuery};
use pagewire_testkit::sse::{Item, StreamRequest};
use pagewire_testkit::upstream::Upstream;
use pagewire_testkit::wait::eventually;
use pagewire_testkit::{Binary, DEADLINE};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::shell::Shell;
use crate::world::{Dice, EXE, problem};
use pagewire_testkit::binary::Options;
use pagewire_testkit::http;

const SCOPES: &[&str] = &["stream:read", "sources:read", "sources:write"];

/// A server that watches a firehose, which says what the test publishes.
struct LiveWorld {
    upstream: Upstream,
    server: Binary,
    key: String,
}

impl LiveWorld {
    async fn start() -> Self {
        Self::with_config("").await
    }

    async fn with_config(toml: &str) -> Self {
        Self::with(toml, "/comment").await
    }

    async fn with(toml: &str, content: &str) -> Self {
        let (upstream, server) = (Upstream::start().await, Options::new(EXE).config(toml).start().await);
        let key = server.create_key(SCOPES);
        let source = json!({
            "id": "wiki.changes", "source_type": "firehose", "protocol": "sse", "tags": ["wiki"],
            "url": upstream.url("http", "/v2/stream/recentchange"),
            "map": {"id": "/meta/id", "url": "/meta/uri", "title": "/title", "content": content},
        });
        let answer = http::post_json(server.address(), "/v1/sources", &key, &source).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        eventually("the source is connected to", DEADLINE, || !upstream.asked().is_empty()).await;
        Self { upstream, server, key }
    }

    fn stream(&self, query: &str) -> StreamRequest {
        StreamRequest::get(self.server.address(), &format!("/v1/stream{query}"), &self.key)
    }

    /// The place before the first event: whoever has it is told all.
    async fn beginning(&self) -> String {
        let first = self.stream("").open().await.next().await.expect("a frame");
        assert_eq!(first.event, "checkpoint");
        first.id.expect("a checkpoint has an id")
    }
}

/// The number of the message that an event was made of.
fn place(data: &serde_json::Value) -> usize {
    let title = data["title"].as_str().unwrap_or_default();
    title.strip_prefix("Page ").and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{data}"))
}

#[tokio::test]
async fn what_a_source_says_is_told_to_all_who_read_and_to_those_who_come_later() {
    let world = LiveWorld::start().await;
    let mut all = world.stream("").open().await;
    let mut odd = world.stream("?source=wiki.*&tag=wiki&keyword=%22change+3%22").open().await;
    let mut none = world.stream("?source_type=rss").open().await;
    for reader in [&mut all, &mut odd, &mut none] {
        assert_eq!(reader.next().await.expect("a frame").event, "checkpoint");
    }
    world.upstream.publish(5);
    let frames = all.take(5).await;
    let places: Vec<usize> = frames.iter().map(|frame| place(&frame.json())).collect();
    assert_eq!(places, [0, 1, 2, 3, 4]);
    let event = frames[3].json();
    assert_eq!(frames[3].event, "firehose");
    assert_eq!(event["id"].as_str(), frames[3].id.as_deref());
    assert_eq!((&event["source_id"], &event["tags"][0]), (&"wiki.changes".into(), &"wiki".into()));
    let third = odd.next().await.expect("an event");
    assert_eq!(third.id, frames[3].id);
    // Who comes later is told the same, under the same ids.
    let since = frames[1].id.as_deref().expect("an id");
    let later = world.stream(&format!("?since={since}")).open().await.take(3).await;
    assert_eq!(later, frames[2..]);
    let preview =
        http::get(world.server.address(), "/v1/stream/preview?keyword=change", Some(&world.key)).await;
    assert_eq!((&preview.json()["matched"], &preview.json()["scanned"]), (&5.into(), &5.into()));
}

#[tokio::test]
async fn a_crash_changes_no_id_and_the_source_goes_on_where_it_stopped() {
    let mut world = LiveWorld::start().await;
    let beginning = world.beginning().await;
    world.upstream.publish(50);
    let since = format!("?since={beginning}");
    let before = world.stream(&since).open().await.take(50).await;
    world.server.kill_9();
    world.upstream.publish(50);
    world.server.restart().await;
    let after = world.stream(&since).open().await.take(100).await;
    assert_eq!(after[..50], before);
    let places: Vec<usize> = after.iter().map(|frame| place(&frame.json())).collect();
    assert_eq!(places, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_key_without_the_right_reads_nothing_and_another_workspace_reads_its_own() {
    let world = LiveWorld::start().await;
    world.upstream.publish(3);
    let since = world.beginning().await;
    world.stream(&format!("?since={since}")).open().await.take(3).await;
    let stranger = world.server.create_key_with(SCOPES, &["--workspace", "other"]);
    let path = format!("/v1/stream?since={since}");
    let answer = http::get(world.server.address(), &path, Some(&stranger)).await;
    problem(&answer, 400, "invalid_cursor");
    let jobs = world.server.create_key(&["jobs:read"]);
    let answer = http::get(world.server.address(), "/v1/stream", Some(&jobs)).await;
    problem(&answer, 403, "insufficient_scope");
}

#[tokio::test]
async fn a_quiet_reader_is_pinged_and_one_with_a_quiet_filter_is_told_where_it_stands() {
    let world = LiveWorld::with_config("[stream]\nping_s = 1\n").await;
    let (mut all, mut none) = (world.stream("").open().await, world.stream("?source_type=rss").open().await);
    assert_eq!(all.header("connection"), Some("close"), "its connection is the stream's alone from then on");
    let mut pings = 0;
    while pings < 2 {
        let item = all.next_item().await.expect("it stays open");
        pings += usize::from(matches!(item, Item::Comment(text) if text == "ping"));
    }
    world.upstream.publish(3);
    let newest = all.take(3).await[2].id.clone().expect("an id");
    let checkpoint = loop {
        let frame = none.next().await.expect("it stays open");
        assert_eq!((frame.event.as_str(), frame.json()["id"].as_str()), ("checkpoint", frame.id.as_deref()));
        if frame.id.as_deref() == Some(&newest) {
            break frame;
        }
    };
    // From there it goes on like a reader who was told all.
    world.upstream.publish(1);
    let since = format!("?since={}", checkpoint.id.expect("an id"));
    assert_eq!(place(&world.stream(&since).open().await.take(1).await[0].json()), 3);
}

#[tokio::test]
async fn the_command_line_reads_along_from_an_event_on() {
    let world = LiveWorld::start().await;
    let beginning = world.beginning().await;
    world.upstream.publish(5);
    let (shell, base) = (Shell::open(), world.server.base_url());
    let filter =
        ["--source", "wiki.*", "--source-type", "firehose", "--tag", "wiki", "--keyword", "\"page\""];
    let there = ["--since", &beginning, "--server", &base, "--api-key", &world.key];
    let command = shell.command(&[&["tail"], &filter[..], &there[..]].concat());
    let mut tail = tokio::process::Command::from(command);
    let mut tail = tail.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the binary runs");
    let mut lines = BufReader::new(tail.stdout.take().expect("it is piped")).lines();
    let mut ids = Vec::new();
    for expected in 0..10 {
        if expected == 5 {
            world.upstream.publish(5);
        }
        let line = lines.next_line().await.expect("text").expect("a line");
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&line["event"], place(&line["data"])), (&"firehose".into(), expected));
        assert_eq!(line["id"], line["data"]["id"]);
        ids.push(line["id"].as_str().expect("an id").to_owned());
    }
    tail.kill().await.expect("it ends");
    let told = world.stream(&format!("?since={beginning}")).open().await.take(10).await;
    assert!(told.iter().map(|frame| frame.id.as_deref()).eq(ids.iter().map(|id| Some(id.as_str()))));
}

/// Retention looks once a minute for what is more than is kept.
#[tokio::test]
async fn slow_whom_retention_overtakes_is_told_what_was_missed_and_who_comes_too_late_where_to_go_on() {
    const COUNT: usize = 3_000;
    let world = LiveWorld::with_config("[live]\nkeep_bytes = \"64 KiB\"\nring_bytes = \"64 KiB\"\n").await;
    let beginning = world.beginning().await;
    let mut slow = world.stream("").receive_buffer_bytes(4_096).open().await;
    assert_eq!(slow.next().await.expect("a frame").event, "checkpoint");
    // More than the sockets between hold, and nothing of it is read.
    world.upstream.publish_large(COUNT, 10_000);
    let late = format!("/v1/stream?tag=wiki&since={beginning}");
    let expired = tokio::time::timeout(Duration::from_secs(180), async {
        loop {
            let source =
                http::get(world.server.address(), "/v1/sources/wiki.changes", Some(&world.key)).await;
            if source.json()["health"]["events"] == COUNT {
                let request = StreamRequest::get(world.server.address(), &late, &world.key);
                let answer = request.send().await;
                if answer.status() != 200 {
                    break answer.into_response().await;
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let expired = problem(&expired.await.expect("retention comes by"), 410, "cursor_expired");
    assert_eq!(expired["reason"], "retention");
    let resync = expired["resync_url"].as_str().expect("a URL");
    let all = StreamRequest::get(world.server.address(), resync, &world.key).open().await.take(1).await;
    assert_eq!(expired["oldest_id"].as_str(), all[0].id.as_deref(), "all that is held, from the oldest on");

    let (mut next, mut last, mut gaps) = (0, beginning, 0);
    while next < COUNT {
        let frame = slow.next().await.expect("it is not cut");
        if frame.event == "gap" {
            let gap = frame.json();
            assert_eq!(
                (gap["from"].as_str(), gap["to"].as_str()),
                (Some(last.as_str()), frame.id.as_deref())
            );
            next += usize::try_from(gap["missed"].as_u64().expect("a number")).expect("small");
            gaps += 1;
        } else {
            assert_eq!(place(&frame.json()), next);
            next += 1;
        }
        last = frame.id.expect("an id");
    }
    assert_eq!((next, gaps), (COUNT, 1));
}

/// What one reader was told: ids and places, in order.
type Told = Vec<(String, usize)>;

/// Reads in so many sittings, each of which ends after some events or when the server goes away.
async fn read_in_sittings(
    mut address: watch::Receiver<SocketAddr>,
    key: String,
    query: LiveQuery,
    beginning: String,
    sittings: usize,
    mut dice: Dice,
) -> Told {
    let (mut told, mut last): (Told, String) = (Vec::new(), beginning);
    for _ in 0..sittings {
        let base = format!("http://{}", *address.borrow_and_update());
        let client = Client::new(&base, &key).expect("a client");
        let mut events = client.tail(&query, Some(last.clone()));
        let wanted = told.len() + usize::try_from(dice.below(300)).expect("small");
        while told.len() < wanted {
            let event = tokio::select! {
                event = events.next() => event,
                // The server was killed, and is another now.
                _ = address.changed() => break,
            };
            match event.expect("it does not end by itself").expect("it can be read") {
                LiveEvent::Event { id, data, .. } => {
                    let data: serde_json::Value = serde_json::from_str(data.get()).expect("JSON");
                    told.push((id.clone(), place(&data)));
                    last = id;
                }
                LiveEvent::Checkpoint { id } => last = id,
                LiveEvent::Gap(gap) => panic!("{} events were missed", gap.missed),
            }
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_thousand_resumes_and_three_kills_lose_nothing_and_repeat_nothing() {
    const READERS: usize = 25;
    const SITTINGS: usize = 40;
    /// After so many messages.
    const KILLS: [u64; 3] = [1_000, 2_500, 4_000];
    let seed = std::env::var("PAGEWIRE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261);
    let mut world = LiveWorld::start().await;
    world.upstream.set_retry_ms(100);
    let beginning = world.beginning().await;
    let (address, changed) = watch::channel(world.server.address());
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        // Some read all, some by filters that take all, some what only some events have.
        let query = match reader % 3 {
            0 => LiveQuery::default(),
            1 => LiveQuery { tags: vec!["wiki".into()], ..LiveQuery::default() },
            _ => LiveQuery {
                keywords: vec!["\"page\"".into()],
                sources: vec!["wiki.*".into()],
                ..LiveQuery::default()
            },
        };
        let dice = Dice::of(seed + reader as u64);
        let (changed, key, beginning) = (changed.clone(), world.key.clone(), beginning.clone());
        readers.spawn(read_in_sittings(changed, key, query, beginning, SITTINGS, dice));
    }
    let (mut dice, mut published, mut told) = (Dice::of(seed), 0, Vec::new());
    let mut kills = KILLS.into_iter().peekable();
    while told.len() < READERS {
        let some = dice.below(60);
        published += some;
        world.upstream.publish(usize::try_from(some).expect("small"));
        tokio::select! {
            reader = readers.join_next() => told.push(reader.expect("a reader").expect("it read")),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        if kills.next_if(|after| published >= *after).is_some() {
            world.server.kill_9();
            world.server.restart().await;
            address.send_replace(world.server.address());
        }
    }
    // A reader reads more than is published before the last kill.
    assert!(kills.next().is_none(), "seed {seed}");
    // The journal is the oracle: read from its beginning, it is every message once and in order.
    let count = told.iter().map(Vec::len).max().unwrap_or(0);
    assert!(count > 1_000, "the readers read little: {count}");
    let frames = world.stream(&format!("?since={beginning}")).open().await.take(count).await;
    let journal: Told = frames
        .into_iter()
        .map(|frame| (frame.id.clone().unwrap_or_default(), place(&frame.json())))
        .collect();
    assert!(journal.iter().map(|(_, place)| *place).eq(0..count), "seed {seed}");
    let at: HashMap<&str, usize> =
        journal.iter().enumerate().map(|(at, (id, _))| (id.as_str(), at)).collect();
    assert_eq!(at.len(), journal.len(), "an id stands for one event");
    for told in told {
        // Each has read from the beginning on, in pieces.
        assert_eq!(told, journal[..told.len()], "seed {seed}");
    }
}
