//! Any text as the JSON-LD of a page, as what stands around it, and as a page: what is read is JSON, of the order of the page's
//! size, and what was JSON is read as that.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pagewire_extract::{Input, Plan, PlanOptions};
use pagewire_types::{Format, Formats};
use serde_json::Value;
use url::Url;

/// Deeper JSON is no data of a page.
const DEPTH_READ: usize = 100;

fuzz_target!(|text: &str| {
    let read = read(&format!("<script type='application/ld+json'>{text}</script>"));
    let is_flat = text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count() <= DEPTH_READ;
    // A script may end early, and JSON has two zeros.
    if is_flat && !text.contains(['<', '\r']) && !text.contains("-0") {
        if let Ok(Value::Object(object)) = serde_json::from_str(text) {
            let expected: Vec<Value> =
                Some(Value::Object(object)).into_iter().filter(|it| *it != serde_json::json!({})).collect();
            assert_eq!(read["structured"]["json_ld"], Value::Array(expected));
        }
    }
    self::read(text);
    self::read(&format!(
        "<html prefix='{text}' vocab=\"{text}\"><body {text}><p property='a:b' typeof='{text}' itemscope itemref='i {text}'>\
         {text}<b id=i itemprop='{text}' about='{text}' rel='{text}' content=\"{text}\">x</b></p>"
    ));
});

fn read(page: &str) -> Value {
    let formats = Formats::from_iter([Format::Structured, Format::Metadata]);
    let plan = Plan::compile(&PlanOptions { formats, ..PlanOptions::default() }).expect("two formats");
    let url = Url::parse("http://site.example/a/b").expect("a URL");
    let input = Input { body: page.as_bytes(), content_type: Some("text/html; charset=utf-8"), url: &url };
    let mut out = Vec::new();
    plan.extract(&input, &mut out).expect("HTML is read");
    // Each kind of data may repeat the page a few times, and JSON escapes a byte by six.
    assert!(out.len() <= 1024 * 1024 + 100 * page.len(), "{} of {}", out.len(), page.len());
    serde_json::from_slice(&out).expect("what is written is JSON")
}
