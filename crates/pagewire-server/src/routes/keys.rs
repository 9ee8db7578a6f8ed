//! `/v1/keys`: a workspace's API keys. The secret is in the answer that makes it, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use pagewire_engine::account::{NewKey, NewKeyError};
use pagewire_engine::{ApiKey, KeyMode, Revocation};
use pagewire_types::fields::{Faults, Fields};
use pagewire_types::{KeyId, Problem, ProblemCode, Scope, Scopes, WorkspaceId};
use serde_json::{Value, json};

use crate::auth::{Authorized, MayAdminister};
use crate::body::JsonBody;
use crate::edge::Edge;
use crate::problem::ApiError;

/// The workspace's keys, revoked ones included.
#[utoipa::path(get, path = "/v1/keys", tag = "account", security(("bearer" = ["admin"])), responses((status = 200, description = "Keys without their secrets", body = Object)))]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayAdminister>,
) -> Result<Response, ApiError> {
    let workspace = authorized.caller.workspace.id.clone();
    let keys =
        edge.engine.accounts().keys(Some(workspace)).await.map_err(|cause| ApiError::internal(&cause))?;
    let keys: Vec<Value> = keys.iter().map(told).collect();
    Ok(Json(json!({"keys": keys})).into_response())
}

/// Makes a key in the caller's workspace.
#[utoipa::path(post, path = "/v1/keys", tag = "account", security(("bearer" = ["admin"])), request_body(content = Object, description = "`name`, `scopes`, `expires_in_s`, `allow_ips`, `mode`"), responses((status = 201, description = "The key; its secret is shown this once", body = Object)))]
pub async fn create(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayAdminister>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let new = read_new_key(body, authorized.caller.workspace.id.clone())?;
    let (key, secret) = edge.engine.accounts().create_key(new).await.map_err(|error| match error {
        NewKeyError::NoScope => ApiError::new(ProblemCode::ValidationFailed, error.to_string()),
        NewKeyError::NoEntropy(cause) => ApiError::internal(&cause),
        NewKeyError::Store(cause) => ApiError::internal(&cause),
    })?;
    let mut answer = told(&key);
    answer["key"] = Value::String(secret);
    let location = format!("/v1/keys/{}", key.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}

/// Revokes a key of the caller's workspace.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "account", security(("bearer" = ["admin"])), params(("id" = String, Path, description = "The key's id")), responses((status = 204, description = "Revoked")))]
pub async fn revoke(
    State(edge): State<Arc<Edge>>,
    authorized: Authorized<MayAdminister>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let not_found = || ApiError::new(ProblemCode::NotFound, "there is no such key");
    let id: KeyId = id.parse().map_err(|_| not_found())?;
    let workspace = authorized.caller.workspace.id.clone();
    let outcome = edge
        .engine
        .accounts()
        .revoke_key(Some(workspace), id)
        .await
        .map_err(|cause| ApiError::internal(&cause))?;
    match outcome {
        Revocation::Revoked | Revocation::AlreadyRevoked => Ok(StatusCode::NO_CONTENT.into_response()),
        Revocation::NotFound => Err(not_found()),
    }
}

fn told(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "shown": key.shown,
        "mode": match key.mode { KeyMode::Live => "live", KeyMode::Test => "test" },
        "scopes": key.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "allow_ips": key.allow_ips,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    })
}

fn read_new_key(body: Value, workspace: WorkspaceId) -> Result<NewKey, ApiError> {
    let Value::Object(map) = body else {
        return Err(ApiError::new(ProblemCode::ValidationFailed, "the body must be a JSON object"));
    };
    let mut faults = Faults::default();
    let mut fields = Fields::new(map, "", &mut faults);
    let name = fields.take_with("name", "a string of 1 to 100 characters", |value| {
        value.as_str().filter(|name| (1..=100).contains(&name.chars().count())).map(str::to_owned)
    });
    let scopes = fields.take_with("scopes", "a non-empty array of scopes", |value| {
        let scopes: Option<Scopes> =
            value.as_array()?.iter().map(|item| item.as_str()?.parse().ok()).collect();
        scopes.filter(|scopes| !scopes.is_empty())
    });
    let expires_in = fields.take_with("expires_in_s", "a whole number of seconds, at least 1", |value| {
        value.as_u64().filter(|seconds| *seconds > 0).map(Duration::from_secs)
    });
    let allow_ips = fields.take_with("allow_ips", "an array of address ranges", |value| {
        value.as_array()?.iter().map(|item| item.as_str()?.parse().ok()).collect::<Option<Vec<_>>>()
    });
    let mode = fields.take_with("mode", "`live` or `test`", |value| match value.as_str()? {
        "live" => Some(KeyMode::Live),
        "test" => Some(KeyMode::Test),
        _ => None,
    });
    if name.is_none() {
        fields.fault("name", "is required");
    }
    if scopes.is_none() {
        fields.fault("scopes", "is required: what the key may do");
    }
    fields.finish();
    match (name, scopes) {
        (Some(name), Some(scopes)) if faults.is_empty() => Ok(NewKey {
            name,
            workspace,
            scopes,
            mode: mode.unwrap_or(KeyMode::Live),
            expires_in,
            allow_ips: allow_ips.unwrap_or_default(),
        }),
        _ => Err(Problem::invalid(ProblemCode::ValidationFailed, faults.into_vec()).into()),
    }
}
