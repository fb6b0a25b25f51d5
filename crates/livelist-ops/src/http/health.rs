//! `GET /v1/admin/health`: problems of the process or its machine, and on one machine what was measured. `/v1/health`
//! tells strangers only whether there are problems.

use std::sync::PoisonError;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::AdminState;
use super::auth::Admin;
use crate::health::Health;

/// The problems.
#[derive(Serialize)]
pub(super) struct Told {
    /// `ok` or `degraded`.
    status: &'static str,
    /// A sentence for each problem that needs an operator.
    troubles: Vec<String>,
    /// Disk, clock, registry, queues and the last backup, on one machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<Health>,
}

/// Returns the problems.
pub(super) async fn health(State(state): State<AdminState>, _: Admin) -> Json<Told> {
    let troubles = state.troubles.now();
    let status = match troubles.is_empty() {
        true => "ok",
        false => "degraded",
    };
    let machine = state.health.read().unwrap_or_else(PoisonError::into_inner);
    let machine = machine.clone();
    Json(Told {
        status,
        troubles,
        machine,
    })
}
