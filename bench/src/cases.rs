//! What is measured of Pagewire: throughput beside its peers, and the promises that are not throughput.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::{BenchError, Doing as _};
use crate::http;
use crate::origin::Origin;
use crate::pagewire::Server;
use crate::peers::Round;
use crate::site;
use crate::stream::{self, Events, Page};

/// Parameters of a stream for bodies alone.
pub(crate) const RAW_HTML: &str = r#""concurrency":100,"formats":["raw_html"],"#;
/// Parameters of a stream for two fields.
pub(crate) const EXTRACT: &str =
    r#""concurrency":100,"extract":{"name":"string","price":"number"},"formats":[],"#;
/// Parameters of a stream for two fields, links and text.
pub(crate) const EXTRACT_LINKS_TEXT: &str =
    r#""concurrency":100,"extract":{"name":"string","price":"number"},"formats":["links","text"],"#;
/// Parameters of a stream for links and text.
pub(crate) const LINKS_TEXT: &str = r#""concurrency":100,"formats":["links","text"],"#;

/// Small streams whose median tells how soon the first page comes.
const FIRST_PAGE_STREAMS: usize = 21;
/// Events after which the stopped consumer stops.
const STOP_AFTER: usize = 100;
/// The server has stopped fetching when the origin has seen nothing new for so long.
const QUIET: Duration = Duration::from_secs(2);
/// How long the origin may go on seeing requests before the bench stops waiting for quiet.
const QUIET_WAIT_MAX: Duration = Duration::from_secs(30);

/// A round of Pagewire: what its peers have, and its memory.
#[derive(Clone, Copy)]
pub(crate) struct ServerRound {
    /// As of any contestant.
    pub(crate) round: Round,
    /// Peak memory of the fresh server, in bytes.
    pub(crate) peak_rss: u64,
}

/// One stream over `urls` on a fresh server.
pub(crate) fn stream_round(
    binary: &Path,
    work: &Path,
    urls: &[String],
    parameters: &str,
) -> Result<ServerRound, BenchError> {
    streams_in_turn(binary, work, urls, urls.len(), parameters)
}

/// Streams of `size` URLs each on a fresh server, one after the other, until all `urls` are fetched.
pub(crate) fn streams_in_turn(
    binary: &Path,
    work: &Path,
    urls: &[String],
    size: usize,
    parameters: &str,
) -> Result<ServerRound, BenchError> {
    let server = Server::start(binary, work)?;
    let before = server.cpu_s()?;
    let mut pages = 0.0;
    let mut elapsed_s = 0.0;
    for urls in urls.chunks(size) {
        let counted = stream::count(server.address, &server.key, urls, parameters)?;
        pages += counted.pages as f64;
        elapsed_s += counted.elapsed.as_secs_f64();
    }
    let cpu_s = server.cpu_s()? - before;
    Ok(ServerRound {
        round: Round { pages_per_s: pages / elapsed_s, cpu_s: cpu_s / pages * 1_000.0 },
        peak_rss: server.peak_rss()?,
    })
}

/// Streams the first products and compares what was extracted with what stands in them.
pub(crate) fn verify(binary: &Path, work: &Path, urls: &[String]) -> Result<(), BenchError> {
    let server = Server::start(binary, work)?;
    let mut events = Events::of(stream::open(server.address, &server.key, urls, EXTRACT)?);
    let mut right = 0;
    while let Some(event) = events.next()? {
        if event.name != "page" {
            continue;
        }
        let page = page(&event.data)?;
        let name = page.data.get("name").and_then(|value| value.as_str());
        let price = page.data.get("price").and_then(serde_json::Value::as_f64);
        let number = page.meta.index;
        let expected = site::product_cents(number) as f64 / 100.0;
        if name != Some(site::product_name(number).as_str())
            || price.is_none_or(|price| (price - expected).abs() > 0.001)
        {
            let detail = format!("product {number} came out as {name:?}, {price:?}");
            return Err(BenchError::Contestant { who: "pagewire", detail });
        }
        right += 1;
    }
    if right == urls.len() {
        Ok(())
    } else {
        let detail = format!("{right} right pages of {}", urls.len());
        Err(BenchError::Contestant { who: "pagewire", detail })
    }
}

/// How much longer the first page of a small stream takes than the origin's own answer: the medians' difference.
pub(crate) fn first_page_over_origin(
    binary: &Path,
    work: &Path,
    origin: &Origin,
    urls: &[String],
) -> Result<Duration, BenchError> {
    let server = Server::start(binary, work)?;
    let mut streamed = Vec::new();
    let mut direct = Vec::new();
    for number in 0..FIRST_PAGE_STREAMS {
        let few = &urls[number * 10..number * 10 + 10];
        streamed.push(stream::count(server.address, &server.key, few, EXTRACT)?.first_page);
        let started = Instant::now();
        http::get(origin.address, &site::product_path(number))?;
        direct.push(started.elapsed());
    }
    streamed.sort();
    direct.sort();
    Ok(streamed[FIRST_PAGE_STREAMS / 2].saturating_sub(direct[FIRST_PAGE_STREAMS / 2]))
}

/// How long records take to their reader while pages come at the origin's paced rate.
pub(crate) struct Paced {
    /// Pages a second as met.
    pub(crate) rate: f64,
    /// The 99th percentile from commit to socket in seconds, as the server tells it.
    pub(crate) told_p99: Option<f64>,
    /// The 99th percentile from the end of a fetch to the reader in seconds: an upper bound, seen from outside, since
    /// extraction, the wait for the group's commit and the way back come on top.
    pub(crate) seen_p99: f64,
}

/// Streams pages that come at a steady rate.
pub(crate) fn paced(binary: &Path, work: &Path, urls: &[String]) -> Result<Paced, BenchError> {
    let server = Server::start(binary, work)?;
    let started = Instant::now();
    let mut events = Events::of(stream::open(server.address, &server.key, urls, EXTRACT)?);
    let mut ages = Vec::with_capacity(urls.len());
    while let Some(event) = events.next()? {
        if event.name == "page" {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            let fetched_at = page(&event.data)?.meta.fetched_at;
            let of_day = second_of_day(&fetched_at).ok_or_else(|| BenchError::Contestant {
                who: "pagewire",
                detail: format!("fetched_at {fetched_at:?} is no time"),
            })?;
            ages.push((now - of_day).rem_euclid(DAY_S));
        }
    }
    let rate = ages.len() as f64 / started.elapsed().as_secs_f64();
    ages.sort_by(f64::total_cmp);
    let seen_p99 = ages.get(ages.len() * 99 / 100).copied().unwrap_or(f64::INFINITY);
    Ok(Paced { rate, told_p99: server.commit_to_socket_p99(urls.len())?, seen_p99 })
}

const DAY_S: f64 = 86_400.0;

/// The second of its day in an RFC 3339 time in UTC.
pub(crate) fn second_of_day(text: &str) -> Option<f64> {
    let (_, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = time.split(':').map(|part| part.parse::<f64>().ok());
    Some(parts.next()?? * 3_600.0 + parts.next()?? * 60.0 + parts.next()??)
}

/// What came of a consumer that stopped reading.
pub(crate) struct Stopped {
    /// Requests that the origin had seen in all while the consumer stood still.
    pub(crate) requests: u64,
    /// Memory grown while it stood still, in bytes.
    pub(crate) growth: u64,
    /// Whether each URL came exactly once after it read on.
    pub(crate) each_once: bool,
}

/// Reads some events, stops until the origin is quiet, and reads on.
pub(crate) fn stopped_consumer(
    binary: &Path,
    work: &Path,
    origin: &Origin,
    urls: &[String],
) -> Result<Stopped, BenchError> {
    let server = Server::start(binary, work)?;
    let before = origin.requests()?;
    let parameters = r#""concurrency":16,"formats":["raw_html"],"#;
    let mut events = Events::of(stream::open(server.address, &server.key, urls, parameters)?);
    let mut seen = vec![0_u32; urls.len()];
    let mut read = 0;
    let mut take = |event: stream::Event| -> Result<(), BenchError> {
        if event.name == "page" {
            let index = page(&event.data)?.meta.index;
            if let Some(times) = seen.get_mut(index) {
                *times += 1;
            }
        }
        Ok(())
    };
    while read < STOP_AFTER
        && let Some(event) = events.next()?
    {
        take(event)?;
        read += 1;
    }

    let deadline = Instant::now() + QUIET_WAIT_MAX;
    // Asking the origin is a request too, and not the server's.
    let mut own = 1;
    let mut last = origin.requests()?;
    let mut quiet_since = Instant::now();
    let rss_before = server.rss()?;
    while quiet_since.elapsed() < QUIET && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
        let now = origin.requests()?;
        own += 1;
        if now > last + 1 {
            quiet_since = Instant::now();
        }
        last = now;
    }
    let growth = server.rss()?.saturating_sub(rss_before);
    let requests = (last - before).saturating_sub(own);

    while let Some(event) = events.next()? {
        take(event)?;
    }
    Ok(Stopped { requests, growth, each_once: seen.iter().all(|times| *times == 1) })
}

fn page(data: &str) -> Result<Page, BenchError> {
    serde_json::from_str(data).map_err(std::io::Error::from).doing("cannot read a page")
}
