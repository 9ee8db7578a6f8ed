//! `GET /v1/usage`: what the workspace has used of its plan.

use axum::Json;
use axum::response::{IntoResponse, Response};
use pagewire_engine::account::CreditAllowance;
use serde_json::json;

use crate::auth::{Authorized, HasKey};

/// What has been used, and what is left.
#[utoipa::path(get, path = "/v1/usage", tag = "account", responses((status = 200, description = "Usage", body = Object)))]
pub async fn usage(authorized: Authorized<HasKey>) -> Response {
    let account = &authorized.caller.workspace;
    let (period, allowance) = match account.credits.allowance() {
        CreditAllowance::Unlimited => ("day", None),
        CreditAllowance::InAll(credits) => ("in_all", Some(credits)),
        CreditAllowance::PerDay(credits) => ("day", Some(credits)),
    };
    Json(json!({
        "workspace": account.id,
        "plan": account.plan_name,
        "credits": {
            "period": period,
            "used": account.credits.spent_so_far(),
            "allowance": allowance,
            "balance": account.credits.balance(),
        },
        "connections": {"used": account.connections.used(), "cap": account.connections.cap()},
    }))
    .into_response()
}
