//! The HTTP API: which listings are live, for the sites that hold copies of them.
//!
//! One axum [`Router`] over the store's ports, the same on Lambda and on one machine. It reads the
//! registry and the heads, writes nothing, and answers 200 only with a list that is proved
//! complete. Depends on the model and the store; never on AWS, the steps or a provider.
//!
//! | route | answers |
//! |---|---|
//! | `GET /v1/feeds` | 200, 401, 429, 503 |
//! | `GET /v1/feeds/{feed}/live` | 200, 304, 401, 403, 404, 429, 503 |
//! | `GET /v1/objects/{path}` | 200, 403, 404, 503; only on one machine |
//! | `GET /v1/health` | 200 |
//!
//! A feed of somebody else and a feed that does not exist get the same 403, from the caller's own
//! document alone, so that a stranger cannot tell one from the other; 404 is for what cannot be a
//! feed's id at all. Neither, nor a 401, ever means that listings are gone.

mod access;
mod auth;
mod conditional;
mod envelope;
mod error;
mod feeds;
mod head;
mod keys;
mod live;
mod objects;
mod rate;
mod request_id;
mod signed;
mod state;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router, middleware};
use tower_http::limit::RequestBodyLimitLayer;

use crate::error::ApiError;

pub use rate::Rate;
pub use request_id::{GATEWAY_REQUEST_ID, REQUEST_ID};
pub use signed::SignedLinks;
pub use state::ApiState;

/// Nothing that is asked here has a body worth more.
const MAX_BODY: usize = 64 * 1024;

/// The API over `state`, whose links lead elsewhere (presigned URLs).
pub fn router(state: ApiState) -> Router {
    finish(routes(), state)
}

/// The API over `state` with the route that `links` lead to: everything from one process. `state`
/// has to make its links with the same `links`.
pub fn router_with_objects(state: ApiState, links: Arc<SignedLinks>) -> Router {
    let objects = objects::routes(state.objects.clone(), links);
    finish(routes().merge(objects), state)
}

fn routes() -> Router<ApiState> {
    Router::new()
        .route("/v1/health", get(health))
        .route("/v1/feeds", get(feeds::feeds))
        .route("/v1/feeds/{feed}/live", get(live::live))
}

fn finish(routes: Router<ApiState>, state: ApiState) -> Router {
    routes
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            envelope::envelope,
        ))
        .with_state(state)
}

async fn health() -> Json<serde_json::Value> {
    Json(serde_json::json!({"status": "ok"}))
}
