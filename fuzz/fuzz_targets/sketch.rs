//! Any JSON as `extract`: refused with pointers into it, or used on a page that has something of everything.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pagewire_extract::{Input, Plan, PlanOptions};
use serde_json::Value;
use url::Url;

const PAGE: &str = include_str!("sketch.html");

fuzz_target!(|text: &str| {
    let Ok(extract) = serde_json::from_str::<Value>(text) else { return };
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
            if plan.extract(&input, &mut out).is_ok() {
                let data: Value = serde_json::from_slice(&out).expect("what is written is JSON");
                assert!(data.is_object());
            }
        }
    }
});
