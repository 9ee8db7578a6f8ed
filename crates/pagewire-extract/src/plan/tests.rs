use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cpu_clock::CpuClock;

const PRODUCT: &str = r#"<!doctype html><html lang="en"><head><title>Alpha &amp; co</title>
<script type="application/ld+json">{"@context":"https://schema.org","@graph":[
 {"@type":"WebSite","name":"Shop"},
 {"@type":"Product","name":"Alpha","brand":{"@type":"Brand","name":"Acme"},
  "aggregateRating":{"ratingValue":"4.5","reviewCount":12},
  "offers":[{"@type":"Offer","price":"219.00","priceCurrency":"EUR","availability":"https://schema.org/InStock"}]}]}</script>
<meta property="og:title" content="Alpha from the meta"><meta property="og:image" content="/a.png"></head>
<body><h1>Alpha</h1><p class="sku">A-1</p><a href="/b">B</a></body></html>"#;

fn plan(formats: &[Format], extract: Option<Value>) -> Plan {
    let options =
        PlanOptions { formats: formats.iter().copied().collect(), extract, ..PlanOptions::default() };
    Plan::compile(&options).expect("a good plan")
}

fn extracted(plan: &Plan, html: &str) -> (Value, Facts) {
    let url = Url::parse("http://shop.example/p/1").expect("a url");
    let input = Input { body: html.as_bytes(), content_type: Some("text/html"), url: &url };
    let mut out = Vec::new();
    let facts = plan.extract(&input, &mut out).expect("readable");
    (serde_json::from_slice(&out).expect("json"), facts)
}

fn is_scanned(plan: &Plan, html: &str) -> bool {
    let url = Url::parse("http://shop.example/p/1").expect("a url");
    let input = Input { body: html.as_bytes(), content_type: Some("text/html"), url: &url };
    matches!(plan.scan(&input, &mut Vec::new()), Ok(Scan::Done(_)))
}

#[test]
fn a_sketch_is_filled_from_json_ld_without_a_tree() {
    let sketch = json!({"name": "string", "price": "number", "currency": "string", "in_stock": "boolean",
                        "brand": "string", "rating": "number", "review_count": "integer"});
    let plan = plan(&[], Some(sketch));
    assert!(is_scanned(&plan, PRODUCT));
    let (data, facts) = extracted(&plan, PRODUCT);
    assert_eq!(
        data,
        json!({"name": "Alpha", "price": 219.0, "currency": "EUR", "in_stock": true, "brand": "Acme",
               "rating": 4.5, "review_count": 12})
    );
    assert_eq!((facts.title.as_deref(), facts.language.as_deref()), (Some("Alpha & co"), Some("en")));
    let report = facts.extract_report.expect("a report");
    assert_eq!(report["price"], json!({"source": "json-ld", "path": "offers.price", "confidence": 0.98}));
}

#[test]
fn what_json_ld_lacks_comes_from_selectors_and_meta_and_the_rest_is_null() {
    let sketch = json!({"name": "string", "image": "string", "sku": {"css": ".sku"}, "isbn": "string"});
    let plan = plan(&[], Some(sketch));
    assert!(!is_scanned(&plan, PRODUCT));
    let (data, facts) = extracted(&plan, PRODUCT);
    assert_eq!(data, json!({"name": "Alpha", "image": "/a.png", "sku": "A-1", "isbn": null}));
    assert_eq!(facts.extract_report.expect("a report")["sku"]["source"], "selector");
}

#[test]
fn formats_stand_beside_the_fields() {
    let plan = plan(
        &[Format::RawHtml, Format::Text, Format::Links, Format::Metadata],
        Some(json!({"name": "string"})),
    );
    let (data, _) = extracted(&plan, PRODUCT);
    assert_eq!(data["raw_html"], PRODUCT);
    assert_eq!(data["text"], "Alpha\nA-1\nB");
    assert_eq!(data["links"][0]["url"], "http://shop.example/b");
    assert_eq!(data["metadata"]["title"], "Alpha & co");
    assert_eq!(data["name"], "Alpha");
}

#[test]
fn json_and_plain_text_pass_through() {
    let plan = plan(&[Format::RawHtml, Format::Text], None);
    let url = Url::parse("http://a.example/").expect("a url");
    let mut out = Vec::new();
    let input = Input { body: b"{\"a\":1}", content_type: Some("application/json"), url: &url };
    assert!(matches!(plan.scan(&input, &mut out), Ok(Scan::Done(_))));
    let data: Value = serde_json::from_slice(&out).expect("json");
    assert_eq!(data["text"], "{\"a\":1}");
    let input = Input { content_type: Some("image/png"), ..input };
    assert!(matches!(plan.scan(&input, &mut out), Err(ExtractError::UnsupportedContent { .. })));
}

#[test]
fn a_plan_that_cannot_be_is_refused_with_pointers() {
    let faults = |formats: &[Format], extract: Value| -> Vec<String> {
        let options = PlanOptions {
            formats: formats.iter().copied().collect(),
            extract: Some(extract),
            include_selectors: vec!["a[".to_owned()],
            ..PlanOptions::default()
        };
        Plan::compile(&options).expect_err("refused").into_iter().map(|fault| fault.pointer).collect()
    };
    assert_eq!(
        faults(&[Format::Text, Format::Screenshot], json!({"text": "string"})),
        ["/formats", "/include_selectors/0", "/extract/text"]
    );
}

#[test]
fn hostile_pages_are_read_in_bounded_time() {
    let made: Vec<Format> = Format::ALL.into_iter().filter(|format| *format != Format::Screenshot).collect();
    let options = PlanOptions {
        formats: made.into_iter().collect(),
        extract: Some(json!({"name": "string"})),
        only_main_content: true,
        ..PlanOptions::default()
    };
    let plan = Plan::compile(&options).expect("a good plan");
    for html in [
        "<svg>".to_owned() + &"<path>".repeat(10_000),
        "<math>".to_owned() + &"<td>".repeat(10_000),
        "<ul><li>x".repeat(10_000),
        "<blockquote>x<b>".repeat(10_000),
        "<dl><dd>x".repeat(10_000),
        "<button><p>x".repeat(10_000),
        "<a href=b>x<img src=c>".repeat(10_000),
        "<table><tr>".to_owned() + &"<td colspan=9999>x".repeat(10_000),
        "<select><option>x".repeat(10_000),
        "<p>".repeat(50_000),
        "<p>x<i>".repeat(10_000),
        "<template><td>".repeat(10_000),
        "<div>".repeat(50_000),
        format!("<p>{}", "x".repeat(2_000_000)),
        format!("<a {}>", "b=c ".repeat(100_000)),
        "\0".repeat(10_000) + "<p>x",
        "<table><tr><td>".repeat(10_000),
        "<!--".repeat(50_000),
        "</".repeat(50_000),
        "<script>".repeat(10_000),
        format!("<title>{}", "&amp;".repeat(100_000)),
    ] {
        let started = CpuClock::start();
        extracted(&plan, &html);
        assert!(started.elapsed() < Duration::from_secs(20), "{:?} for {:.20}", started.elapsed(), html);
    }
}

proptest! {
    #[test]
    fn a_scan_and_the_tree_agree(
        name in "[a-z<>&\"' ]{0,12}",
        price in 0_u32..100_000,
        noise in "(<!--[a-z<>]{0,6}-->|<b>|</div>|<script>[a-z<]{0,5}</script>|<p title='<'>|[a-z ]){0,8}",
    ) {
        let block = json!({"@type": "Product", "name": format!("x{name}"), "offers": {"price": price}});
        let block = block.to_string().replace("</", "<\\/");
        let html = format!("{noise}<script type='application/ld+json'>{block}</script>{noise}");
        let scanned = plan(&[], Some(json!({"name": "string", "price": "number"})));
        let by_tree = plan(&[Format::Links], Some(json!({"name": "string", "price": "number"})));
        let (data, _) = extracted(&scanned, &html);
        let (with_tree, _) = extracted(&by_tree, &html);
        prop_assert_eq!(&data["name"], &with_tree["name"]);
        prop_assert_eq!(&data["price"], &with_tree["price"]);
    }

    #[test]
    fn any_bytes_make_valid_json(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let formats = [Format::Markdown, Format::Html, Format::RawHtml, Format::Text, Format::Images, Format::Structured];
        let plan = plan(&formats, Some(json!({"a": {"css": "p"}})));
        let url = Url::parse("http://a.example/").expect("a url");
        let mut out = Vec::new();
        let input = Input { body: &body, content_type: Some("text/html"), url: &url };
        plan.extract(&input, &mut out).expect("markup is read");
        prop_assert!(serde_json::from_slice::<Value>(&out).is_ok());
    }
}
