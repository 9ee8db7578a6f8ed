//! Pages made to hurt, read for every format at once and a sketch: no panic, bounded time, and output that is valid JSON.
//!
//! Time is CPU time of a release build, two seconds a page. Unoptimised code is some ten times as slow, and a machine that
//! runs other tests at the same time slower still, so a debug build has [`DEBUG_FACTOR`] times as long for pages a twentieth
//! as big: what grows with the square of the size is seen all the same. `slow_every_page_at_its_full_size` is the bound
//! itself and is run in release mode.

mod cpu;
mod hostile_pages;

use std::time::Duration;

use pagewire_extract::{Input, Plan, PlanOptions};
use pagewire_types::{Format, Formats};
use serde_json::{Value, json};
use url::Url;

use hostile_pages::{Hostile, PAGES};

const CPU_MAX: Duration = Duration::from_secs(2);
const DEBUG_FACTOR: u32 = 4;
/// How much smaller the pages are that every run reads.
const SHRINK: usize = 20;

fn plan() -> Plan {
    let formats: Formats = Format::ALL.into_iter().filter(|format| *format != Format::Screenshot).collect();
    let options = PlanOptions {
        formats,
        extract: Some(json!({"name": "string", "price": "number", "items": [{"name": "string"}]})),
        only_main_content: true,
        ..PlanOptions::default()
    };
    Plan::compile(&options).expect("a plan")
}

/// Reads a page for everything; how long it took, and what came of it.
fn read(plan: &Plan, page: &[u8]) -> (Duration, Value) {
    let url = Url::parse("http://site.example/x/").expect("a url");
    let input = Input { body: page, content_type: Some("text/html"), url: &url };
    let mut out = Vec::new();
    let before = cpu::time();
    plan.extract(&input, &mut out).expect("markup of any kind is read");
    let took = cpu::time() - before;
    let text = std::str::from_utf8(&out).expect("UTF-8");
    (took, serde_json::from_str(text).expect("JSON"))
}

#[expect(clippy::print_stdout, reason = "each figure is read beside the others")]
fn all_within(pages: &[Hostile], shrink: usize, cpu_max: Duration) {
    let plan = plan();
    let mut late = Vec::new();
    for hostile in pages {
        let page = (hostile.page)((hostile.size / shrink).max(1));
        let (took, record) = read(&plan, &page);
        println!("{took:>10.1?} {:>9} bytes  {}", page.len(), hostile.name);
        assert!(record.is_object(), "{}", hostile.name);
        if took > cpu_max {
            late.push(format!("{}: {took:?} for {} bytes", hostile.name, page.len()));
        }
    }
    assert!(late.is_empty(), "{late:#?}");
}

/// Two halves, so that neither is slow.
#[test]
fn half_of_the_pages_made_to_hurt_are_read_in_bounded_time() {
    let factor = if cfg!(debug_assertions) { DEBUG_FACTOR } else { 1 };
    all_within(&PAGES[..PAGES.len() / 2], SHRINK, CPU_MAX * factor);
}

#[test]
fn the_other_pages_made_to_hurt_are_read_in_bounded_time() {
    let factor = if cfg!(debug_assertions) { DEBUG_FACTOR } else { 1 };
    all_within(&PAGES[PAGES.len() / 2..], SHRINK, CPU_MAX * factor);
}

/// Two seconds are for optimised code.
#[test]
fn slow_every_page_at_its_full_size() {
    let factor = if cfg!(debug_assertions) { DEBUG_FACTOR * 5 } else { 1 };
    all_within(PAGES, 1, CPU_MAX * factor);
}

#[test]
fn no_link_that_acts_is_told() {
    let page = b"<body><p><a href='javascript:alert(1)'>a</a> <a href=' JAVA\tscript:x'>b</a> <a href='data:text/html,x'>c</a> \
                 <img src='data:image/png;base64,AA' alt=d> <a href='vbscript:x' onclick=y()>e</a></p></body>";
    let (_, record) = read(&plan(), page);
    for format in ["markdown", "text", "html"] {
        let told = record[format].as_str().expect("text").to_ascii_lowercase();
        assert!(!["script:", "data:", "onclick"].iter().any(|word| told.contains(word)), "{format}: {told}");
    }
    assert_eq!((&record["links"], &record["images"]), (&json!([]), &json!([])));
}

#[test]
fn surrogates_and_nuls_become_characters_that_are_some() {
    let (_, record) = read(&plan(), b"<body><p>a&#xD800;b\0c&#0;d</p></body>");
    let text = record["text"].as_str().expect("text");
    assert!(text.starts_with("a\u{FFFD}b") && text.ends_with('d') && !text.contains('\0'), "{text:?}");
}
