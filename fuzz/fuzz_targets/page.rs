//! Any bytes as a page, for every format at once and a sketch: what comes is valid JSON, and its clean HTML and its
//! links have no address that acts.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pagewire_extract::{Input, Plan, PlanOptions};
use pagewire_types::{Format, Formats};
use serde_json::{Value, json};
use url::Url;

static PLANS: LazyLock<[Plan; 2]> = LazyLock::new(|| [plan(true), plan(false)]);
static URL: LazyLock<Url> = LazyLock::new(|| Url::parse("http://site.example/a/b").expect("a URL"));

fn plan(only_main_content: bool) -> Plan {
    let formats: Formats = Format::ALL.into_iter().filter(|format| *format != Format::Screenshot).collect();
    let extract = json!({"name": "string", "price": "number", "items": [{"name": "string", "when": "string"}]});
    let extract = if only_main_content { extract } else { json!({"first": {"css": "p"}}) };
    let options =
        PlanOptions { formats, extract: Some(extract), only_main_content, ..PlanOptions::default() };
    Plan::compile(&options).expect("a plan")
}

fuzz_target!(|bytes: &[u8]| {
    for plan in &*PLANS {
        let input = Input { body: bytes, content_type: Some("text/html"), url: &URL };
        let mut out = Vec::new();
        plan.extract(&input, &mut out).expect("markup of any kind is read");
        let record: Value = serde_json::from_slice(&out).expect("JSON in UTF-8");
        assert!(record["markdown"].is_string() && record["text"].is_string(), "{record}");
        let html = record["html"].as_str().expect("clean HTML");
        // Quotes and signs of text are written as references.
        assert!(!html.contains("href=\"javascript:") && !html.contains("<script"), "{html}");
        let links = record["links"].as_array().expect("links");
        assert!(
            links.iter().all(|link| link["url"].as_str().is_some_and(|url| url.starts_with("http"))),
            "{links:?}"
        );
    }
});
