//! Ten thousand feeds at a five-minute interval: what it costs to keep asking them, and how often one host is asked at once.
//!
//! The feeds are on a hundred hosts, addresses of 127.0.0.0/8, each with ten items; every tenth time that one is asked, it
//! has a new one, and it is sent only to whoever does not have it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::{BenchError, Doing as _};
use crate::pagewire::Server;
use crate::report::Check;

const FEEDS: usize = 10_000;
const HOSTS: usize = 100;
const INTERVAL: Duration = Duration::from_secs(300);
/// Of one host; the default of `[live] polls_per_host_max`.
const PER_HOST: usize = 2;
const ITEMS: u64 = 10;
/// How long the first polls of all may take.
const FIRST_POLLS_MAX: Duration = Duration::from_secs(300);
/// Every source is asked each five minutes, no sooner and no later.
const ENVIRONMENT: [(&str, &str); 2] =
    [("PAGEWIRE_LIVE__ADAPTIVE_MIN_S", "300"), ("PAGEWIRE_LIVE__ADAPTIVE_MAX_S", "300")];

/// What was asked.
#[derive(Default)]
struct Seen {
    /// Of each feed, how often.
    feeds: HashMap<usize, u64>,
    polls: u64,
    /// Of each host, how often right now.
    now: HashMap<IpAddr, usize>,
    /// The most at once of any host.
    most: usize,
}

type Shared = Arc<Mutex<Seen>>;

/// Measures, and holds what was measured against the promises.
pub(crate) fn checks(binary: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    let seen = Shared::default();
    let port = serve(&seen)?;
    let server = Server::start_with(binary, work, &ENVIRONMENT)?;
    let list = opml(port);
    let reply: Value = server.ask("POST", "/v1/sources/import", Some(("text/x-opml", list.as_bytes())))?;
    if reply["imported"] != FEEDS {
        return Err(BenchError::Contestant { who: "pagewire serve", detail: format!("imported: {reply}") });
    }
    let began = Instant::now();
    while lock(&seen).feeds.len() < FEEDS {
        if began.elapsed() > FIRST_POLLS_MAX {
            let detail = format!("asked {} of {FEEDS} feeds in {FIRST_POLLS_MAX:?}", lock(&seen).feeds.len());
            return Err(BenchError::Contestant { who: "pagewire serve", detail });
        }
        thread::sleep(Duration::from_millis(100));
    }
    let first_polls = began.elapsed().as_secs_f64();
    let (cpu, polls, from) = (server.cpu_s()?, lock(&seen).polls, Instant::now());
    thread::sleep(INTERVAL);
    let share = (server.cpu_s()? - cpu) / from.elapsed().as_secs_f64();
    let (polled, most) = {
        let seen = lock(&seen);
        (seen.polls - polls, seen.most)
    };
    let rss = server.peak_rss()? as f64 / f64::from(1 << 20);
    Ok(vec![
        Check {
            promise: "10,000 feeds at a five-minute interval: under 25 % of one core",
            measured: format!(
                "{:.1} %, {polled} polls in {} s (the first of all within {first_polls:.0} s)",
                share * 100.0,
                INTERVAL.as_secs()
            ),
            kept: Some(share < 0.25 && polled >= FEEDS as u64 * 9 / 10),
        },
        Check {
            promise: "and under 300 MB of memory at its peak",
            measured: format!("{rss:.0} MiB"),
            kept: Some(rss * 1.048_576 < 300.0),
        },
        Check {
            promise: "and no host asked more often at once than it may be",
            measured: format!("{most} of {PER_HOST}"),
            kept: Some(most <= PER_HOST),
        },
    ])
}

fn opml(port: u16) -> String {
    let mut list = String::from("<opml version=\"2.0\"><body>\n");
    for feed in 0..FEEDS {
        let host = feed % HOSTS + 1;
        let _ = writeln!(
            list,
            "<outline type=\"rss\" text=\"Feed {feed}\" xmlUrl=\"http://127.1.0.{host}:{port}/{feed}\"/>"
        );
    }
    list.push_str("</body></opml>\n");
    list
}

/// Answers on all addresses of 127.0.0.0/8; gives the port.
fn serve(seen: &Shared) -> Result<u16, BenchError> {
    let listener = TcpListener::bind(("0.0.0.0", 0)).doing("cannot serve feeds")?;
    let port = listener.local_addr().doing("cannot serve feeds")?.port();
    let seen = seen.clone();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let seen = seen.clone();
            // A connection that breaks is made again by whoever wants it.
            thread::spawn(move || drop(answer_all(socket, &seen)));
        }
    });
    Ok(port)
}

fn answer_all(socket: TcpStream, seen: &Shared) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let host = socket.local_addr()?.ip();
    let mut reader = BufReader::new(socket.try_clone()?);
    let mut writer = socket;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let feed = line.split(' ').nth(1).and_then(|path| path.trim_start_matches('/').parse().ok());
        let mut has = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("if-none-match:") {
                value.trim().clone_into(&mut has);
            }
        }
        let version = begin(seen, host, feed.unwrap_or_default());
        let sent = writer.write_all(answer(feed.unwrap_or_default(), version, &has).as_bytes());
        *lock(seen).now.entry(host).or_default() -= 1;
        sent?;
    }
}

/// Counts a request; gives how often the feed has changed by now.
fn begin(seen: &Shared, host: IpAddr, feed: usize) -> u64 {
    let mut seen = lock(seen);
    seen.polls += 1;
    let of_host = seen.now.entry(host).or_default();
    *of_host += 1;
    let of_host = *of_host;
    seen.most = seen.most.max(of_host);
    let asked = seen.feeds.entry(feed).or_default();
    *asked += 1;
    (*asked + feed as u64 % 10) / 10
}

fn answer(feed: usize, version: u64, has: &str) -> String {
    let etag = format!("\"v{version}\"");
    if has == etag {
        return format!("HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n");
    }
    let mut body =
        format!("<rss version=\"2.0\"><channel><title>Feed {feed}</title><link>https://a.example/</link>");
    for item in (version..version + ITEMS).rev() {
        let _ = write!(
            body,
            "<item><guid isPermaLink=\"false\">{feed}-{item}</guid><title>Item {item} of feed {feed}</title>\
             <link>https://a.example/{feed}/{item}</link><description>{}</description></item>",
            "What happened, in a sentence or two of a plausible length. ".repeat(5)
        );
    }
    body.push_str("</channel></rss>");
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: {etag}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn lock(seen: &Shared) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
