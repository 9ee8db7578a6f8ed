use pagewire_types::Format;

use super::*;
use crate::PlanOptions;

const PAGE: &str = "<title>Shop</title><body><h1>Alpha lamp</h1><p>It costs 1 219,50 kr and is **bright**.</p>\
    <p class=code>A-7</p>";

fn plan(extract: Value) -> Plan {
    Plan::compile(&PlanOptions {
        formats: [Format::Text, Format::Links, Format::RawHtml].into_iter().collect(),
        extract: Some(extract),
        only_main_content: true,
        ..PlanOptions::default()
    })
    .expect("a plan")
}

fn draft(plan: &Plan, bytes_max: usize) -> Draft {
    let url = Url::parse("https://site.example/").expect("a url");
    let input = Input { body: PAGE.as_bytes(), content_type: Some("text/html"), url: &url };
    plan.draft(&input, bytes_max).expect("readable")
}

fn settled(plan: &Plan, answer: &Value, wanted: &[&str]) -> (Value, Value) {
    let mut out = Vec::new();
    let answer = Answer {
        fields: answer.as_object().cloned().unwrap_or_default(),
        wanted: wanted.iter().map(|name| (*name).to_owned()).collect(),
    };
    let facts = plan.settle(&draft(plan, 1_000), Some(&answer), &mut out).expect("settled");
    (serde_json::from_slice(&out).expect("json"), facts.extract_report.expect("a report"))
}

#[test]
fn without_an_answer_a_draft_settles_as_the_page_would() {
    let plan = plan(json!({"colour": "string", "code": {"css": ".code"}}));
    let mut out = Vec::new();
    let settled = plan.settle(&draft(&plan, 1_000), None, &mut out).expect("settled");
    let url = Url::parse("https://site.example/").expect("a url");
    let mut at_once = Vec::new();
    let input = Input { body: PAGE.as_bytes(), content_type: Some("text/html"), url: &url };
    let facts = plan.extract(&input, &mut at_once).expect("readable");
    assert_eq!(String::from_utf8(out).expect("utf-8"), String::from_utf8(at_once).expect("utf-8"));
    assert_eq!(settled, facts);
}

#[test]
fn of_an_answer_what_was_asked_for_is_taken_as_it_was_asked_for() {
    let plan = plan(json!({
        "maker": "string", "cost": "number", "wattage": "integer", "code": {"css": ".code"},
        "finish": "enum · matt | gloss", "parts": [{"part": "string", "amount": "integer"}],
    }));
    assert_eq!(plan.open_fields().collect::<Vec<_>>(), ["maker", "cost", "wattage", "finish", "parts"]);
    let answer = json!({
        "maker": " Alpha Lamp ", "cost": "1 219,50", "wattage": "none", "code": "B-1", "finish": "Gloss",
        "parts": [{"part": "foot", "amount": "2", "extra": 1}, "x"], "admin": true,
    });
    let (data, report) =
        settled(&plan, &answer, &["maker", "cost", "wattage", "finish", "parts", "code", "admin"]);
    assert_eq!(data["maker"], "Alpha Lamp");
    assert_eq!(data["cost"], 1219.5);
    assert_eq!(
        (&data["wattage"], &data["code"], &data["finish"]),
        (&Value::Null, &json!("A-7"), &json!("gloss"))
    );
    assert_eq!(data["parts"], json!([{"part": "foot", "amount": 2}]));
    assert_eq!(data.get("admin"), None);
    assert!(data["text"].is_string());
    // What stands in the page is trusted further than what does not.
    assert_eq!(report["maker"], json!({"source": "llm", "confidence": CONFIRMED}));
    assert_eq!(report["cost"]["confidence"], CONFIRMED);
    assert_eq!(report["finish"], json!({"source": "llm", "confidence": UNCONFIRMED}));
    assert_eq!(report["code"]["source"], "selector");
    let (data, _) = settled(&plan, &answer, &["cost"]);
    assert_eq!((&data["finish"], &data["cost"]), (&Value::Null, &json!(1219.5)));
}

#[test]
fn the_schema_tells_types_hints_and_nothing_of_selectors() {
    let plan =
        plan(json!({"cost": "number · with tax", "code": {"css": ".code"}, "tags": "array of string"}));
    let schema = plan.answer_schema();
    assert_eq!(schema["properties"]["cost"], json!({"type": ["number", "null"], "description": "with tax"}));
    assert_eq!(schema["properties"]["tags"]["items"]["type"][0], "string");
    assert_eq!(schema["properties"].get("code"), None);
}

#[test]
fn the_text_is_cut_between_characters() {
    let plan = plan(json!({"a": "string"}));
    assert!(draft(&plan, 1_000).text().contains("1 219,50 kr"));
    for bytes_max in 0..40 {
        assert!(draft(&plan, bytes_max).text().len() <= bytes_max);
    }
}
