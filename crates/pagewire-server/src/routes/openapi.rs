//! `GET /openapi.json`: the contract, generated from the handlers.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::header;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use crate::edge::Edge;

/// The document as it is served.
#[derive(Debug, Clone)]
pub struct Document(Value);

/// One operation of the document, in the words of the reference page.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    /// In capitals.
    pub(super) method: String,
    /// With its parameters in braces.
    pub(super) path: &'a str,
    /// What it does.
    pub(super) summary: &'a str,
    /// The scopes of which the key needs one; empty where any key will do, and absent where none is needed.
    pub(super) scopes: Option<Vec<&'a str>>,
}

impl Document {
    pub(crate) fn of(document: &OpenApi) -> Self {
        // It is plain data with string keys.
        let mut document = serde_json::to_value(document).unwrap_or_default();
        document["components"]["securitySchemes"] = json!({
            "bearer": {"type": "http", "scheme": "bearer"},
            "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        });
        document["security"] = json!([{"bearer": []}]);
        add_second_header(&mut document["security"]);
        let paths = document["paths"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
        for operation in paths.filter_map(Value::as_object_mut).flat_map(serde_json::Map::values_mut) {
            if let Some(security) = operation.get_mut("security") {
                add_second_header(security);
            }
        }
        Self(document)
    }

    /// The operations, in the order of the document.
    pub(super) fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, operations)| {
            let operations = operations.as_object().into_iter().flatten();
            let operations = operations.filter(|(_, operation)| operation["responses"].is_object());
            operations.map(|(method, operation)| Operation {
                method: method.to_uppercase(),
                path,
                summary: operation["summary"].as_str().unwrap_or_default(),
                scopes: scopes_of(operation),
            })
        })
    }
}

/// Whoever may send the key as a bearer may send it in `X-API-Key` too.
fn add_second_header(security: &mut Value) {
    let Some(demands) = security.as_array_mut() else { return };
    let also: Vec<Value> = demands
        .iter()
        .filter_map(|demand| demand.get("bearer"))
        .map(|scopes| json!({"api_key": scopes}))
        .collect();
    demands.extend(also);
}

fn scopes_of(operation: &Value) -> Option<Vec<&str>> {
    let Some(demands) = operation["security"].as_array() else { return Some(Vec::new()) };
    let scopes = demands.iter().find_map(|demand| demand["bearer"].as_array())?;
    Some(scopes.iter().filter_map(Value::as_str).collect())
}

pub(crate) fn routes(document: &Document) -> Router<Arc<Edge>> {
    let text = Bytes::from(document.0.to_string());
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
    Router::new().route("/openapi.json", get(answer))
}
