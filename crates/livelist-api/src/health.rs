//! `GET /v1/health`: the process answers. Needs no key and reads nothing. Only operators get details (`GET
//! /v1/admin/health`, `livelist status`); here it is one word.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::ApiState;

/// Where it is.
pub(crate) const HEALTH: &str = "/v1/health";

/// That the process answers, and whether somebody has to look after it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`; `degraded` where the service answers, and new lists or records may not come: an operator has to
    /// look.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
}

/// Whether the service answers
#[utoipa::path(
    get,
    path = "/v1/health",
    operation_id = "health",
    tag = "service",
    responses((status = 200, description = "It does", body = Health))
)]
pub(crate) async fn health(State(state): State<ApiState>) -> Json<Health> {
    Json(Health {
        status: match state.troubles.are_none() {
            true => "ok",
            false => "degraded",
        },
    })
}
