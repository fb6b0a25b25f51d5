//! `GET /v1/admin/health`: problems of the process or its machine. `/v1/health` tells strangers only
//! whether there are any.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::AdminState;
use super::auth::Admin;

/// The problems.
#[derive(Serialize)]
pub(super) struct Health {
    /// `ok` or `degraded`.
    status: &'static str,
    /// A sentence for each problem that needs an operator.
    troubles: Vec<String>,
}

/// Returns the problems.
pub(super) async fn health(State(state): State<AdminState>, _: Admin) -> Json<Health> {
    let troubles = state.troubles.now();
    let status = match troubles.is_empty() {
        true => "ok",
        false => "degraded",
    };
    Json(Health { status, troubles })
}
