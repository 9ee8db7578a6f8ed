//! A large job, from an upload to its Parquet file: its pace beside a stream of 10,000 URLs on the same server's binary, and
//! its memory beside that of a job of 100,000.

use std::fmt::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cases;
use crate::error::BenchError;
use crate::pagewire::Server;
use crate::report::{Check, median};

/// Memory at the peak.
const RSS_MAX: f64 = 400e6;
/// What a job may be slower by than a stream.
const PACE_MIN: f64 = 0.9;
/// From so many URLs on memory is to be flat.
const FLAT_FROM_URLS: u64 = 100_000;
/// How much "flat" may rise.
const GROWTH_MAX: f64 = 1.2;
/// Streams beside which it is measured, half of them before and half after.
const STREAMS: usize = 4;
const POLL: Duration = Duration::from_millis(50);
/// A job that gets no further for so long hangs.
const STALL_MAX: Duration = Duration::from_secs(60);

/// What the API tells of a job.
#[derive(Deserialize)]
struct Job {
    status: String,
    urls_done: u64,
    urls_errored: u64,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    rows: u64,
    bytes: u64,
}

/// What came of the job.
struct Measured {
    upload: Duration,
    /// From the acceptance to the last record.
    fetching: Duration,
    /// From the last record to the file.
    export: Duration,
    cpu_s: f64,
    peak: u64,
    job: Job,
}

/// Runs a job of so many URLs and holds it to the promises.
pub(crate) fn checks(
    binary: &Path,
    work: &Path,
    products: &[String],
    urls: u64,
) -> Result<Vec<Check>, BenchError> {
    let mut streams = Vec::new();
    let mut stream = || -> Result<(), BenchError> {
        streams.push(cases::stream_round(binary, work, products, cases::EXTRACT)?.round.pages_per_s);
        Ok(())
    };
    (0..STREAMS / 2).try_for_each(|_| stream())?;
    let measured = run(binary, work, products, urls)?;
    let smaller = run(binary, work, products, FLAT_FROM_URLS.min(urls))?;
    (0..STREAMS / 2).try_for_each(|_| stream())?;

    let pages_per_s = urls as f64 / measured.fetching.as_secs_f64();
    let pace = pages_per_s / median(&streams);
    let rows: u64 = measured.job.files.iter().map(|file| file.rows).sum();
    let bytes: u64 = measured.job.files.iter().map(|file| file.bytes).sum();
    let complete = measured.job.status == "completed"
        && (measured.job.urls_done, measured.job.urls_errored, rows) == (urls, 0, urls);
    let growth = measured.peak as f64 / smaller.peak as f64;
    Ok(vec![
        Check {
            promise: "a job from an upload, `extract` of name and price, to Parquet: each URL has its row",
            measured: format!(
                "{rows} rows of {urls} in {:.1} MB; upload {:.2} s, fetching {:.1} s, file {:.2} s; {:.3} CPU s per 1,000",
                bytes as f64 / 1e6,
                measured.upload.as_secs_f64(),
                measured.fetching.as_secs_f64(),
                measured.export.as_secs_f64(),
                measured.cpu_s / urls as f64 * 1e3,
            ),
            kept: Some(complete),
        },
        Check {
            promise: "its pages/s ≥ 0.9 × those of a stream of 10,000",
            measured: format!("{pace:.2} ×; {pages_per_s:.0} pages/s"),
            kept: Some(pace >= PACE_MIN),
        },
        Check {
            promise: "its peak RSS < 400 MB",
            measured: format!("{:.0} MB", measured.peak as f64 / 1e6),
            kept: Some((measured.peak as f64) < RSS_MAX),
        },
        Check {
            promise: "its peak RSS ≤ 1.2 × that of a job of 100,000",
            measured: format!("{growth:.2} ×"),
            kept: Some(growth <= GROWTH_MAX),
        },
    ])
}

fn run(binary: &Path, work: &Path, products: &[String], urls: u64) -> Result<Measured, BenchError> {
    let server = Server::start(binary, work)?;
    let mut list = String::new();
    for (number, url) in (0..urls).zip(products.iter().cycle()) {
        let _ = writeln!(list, "\"{url}?{number}\"");
    }
    let begun = Instant::now();
    let uploaded: Value =
        server.ask("POST", "/v1/uploads", Some(("application/x-ndjson", list.as_bytes())))?;
    let upload = begun.elapsed();
    let cpu_before = server.cpu_s()?;
    let body = json!({
        "input": {"upload_id": uploaded["upload_id"]},
        "concurrency": 100,
        "defaults": {"extract": {"name": "string", "price": "number"}, "formats": [], "robots": "ignore"},
        "output": {"format": "parquet"},
    });
    let begun = Instant::now();
    let path = format!("/v1/jobs/{}", server.submit(&body)?);

    let mut fetched = None;
    let mut progress = (0, Instant::now());
    let job = loop {
        let job: Job = server.ask("GET", &path, None)?;
        if job.urls_done >= urls && fetched.is_none() {
            fetched = Some(begun.elapsed());
        }
        if !matches!(job.status.as_str(), "queued" | "running") {
            break job;
        }
        if job.urls_done > progress.0 {
            progress = (job.urls_done, Instant::now());
        }
        if progress.1.elapsed() > STALL_MAX {
            return Err(failed(format!("the job stands still at {} of {urls} URLs", progress.0)));
        }
        thread::sleep(POLL);
    };
    let whole = begun.elapsed();
    let fetching = fetched.unwrap_or(whole);
    Ok(Measured {
        upload,
        fetching,
        export: whole.saturating_sub(fetching),
        cpu_s: server.cpu_s()? - cpu_before,
        peak: server.peak_rss()?,
        job,
    })
}

fn failed(detail: String) -> BenchError {
    BenchError::Contestant { who: "pagewire", detail }
}
