//! Every route, in one flat table.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use pagewire_types::ProblemCode;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, OpenApiVersion};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::edge::Edge;
use crate::problem::ApiError;
use crate::routes::{
    deliveries, docs, downloads, events, health, jobs, keys, live, metrics, openapi, parse, scrape, sources,
    stream, uploads, usage, webhooks, websub,
};
use crate::trace;

/// The whole API over an engine.
pub fn router(edge: Arc<Edge>) -> Router {
    let (router, document) = table().split_for_parts();
    let document = openapi::Document::of(&document);
    router
        .merge(openapi::routes(&document))
        .merge(docs::routes(&document))
        .fallback(async || {
            ApiError::new(ProblemCode::NotFound, "there is no such path; /docs lists those there are")
        })
        .method_not_allowed_fallback(async || {
            ApiError::new(
                ProblemCode::MethodNotAllowed,
                "the path takes other methods; the header `Allow` names them",
            )
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn(trace::layer))
        .with_state(edge)
}

fn table() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::with_openapi(head())
        .routes(routes!(scrape::scrape))
        .routes(routes!(parse::parse))
        .routes(routes!(stream::start, live::subscribe))
        .routes(routes!(live::preview))
        .routes(routes!(stream::resume, stream::resume_by_get))
        .routes(routes!(uploads::upload))
        .routes(routes!(jobs::create, jobs::list))
        .routes(routes!(jobs::get, jobs::cancel))
        .routes(routes!(jobs::results))
        .routes(routes!(jobs::retry))
        .routes(routes!(jobs::reextract))
        .routes(routes!(jobs::stream))
        .routes(routes!(events::events))
        .routes(routes!(downloads::download))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::get, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::test))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::replay))
        .routes(routes!(sources::list, sources::create))
        .routes(routes!(sources::get, sources::change, sources::delete))
        .routes(routes!(sources::poll))
        .routes(routes!(sources::test))
        .routes(routes!(sources::import))
        .routes(routes!(sources::export))
        .routes(routes!(websub::verify, websub::deliver))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(usage::usage))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
}

fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Pagewire")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Turns web pages into streams."))
        .build();
    let mut document = OpenApiBuilder::new().info(info).build();
    document.openapi = OpenApiVersion::Version31;
    document
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("(no message)");
    tracing::error!(panic = message, "a handler panicked");
    ApiError::new(
        ProblemCode::Internal,
        "something failed on this server's side; its log tells more under the trace id",
    )
    .into_response()
}

#[cfg(test)]
mod tests;
