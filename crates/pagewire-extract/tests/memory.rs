//! Memory while a page is worked on, by a counting allocator that takes the old and the new block of each reallocation for
//! held at once. Every format is asked for at once, and a sketch.
//!
//! An ordinary page takes at most twelve times its size; a small one at most the floor, which is the cost of the work
//! itself. A page that is markup and little else is bounded by its elements: the tree needs some 170 bytes for a node, a
//! `<p>x` is four bytes and two nodes, and no parser that keeps a tree holds that to twelve times its size. What bounds
//! such pages as a whole is the number of elements that are read at all.

use std::sync::Mutex;

use peak_alloc::PeakAlloc;

use pagewire_extract::{Input, Plan, PlanOptions};
use pagewire_types::{Format, Formats};
use serde_json::json;
use url::Url;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The counter counts for all threads.
static ALONE: Mutex<()> = Mutex::new(());

/// Bytes of memory to a byte of page.
const FACTOR_MAX: usize = 12;
/// Bytes of memory to a tag, where tags are most of a page.
const TAG_BYTES_MAX: usize = 700;
/// Bytes that any page may take: tables that are built once, stacks, buffers before they grow.
const FLOOR_BYTES: usize = 512 * 1024;

const PAGES: &[(&str, &str)] = &[
    ("news", include_str!("golden/pages/news.html")),
    ("docs", include_str!("golden/pages/docs.html")),
    ("product", include_str!("golden/pages/product.html")),
    ("recipe", include_str!("golden/pages/recipe.html")),
    ("forum", include_str!("golden/pages/forum.html")),
    ("reference", include_str!("golden/pages/reference.html")),
    ("search", include_str!("golden/pages/search.html")),
    ("landing", include_str!("golden/pages/landing.html")),
    ("rtl", include_str!("golden/pages/rtl.html")),
    ("cjk", include_str!("golden/pages/cjk.html")),
];

fn plan() -> Plan {
    let formats: Formats = Format::ALL.into_iter().filter(|format| *format != Format::Screenshot).collect();
    let options = PlanOptions {
        formats,
        extract: Some(json!({"name": "string", "price": "number"})),
        only_main_content: true,
        ..PlanOptions::default()
    };
    Plan::compile(&options).expect("a plan")
}

/// Most memory that was held at once beyond what was held before, the answer included.
fn peak_of(plan: &Plan, page: &[u8]) -> usize {
    let url = Url::parse("https://site.example/x/").expect("a url");
    let input = Input { body: page, content_type: Some("text/html"), url: &url };
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let mut out = Vec::new();
    plan.extract(&input, &mut out).expect("a page");
    ALLOCATOR.peak_usage().saturating_sub(before)
}

/// A page of at least this size: the head once, the body as often as it takes.
fn grown(page: &str, bytes: usize) -> String {
    let body = page.find("<body").map_or(0, |at| at + page[at..].find('>').map_or(0, |end| end + 1));
    let end = page.rfind("</body>").unwrap_or(page.len());
    let mut grown = page[..body].to_owned();
    while grown.len() < bytes {
        grown.push_str(&page[body..end]);
    }
    grown + &page[end..]
}

/// A page as sites build them: a third of it scripts and styles, classes on everything, indented.
fn ordinary(bytes: usize) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<title>An ordinary page</title>\n<style>\n",
    );
    while page.len() < bytes / 6 {
        page.push_str(".card__title--large { margin: 0 auto; padding: 12px 16px; color: #223344; }\n");
    }
    page.push_str("</style>\n</head>\n<body class=\"page page--article\">\n<main id=\"content\" class=\"layout__main\">\n");
    let mut row = 0;
    while page.len() < bytes * 5 / 6 {
        row += 1;
        page.push_str(&format!(
            "  <section class=\"article__section section-{row}\" data-index=\"{row}\">\n    <h2 class=\"article__heading\">Part {row} of it</h2>\n    \
             <p class=\"article__paragraph\">The river rose in the night, and before dawn the bridge at the mill was closed; see \
             <a class=\"link link--inline\" href=\"/reports/{row}\">what was said then</a>. Nobody was hurt.</p>\n    \
             <figure class=\"figure figure--wide\">\n      <img class=\"figure__image\" src=\"/images/{row}-980.jpg\" alt=\"The bridge\" width=\"980\" height=\"551\">\n    </figure>\n    \
             <ul class=\"list list--bullets\">\n      <li class=\"list__item\">The gate was shut at <strong>four</strong>.</li>\n      \
             <li class=\"list__item\">The road opened again at noon.</li>\n    </ul>\n  </section>\n"
        ));
    }
    page.push_str("</main>\n<script>\n");
    while page.len() < bytes {
        page.push_str(
            "window.__STATE__.push({\"id\": 4711, \"kind\": \"teaser\", \"title\": \"What comes next\"});\n",
        );
    }
    page + "</script>\n</body>\n</html>\n"
}

#[test]
fn a_page_takes_at_most_twelve_times_its_size() {
    all_within(&[60_000], &[30_000, 120_000, 500_000]);
}

/// Unoptimised, it takes half a minute.
#[test]
fn slow_a_large_page_takes_no_larger_share() {
    all_within(&[30_000, 300_000, 2_000_000], &[1_000_000, 2_000_000]);
}

fn all_within(golden_bytes: &[usize], ordinary_bytes: &[usize]) {
    let _alone = ALONE.lock();
    let plan = plan();
    let hostile = [
        ("divisions", "<div>".repeat(100_000)),
        ("flat paragraphs", "<p>x".repeat(50_000)),
        ("text", "lorem ipsum ".repeat(100_000)),
        ("attributes", format!("<p class='{}'>x", "a b ".repeat(250_000))),
        ("links", "<a href='/some/path'>some text</a> ".repeat(5_000)),
        ("entities", "&lt;&amp;".repeat(50_000)),
        ("wide script", "中文字".repeat(50_000)),
    ];
    // What is built once is built.
    peak_of(&plan, PAGES[0].1.as_bytes());
    let mut over = Vec::new();
    let mut check = |name: String, page: &[u8], is_ordinary: bool| {
        let peak = peak_of(&plan, page);
        let tags = page.windows(2).filter(|two| two[0] == b'<' && two[1].is_ascii_alphabetic()).count();
        let max = if is_ordinary { 0 } else { TAG_BYTES_MAX * tags };
        if peak > (FACTOR_MAX * page.len()).max(FLOOR_BYTES).max(max) {
            over.push(format!("{name}: {:.1} times {} bytes", peak as f64 / page.len() as f64, page.len()));
        }
    };
    for (name, page) in PAGES {
        check((*name).to_owned(), page.as_bytes(), false);
        for &bytes in golden_bytes {
            check(format!("{name} of {bytes}"), grown(page, bytes).as_bytes(), false);
        }
    }
    for &bytes in ordinary_bytes {
        check(format!("ordinary page of {bytes}"), ordinary(bytes).as_bytes(), true);
    }
    for (name, page) in hostile {
        check(name.to_owned(), page.as_bytes(), false);
    }
    assert!(over.is_empty(), "{over:#?}");
}
