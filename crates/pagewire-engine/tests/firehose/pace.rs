//! What a message costs from the socket to the sink, in time of the processor: a figure of an optimised build, and a bound.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use pagewire_engine::live::event::NewEvent;
use pagewire_engine::live::firehose::{Limits, run_within};
use pagewire_engine::live::watch::{Link, Sink, SinkClosed};
use pagewire_testkit::Upstream;
use pagewire_types::SourceSpec;
use tokio::runtime;
use tokio_util::sync::CancellationToken;

use crate::rig::{KINDS, Kind, asked, client};

const MESSAGES: usize = if cfg!(debug_assertions) { 5_000 } else { 200_000 };
/// With these a message has about 1 KB.
const PADDING: usize = 500;
/// The bound of the optimised build leaves the log as much again at 30,000 a second; without optimisation it only says that
/// nothing is quadratic.
const COST_MAX: Duration = Duration::from_micros(if cfg!(debug_assertions) { 1_000 } else { 15 });

#[test]
fn slow_a_message_of_a_kilobyte_costs_microseconds() {
    for kind in KINDS {
        let (cost, rate) = measure(kind);
        println!("{kind:?}: {:.2} µs of CPU a message, {rate:.0} messages/s", cost.as_nanos() as f64 / 1e3);
        assert!(cost <= COST_MAX, "{kind:?}: {cost:?}");
    }
}

/// The CPU that a message costs, and the messages a second, with the upstream on a thread of its own.
fn measure(kind: Kind) -> (Duration, f64) {
    let theirs =
        runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let ours = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let upstream = Arc::new(theirs.block_on(Upstream::start()));
    let spec: SourceSpec = serde_json::from_value(kind.source(&upstream)).expect("a source");
    let publisher = Arc::clone(&upstream);
    theirs.spawn(async move {
        asked(&publisher, 1).await;
        publisher.publish_large(MESSAGES, PADDING);
    });
    let stop = CancellationToken::new();
    let counter = Arc::new(Counter { seen: Mutex::default(), stop: stop.clone() });
    ours.block_on(run_within(&Limits::default(), &client(), &spec, None, counter.clone(), stop));
    let seen = counter.seen.lock().expect("not poisoned");
    let (first, last) = (seen.first.expect("an event"), seen.last.expect("the last event"));
    let messages = (MESSAGES - seen.of_first) as u32;
    let wall = last.1.duration_since(first.1).as_secs_f64();
    ((last.0 - first.0) / messages, f64::from(messages) / wall)
}

/// Counts events, and stops the firehose after the last.
struct Counter {
    seen: Mutex<Seen>,
    stop: CancellationToken,
}

#[derive(Default)]
struct Seen {
    count: usize,
    of_first: usize,
    first: Option<(Duration, Instant)>,
    last: Option<(Duration, Instant)>,
}

impl Sink for Counter {
    fn take(&self, events: Vec<NewEvent>, _: Option<String>) -> BoxFuture<'_, Result<(), SinkClosed>> {
        let mut seen = self.seen.lock().expect("not poisoned");
        seen.count += events.len();
        if seen.first.is_none() {
            seen.of_first = events.len();
            seen.first = Some((thread_time(), Instant::now()));
        }
        if seen.count >= MESSAGES && seen.last.is_none() {
            seen.last = Some((thread_time(), Instant::now()));
            self.stop.cancel();
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn report(&self, _: Link) {}
}

/// How long this thread has been on a processor.
fn thread_time() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos = times.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("a number"))
}
