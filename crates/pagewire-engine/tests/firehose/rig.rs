//! A firehose under way, and what it is declared as.

use std::sync::Arc;
use std::time::Duration;

use pagewire_engine::live::firehose::{Limits, WaitBounds, run_within};
use pagewire_fetch::{Client, FetchConfig};
use pagewire_testkit::upstream::post;
use pagewire_testkit::{DEADLINE, Upstream};
use pagewire_types::SourceSpec;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::keeper::Keeper;

/// The kinds of upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    EventStreams,
    Jetstream,
    Lines,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::EventStreams, Kind::Jetstream, Kind::Lines];

impl Kind {
    /// The source that reads such an upstream. The title of the message at a place ends with the place's number.
    pub(crate) fn source(self, upstream: &Upstream) -> Value {
        let (protocol, url, more) = match self {
            Self::EventStreams => {
                let map = json!({"title": "/title", "url": "/meta/uri", "author": "/user", "published_at": "/timestamp"});
                ("sse", upstream.url("http", "/v2/stream/recentchange"), json!({"map": map}))
            }
            Self::Jetstream => {
                let map =
                    json!({"title": "/commit/rkey", "content": "/commit/record/text", "cursor": "/time_us"});
                ("websocket", upstream.url("ws", "/subscribe"), json!({"map": map}))
            }
            Self::Lines => {
                let map = json!({"title": "/name", "content": "/text", "url": "/link", "cursor": "/seq"});
                ("ndjson", upstream.url("http", "/lines"), json!({"map": map}))
            }
        };
        let mut source =
            json!({"id": "fire.hose", "source_type": "firehose", "url": url, "protocol": protocol});
        source["map"] = more["map"].clone();
        source
    }

    pub(crate) fn title(self, place: usize) -> String {
        match self {
            Self::EventStreams => format!("Page {place}"),
            Self::Jetstream => format!("3l3qo2vuowo2b{place:05}"),
            Self::Lines => format!("line {place}"),
        }
    }

    /// What stands in the state that is kept after the message at a place.
    pub(crate) fn mark(self, place: usize) -> String {
        match self {
            Self::EventStreams => format!(r#"\"offset\":{place}}}"#),
            Self::Jetstream => format!(r#""cursor":"{}""#, post(place)["time_us"]),
            Self::Lines => format!(r#""cursor":"{place}""#),
        }
    }

    pub(crate) fn titles(self, places: std::ops::Range<usize>) -> Vec<String> {
        places.map(|place| self.title(place)).collect()
    }
}

/// Bounds in which a test need not wait, but those of silence, which a loaded machine must not reach.
pub(crate) fn limits() -> Limits {
    let millis = Duration::from_millis;
    Limits {
        keep_every: millis(20),
        waits: WaitBounds {
            first: millis(10),
            least: millis(10),
            longest: millis(50),
            ..WaitBounds::default()
        },
        ..Limits::default()
    }
}

/// A client that may connect to this machine.
pub(crate) fn client() -> Client {
    let allow = vec!["127.0.0.0/8".parse().expect("a range")];
    Client::new(FetchConfig { allow, ..FetchConfig::default() }).expect("a client")
}

/// A firehose that runs until the value is dropped or stopped.
pub(crate) struct Running {
    task: JoinHandle<()>,
    stop: DropGuard,
}

impl Running {
    /// Runs a source into a keeper, from what it has kept.
    pub(crate) fn start(source: &Value, keeper: &Arc<Keeper>) -> Self {
        Self::start_within(limits(), client(), source, keeper)
    }

    pub(crate) fn start_within(limits: Limits, client: Client, source: &Value, keeper: &Arc<Keeper>) -> Self {
        let spec: SourceSpec = serde_json::from_value(source.clone()).expect("a source");
        let (state, sink) = (keeper.kept().state.clone(), Arc::clone(keeper));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            run_within(&limits, &client, &spec, state, sink, stopped).await;
        });
        Self { task, stop: stop.drop_guard() }
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(self) {
        tokio::time::timeout(DEADLINE, self.task).await.expect("it ends").expect("it does not panic");
    }

    /// Stops it, and waits for its end.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        tokio::time::timeout(DEADLINE, self.task).await.expect("it stops").expect("it does not panic");
    }
}

/// Waits until the upstream has been asked so often.
pub(crate) async fn asked(upstream: &Upstream, times: usize) {
    let what = format!("{times} connections");
    pagewire_testkit::wait::eventually(&what, DEADLINE, || upstream.asked().len() >= times).await;
}
