//! Main content as Markdown, by Pagewire and by the rs-trafilatura crate in turn: the same pages in the same process, the
//! CPU time of the one thread. The pages are the golden ones of `pagewire-extract`, and ones that are made here as sites
//! make theirs. Ends with a fault if Pagewire is less than three times as fast.
//!
//! `cargo run --release --manifest-path bench/main-content/Cargo.toml`

mod pages;

use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use pagewire_extract::{Input, Plan, PlanOptions};
use pagewire_types::Format;
use rustix::time::{ClockId, clock_gettime};
use url::Url;

/// Each page's time is the best of these: what the work costs when nothing else has the core.
const ROUNDS: usize = 7;
/// How much faster Pagewire has to be over all pages.
const RATIO_MIN: f64 = 3.0;

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn best_of(rounds: usize, mut work: impl FnMut()) -> f64 {
    let once = |work: &mut dyn FnMut()| {
        let before = cpu_time();
        work();
        (cpu_time() - before).as_secs_f64()
    };
    (0..rounds).map(|_| once(&mut work)).fold(f64::MAX, f64::min)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = PlanOptions {
        formats: [Format::Markdown].into_iter().collect(),
        only_main_content: true,
        ..PlanOptions::default()
    };
    let plan = Plan::compile(&options).map_err(|faults| format!("{faults:?}"))?;
    let peer_options =
        rs_trafilatura::Options { output_markdown: true, ..rs_trafilatura::Options::default() };
    let url = Url::parse("https://site.example/section/page")?;
    let mut stdout = std::io::stdout().lock();
    writeln!(
        stdout,
        "{:24} {:>9} {:>10} {:>14} {:>7}",
        "page", "bytes", "Pagewire", "rs-trafilatura", "ratio"
    )?;
    let (mut bytes, mut ours, mut peers) = (0, 0.0, 0.0);
    for (name, page) in pages::all() {
        let input =
            Input { body: page.as_bytes(), content_type: Some("text/html; charset=utf-8"), url: &url };
        let our = best_of(ROUNDS, || {
            let mut out = Vec::new();
            let facts = plan.extract(black_box(&input), &mut out);
            black_box((facts.is_ok(), out));
        });
        let peer = best_of(ROUNDS, || {
            black_box(rs_trafilatura::extract_with_options(black_box(&page), &peer_options).is_ok());
        });
        row(&mut stdout, &name, page.len(), our, peer)?;
        bytes += page.len();
        ours += our;
        peers += peer;
    }
    row(&mut stdout, "all", bytes, ours, peers)?;
    Ok(if peers / ours >= RATIO_MIN { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(out: &mut impl std::io::Write, name: &str, bytes: usize, our: f64, peer: f64) -> std::io::Result<()> {
    let rate = |seconds: f64| bytes as f64 / seconds / 1e6;
    writeln!(out, "{name:24} {bytes:9} {:5.1} MB/s {:9.1} MB/s {:6.1}x", rate(our), rate(peer), peer / our)
}
