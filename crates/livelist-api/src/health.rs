//! `GET /v1/health`: the process answers. Needs no key and reads nothing.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// Where it is.
pub(crate) const HEALTH: &str = "/v1/health";

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
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
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}
