//! Fields of pages that say nothing to machines: `fields/VERTICAL/*.html`, with what is to be found in each under
//! `_expect.json`: `{page: {field: [type, value]}}`. A field that a page does not have is `null` there, and a value for it
//! is made up.

mod cpu;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pagewire_extract::{Input, Plan, PlanOptions};
use serde_json::{Map, Value, json};
use url::Url;

/// What must be right of all fields, and of those of each vertical.
const RIGHT_MIN: f64 = 0.85;
const RIGHT_IN_VERTICAL_MIN: f64 = 0.80;

struct Page {
    name: String,
    html: Vec<u8>,
    fields: Map<String, Value>,
}

fn pages_of(vertical: &Path) -> Vec<Page> {
    let expected = fs::read_to_string(vertical.join("_expect.json")).expect("what is expected");
    let Value::Object(expected) = serde_json::from_str(&expected).expect("JSON") else { panic!("an object") };
    let pages = expected.into_iter().map(|(name, fields)| {
        let html =
            fs::read(vertical.join(format!("{name}.html"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        let Value::Object(fields) = fields else { panic!("{name}: an object") };
        Page { name, html, fields }
    });
    pages.collect()
}

fn extracted(page: &Page) -> Map<String, Value> {
    let sketch = page.fields.iter().map(|(name, expected)| (name.clone(), expected[0].clone())).collect();
    let options = PlanOptions { extract: Some(Value::Object(sketch)), ..PlanOptions::default() };
    let plan = Plan::compile(&options).unwrap_or_else(|faults| panic!("{}: {faults:?}", page.name));
    let url = Url::parse("http://site.example/page").expect("a url");
    let input = Input { body: &page.html, content_type: Some("text/html; charset=utf-8"), url: &url };
    let mut out = Vec::new();
    let facts = plan.extract(&input, &mut out).expect("readable");
    let Value::Object(mut data) = serde_json::from_slice(&out).expect("JSON") else { panic!("an object") };
    if std::env::var_os("FIELDS_REPORT").is_some() {
        data.insert("%report".to_owned(), facts.extract_report.unwrap_or_default());
    }
    data
}

fn is_right(found: &Value, expected: &Value) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
        _ => found == expected,
    }
}

#[test]
fn fields_are_found_in_pages_without_structured_data() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fields");
    let only = std::env::var("FIELDS_ONLY").unwrap_or_default();
    let mut verticals: Vec<PathBuf> =
        fs::read_dir(root).expect("pages").map(|entry| entry.expect("an entry").path()).collect();
    verticals.sort();
    let mut told = String::new();
    let (mut right, mut all, mut pages, mut made_up) = (0, 0, 0, Vec::new());
    let mut by_vertical = BTreeMap::new();
    for vertical in verticals {
        let name = vertical.file_name().expect("a name").to_string_lossy().into_owned();
        let (mut right_here, mut all_here) = (0, 0);
        for page in pages_of(&vertical) {
            let place = format!("{name}/{}", page.name);
            if !place.contains(&only) {
                continue;
            }
            pages += 1;
            let found = extracted(&page);
            for (field, expected) in &page.fields {
                all_here += 1;
                if is_right(&found[field], &expected[1]) {
                    right_here += 1;
                    continue;
                }
                let report =
                    found.get("%report").and_then(|report| report.get(field)).cloned().unwrap_or_default();
                told.push_str(&format!(
                    "{place} {field}: {} instead of {} {report}\n",
                    found[field], expected[1]
                ));
                if expected[1].is_null() {
                    made_up.push(format!("{place} {field}: {}", found[field]));
                }
            }
        }
        right += right_here;
        all += all_here;
        by_vertical.insert(name, (right_here, all_here));
    }
    let share = |right: i32, all: i32| f64::from(right) / f64::from(all.max(1));
    told.push_str(&format!("{right} of {all} fields of {pages} pages are right: {:.3}\n", share(right, all)));
    for (vertical, (right, all)) in &by_vertical {
        told.push_str(&format!("{vertical}: {right} of {all}, {:.3}\n", share(*right, *all)));
    }
    println!("{told}");
    if !only.is_empty() {
        return;
    }
    assert!(pages >= 60, "{pages} pages");
    assert!(by_vertical.len() >= 6);
    assert!(made_up.is_empty(), "made up: {made_up:#?}");
    assert!(share(right, all) >= RIGHT_MIN, "{told}");
    assert!(by_vertical.values().all(|(right, all)| share(*right, *all) >= RIGHT_IN_VERTICAL_MIN), "{told}");
}

/// What is optimised is given five times as much.
const SCALE: usize = if cfg!(debug_assertions) { 1 } else { 5 };
const CPU_MAX: Duration = Duration::from_secs(8);

/// Pages that repeat what is looked for, as often as it takes to be slow.
#[test]
fn hostile_pages_are_looked_through_in_bounded_time() {
    let sketch = json!({
        "name": "string", "price": "number", "old_price": "number", "currency": "string", "author": "string", "date": "string",
        "end_date": "string", "in_stock": "boolean", "rating": "number", "review_count": "integer", "image": "string",
        "email": "string", "phone": "string", "isbn": "string", "salary": "string", "employment_type": "string",
        "ingredients": "array of string", "tags": "array of string", "specs": "object", "location": "string",
        "items": [{"title": "string", "price": "number", "tags": "array of string", "rows": [{"name": "string"}]}],
        "seller": {"name": "string", "address": {"city": "string", "street": "string"}},
    });
    let options = PlanOptions { extract: Some(sketch), ..PlanOptions::default() };
    let plan = Plan::compile(&options).expect("a good plan");
    let url = Url::parse("http://site.example/page").expect("a url");
    for html in [
        "<p class=price>$1 <del>$2</del>".repeat(2000 * SCALE),
        "<dl><dt>Price<dd>$1".repeat(2000 * SCALE),
        "<div class='author date price location'>".repeat(2000 * SCALE),
        "<b>Price:</b> $5 <b>Date:</b> 1 May 2025 ".repeat(2000 * SCALE),
        "<h2>Ingredients</h2><ul><li>a<li>b</ul>".repeat(1000 * SCALE),
        format!("<table>{}", "<tr><th>Price<th>Name<th>Date".repeat(2000 * SCALE)),
        "<div class=item><a href=/1><img src=a.png></a><h3><a href=/>x</a></h3>$1</div>".repeat(1000 * SCALE),
        "<div><div><p>a</p><p>b</p></div></div>".repeat(1000 * SCALE),
        "<time datetime=2025-01-01>1 May 2025</time>".repeat(2000 * SCALE),
        "<span>By Jane Doe | 12 reviews | ISBN 9783161484100 | in stock</span> ".repeat(1000 * SCALE),
        format!("<p>{}", "Price: 1 | Date: 2025-01-01 | By A B | ".repeat(5000 * SCALE)),
        format!("<p class='{}'>x", "price-author-date-name ".repeat(5000 * SCALE)),
        "<a href=mailto:a@b.example>a@b.example</a> Tel. 030 123456 ".repeat(2000 * SCALE),
        format!("<p>{}", "1,".repeat(50000 * SCALE)),
        "<svg class=icon-calendar></svg>5 May 2025<br>".repeat(2000 * SCALE),
    ] {
        let before = cpu::time();
        let input = Input { body: html.as_bytes(), content_type: Some("text/html"), url: &url };
        let mut out = Vec::new();
        plan.extract(&input, &mut out).expect("readable");
        assert!(serde_json::from_slice::<Value>(&out).is_ok());
        let took = cpu::time() - before;
        assert!(took < CPU_MAX, "{took:?} for {html:.50}");
        if std::env::var_os("FIELDS_REPORT").is_some() {
            println!("{took:?} for {html:.50}");
        }
    }
}
