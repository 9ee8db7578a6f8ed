//! The contestants that are not Pagewire: wrk as the raw limit, Scrapy, and a bare reqwest + scraper loop.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::error::{BenchError, Doing as _};
use crate::origin::Origin;
use crate::process;
use crate::site;

/// What one round of a contestant has come to.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    /// Pages a second.
    pub(crate) pages_per_s: f64,
    /// User and system seconds of the contestant for 1,000 pages.
    pub(crate) cpu_s: f64,
}

/// The line that Scrapy's spider and the Rust loop print.
#[derive(Deserialize)]
struct Line {
    pages: u32,
    items: u32,
    elapsed_s: f64,
    cpu_s: Option<f64>,
}

/// wrk for `seconds`, 100 connections on one thread, going through all products.
pub(crate) fn wrk(work: &Path, origin: &Origin, products: usize, seconds: u32) -> Result<Round, BenchError> {
    let script = work.join("wrk.lua");
    let template = site::product_path(0);
    let text = format!(
        "-- Goes through the site's products, as {template}.
local requests = {{}}
local at = 0
init = function()
    for number = 0, {last} do
        requests[number] = wrk.format(\"GET\", string.format(\"/p/%02d/%05d.html\", number % 100, number))
    end
end
request = function()
    at = (at + 1) % {products}
    return requests[at]
end
",
        last = products - 1
    );
    fs::write(&script, text).doing("cannot write wrk's script")?;
    let finished = process::run(
        Command::new("wrk")
            .args(["-t1", "-c100"])
            .arg(format!("-d{seconds}s"))
            .arg("-s")
            .arg(&script)
            .arg(origin.url("/")),
        "wrk",
    )?;
    if finished.stdout.contains("Non-2xx") {
        return Err(BenchError::Contestant {
            who: "wrk",
            detail: "the origin answers with errors".to_owned(),
        });
    }
    let pages_per_s = finished
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .and_then(|text| text.trim().parse::<f64>().ok())
        .ok_or(BenchError::Contestant { who: "wrk", detail: "prints no rate".to_owned() })?;
    Ok(Round { pages_per_s, cpu_s: finished.cpu_s / (pages_per_s * f64::from(seconds)) * 1_000.0 })
}

/// Scrapy over the URLs in `list`.
pub(crate) fn scrapy(work: &Path, list: &Path) -> Result<Round, BenchError> {
    let finished = process::run(
        Command::new(work.join("venv/bin/scrapy"))
            .args(["runspider", "--nolog", "bench/spider/product.py", "-a"])
            .arg(format!("urls={}", list.display())),
        "Scrapy",
    )?;
    round("Scrapy", &finished)
}

/// The bare Rust loop over the URLs in `list`.
pub(crate) fn bare_loop(work: &Path, list: &Path) -> Result<Round, BenchError> {
    let binary = work.join("peer-target/release/pagewire-bench-peer");
    let finished = process::run(Command::new(binary).arg(list).arg("100"), "reqwest + scraper")?;
    round("reqwest + scraper", &finished)
}

fn round(who: &'static str, finished: &process::Finished) -> Result<Round, BenchError> {
    let line: Line = serde_json::from_str(finished.stdout.trim())
        .map_err(|error| BenchError::Contestant { who, detail: format!("prints no result: {error}") })?;
    if line.items != line.pages {
        let detail = format!("{} items of {} pages", line.items, line.pages);
        return Err(BenchError::Contestant { who, detail });
    }
    let pages = f64::from(line.pages);
    Ok(Round {
        pages_per_s: pages / line.elapsed_s,
        cpu_s: line.cpu_s.unwrap_or(finished.cpu_s) / pages * 1_000.0,
    })
}
