//! What a poll of a page costs: CPU time on a list like a news site's and on a long text, 100 KB each, or on the pages that
//! are named. Run in release mode. It fails where a page that has not changed is compared slower than it is to be.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use pagewire_extract::diff::{Outcome, Step, Today, Visit, Watch, WatchOptions};
use pagewire_extract::{ExtractError, Input, Plan, PlanOptions};
use pagewire_types::Format;
use url::Url;

const PAGE_BYTES: usize = 100_000;
const ROUNDS: u32 = 200;
/// What a page that has not changed is to be compared at: a hundred pages of 100 KB in a second, with room to spare.
const UNCHANGED_MB_PER_S_MIN: f64 = 20.0;

fn list() -> String {
    let mut html =
        "<!doctype html><title>News | Acme</title><nav><a href=/>Home</a></nav><main><h1>News</h1>"
            .to_owned();
    let mut row = 0;
    while html.len() < PAGE_BYTES {
        html.push_str(&format!(
            "<article class=\"teaser teaser--wide\"><a href=\"/news/{row}\" class=\"teaser__picture\"><img src=\"/i/{row}.jpg\" alt=\"\"></a>\
             <h2 class=\"teaser__title\"><a href=\"/news/{row}\">What happened at number {row}</a></h2><p class=\"teaser__text\">Told in \
             short, with some words for each.</p><p class=\"teaser__meta\"><time>3 hours ago</time> <span>1,204 views</span></p></article>\n"
        ));
        row += 1;
    }
    html + "</main><footer>Imprint</footer>"
}

fn text() -> String {
    let mut html =
        "<!doctype html><title>Book | Acme</title><nav><a href=/>Home</a></nav><article><h1>Book</h1>"
            .to_owned();
    let mut row = 0;
    while html.len() < PAGE_BYTES {
        html.push_str(&format!(
            "<p>Paragraph {row} is a text of some length, with <b>marks</b> and a <a href=\"/to/{row}\">link</a> in it, as they are \
             written on pages that are meant to be read, sentence after sentence, for as long as it takes to say it.</p>\n"
        ));
        row += 1;
    }
    html + "</article><footer>Imprint</footer>"
}

struct Page {
    url: Url,
    watch: Watch,
}

impl Page {
    fn poll(&self, state: Option<&str>, page: &str) -> Result<Outcome, ExtractError> {
        let visit = Visit {
            body: page.as_bytes(),
            content_type: Some("text/html"),
            asked: &self.url,
            at: &self.url,
            today: Today { year: 2026, month: 3, day: 1 },
            now: 1_772_000_000,
        };
        match self.watch.look(state, &visit, 0)? {
            Step::Done(outcome) => Ok(outcome),
            Step::Again(pending) => self.watch.look_again(*pending, &visit),
        }
    }
}

/// Seconds of the best of many single runs: what the work costs when nothing else has the core.
fn best(rounds: u32, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let started = Instant::now();
        work();
        best = best.min(started.elapsed().as_secs_f64());
    }
    best
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = Url::parse("http://site.example/page")?;
    let page = Page {
        watch: Watch::compile(&WatchOptions::default()).map_err(|faults| format!("{faults:?}"))?,
        url,
    };
    let options = PlanOptions {
        formats: [Format::Text].into_iter().collect(),
        only_main_content: true,
        ..PlanOptions::default()
    };
    let plan = Plan::compile(&options).map_err(|faults| format!("{faults:?}"))?;
    let mut stdout = std::io::stdout().lock();
    let files: Vec<String> = std::env::args().skip(1).collect();
    let rounds = if files.is_empty() { ROUNDS } else { 3 };
    let mut pages = vec![list(), text()];
    if !files.is_empty() {
        let bodies = files.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
        pages = bodies.iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect();
    }
    let (mut bytes, mut first, mut unchanged, mut changed, mut as_text) = (0, 0.0, 0.0, 0.0, 0.0);
    for before in &pages {
        // A block in the middle that says something else.
        let middle = before.floor_char_boundary(before.len() / 2);
        let at = before[middle..].find("<p").map_or(middle, |at| middle + at);
        let after = format!("{}<p>Something that was not there.</p>{}", &before[..at], &before[at..]);
        let Some(state) = page.poll(None, before)?.state else { continue };
        bytes += before.len();
        first += best(rounds, || drop(black_box(page.poll(None, black_box(before)))));
        unchanged += best(rounds, || drop(black_box(page.poll(Some(&state), black_box(before)))));
        changed += best(rounds, || drop(black_box(page.poll(Some(&state), black_box(&after)))));
        let input = Input { body: before.as_bytes(), content_type: Some("text/html"), url: &page.url };
        let mut out = Vec::new();
        as_text += best(rounds, || {
            out.clear();
            drop(black_box(plan.extract(&input, &mut out)));
        });
    }
    let speed = |seconds: f64| bytes as f64 / seconds / 1e6;
    for (name, seconds) in [
        ("first poll, two fetches", first),
        ("unchanged, one fetch", unchanged),
        ("changed, two fetches", changed),
        ("for comparison: `text`", as_text),
    ] {
        writeln!(
            stdout,
            "{name:24} {:8.0} µs a page {:6.0} MB/s of page",
            seconds * 1e6 / pages.len() as f64,
            speed(seconds)
        )?;
    }
    if files.is_empty() && speed(unchanged) < UNCHANGED_MB_PER_S_MIN {
        return Err(format!(
            "a page is compared at {:.0} MB/s; {UNCHANGED_MB_PER_S_MIN} are the least",
            speed(unchanged)
        )
        .into());
    }
    Ok(())
}
