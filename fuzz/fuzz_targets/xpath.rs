//! Any text as an XPath expression: refused, or evaluated on a page within the steps that it may take.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pagewire_extract::{Input, Plan, PlanOptions};
use serde_json::{Value, json};
use url::Url;

const PAGE: &str = include_str!("sketch.html");

fuzz_target!(|expression: &str| {
    let extract = json!({"one": {"xpath": expression}, "all": {"xpath": expression, "all": true}});
    let options = PlanOptions { extract: Some(extract), ..PlanOptions::default() };
    match Plan::compile(&options) {
        Err(faults) => {
            // An expression that is the name of a type makes the selector a sketch, whose faults stand deeper.
            let in_extract = |pointer: &str| pointer.starts_with("/extract/");
            assert!(faults.iter().all(|fault| in_extract(&fault.pointer)), "{faults:?}");
        }
        Ok(plan) => {
            let url = Url::parse("http://shop.example/p/1").expect("a URL");
            let input = Input { body: PAGE.as_bytes(), content_type: Some("text/html"), url: &url };
            let mut out = Vec::new();
            plan.extract(&input, &mut out).expect("markup is read");
            let data: Value = serde_json::from_slice(&out).expect("what is written is JSON");
            assert!(data["all"].is_null() || data["all"].is_array(), "{data}");
        }
    }
});
