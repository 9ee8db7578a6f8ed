//! Memory while a page is worked on, by a counting allocator that takes the old and the new block of each reallocation for
//! held at once. Every format is asked for at once, and a sketch; what is counted is all that is held beside the page, the
//! answer among it.
//!
//! A page takes at most twelve times its size, whatever it is made of; a small one at most [`FLOOR_BYTES`], which is what
//! the work itself takes: buffers before they grow, blocks of which the tree is made, tables and stacks.

mod hostile_pages;

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
/// Bytes that any page may take.
const FLOOR_BYTES: usize = 256 * 1024;
/// How much smaller the hostile pages are that every run reads.
const SHRINK: usize = 40;

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

/// Most memory that was held at once beyond what was held before, the answer included; and the size of the page, as it came
/// or as text: an odd encoding may take less room than its characters.
fn peak_of(plan: &Plan, page: &[u8]) -> (usize, usize) {
    let url = Url::parse("https://site.example/x/").expect("a url");
    let input = Input { body: page, content_type: Some("text/html"), url: &url };
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let mut out = Vec::new();
    plan.extract(&input, &mut out).expect("a page");
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    let record: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    (peak, page.len().max(record["raw_html"].as_str().expect("text").len()))
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

/// Pages of nothing but one thing, as short as it can be.
fn dense() -> [(&'static str, String); 10] {
    [
        ("paragraphs", "<p>x".repeat(15_000)),
        ("cells", format!("<table>{}", "<tr><td>1<td>2".repeat(4_000))),
        ("closed cells", format!("<table>{}", "<tr><td>1</td><td>2</td></tr>".repeat(2_500))),
        ("cells on lines", format!("<table>{}", "<tr>\n<td>1.25</td>\n<td>2</td>\n</tr>\n".repeat(3_000))),
        ("items", format!("<ul>{}", "<li><a href=/x>One</a></li>".repeat(4_000))),
        ("links", "<a href='/some/path'>some text</a> ".repeat(3_000)),
        ("text", "lorem ipsum ".repeat(10_000)),
        ("attributes", format!("<p class='{}'>x", "a b ".repeat(15_000))),
        ("entities", "&lt;&amp;".repeat(15_000)),
        ("wide script", "中文字".repeat(10_000)),
    ]
}

#[test]
fn a_page_that_is_read_takes_at_most_twelve_times_its_size() {
    within(pages_that_are_read(&[60_000], &[30_000, 120_000, 500_000]));
}

#[test]
fn a_page_of_nothing_but_one_thing_takes_no_more() {
    within(dense().into_iter().map(|(name, page)| (format!("nothing but {name}"), page.into_bytes())));
}

#[test]
fn a_page_made_to_hurt_takes_no_more() {
    within(pages_made_to_hurt(SHRINK));
}

/// Unoptimised, it takes minutes.
#[test]
fn slow_a_large_page_takes_no_larger_share() {
    within(pages_that_are_read(&[30_000, 300_000, 2_000_000], &[1_000_000, 2_000_000]));
    within(pages_made_to_hurt(1));
}

fn pages_that_are_read<'a>(
    golden: &'a [usize],
    ordinary_bytes: &'a [usize],
) -> impl Iterator<Item = (String, Vec<u8>)> + 'a {
    let whole = PAGES.iter().map(|(name, page)| ((*name).to_owned(), page.as_bytes().to_vec()));
    let again = PAGES.iter().flat_map(move |(name, page)| {
        golden.iter().map(move |bytes| (format!("{name}, over and over"), grown(page, *bytes).into_bytes()))
    });
    let ordinary =
        ordinary_bytes.iter().map(|bytes| ("an ordinary page".to_owned(), ordinary(*bytes).into_bytes()));
    whole.chain(again).chain(ordinary)
}

fn pages_made_to_hurt(shrink: usize) -> impl Iterator<Item = (String, Vec<u8>)> {
    hostile_pages::PAGES
        .iter()
        .map(move |hostile| (hostile.name.to_owned(), (hostile.page)((hostile.size / shrink).max(1))))
}

#[expect(clippy::print_stdout, reason = "each figure is read beside the others")]
fn within(pages: impl Iterator<Item = (String, Vec<u8>)>) {
    let _alone = ALONE.lock();
    let plan = plan();
    // What is built once is built.
    peak_of(&plan, PAGES[0].1.as_bytes());
    let mut over = Vec::new();
    for (name, page) in pages {
        let (peak, size) = peak_of(&plan, &page);
        let told = format!("{:5.1} times {size:>9} bytes  {name}", peak as f64 / size.max(1) as f64);
        println!("{told}");
        if peak > (FACTOR_MAX * size).max(FLOOR_BYTES) {
            over.push(told);
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}
