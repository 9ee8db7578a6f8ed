//! Any JSON as the schema of a property: refused with pointers into it, or filled from a page and checked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pagewire_extract::{ExtractError, Input, Plan, PlanOptions};
use serde_json::{Value, json};
use url::Url;

const PAGE: &str = include_str!("sketch.html");

fuzz_target!(|text: &str| {
    let Ok(schema) = serde_json::from_str::<Value>(text) else { return };
    let extract =
        json!({"type": "object", "strict": true, "required": ["name"], "properties": {"name": schema}});
    let options = PlanOptions { extract: Some(extract), ..PlanOptions::default() };
    match Plan::compile(&options) {
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|fault| fault.pointer.starts_with("/extract")), "{faults:?}");
        }
        Ok(plan) => {
            let url = Url::parse("http://shop.example/p/1").expect("a URL");
            let input = Input { body: PAGE.as_bytes(), content_type: Some("text/html"), url: &url };
            let mut out = Vec::new();
            match plan.extract(&input, &mut out) {
                Ok(_) => {
                    let data: Value = serde_json::from_slice(&out).expect("what is written is JSON");
                    assert!(data.get("name").is_some(), "it is required, and nothing was said of it: {data}");
                }
                Err(ExtractError::Unsatisfied(unsatisfied)) => assert!(!unsatisfied.faults.is_empty()),
                Err(error) => panic!("{error}"),
            }
        }
    }
});
