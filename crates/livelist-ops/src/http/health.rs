//! `GET /v1/admin/health`: what is wrong with the process or its machine. `/v1/health` tells strangers only
//! whether something is.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::AdminState;
use super::auth::Admin;

/// What is wrong.
#[derive(Serialize)]
pub(super) struct Health {
    /// `ok` or `degraded`.
    status: &'static str,
    /// A sentence for each thing that somebody has to look after.
    troubles: Vec<String>,
}

/// Tells it.
pub(super) async fn health(State(state): State<AdminState>, _: Admin) -> Json<Health> {
    let troubles = state.troubles.now();
    let status = match troubles.is_empty() {
        true => "ok",
        false => "degraded",
    };
    Json(Health { status, troubles })
}
