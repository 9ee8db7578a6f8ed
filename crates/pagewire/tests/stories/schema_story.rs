//! Extraction by a JSON Schema: what is found is held against it where the schema is strict, and a page that does not
//! come up to it gives its data all the same.

use serde_json::{Value, json};

use crate::world::{World, named, problem};

const CUP: &str = r#"<title>Cup</title><script type="application/ld+json">{"@type": "Product", "name": "Cup",
    "offers": {"price": "-9.50", "priceCurrency": "EUR"}}</script>"#;

fn schema(is_strict: bool) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "strict": is_strict, "required": ["name", "price", "sku"],
        "properties": {
            "name": {"type": "string"},
            "price": {"$ref": "#/$defs/Price"},
            "sku": {"type": "string", "default": "unknown"},
            "brand": {"type": "string"},
        },
        "$defs": {"Price": {"type": "number", "minimum": 0}},
    })
}

fn cup_is_missing_its_sku_and_costs_less_than_nothing(told: &Value) {
    assert_eq!(told["data"], json!({"name": "Cup", "price": -9.5, "sku": null}));
    let pointers: Vec<&Value> =
        told["errors"].as_array().expect("errors").iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/data/price", "/data/sku"]);
}

#[tokio::test]
async fn a_schema_says_what_is_extracted() {
    let world = World::start().await;
    world.origin.set_page("/cup", 200, "text/html", CUP);
    let body = json!({"url": world.origin.url("/cup"), "formats": [], "extract": schema(false)});
    let answer = world.post("/v1/scrape", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"], json!({"name": "Cup", "price": -9.5, "sku": null, "brand": null}));
}

#[tokio::test]
async fn a_strict_schema_refuses_what_does_not_satisfy_it_and_tells_it_all_the_same() {
    let world = World::start().await;
    world.origin.set_page("/cup", 200, "text/html", CUP);
    let url = world.origin.url("/cup");
    let body = json!({"url": url, "formats": [], "extract": schema(true)});
    let refused = problem(&world.post("/v1/scrape", &body).await, 422, "extraction_invalid");
    cup_is_missing_its_sku_and_costs_less_than_nothing(&refused);

    let parse = json!({"html": CUP, "formats": [], "extract": schema(true)});
    let refused = problem(&world.post("/v1/parse", &parse).await, 422, "extraction_invalid");
    cup_is_missing_its_sku_and_costs_less_than_nothing(&refused);

    let frames = world.read(&json!({"urls": [url], "formats": [], "extract": schema(true)})).await;
    let errors = named(&frames, "error");
    let record = errors[0].json();
    assert_eq!((&record["code"], &record["retryable"]), (&json!("extraction_invalid"), &json!(false)));
    cup_is_missing_its_sku_and_costs_less_than_nothing(&record);
    assert_eq!(frames[frames.len() - 1].json()["credits_used"], 0, "an error costs nothing");
}

#[tokio::test]
async fn what_satisfies_a_strict_schema_is_a_page() {
    let world = World::start().await;
    let whole = CUP.replace("-9.50", "9.50").replace("\"name\"", "\"sku\": \"C-1\", \"name\"");
    world.origin.set_page("/cup", 200, "text/html", whole);
    let body = json!({"url": world.origin.url("/cup"), "formats": [], "extract": schema(true)});
    let answer = world.post("/v1/scrape", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["data"], json!({"name": "Cup", "price": 9.5, "sku": "C-1"}));
}

#[tokio::test]
async fn a_broken_schema_is_refused_before_anything_is_fetched() {
    let world = World::start().await;
    let url = world.origin.url("/cup");
    for (fault, pointer) in [
        (json!({"type": "strnig"}), "/extract/properties/v/type"),
        (json!({"$ref": "#/$defs/None"}), "/extract/properties/v/$ref"),
        (json!({"$ref": world.origin.url("/schema.json")}), "/extract/properties/v/$ref"),
        (json!({"pattern": "("}), "/extract/properties/v/pattern"),
    ] {
        let extract = json!({"type": "object", "properties": {"v": fault}});
        for (path, body) in [
            ("/v1/scrape", json!({"url": url, "extract": extract})),
            ("/v1/stream", json!({"urls": [url], "extract": extract})),
        ] {
            let refused = problem(&world.post(path, &body).await, 422, "schema_invalid");
            assert_eq!(refused["errors"][0]["pointer"], pointer, "{path} {extract}");
        }
    }
    assert_eq!(world.origin.hits(), 0, "nothing was fetched");
}
