//! Many at once: five hundred jobs of which one has a host that hangs, and two hundred watchers of one job.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cases::second_of_day;
use crate::error::{BenchError, Doing as _};
use crate::http;
use crate::origin::{Origin, PACED_RATE};
use crate::pagewire::Server;
use crate::report::{Check, median};
use crate::site;

const JOBS: usize = 500;
const URLS_PER_JOB: usize = 100;
/// What the others may be slowed by.
const HANGING_MAX: f64 = 1.5;
const WATCHERS: usize = 200;
/// What watchers may slow a job by.
const WATCHED_MAX: f64 = 1.1;
/// Rounds of each, in turn with and without.
const ROUNDS: usize = 3;
/// URLs of the job that is watched, as fast as it goes and at the paced origin.
const WATCHED_URLS: (usize, usize) = (60_000, 3 * PACED_RATE);
const POLL: Duration = Duration::from_millis(20);
/// A crowd that takes longer hangs.
const WAIT_MAX: Duration = Duration::from_secs(180);

#[derive(Deserialize)]
struct Job {
    id: String,
    status: String,
    created_at: String,
    finished_at: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    jobs: Vec<Job>,
    next_cursor: Option<String>,
}

/// Holds both crowds to their promises.
pub(crate) fn checks(
    binary: &Path,
    work: &Path,
    origin: &Origin,
    products: &[String],
) -> Result<Vec<Check>, BenchError> {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(jobs_at_once(binary, work, products, None)?);
        beside.push(jobs_at_once(binary, work, products, Some(&Hanging::start()?))?);
    }
    let slowed = median(&beside) / median(&alone);
    let paced: Vec<String> = (0..WATCHED_URLS.1)
        .map(|number| origin.url(&format!("/paced{}", site::product_path(number))))
        .collect();
    let pages = watched(binary, work, &paced, "")?;
    let fast: Vec<String> = products.iter().cycle().take(WATCHED_URLS.0).cloned().collect();
    let progress = watched(binary, work, &fast, "?include=progress,done")?;
    Ok(vec![
        Check {
            promise: "500 jobs at once, one with a host that hangs: p95 of the others ≤ 1.5 × without it",
            measured: format!("{slowed:.2} ×; {:.2} s against {:.2} s", median(&beside), median(&alone)),
            kept: Some(slowed <= HANGING_MAX),
        },
        Check {
            promise: "200 watchers, each with every page: a job at 1,000 pages/s takes ≤ 1.1 × as long",
            measured: format!("{:.2} ×; {} events read", pages.slowed, pages.events),
            kept: Some(pages.slowed <= WATCHED_MAX),
        },
        Check {
            promise: "200 watchers of the progress: a job as fast as it goes takes ≤ 1.1 × as long",
            measured: format!("{:.2} ×; {} events read", progress.slowed, progress.events),
            kept: Some(progress.slowed <= WATCHED_MAX),
        },
    ])
}

/// The 95th percentile of the seconds that a job takes from its acceptance to its end, the hanging one left out.
fn jobs_at_once(
    binary: &Path,
    work: &Path,
    products: &[String],
    hanging: Option<&Hanging>,
) -> Result<f64, BenchError> {
    let server = Server::start(binary, work)?;
    let job = |urls: &[String]| json!({"urls": urls, "defaults": {"formats": [], "extract": {"name": "string"}, "robots": "ignore"}});
    let left_out = match hanging {
        Some(hanging) => {
            let urls: Vec<String> = (0..URLS_PER_JOB).map(|number| hanging.url(number)).collect();
            Some(server.submit(&job(&urls))?)
        }
        None => None,
    };
    for number in 1..JOBS {
        let urls: Vec<String> =
            products.iter().cycle().skip(number * URLS_PER_JOB).take(URLS_PER_JOB).cloned().collect();
        server.submit(&job(&urls))?;
    }
    let begun = Instant::now();
    loop {
        let mut seconds = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Page = server.ask("GET", &format!("/v1/jobs?limit=100{cursor}"), None)?;
            for job in page.jobs.iter().filter(|job| Some(&job.id) != left_out.as_ref()) {
                if job.status == "failed" {
                    return Err(failed(format!("{} failed", job.id)));
                }
                let ended = job.finished_at.as_deref().and_then(second_of_day);
                if let (Some(ended), Some(began)) = (ended, second_of_day(&job.created_at)) {
                    seconds.push(ended - began);
                }
            }
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if seconds.len() == JOBS - 1 {
            seconds.sort_by(f64::total_cmp);
            return Ok(seconds[seconds.len() * 95 / 100]);
        }
        if begun.elapsed() > WAIT_MAX {
            return Err(failed(format!("{} of {JOBS} jobs have ended", seconds.len())));
        }
        thread::sleep(POLL);
    }
}

/// A host that accepts and says nothing.
struct Hanging {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Hanging {
    fn start() -> Result<Self, BenchError> {
        let listener = TcpListener::bind("127.0.0.2:0").doing("cannot make a host that hangs")?;
        let address = listener.local_addr().doing("cannot make a host that hangs")?;
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        thread::spawn(move || {
            let held: Vec<TcpStream> = listener
                .incoming()
                .take_while(|_| !seen.load(Ordering::Relaxed))
                .filter_map(Result::ok)
                .collect();
            drop(held);
        });
        Ok(Self { address, over })
    }

    fn url(&self, number: usize) -> String {
        format!("http://{}/{number}", self.address)
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // The last connection wakes the thread; should it fail, the thread ends with the process.
        let _ = TcpStream::connect(self.address);
    }
}

/// What watching has come to.
struct Watched {
    slowed: f64,
    /// Of all watchers in the last round.
    events: usize,
}

fn watched(binary: &Path, work: &Path, urls: &[String], query: &str) -> Result<Watched, BenchError> {
    let (mut alone, mut beside, mut events) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        alone.push(one_job(binary, work, urls, None)?.0);
        let (seconds, read) = one_job(binary, work, urls, Some(query))?;
        beside.push(seconds);
        events = read;
    }
    Ok(Watched { slowed: median(&beside) / median(&alone), events })
}

/// Seconds that a job takes from its start to its end, and the events that its watchers have read.
fn one_job(
    binary: &Path,
    work: &Path,
    urls: &[String],
    watched: Option<&str>,
) -> Result<(f64, usize), BenchError> {
    let server = Server::start(binary, work)?;
    let list: String = urls.iter().map(|url| format!("\"{url}\"\n")).collect();
    let uploaded: Value =
        server.ask("POST", "/v1/uploads", Some(("application/x-ndjson", list.as_bytes())))?;
    let id = server.submit(&json!({
        "input": {"upload_id": uploaded["upload_id"]},
        "concurrency": 100,
        "defaults": {"extract": {"name": "string", "price": "number"}, "formats": [], "robots": "ignore"},
    }))?;
    let events = Arc::new(AtomicUsize::new(0));
    let faults = Arc::new(Mutex::new(Vec::new()));
    let watchers: Vec<_> = watched
        .into_iter()
        .flat_map(|query| (0..WATCHERS).map(move |_| query))
        .map(|query| {
            let path = format!("/v1/jobs/{id}/stream{query}");
            let (address, key) = (server.address, server.key.clone());
            let (events, faults) = (events.clone(), faults.clone());
            thread::spawn(move || match watch(address, &key, &path) {
                Ok(read) => {
                    events.fetch_add(read, Ordering::Relaxed);
                }
                Err(error) => faults.lock().unwrap_or_else(PoisonError::into_inner).push(error),
            })
        })
        .collect();
    let begun = Instant::now();
    let seconds = loop {
        let job: Value = server.ask("GET", &format!("/v1/jobs/{id}"), None)?;
        let at = |name: &str| job[name].as_str().and_then(second_of_day);
        if let (Some(started), Some(finished)) = (at("started_at"), at("finished_at")) {
            break finished - started;
        }
        if begun.elapsed() > WAIT_MAX {
            return Err(failed(format!("a job with watchers does not end: {job}")));
        }
        thread::sleep(POLL);
    };
    for watcher in watchers {
        // A thread that panicked has printed why.
        let _ = watcher.join();
    }
    if let Some(fault) = faults.lock().unwrap_or_else(PoisonError::into_inner).pop() {
        return Err(fault);
    }
    Ok((seconds, events.load(Ordering::Relaxed)))
}

/// Reads a job's events to their end, and counts them.
fn watch(address: SocketAddr, key: &str, path: &str) -> Result<usize, BenchError> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nAccept: text/event-stream\r\n\
         Connection: close\r\n\r\n"
    );
    let mut answer = http::send(address, &head, b"")?;
    if answer.status != 200 {
        return Err(failed(format!("GET {path}: status {}", answer.status)));
    }
    let mut ends = 0;
    let mut last = 0;
    while let Some(piece) = answer.next()? {
        ends += memchr::memmem::find_iter(piece, b"\n\n").count();
        // An end that is cut in two.
        ends += usize::from(last == b'\n' && piece.first() == Some(&b'\n'));
        last = piece.last().copied().unwrap_or(last);
    }
    Ok(ends)
}

fn failed(detail: String) -> BenchError {
    BenchError::Contestant { who: "pagewire", detail }
}
