//! The optional language model: asked when a request says so, believed as far as its answer fits, missed without harm.

use std::time::{Duration, Instant};

use pagewire_testkit::binary::Options;
use pagewire_testkit::model::{ModelServer, Reply};
use serde_json::{Value, json};

use crate::world::{EXE, World, named, problem};

const KEY: &str = "sk-0123456789-secret";
const PAGE: &str = "<html><head><title>Alpha</title></head><body><main><h1>Alpha lamp</h1>\
    <p>The lamp weighs four kilos and comes from Mora.</p></main></body></html>";

/// A server whose model this is.
async fn world(model: &ModelServer, more: &str) -> World {
    let config = format!(
        "[extract.llm]\nendpoint = '{}'\nmodel = 'test-1'\napi_key_env = 'MODEL_KEY'\ntimeout_ms = 1000\ncredits = 7\n{more}",
        model.endpoint()
    );
    World::with(Options::new(EXE).config(&config).environment("MODEL_KEY", KEY)).await
}

fn asking(engine: &str, extract: &Value) -> Value {
    json!({"html": PAGE, "url": "https://site.example/", "formats": [], "extract": extract, "extract_engine": engine})
}

async fn parsed(world: &World, body: &Value) -> Value {
    let answer = world.post("/v1/parse", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn spent(world: &World) -> u64 {
    let usage = world.get("/v1/usage").await.json();
    usage["credits"]["used"].as_u64().unwrap_or_else(|| panic!("no credits in {usage}"))
}

#[tokio::test]
async fn a_model_fills_what_it_is_asked_for_and_nothing_else() {
    let model = ModelServer::start().await;
    let injected = json!({"origin": "Mora", "weight": "4", "finish": "purple", "api_key": "x", "url": "http://evil.example/"});
    model.reply(Reply::object(&injected));
    let world = world(&model, "").await;
    let sketch = json!({"origin": "string · where it is made", "weight": "integer", "finish": "enum · matt | gloss", "heading": {"css": "h1"}});
    let page = parsed(&world, &asking("llm", &sketch)).await;
    assert_eq!(page["data"], json!({"origin": "Mora", "weight": 4, "finish": null, "heading": "Alpha lamp"}));
    let report = &page["meta"]["extract"];
    assert_eq!(report["origin"], json!({"source": "llm", "confidence": 0.8}));
    assert_eq!(report["heading"]["source"], "selector");
    assert_eq!(page["meta"]["credits"], 8);
    assert_eq!(page["meta"].get("warnings"), None);
    assert_eq!(spent(&world).await, 8);

    let questions = model.questions();
    let [question] = questions.as_slice() else { panic!("{questions:?}") };
    assert_eq!(question.authorization.as_deref(), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!((&question.body["model"], &question.body["max_tokens"]), (&json!("test-1"), &json!(2048)));
    let text = question.text();
    assert!(text.contains("where it is made") && text.contains("comes from Mora"), "{text}");
    assert!(!text.contains("heading"), "{text}");
}

#[tokio::test]
async fn without_being_asked_for_it_is_asked_nothing() {
    let model = ModelServer::start().await;
    model.reply(Reply::object(&json!({"maker": "Mora"})));
    let world = world(&model, "").await;
    for body in [
        asking("embedded", &json!({"maker": "string"})),
        json!({"html": PAGE, "extract": {"maker": "string"}}),
        json!({"html": PAGE, "extract_engine": "llm"}),
        asking("auto", &json!({"heading": {"css": "h1"}})),
    ] {
        let page = parsed(&world, &body).await;
        assert_eq!(page["meta"]["credits"], 1, "{body}");
    }
    assert_eq!(model.questions().len(), 0);
}

#[tokio::test]
async fn in_auto_it_is_asked_only_where_a_required_field_is_not_sure() {
    let model = ModelServer::start().await;
    model.reply(Reply::object(&json!({"name": "Beta", "origin": "Mora"})));
    let world = world(&model, "").await;
    let ld = r#"<script type="application/ld+json">{"@type":"Product","name":"Alpha lamp"}</script>"#;
    let mut body = asking("auto", &json!({"name": "string"}));
    body["html"] = format!("{ld}{PAGE}").into();
    let sure = parsed(&world, &body).await;
    assert_eq!((&sure["data"]["name"], &sure["meta"]["credits"]), (&json!("Alpha lamp"), &json!(1)));
    assert_eq!(model.questions().len(), 0);

    body["extract"] = json!({"name": "string", "origin": "string"});
    let unsure = parsed(&world, &body).await;
    // What the page says surely stays as the page says it.
    assert_eq!(unsure["data"], json!({"name": "Alpha lamp", "origin": "Mora"}));
    assert_eq!(unsure["meta"]["extract"]["name"]["source"], "json-ld");
    assert_eq!(unsure["meta"]["credits"], 8);
}

#[tokio::test]
async fn a_model_that_fails_in_any_way_costs_nothing_but_a_warning() {
    let model = ModelServer::start().await;
    let elsewhere = ModelServer::start().await;
    elsewhere.reply(Reply::object(&json!({"origin": "stolen"})));
    let world = world(&model, "").await;
    let sketch = json!({"heading": {"css": "h1"}, "origin": "string"});
    let to = format!("{}/chat/completions", elsewhere.endpoint());
    for (reply, told) in [
        (Reply::Raw(500, "{\"error\":\"sk-leak\"}".to_owned()), "500"),
        (Reply::Raw(429, "{}".to_owned()), "429"),
        (Reply::Raw(200, "<html>".to_owned()), "no chat completion"),
        (Reply::Content("I cannot do that.".to_owned()), "no JSON"),
        (Reply::Content("[1,2]".to_owned()), "no object"),
        (Reply::Content(format!("{{\"origin\":\"{}", "x".repeat(2 << 20))), "could not be reached"),
        (Reply::Redirect(to), "could not be reached"),
        (Reply::HangUp, "could not be reached"),
        (Reply::Silence, "within 1000 ms"),
    ] {
        model.reply_only(reply);
        let started = Instant::now();
        let page = parsed(&world, &asking("llm", &sketch)).await;
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        assert_eq!(page["data"]["heading"], "Alpha lamp");
        let warnings = page["meta"]["warnings"].as_array().unwrap_or_else(|| panic!("no warning in {page}"));
        assert_eq!(warnings[0]["code"], "llm_unavailable", "{page}");
        let detail = warnings[0]["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(told) && detail.contains("embedded"), "{told}: {detail}");
        assert!(!detail.contains("127.0.0.1") && !detail.contains("sk-"), "{detail}");
        assert_eq!(page["meta"]["credits"], 1, "{told}");
    }
    assert_eq!(elsewhere.questions().len(), 0);
    assert!(!world.server.log().contains(KEY), "the key is in the log");
}

#[tokio::test]
async fn an_answer_that_a_strict_schema_does_not_take_is_left() {
    let model = ModelServer::start().await;
    model.reply(Reply::object(&json!({"origin": "Mora in Dalarna"})));
    model.reply(Reply::object(&json!({"origin": "Mora"})));
    let world = world(&model, "").await;
    let schema = json!({"type": "object", "strict": true, "properties": {"origin": {"type": "string", "maxLength": 6}}});
    let left = parsed(&world, &asking("llm", &schema)).await;
    assert_eq!(left["data"].get("origin").and_then(Value::as_str), None, "{left}");
    let detail = left["meta"]["warnings"][0]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("does not satisfy the schema"), "{left}");
    assert_eq!(left["meta"]["credits"], 1);
    let taken = parsed(&world, &asking("llm", &schema)).await;
    assert_eq!((&taken["data"]["origin"], &taken["meta"]["credits"]), (&json!("Mora"), &json!(8)));
    assert!(model.questions()[0].text().contains("maxLength"));
    // In `auto`, a schema that requires nothing needs no model.
    let _ = parsed(&world, &asking("auto", &schema)).await;
    assert_eq!(model.questions().len(), 2);
}

#[tokio::test]
async fn a_long_page_is_cut_to_the_budget() {
    let model = ModelServer::start().await;
    model.reply(Reply::object(&json!({"a": null})));
    let world = world(&model, "input_bytes_max = '2 KiB'\n").await;
    let mut body = asking("llm", &json!({"a": "string"}));
    body["html"] = format!("<main><p>{}</p></main>", "größe ".repeat(200_000)).into();
    let _ = parsed(&world, &body).await;
    let questions = model.questions();
    let page = questions[0].text().split("<<<PAGE").nth(1).expect("the page").len();
    assert!((1_900..2_200).contains(&page), "{page}");
}

#[tokio::test]
async fn streams_ask_it_too_and_their_records_bear_its_price_and_its_warnings() {
    let model = ModelServer::start().await;
    model.reply(Reply::object(&json!({"origin": "Mora"})));
    model.reply(Reply::Raw(500, "{}".to_owned()));
    let world = world(&model, "").await;
    let urls: Vec<String> = (0..2).map(|number| world.origin.url(&format!("/lamp/{number}"))).collect();
    for number in 0..2 {
        world.origin.set_page(&format!("/lamp/{number}"), 200, "text/html", PAGE);
    }
    let body = json!({"urls": urls, "concurrency": 1, "formats": [], "robots": "ignore",
        "extract": {"origin": "string"}, "extract_engine": "llm"});
    let frames = world.read(&body).await;
    let pages: Vec<Value> = named(&frames, "page").iter().map(|frame| frame.json()).collect();
    assert_eq!(pages.len(), 2);
    assert_eq!((&pages[0]["data"]["origin"], &pages[0]["meta"]["credits"]), (&json!("Mora"), &json!(8)));
    assert_eq!((&pages[1]["data"]["origin"], &pages[1]["meta"]["credits"]), (&Value::Null, &json!(1)));
    assert_eq!(pages[1]["meta"]["warnings"][0]["code"], "llm_unavailable");
    assert_eq!(named(&frames, "end")[0].json()["credits_used"], 9);
}

#[tokio::test]
async fn where_there_is_no_model_asking_for_it_is_refused_with_how_to_have_one() {
    let world = World::start().await;
    let body = asking("llm", &json!({"a": "string"}));
    let refused = problem(&world.post("/v1/parse", &body).await, 422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/extract_engine");
    assert!(
        refused["errors"][0]["detail"].as_str().is_some_and(|text| text.contains("[extract.llm]")),
        "{refused}"
    );
    let urls = json!([{"url": world.origin.url("/p/1")}, {"url": world.origin.url("/p/2"), "extract_engine": "llm"}]);
    let refused = world.post("/v1/stream", &json!({"urls": urls, "extract": {"a": "string"}})).await;
    let refused = problem(&refused, 422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/urls/1/extract_engine");
    let unknown = json!({"html": PAGE, "extract_engine": "gpt"});
    let refused = problem(&world.post("/v1/parse", &unknown).await, 422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/extract_engine");
    // `auto` is a wish that may stay one.
    let page = parsed(&world, &asking("auto", &json!({"origin_story": "string"}))).await;
    assert_eq!(page["meta"]["warnings"][0]["code"], "llm_unavailable");
    assert_eq!(world.origin.hits(), 0);
}
