//! The live stream: fan-out beside nchan, filters, idle subscribers, a firehose through to a subscriber, resuming.

mod fan;
mod nchan;
mod upstream;

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::BenchError;
use crate::pagewire::Server;
use crate::report::{Check, median};
use fan::{Subscribers, p99};
use nchan::Nchan;
use upstream::{Feed, Upstream};

/// Bytes of an event's data on the wire.
const EVENT_BYTES: usize = 500;
/// What an event of Pagewire has beside its title.
const ENVELOPE_BYTES: usize = 360;
const ROUNDS: usize = 3;
/// Deliveries of a round as fast as they go.
const DELIVERIES: usize = 1_500_000;
/// How long a paced round goes on.
const PACED_FOR: Duration = Duration::from_secs(6);
/// What the server is told: the crowd has to fit.
const ENVIRONMENT: [(&str, &str); 2] =
    [("PAGEWIRE_SERVER__CONNECTIONS_MAX", "20000"), ("PAGEWIRE_LIVE__KEEP_BYTES", "4 GiB")];

/// A server with a firehose that the bench feeds.
struct Live {
    server: Server,
    feed: Feed,
}

impl Live {
    fn start(binary: &Path, work: &Path) -> Result<Self, BenchError> {
        let server = Server::start_with(binary, work, &ENVIRONMENT)?;
        let upstream = Upstream::start()?;
        let source = json!({
            "id": "bench", "source_type": "firehose", "protocol": "ndjson",
            "url": format!("http://{}/", upstream.address),
            "map": {"id": "/id", "url": "/url", "title": "/title", "tags": "/tags"},
        });
        let _: Value =
            server.ask("POST", "/v1/sources", Some(("application/json", source.to_string().as_bytes())))?;
        let feed = upstream.accept()?;
        Ok(Self { server, feed })
    }

    fn subscribe(&self, paths: &[String], count: usize) -> Result<Subscribers, BenchError> {
        Subscribers::connect(self.server.address, paths, &self.authorization(), count)
    }

    fn authorization(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.server.key)
    }

    /// Publishes while the subscribers read, and tells what came and what it cost.
    fn round(
        &mut self,
        subscribers: &mut Subscribers,
        events: usize,
        deliveries: usize,
        pause: Option<Duration>,
        tag: impl Fn(u64) -> String + Send,
    ) -> Result<Round, BenchError> {
        let before = self.server.cpu_s()?;
        let feed = &mut self.feed;
        let taken = thread::scope(|scope| {
            let publisher = scope.spawn(|| feed.publish(events, EVENT_BYTES - ENVELOPE_BYTES, pause, tag));
            let taken = subscribers.take(deliveries as u64);
            publisher.join().unwrap_or(Ok(())).and(taken)
        })?;
        Round::of(taken, self.server.cpu_s()? - before)
    }
}

/// What a round came to.
struct Round {
    deliveries_per_s: f64,
    cpu_us: f64,
    p99_ms: f64,
}

impl Round {
    fn of(mut taken: fan::Taken, cpu_s: f64) -> Result<Self, BenchError> {
        let deliveries = taken.deliveries as f64;
        Ok(Self {
            deliveries_per_s: deliveries / taken.seconds,
            cpu_us: cpu_s * 1e6 / deliveries,
            p99_ms: f64::from(p99(&mut taken.latencies_us)) / 1e3,
        })
    }
}

fn no_tag(_: u64) -> String {
    "t".to_owned()
}

/// One path for all.
fn everything() -> [String; 1] {
    ["/v1/stream".to_owned()]
}

fn nchan_round(
    nchan: &Nchan,
    subscribers: &mut Subscribers,
    events: usize,
    deliveries: usize,
    pause: Option<Duration>,
) -> Result<Round, BenchError> {
    let before = nchan.cpu_s()?;
    let address: SocketAddr = nchan.address;
    let taken = thread::scope(|scope| {
        let publisher = scope.spawn(move || nchan::publish(address, events, EVENT_BYTES, pause));
        let taken = subscribers.take(deliveries as u64);
        publisher.join().unwrap_or(Ok(())).and(taken)
    })?;
    Round::of(taken, nchan.cpu_s()? - before)
}

/// One group of promises.
type Part = fn(&Path, &Path) -> Result<Vec<Check>, BenchError>;

const PARTS: [(&str, Part); 5] = [
    ("fan-out", fan_outs),
    ("firehose", firehose),
    ("idle", idle),
    ("filtered", filtered),
    ("resumed", resumed),
];

/// Holds the live stream to its promises.
pub(crate) fn checks(binary: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    let mut checks = Vec::new();
    for (_, part) in PARTS {
        checks.extend(told(part(binary, work)?));
    }
    Ok(checks)
}

/// Holds it to those of one part.
pub(crate) fn part(name: &str, binary: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    let part = PARTS.iter().find(|(known, _)| *known == name);
    let (_, part) = part.ok_or_else(|| BenchError::Usage(format!("the live stream has no part {name}")))?;
    part(binary, work)
}

fn fan_outs(binary: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    let mut checks = fan_out(
        binary,
        work,
        1_000,
        [
            "1,000 subscribers, 500-byte events: deliveries/s ≥ 2.0 × nchan",
            "1,000 subscribers: CPU of a delivery ≤ 2.0 µs",
            "1,000 subscribers, half of nchan's rate: p99 from sending to reading ≤ nchan's",
        ],
    )?;
    checks.extend(fan_out(
        binary,
        work,
        5_000,
        [
            "5,000 subscribers, 500-byte events: deliveries/s ≥ 2.0 × nchan",
            "5,000 subscribers: CPU of a delivery ≤ 2.0 µs",
            "5,000 subscribers, half of nchan's rate: p99 from sending to reading ≤ nchan's",
        ],
    )?);
    Ok(checks)
}

/// Told as they come: all of them take some minutes.
fn told(checks: Vec<Check>) -> Vec<Check> {
    for check in &checks {
        eprintln!("{}: {}", check.promise, check.measured);
    }
    checks
}

fn fan_out(
    binary: &Path,
    work: &Path,
    count: usize,
    promises: [&'static str; 3],
) -> Result<Vec<Check>, BenchError> {
    let (mut theirs, mut ours) = (Vec::<Round>::new(), Vec::<Round>::new());
    let (mut their_p99, mut our_p99) = (Vec::new(), Vec::new());
    let events = DELIVERIES / count;
    for _ in 0..ROUNDS {
        let nchan = Nchan::start(work)?;
        let mut subscribers = Subscribers::connect(nchan.address, &["/sub".to_owned()], "", count)?;
        let full = nchan_round(&nchan, &mut subscribers, events, events * count, None)?;
        let pause = Duration::from_secs_f64(2.0 * count as f64 / full.deliveries_per_s);
        let paced = (PACED_FOR.as_secs_f64() / pause.as_secs_f64()) as usize;
        their_p99.push(nchan_round(&nchan, &mut subscribers, paced, paced * count, Some(pause))?.p99_ms);
        theirs.push(full);
        drop((subscribers, nchan));

        let mut live = Live::start(binary, work)?;
        let mut subscribers = live.subscribe(&everything(), count)?;
        // What the first events meet cold is not what is compared.
        live.round(&mut subscribers, 20, 20 * count, None, no_tag)?;
        ours.push(live.round(&mut subscribers, 4 * events, 4 * events * count, None, no_tag)?);
        our_p99.push(live.round(&mut subscribers, paced, paced * count, Some(pause), no_tag)?.p99_ms);
    }
    let rate = |rounds: &[Round]| rounds.iter().map(|round| round.deliveries_per_s).collect::<Vec<_>>();
    let cpu = |rounds: &[Round]| median(&rounds.iter().map(|round| round.cpu_us).collect::<Vec<_>>());
    let times = crate::report::ratio(&rate(&ours), &rate(&theirs));
    let (our_cpu, their_cpu) = (cpu(&ours), cpu(&theirs));
    let later = crate::report::ratio(&our_p99, &their_p99);
    Ok(vec![
        Check {
            promise: promises[0],
            measured: format!(
                "{times:.1} ×; {:.0} against {:.0} deliveries/s",
                median(&rate(&ours)),
                median(&rate(&theirs))
            ),
            kept: Some(times >= 2.0),
        },
        Check {
            promise: promises[1],
            measured: format!("{our_cpu:.2} µs; nchan {their_cpu:.2} µs"),
            kept: Some(our_cpu <= 2.0),
        },
        Check {
            promise: promises[2],
            measured: format!(
                "{later:.2} ×; {:.1} ms against {:.1} ms",
                median(&our_p99),
                median(&their_p99)
            ),
            kept: Some(later <= 1.0),
        },
    ])
}

/// Subscribers with fifty filters, of which each takes one event of twenty, beside as many without: as fast as both go, and
/// at one pace.
fn filtered(binary: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    const COUNT: usize = 5_000;
    const FILTERS: usize = 50;
    /// Tag k is on each event of which the number leaves the rest k by this.
    const TAGS: usize = 20;
    const PAUSE: Duration = Duration::from_millis(25);
    let tag = |number: u64| format!("k{}", number % TAGS as u64);
    // Filters differ by a tag that nothing has.
    let paths: Vec<String> =
        (0..FILTERS).map(|number| format!("/v1/stream?tag=k{}&tag=none{number}", number % TAGS)).collect();
    let takers = |event: usize| (0..FILTERS).filter(|filter| filter % TAGS == event % TAGS).count();
    let mut ratios = [Vec::new(), Vec::new()];
    let mut figures = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let mut per_event = [[0.0; 2]; 2];
        for (filter, paths) in [everything().as_slice(), &paths].into_iter().enumerate() {
            let mut live = Live::start(binary, work)?;
            let mut subscribers = live.subscribe(paths, COUNT)?;
            // What the first events meet cold is not what is compared; then as fast as they go, then paced.
            let mut sent = 0;
            for (round, (events, pause)) in
                [(2 * TAGS, None), ([1_000, 10_000][filter], None), (240, Some(PAUSE))]
                    .into_iter()
                    .enumerate()
            {
                let deliveries = match filter {
                    0 => events * COUNT,
                    _ => (sent + 1..=sent + events).map(takers).sum::<usize>() * COUNT / FILTERS,
                };
                let taken = live.round(&mut subscribers, events, deliveries, pause, tag)?;
                if let Some(measured) = round.checked_sub(1) {
                    per_event[measured][filter] = taken.cpu_us * deliveries as f64 / events as f64;
                }
                sent += events;
            }
        }
        for (measured, [all, some]) in per_event.into_iter().enumerate() {
            ratios[measured].push(some / all);
            figures[measured].push((some, all));
        }
    }
    let promises = [
        "5,000 subscribers, 50 filters, 1 event of 20 each: CPU of an event ≤ 1/5 of the same without filters, as fast as they go",
        "the same at 40 events/s",
    ];
    let checks = promises.into_iter().zip(ratios.iter().zip(figures)).map(|(promise, (ratios, figures))| {
        let times = median(ratios);
        let (some, all): (Vec<f64>, Vec<f64>) = figures.into_iter().unzip();
        Check {
            promise,
            measured: format!("{times:.3} ×; {:.0} against {:.0} µs", median(&some), median(&all)),
            kept: Some(times <= 0.2),
        }
    });
    Ok(checks.collect())
}

fn idle(binary: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    const COUNT: usize = 10_000;
    let mut live = Live::start(binary, work)?;
    let mut first = live.subscribe(&everything(), 100)?;
    live.round(&mut first, 100, 100 * 100, None, no_tag)?;
    let before = live.server.rss()?;
    let subscribers = live.subscribe(&everything(), COUNT)?;
    thread::sleep(Duration::from_secs(2));
    let each = live.server.rss()?.saturating_sub(before) as f64 / COUNT as f64 / 1024.0;
    drop(subscribers);
    Ok(vec![Check {
        promise: "10,000 idle subscribers: RSS of each ≤ 12 KB",
        measured: format!("{each:.1} KiB"),
        kept: Some(each <= 12.0),
    }])
}

/// From an upstream's byte to a subscriber's, each event durable on the way.
fn firehose(binary: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    const EVENTS: usize = 300_000;
    const PACE: usize = 2_000;
    let (mut rates, mut latencies) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut live = Live::start(binary, work)?;
        let mut subscriber = live.subscribe(&everything(), 1)?;
        rates.push(live.round(&mut subscriber, EVENTS, EVENTS, None, no_tag)?.deliveries_per_s);
        let pause = Duration::from_secs(1) / u32::try_from(PACE).unwrap_or(1);
        let events = PACE * 5;
        latencies.push(live.round(&mut subscriber, events, events, Some(pause), no_tag)?.p99_ms);
    }
    let (rate, latency) = (median(&rates), median(&latencies));
    Ok(vec![
        Check {
            promise: "firehose in, one subscriber out, durable: ≥ 30,000 events/s",
            measured: format!("{rate:.0} events/s"),
            kept: Some(rate >= 30_000.0),
        },
        Check {
            promise: "the same at 2,000 events/s: p99 from byte to byte < 50 ms",
            measured: format!("{latency:.1} ms"),
            kept: Some(latency < 50.0),
        },
    ])
}

/// Resuming in a log of a million events: the first event, and all of them.
fn resumed(binary: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    const EVENTS: usize = 1_000_000;
    const STARTS: usize = 40;
    let mut live = Live::start(binary, work)?;
    let mut subscriber = live.subscribe(&everything(), 1)?;
    live.round(&mut subscriber, EVENTS, EVENTS, None, no_tag)?;
    drop(subscriber);
    let ids = live.ids(EVENTS)?;
    let (mut firsts, mut rates) = (Vec::new(), Vec::new());
    for start in 0..STARTS {
        // Places all over the log, in an order that no cache guesses.
        let id = &ids[(start * 7_919 + 13) * ids.len() / STARTS / 7_919 % ids.len()];
        let started = Instant::now();
        let mut subscriber = live.subscribe(&[format!("/v1/stream?since={id}")], 1)?;
        subscriber.take(1)?;
        firsts.push(started.elapsed().as_secs_f64() * 1e3);
    }
    for _ in 0..ROUNDS {
        let mut subscriber = live.subscribe(&[format!("/v1/stream?since={}", ids[0])], 1)?;
        let rest = EVENTS - 1;
        let taken = subscriber.take(rest as u64)?;
        rates.push(taken.deliveries as f64 / taken.seconds);
    }
    let slowest = firsts.iter().copied().fold(0.0, f64::max);
    let rate = median(&rates);
    Ok(vec![
        Check {
            promise: "resuming among 1,000,000 events: the first within 20 ms, whatever the position",
            measured: format!(
                "at most {slowest:.1} ms, median {:.1} ms, of {STARTS} places",
                median(&firsts)
            ),
            kept: Some(slowest < 20.0),
        },
        Check {
            promise: "replay ≥ 200,000 events/s",
            measured: format!("{rate:.0} events/s"),
            kept: Some(rate >= 200_000.0),
        },
    ])
}

impl Live {
    /// Ids of events all over the log, the first event's first.
    fn ids(&self, _events: usize) -> Result<Vec<String>, BenchError> {
        let preview: Value = self.server.ask("GET", "/v1/stream/preview?tag=t", None)?;
        let from = preview["from"].as_str().unwrap_or_default().to_owned();
        let head = format!(
            "GET /v1/stream?since={from} HTTP/1.1\r\nHost: {}\r\n{}\r\n",
            self.server.address,
            self.authorization()
        );
        let mut answer = crate::http::send(self.server.address, &head, b"")?;
        let (mut ids, mut carry, mut seen) = (vec![from], Vec::new(), 0_usize);
        while seen + 1 < _events {
            let Some(piece) = answer.next()? else { break };
            carry.extend_from_slice(piece);
            let mut rest = 0;
            for at in memchr::memmem::find_iter(&carry, b"\nid: ") {
                let Some(id) = carry.get(at + 5..at + 41) else { break };
                seen += 1;
                rest = at + 41;
                if seen % 1_000 == 0 {
                    ids.push(String::from_utf8_lossy(id).into_owned());
                }
            }
            carry.drain(..rest);
        }
        Ok(ids)
    }
}
