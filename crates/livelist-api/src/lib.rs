//! The HTTP API: which listings are live, for the sites that hold copies of them.
//!
//! One axum [`Router`] over the store's ports, the same on Lambda and on one machine. It reads the
//! registry, the heads and the objects that they name. It writes only acknowledgements of sites and the
//! unknown keys that they asked about. It answers 200 only with lists that are proved complete. Depends on
//! the model and the store; never on AWS, the steps or a provider.
//!
//! | route | answers |
//! |---|---|
//! | `GET /v1/feeds` | 200, 401, 429, 503 |
//! | `GET /v1/feeds/{feed}/live` | 200, 304, 401, 403, 404, 429, 503 |
//! | `POST /v1/feeds/{feed}/check` | 200, 400, 401, 403, 404, 408, 413, 415, 429, 503 |
//! | `POST /v1/feeds/{feed}/acks` | 204, 400, 401, 403, 404, 408, 413, 415, 429, 503 |
//! | `GET /v1/feeds/{feed}/changes` | 200, 400, 401, 403, 404, 410, 429, 503 |
//! | `GET /v1/objects/{path}` | 200, 403, 404, 503; only on one machine |
//! | `GET /v1/health`, `GET /v1/openapi.json` | 200 |
//! | `/` | 200: where the description is; with the dashboard it leads there |
//!
//! The parts that the operators' API shares with this one (keys, errors, bodies, the envelope) are public
//! here.
//!
//! Another client's feed and a feed that does not exist get the same 403, decided only by the caller's own
//! document, so that a stranger cannot tell one from the other. 404 means that the text cannot be a feed's
//! id. Neither these nor a 401 ever mean that listings are gone.

mod access;
mod acks;
mod auth;
mod bearer;
mod body;
mod changes;
mod check;
mod conditional;
mod envelope;
mod error;
mod feeds;
mod head;
mod health;
mod keys;
mod lists;
mod live;
mod lookup;
mod objects;
mod openapi;
mod questions;
mod rate;
mod refusals;
mod request_id;
mod signed;
mod socket;
mod state;
mod troubles;

use std::sync::Arc;

use axum::http::Uri;
use axum::response::{IntoResponse, Redirect};
use axum::{Json, Router, middleware};
use serde_json::json;
use tower_http::limit::RequestBodyLimitLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::openapi::Livelist;

pub use bearer::{Bearer, KeyHash};
pub use body::json as read_json;
pub use conditional::is_held;
pub use envelope::{Envelope, envelope};
pub use error::{ApiError, Cause, ERROR_CODES};
pub use rate::{Budgets, Rate};
pub use refusals::Refusals;
pub use request_id::{GATEWAY_REQUEST_ID, REQUEST_ID};
pub use signed::SignedLinks;
pub use socket::{Limits, Network, NotANetwork, serve};
pub use state::ApiState;
pub use troubles::Troubles;

/// What is asked without a body has none worth more.
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

/// The description of the API as an OpenAPI 3.1 document, indented, with a line feed at its end.
pub fn openapi() -> String {
    let (_, document) = described().split_for_parts();
    text(&document)
}

fn described() -> OpenApiRouter<ApiState> {
    let asked = OpenApiRouter::new()
        .routes(routes!(feeds::feeds))
        .routes(routes!(live::live))
        .routes(routes!(changes::changes))
        .routes(routes!(health::health))
        .layer(RequestBodyLimitLayer::new(MAX_BODY));
    // These bound their bodies themselves.
    OpenApiRouter::with_openapi(Livelist::openapi())
        .merge(asked)
        .routes(routes!(check::check))
        .routes(routes!(acks::ack))
}

fn text(document: &utoipa::openapi::OpenApi) -> String {
    // A document of strings and maps can always be written.
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

fn routes() -> Router<ApiState> {
    let (router, document) = described().split_for_parts();
    router.merge(openapi::routes(text(&document)))
}

fn finish(routes: Router<ApiState>, state: ApiState) -> Router {
    let has_dashboard = state.has_dashboard;
    routes
        .fallback(async move |uri: Uri| match uri.path() {
            "/" if has_dashboard => Ok(Redirect::temporary("dashboard").into_response()),
            "/" => {
                let told = json!({"service": "livelist", "description": "v1/openapi.json"});
                Ok(Json(told).into_response())
            }
            _ => Err(ApiError::NotFound),
        })
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(
            Envelope {
                entropy: state.entropy.clone(),
                clock: state.clock.clone(),
                refusals: Refusals::default(),
            },
            envelope::envelope,
        ))
        .with_state(state)
}
