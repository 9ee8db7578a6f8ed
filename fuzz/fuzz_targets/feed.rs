//! Any text as a feed: it is none, or its items are read and are told as the formats of a page.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pagewire_extract::feed::Feed;
use pagewire_extract::{Input, Plan, PlanOptions};
use pagewire_types::{Format, Formats};
use serde_json::{Value, json};
use url::Url;

static URL: LazyLock<Url> =
    LazyLock::new(|| Url::parse("https://site.example/news/feed.xml").expect("a URL"));
static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let formats: Formats = Format::ALL.into_iter().filter(|format| *format != Format::Screenshot).collect();
    let extract = Some(json!({"items": [{"title": "string", "url": "string", "date": "string"}]}));
    Plan::compile(&PlanOptions { formats, extract, ..PlanOptions::default() }).expect("a plan")
});

fuzz_target!(|text: &str| {
    let items = Feed::read(text, &URL).map_or(0, |feed| feed.items.len());
    assert!(items <= text.len(), "{items} items of {} bytes", text.len());
    for content_type in ["application/atom+xml", "application/feed+json"] {
        let input = Input { body: text.as_bytes(), content_type: Some(content_type), url: &URL };
        let mut out = Vec::new();
        PLAN.extract(&input, &mut out).expect("a feed, or what it is instead, is read");
        let record: Value = serde_json::from_slice(&out).expect("JSON in UTF-8");
        assert!(record["markdown"].is_string() && record["links"].is_array(), "{record}");
    }
});
