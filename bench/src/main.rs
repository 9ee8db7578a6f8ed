//! The bench: Pagewire beside its peers in one run on one machine, as ratios; `make bench` builds all and runs it.
//!
//! Contestants take turns within a round, so that a noisy neighbour meets them alike, and medians over the rounds are
//! compared. Each promise of the project that is a number is checked; a broken one makes the exit status 1, unless
//! `--report-only`. It is a measurement, not a test: what must hold on any machine is among the tests.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program whose purpose is its printed table"
)]

mod cached;
mod cases;
mod costs;
mod crowd;
mod error;
mod feeds;
mod http;
mod job;
mod live;
mod origin;
mod pagewire;
mod peers;
mod process;
mod render;
mod report;
mod site;
mod stream;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use error::{BenchError, Doing as _};
use origin::{Origin, PACED_RATE};
use report::{Check, Row, median, ratio};

const USAGE: &str = "\
Measures Pagewire beside wrk, Scrapy and a bare Rust loop; run it from the repository's root.

  --pagewire FILE     the server's binary
  --examples FOLDER   the engine's examples, built
  --peers-only        measure only the peers
  --rounds N          rounds (3)
  --pages N           product pages and URLs of a stream, 1,000 to 10,000 (10,000)
  --scrapy-pages N    pages of a round of Scrapy (2,000)
  --job-urls N        URLs of the large job, 1,000 to 1,000,000 (200,000)
  --cached-only       ask for kept pages alone, and write nothing
  --job-only          run the large job alone, and write bench/LARGE_JOB.md, which bench/RESULTS.md quotes
  --live-only         run the live stream alone, and write bench/LIVE.md, which bench/RESULTS.md quotes
  --live-part NAME    run one part of it, of fan-out, firehose, idle, filtered and resumed, and write nothing
  --feeds-only        keep asking 10,000 feeds alone, for some minutes, and write bench/FEEDS.md, quoted likewise
  --render-only       show pages in browsers alone, and write bench/RENDER.md, quoted likewise
  --report-only       exit 0 even when a promise is broken
  --no-file           do not write bench/RESULTS.md";

/// Where the figures of a job that is run alone stand.
const LARGE_JOB: &str = "bench/LARGE_JOB.md";
/// Where the figures of the live stream stand.
const LIVE: &str = "bench/LIVE.md";
/// Where the figures of ten thousand feeds stand.
const FEEDS: &str = "bench/FEEDS.md";
/// Where the figures of rendered pages stand.
const RENDER: &str = "bench/RENDER.md";
const WRK_SECONDS: u32 = 3;

struct Plan {
    pagewire: Option<PathBuf>,
    examples: Option<PathBuf>,
    rounds: usize,
    pages: usize,
    scrapy_pages: usize,
    job_urls: usize,
    cached_only: bool,
    job_only: bool,
    live_only: bool,
    live_part: Option<String>,
    feeds_only: bool,
    render_only: bool,
    report_only: bool,
    write_file: bool,
}

impl Plan {
    /// `None` when help was asked for.
    fn of(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, BenchError> {
        let mut plan = Self {
            pagewire: None,
            examples: None,
            rounds: 3,
            pages: 10_000,
            scrapy_pages: 2_000,
            job_urls: 200_000,
            cached_only: false,
            job_only: false,
            live_only: false,
            live_part: None,
            feeds_only: false,
            render_only: false,
            report_only: false,
            write_file: true,
        };
        let mut peers_only = false;
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| BenchError::Usage(format!("{argument} needs a value\n\n{USAGE}")))
            };
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--pagewire" => plan.pagewire = Some(value()?.into()),
                "--examples" => plan.examples = Some(value()?.into()),
                "--peers-only" => peers_only = true,
                "--rounds" => plan.rounds = number(&value()?, 1, 100)?,
                "--pages" => plan.pages = number(&value()?, 1_000, 10_000)?,
                "--scrapy-pages" => plan.scrapy_pages = number(&value()?, 100, 10_000)?,
                "--job-urls" => plan.job_urls = number(&value()?, 1_000, 1_000_000)?,
                "--cached-only" => plan.cached_only = true,
                "--job-only" => plan.job_only = true,
                "--live-only" => plan.live_only = true,
                "--live-part" => plan.live_part = Some(value()?),
                "--feeds-only" => plan.feeds_only = true,
                "--render-only" => plan.render_only = true,
                "--report-only" => plan.report_only = true,
                "--no-file" => plan.write_file = false,
                _ => return Err(BenchError::Usage(format!("unknown argument {argument}\n\n{USAGE}"))),
            }
        }
        if peers_only {
            plan.pagewire = None;
            plan.write_file = false;
        } else if plan.pagewire.is_none() {
            return Err(BenchError::Usage(format!("--pagewire or --peers-only is needed\n\n{USAGE}")));
        }
        plan.scrapy_pages = plan.scrapy_pages.min(plan.pages);
        Ok(Some(plan))
    }
}

fn number(text: &str, least: usize, most: usize) -> Result<usize, BenchError> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| BenchError::Usage(format!("{text} is not a number from {least} to {most}")))
}

fn main() -> ExitCode {
    let outcome = Plan::of(std::env::args().skip(1)).and_then(|plan| match plan {
        Some(plan) => bench(&plan),
        None => {
            println!("{USAGE}");
            Ok(true)
        }
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all went as promised, or nobody asked.
fn bench(plan: &Plan) -> Result<bool, BenchError> {
    let work = Path::new("bench/.work");
    fs::create_dir_all(work).doing("cannot make the bench's work folder")?;
    if let (Some(binary), Some(part)) = (&plan.pagewire, &plan.live_part) {
        let checks = live::part(part, binary, work)?;
        println!("{}", report::checks(&checks));
        return Ok(plan.report_only || checks.iter().all(|check| check.kept != Some(false)));
    }
    if let Some(binary) = plan.pagewire.as_ref().filter(|_| plan.live_only) {
        return live_stream(plan, binary, work);
    }
    if let Some(binary) = plan.pagewire.as_ref().filter(|_| plan.feeds_only) {
        return many_feeds(plan, binary, work);
    }
    if let Some(binary) = plan.pagewire.as_ref().filter(|_| plan.render_only) {
        return rendered_pages(plan, binary, work);
    }
    eprintln!("making the site");
    site::generate(&work.join("site"), plan.pages)?;
    let origin = Origin::start(work)?;
    let products: Vec<String> =
        (0..plan.pages).map(|number| origin.url(&site::product_path(number))).collect();

    if let Some(binary) = plan.pagewire.as_ref().filter(|_| plan.cached_only) {
        let checks = cached::checks(binary, work, &products)?;
        println!("{}", report::checks(&checks));
        return Ok(plan.report_only || checks.iter().all(|check| check.kept != Some(false)));
    }
    if let Some(binary) = plan.pagewire.as_ref().filter(|_| plan.job_only) {
        return large_job(plan, binary, work, &products);
    }
    let mut field = Field::new();
    if let Some(binary) = &plan.pagewire {
        eprintln!("checking what is extracted");
        cases::verify(binary, work, &products[..200])?;
    }
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        field.run_peers(plan, work, &origin, &products)?;
        if let Some(binary) = &plan.pagewire {
            field.run_pagewire(binary, work, &origin, &products)?;
        }
    }
    let mut promises = match &plan.pagewire {
        Some(binary) => promises(binary, work, &origin, &products, &field)?,
        None => Vec::new(),
    };
    if let Some(binary) = &plan.pagewire {
        eprintln!("a job of {} URLs", plan.job_urls);
        promises.extend(job::checks(binary, work, &products, plan.job_urls as u64)?);
        eprintln!("kept pages");
        promises.extend(cached::checks(binary, work, &products)?);
        eprintln!("many jobs, many watchers");
        promises.extend(crowd::checks(binary, work, &origin, &products)?);
    }
    let rendered_kept = match &plan.pagewire {
        Some(binary) => rendered_pages(plan, binary, work)?,
        None => true,
    };
    let live_kept = match &plan.pagewire {
        Some(binary) => live_stream(plan, binary, work)?,
        None => true,
    };
    if let Some(examples) = &plan.examples {
        eprintln!("export and upload");
        promises.extend(costs::checks(examples, work)?);
    }

    let scrapy = field.scrapy.pages_per_s.clone();
    let wrk = field.wrk.pages_per_s.clone();
    let table = report::contestants(&field.into_rows(), &scrapy, &wrk);
    let circumstances = report::circumstances();
    let mut text = format!(
        "{circumstances}\nMedians of {} rounds, contestants in turn; {} product pages of 27 KB from nginx with one \
         worker (Scrapy: {} of them), 100 connections.\n\n{table}",
        plan.rounds, plan.pages, plan.scrapy_pages
    );
    if !promises.is_empty() {
        text.push('\n');
        text.push_str(&report::checks(&promises));
    }
    println!("{text}");
    if plan.write_file {
        // The large job is made apart, since it takes too long for every run.
        for part in [RENDER, LIVE, FEEDS, LARGE_JOB] {
            if let Ok(part) = fs::read_to_string(part) {
                text.push('\n');
                text.push_str(&part);
            }
        }
        let file = format!(
            "# Results of `make bench`\n\nWritten by the bench itself; ratios carry over to other \
             machines, rates do not.\n\n{text}"
        );
        fs::write("bench/RESULTS.md", file).doing("cannot write bench/RESULTS.md")?;
    }
    let kept = live_kept && rendered_kept && promises.iter().all(|check| check.kept != Some(false));
    Ok(plan.report_only || kept)
}

/// The live stream; whether it went as promised, or nobody asked.
fn live_stream(plan: &Plan, binary: &Path, work: &Path) -> Result<bool, BenchError> {
    eprintln!("the live stream");
    let promises = live::checks(binary, work)?;
    let text = format!("## The live stream\n\n{}\n\n{}", report::circumstances(), report::checks(&promises));
    println!("{text}");
    if plan.write_file {
        fs::write(LIVE, &text).doing("cannot write the live stream's figures")?;
    }
    Ok(plan.report_only || promises.iter().all(|check| check.kept != Some(false)))
}

/// Ten thousand feeds; whether it went as promised, or nobody asked.
fn many_feeds(plan: &Plan, binary: &Path, work: &Path) -> Result<bool, BenchError> {
    eprintln!("ten thousand feeds");
    let promises = feeds::checks(binary, work)?;
    let text =
        format!("## Ten thousand feeds\n\n{}\n\n{}", report::circumstances(), report::checks(&promises));
    println!("{text}");
    if plan.write_file {
        fs::write(FEEDS, &text).doing("cannot write the figures of the feeds")?;
    }
    Ok(plan.report_only || promises.iter().all(|check| check.kept != Some(false)))
}

/// Rendered pages beside Playwright's; whether it went as promised, or nobody asked.
fn rendered_pages(plan: &Plan, binary: &Path, work: &Path) -> Result<bool, BenchError> {
    eprintln!("rendered pages");
    let promises = render::checks(binary, work)?;
    let text = format!("## Rendered pages\n\n{}\n\n{}", report::circumstances(), report::checks(&promises));
    println!("{text}");
    if plan.write_file {
        fs::write(RENDER, &text).doing("cannot write the figures of rendered pages")?;
    }
    Ok(plan.report_only || promises.iter().all(|check| check.kept != Some(false)))
}

/// The job alone; whether it went as promised, or nobody asked.
fn large_job(plan: &Plan, binary: &Path, work: &Path, products: &[String]) -> Result<bool, BenchError> {
    let promises = job::checks(binary, work, products, plan.job_urls as u64)?;
    let text = format!(
        "## A job of {} URLs\n\n{}\n\n{}",
        plan.job_urls,
        report::circumstances(),
        report::checks(&promises)
    );
    println!("{text}");
    if plan.write_file {
        fs::write(LARGE_JOB, &text).doing("cannot write the large job's figures")?;
    }
    Ok(plan.report_only || promises.iter().all(|check| check.kept != Some(false)))
}

/// All contestants with their rounds.
struct Field {
    wrk: Row,
    scrapy: Row,
    bare_loop: Row,
    raw_html: Row,
    extract: Row,
    extract_links_text: Row,
    articles: Row,
}

impl Field {
    fn new() -> Self {
        Self {
            wrk: Row::named("wrk (raw limit, parses nothing)"),
            scrapy: Row::named("Scrapy"),
            bare_loop: Row::named("bare reqwest + scraper loop"),
            raw_html: Row::named("Pagewire, `raw_html`"),
            extract: Row::named("Pagewire, `extract` of name and price"),
            extract_links_text: Row::named("Pagewire, `extract`, `links`, `text`"),
            articles: Row::named("Pagewire, articles: `links`, `text`"),
        }
    }

    fn run_peers(
        &mut self,
        plan: &Plan,
        work: &Path,
        origin: &Origin,
        products: &[String],
    ) -> Result<(), BenchError> {
        let all = work.join("urls");
        let some = work.join("urls-scrapy");
        fs::write(&all, products.join("\n")).doing("cannot write the URLs")?;
        fs::write(&some, products[..plan.scrapy_pages].join("\n")).doing("cannot write the URLs")?;
        note(&mut self.wrk, peers::wrk(work, origin, products.len(), WRK_SECONDS)?);
        note(&mut self.scrapy, peers::scrapy(work, &some)?);
        note(&mut self.bare_loop, peers::bare_loop(work, &all)?);
        Ok(())
    }

    fn run_pagewire(
        &mut self,
        binary: &Path,
        work: &Path,
        origin: &Origin,
        products: &[String],
    ) -> Result<(), BenchError> {
        let articles: Vec<String> =
            (0..site::ARTICLES).map(|number| origin.url(&site::article_path(number))).collect();
        for (row, urls, parameters) in [
            (&mut self.raw_html, products, cases::RAW_HTML),
            (&mut self.extract, products, cases::EXTRACT),
            (&mut self.extract_links_text, products, cases::EXTRACT_LINKS_TEXT),
            (&mut self.articles, &articles, cases::LINKS_TEXT),
        ] {
            let measured = cases::stream_round(binary, work, urls, parameters)?;
            note(row, measured.round);
            row.peak_rss.push(measured.peak_rss as f64);
        }
        Ok(())
    }

    fn into_rows(self) -> Vec<Row> {
        [
            self.wrk,
            self.scrapy,
            self.bare_loop,
            self.raw_html,
            self.extract,
            self.extract_links_text,
            self.articles,
        ]
        .into_iter()
        .filter(|row| !row.pages_per_s.is_empty())
        .collect()
    }
}

fn note(row: &mut Row, round: peers::Round) {
    eprintln!("  {}: {:.0} pages/s, {:.3} CPU s per 1,000", row.name, round.pages_per_s, round.cpu_s);
    row.pages_per_s.push(round.pages_per_s);
    row.cpu_s.push(round.cpu_s);
}

fn promises(
    binary: &Path,
    work: &Path,
    origin: &Origin,
    products: &[String],
    field: &Field,
) -> Result<Vec<Check>, BenchError> {
    eprintln!("memory, first page, commit to socket, a consumer that stops");
    let against_scrapy = ratio(&field.extract.pages_per_s, &field.scrapy.pages_per_s);
    let against_wrk = ratio(&field.raw_html.pages_per_s, &field.wrk.pages_per_s);
    let extract_cpu = median(&field.extract.cpu_s);
    let raw_cpu = median(&field.raw_html.cpu_s);
    let peak = median(&field.raw_html.peak_rss).max(median(&field.extract.peak_rss));
    let mut growth: f64 = 0.0;
    let mut growth_from_cold: f64 = 0.0;
    for (parameters, whole) in [(cases::RAW_HTML, &field.raw_html), (cases::EXTRACT, &field.extract)] {
        let whole = median(&whole.peak_rss);
        let tenth = products.len() / 10;
        let tenths = cases::streams_in_turn(binary, work, products, tenth, parameters)?;
        growth = growth.max(whole / tenths.peak_rss as f64);
        let first = cases::stream_round(binary, work, &products[..tenth], parameters)?;
        growth_from_cold = growth_from_cold.max(whole / first.peak_rss as f64);
    }
    let first_page = cases::first_page_over_origin(binary, work, origin, products)?;
    let paced: Vec<String> = (0..products.len().min(5 * PACED_RATE))
        .map(|number| origin.url(&format!("/paced{}", site::product_path(number))))
        .collect();
    let paced = cases::paced(binary, work, &paced)?;
    let told = paced.told_p99;
    let stopped = cases::stopped_consumer(binary, work, origin, products)?;
    Ok(vec![
        Check {
            promise: "`extract` ≥ 20 × Scrapy's pages/s",
            measured: format!("{against_scrapy:.1} ×"),
            kept: Some(against_scrapy >= 20.0),
        },
        Check {
            promise: "`raw_html` ≥ 0.25 × wrk's rate",
            measured: format!("{against_wrk:.3} ×"),
            kept: Some(against_wrk >= 0.25),
        },
        Check {
            promise: "`extract` ≤ 0.40 CPU s per 1,000 pages",
            measured: format!("{extract_cpu:.3} s"),
            kept: Some(extract_cpu <= 0.40),
        },
        Check {
            promise: "`raw_html` ≤ 0.10 CPU s per 1,000 pages",
            measured: format!("{raw_cpu:.3} s"),
            kept: Some(raw_cpu <= 0.10),
        },
        Check {
            promise: "peak RSS of a whole stream < 150 MB",
            measured: format!("{:.0} MB", peak / 1e6),
            kept: Some(peak < 150e6),
        },
        Check {
            promise: "peak RSS of a whole stream ≤ 1.2 × that of the same pages in ten streams",
            measured: format!(
                "{growth:.2} ×; {growth_from_cold:.2} × that of a tenth alone, over in {:.0} ms on a cold server",
                products.len() as f64 / 10.0 / median(&field.extract.pages_per_s) * 1e3
            ),
            kept: Some(growth <= 1.2),
        },
        Check {
            promise: "first `page` < 50 ms over the origin's own latency",
            measured: format!("{:.1} ms", first_page.as_secs_f64() * 1e3),
            kept: Some(first_page.as_millis() < 50),
        },
        Check {
            promise: "record committed to bytes on the socket, p99 < 15 ms at 1,000 pages/s",
            measured: format!(
                "{}; seen from outside, fetched to read: {:.1} ms; at {:.0} pages/s",
                told.map_or_else(|| String::from("not told"), |p99| format!("{:.2} ms", p99 * 1e3)),
                paced.seen_p99 * 1e3,
                paced.rate
            ),
            // The view from outside is an upper bound: it can acquit, and only the server itself can convict.
            kept: if paced.seen_p99 < 0.015 { Some(true) } else { told.map(|p99| p99 < 0.015) },
        },
        Check {
            promise: "a consumer stopped after 100 events: < 250 requests at the origin",
            measured: format!("{} requests", stopped.requests),
            kept: Some(stopped.requests < 250),
        },
        Check {
            promise: "memory flat while it stands still (+10 MB at most)",
            measured: format!("+{:.1} MB", stopped.growth as f64 / 1e6),
            kept: Some(stopped.growth < 10_000_000),
        },
        Check {
            promise: "each URL exactly once when it reads on",
            measured: String::from(if stopped.each_once { "so" } else { "not so" }),
            kept: Some(stopped.each_once),
        },
    ])
}
