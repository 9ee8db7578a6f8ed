//! `GET /openapi.json`: the contract, generated from the handlers.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::header;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

use crate::edge::Edge;

/// The document as it is served.
#[derive(Debug, Clone)]
pub struct Document(Bytes);

impl Document {
    pub(crate) fn of(mut document: OpenApi) -> Self {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let mut components = document.components.take().unwrap_or_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        document.components = Some(components);
        document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
        // It is plain data with string keys.
        Self(Bytes::from(document.to_json().unwrap_or_default()))
    }
}

pub(crate) fn routes(document: Document) -> Router<Arc<Edge>> {
    let answer = move || {
        let document = document.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], document.0) }
    };
    Router::new().route("/openapi.json", get(answer))
}
