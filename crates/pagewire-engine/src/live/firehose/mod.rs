//! Firehoses: streams of messages that are connected to, and stay connected.
//!
//! ```text
//! connect ── upstream (SSE, NDJSON, WebSocket) ──▶ mapping, filter ──▶ outlet ──▶ sink
//!    ▲                                                                  (one append at a time, the next batch gathers)
//!    └── waits ◀── fault
//! ```
//!
//! Nothing ends a firehose but who watches it: what cannot be read is counted and told, what breaks is connected to again,
//! at the place where it stopped. A batch carries the place after its last message, so that what is read twice after a
//! crash has the same keys. What comes faster than it can be kept stays in the upstream's socket.

mod connect;
mod fault;
mod filter;
mod health;
mod identity;
mod lines;
mod mapping;
mod outlet;
mod pick;
mod place;
mod reader;
mod sse;
mod upstream;
mod waits;
mod when;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pagewire_fetch::Client;
use pagewire_types::SourceSpec;
use tokio_util::sync::CancellationToken;

use super::watch::{Link, Sink, SinkClosed};
use connect::Connector;
use fault::{Fault, FaultKind};
use health::Health;
use identity::Positions;
use outlet::Outlet;
use place::Place;
use reader::{End, Reader};
use waits::Waits;

pub use lines::{Line, LineDecoder};
pub use mapping::{Mapping, Outcome, Reading, Told, USUAL};
pub use sse::{Frame, SseDecoder};
pub use waits::WaitBounds;

/// So many connections in a row that end where they began, and the place is given up.
const AT_ONE_PLACE_MAX: u32 = 3;

/// A source that cannot be connected to as it is declared is not tried again; this is what is told of that.
const UNTIL_CHANGED: Duration = Duration::from_hours(24);

/// What has been read when the source is to stop has so long to be kept.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The bounds of a firehose.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest message. What is larger is stepped over.
    pub message_bytes_max: usize,
    /// What opening a connection may take.
    pub open_timeout: Duration,
    /// A WebSocket that is silent for so long is pinged.
    pub ping_after: Duration,
    /// Silence that is told: not a byte, not even one that says nothing.
    pub silence_told: Duration,
    /// Silence that ends the connection.
    pub silence_max: Duration,
    /// A connection that stood for so long was a good one.
    pub stable_after: Duration,
    /// The place is kept at least so often, also where no message becomes an event.
    pub keep_every: Duration,
    /// The waits between connections.
    pub waits: WaitBounds,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 1 << 20,
            open_timeout: Duration::from_secs(30),
            ping_after: Duration::from_secs(20),
            silence_told: Duration::from_mins(1),
            silence_max: Duration::from_mins(3),
            stable_after: Duration::from_secs(30),
            keep_every: Duration::from_secs(1),
            waits: WaitBounds::default(),
        }
    }
}

/// Reads a firehose into the sink until it is stopped, or the sink closes. Connections that break are made again, for as
/// long as that takes. `state` is what the sink was last given to keep, `None` at the first.
pub async fn run(
    client: &Client,
    spec: &SourceSpec,
    state: Option<String>,
    sink: Arc<dyn Sink>,
    stop: CancellationToken,
) {
    run_within(&Limits::default(), client, spec, state, sink, stop).await;
}

/// The same, within other bounds.
pub async fn run_within(
    limits: &Limits,
    client: &Client,
    spec: &SourceSpec,
    state: Option<String>,
    sink: Arc<dyn Sink>,
    stop: CancellationToken,
) {
    let connector = match Connector::of(spec) {
        Ok(connector) => connector,
        Err(detail) => {
            let Fault { code, detail, .. } = Fault::of_source(detail);
            sink.report(Link::Down { code, detail, retry_in: UNTIL_CHANGED });
            return stop.cancelled().await;
        }
    };
    let mut firehose = Firehose {
        limits,
        client,
        connector,
        mapping: Mapping::of(spec),
        place: Place::read(state.as_deref(), &spec.url),
        outlet: Outlet::new(Arc::clone(&sink)),
        waits: Waits::new(limits.waits),
        at_one_place: 0,
        sink,
    };
    firehose.run(&stop).await;
}

struct Firehose<'a> {
    limits: &'a Limits,
    client: &'a Client,
    connector: Connector,
    mapping: Mapping,
    place: Place,
    outlet: Outlet,
    waits: Waits,
    /// Connections in a row that ended where they began.
    at_one_place: u32,
    sink: Arc<dyn Sink>,
}

impl Firehose<'_> {
    async fn run(&mut self, stop: &CancellationToken) {
        loop {
            let Some((fault, was_good)) = self.connection(stop).await else { break };
            // What came is seen before the wait, not after it.
            let flushed = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                flushed = self.flush() => flushed,
            };
            if flushed.is_err() {
                return;
            }
            let retry_in = self.wait_after(&fault, was_good);
            self.sink.report(Link::Down { code: fault.code, detail: fault.detail, retry_in });
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(retry_in) => {}
            }
        }
        // A sink that has closed refuses, and one that hangs is left.
        let _ = tokio::time::timeout(LAST_WORDS, self.flush()).await;
    }

    /// One connection, from its opening to its end, and whether it was a good one; none where the source is to stop.
    async fn connection(&mut self, stop: &CancellationToken) -> Option<(Fault, bool)> {
        let opened = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            opened = self.connector.open(self.client, &self.place, self.limits) => opened,
        };
        let (mut upstream, status) = match opened {
            Ok(opened) => opened,
            Err(fault) => return Some((fault, false)),
        };
        let opened_at = Instant::now();
        let mut reader = Reader {
            mapping: &self.mapping,
            limits: self.limits,
            outlet: &mut self.outlet,
            place: &mut self.place,
            health: Health::open(&self.sink, status.as_u16()),
            positions: Positions::of_connection_at(Timestamp::now()),
        };
        let end = reader.run(&mut upstream, stop).await;
        let has_brought = reader.health.has_brought();
        self.waits.hint(upstream.retry_hint());
        match end {
            End::Stop => {
                upstream.close().await;
                None
            }
            End::Over(fault) => {
                let was_good = opened_at.elapsed() >= self.limits.stable_after
                    || (fault.kind == FaultKind::InOrder && has_brought);
                Some((fault, was_good))
            }
        }
    }

    /// Passes on all that has been read, and where that ends.
    async fn flush(&mut self) -> Result<(), SinkClosed> {
        if self.outlet.is_busy() {
            self.outlet.done().await?;
        }
        if !self.outlet.is_empty() || self.place.is_moved() {
            self.outlet.start(self.place.take_state());
            self.outlet.done().await?;
        }
        Ok(())
    }

    fn wait_after(&mut self, fault: &Fault, was_good: bool) -> Duration {
        let is_stuck = fault.kind == FaultKind::AtThisPlace && self.place.is_known();
        self.at_one_place = if is_stuck { self.at_one_place + 1 } else { 0 };
        if self.at_one_place == AT_ONE_PLACE_MAX {
            self.at_one_place = 0;
            self.place.forget();
            let reason = format!(
                "the upstream cannot be read on from where it stopped ({}): what it has sent since is not told",
                fault.detail
            );
            self.sink.report(Link::Degraded { reason });
        }
        // Chance comes from the hasher's keys, which are drawn anew each time.
        let chance = RandomState::new().hash_one(0_u8);
        if was_good {
            self.waits.after_success(chance)
        } else {
            self.waits.after_failure(fault.retry_after, chance)
        }
    }
}
