//! Fields of pages that say nothing to machines: `fields/VERTICAL/*.html`, with what is to be found in each under
//! `_expect.json`: `{page: {field: [type, value]}}`. A field that a page does not have is `null` there, and a value for it
//! is made up.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pagewire_extract::{Input, Plan, PlanOptions};
use serde_json::{Map, Value};
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
