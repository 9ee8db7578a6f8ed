//! Whether the process lives, and whether it should be sent requests.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use pagewire_types::{Problem, ProblemCode};
use serde_json::json;

use crate::edge::Edge;
use crate::problem::ApiError;

/// Lives.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()), responses((status = 200, description = "The process lives")))]
pub async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Is ready: its state can be reached and it is not shutting down.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()), responses((status = 200, description = "Ready"), (status = 503, description = "Not now")))]
pub async fn readyz(State(edge): State<Arc<Edge>>) -> Result<Response, ApiError> {
    if edge.engine.draining().is_cancelled() {
        return Err(Problem::new(ProblemCode::Draining, "the server is shutting down").retry_after(2).into());
    }
    if let Err(cause) = edge.engine.ready().await {
        tracing::error!(error = &cause as &dyn std::error::Error, "the state cannot be reached");
        return Err(Problem::new(ProblemCode::Overloaded, "the state cannot be reached")
            .retry_after(2)
            .into());
    }
    Ok(Json(json!({"status": "ready"})).into_response())
}
