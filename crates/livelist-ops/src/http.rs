//! The admin API and the dashboard: the functions of this crate over HTTP, for holders of an operators'
//! key. One axum [`Router`] without a fallback, so that one server can combine it with the sites' API. It
//! may use the parts of `livelist-api` that both share: errors, bodies, the envelope.
//!
//! | route | answers |
//! |---|---|
//! | `GET /v1/admin/status?known=` | the state of all feeds; 304. With `known`, the last known state |
//! | `GET /v1/admin/health` | problems of the process or its machine; on one machine also disk, clock, queues, backup |
//! | `GET /metrics` | the metrics of the process, on one machine |
//! | `GET /v1/admin/runs`, `…/runs/{run}` | runs, and one run explained |
//! | `GET /v1/admin/runs/{run}/removals?format=` | which listings a held run would remove, also as CSV |
//! | `POST /v1/admin/runs/{run}/approve`, `…/reject` | decides on a held result; 409 |
//! | `POST /v1/admin/runs/{run}/cancel` | ends a run that is under way; 409 |
//! | `POST /v1/admin/feeds/{feed}/rerun` | starts a new run; 409 |
//! | `GET /v1/admin/feeds/{feed}/why`, `…/diff` | where a listing is, what changed |
//! | `POST /v1/admin/mls/{mls}/pause`, `…/resume`; the same for `clients` | pauses |
//! | `GET /` | leads to the page |
//! | `GET /dashboard` and its files below | the page; needs no key, contains no data |

mod auth;
mod decisions;
mod error;
mod health;
mod metrics;
mod page;
mod questions;
mod status;

use std::sync::{Arc, PoisonError, RwLock};

use axum::routing::{get, post};
use axum::{Router, middleware};
use livelist_api::{ApiError, Budgets, Envelope, Rate, Refusals, Troubles, envelope};
use livelist_steps::Env;
use tower_http::limit::RequestBodyLimitLayer;

use crate::health::Health;
use crate::progress::RunsUnderWay;
use crate::rerun::Starter;

/// Bodies say little more than a reason.
const MAX_BODY: usize = 16 * 1024;

/// The ports, and the state that one process keeps between requests. Clones share it.
#[derive(Clone)]
pub struct AdminState {
    env: Arc<Env>,
    starter: Option<Starter>,
    budgets: Arc<Budgets<String>>,
    status: Arc<status::Memory>,
    troubles: Troubles,
    health: Arc<RwLock<Option<Health>>>,
    metrics: Option<Metrics>,
    under_way: RunsUnderWay,
}

/// Writes the metrics of this process, as text of a media type.
#[derive(Clone)]
pub struct Metrics {
    /// The media type.
    pub content_type: &'static str,
    /// The text; `None` if it cannot be written.
    pub text: Arc<dyn Fn() -> Option<String> + Send + Sync>,
}

impl AdminState {
    /// A state over the ports of `env`. Runs cannot be started from here without
    /// [`AdminState::starting_by`].
    pub fn new(env: Arc<Env>) -> AdminState {
        AdminState {
            env,
            starter: None,
            budgets: Arc::new(Budgets::new(Rate::default())),
            status: Arc::default(),
            troubles: Troubles::default(),
            health: Arc::default(),
            metrics: None,
            under_way: RunsUnderWay::default(),
        }
    }

    /// The same, which starts runs by `starter`.
    #[must_use]
    pub fn starting_by(mut self, starter: Starter) -> AdminState {
        self.starter = Some(starter);
        self
    }

    /// The same, with the process's `troubles`.
    #[must_use]
    pub fn with_troubles(mut self, troubles: Troubles) -> AdminState {
        self.troubles = troubles;
        self
    }

    /// The same, with `GET /metrics`.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> AdminState {
        self.metrics = Some(metrics);
        self
    }

    /// The same, which knows how far the runs of this process are.
    #[must_use]
    pub fn watching(mut self, under_way: RunsUnderWay) -> AdminState {
        self.under_way = under_way;
        self
    }

    /// Keeps the health that was measured last.
    pub fn keep_health(&self, health: Health) {
        *self.health.write().unwrap_or_else(PoisonError::into_inner) = Some(health);
    }

    /// Computes the status before the first request.
    pub async fn look_ahead(&self) {
        status::look_ahead(self.clone()).await;
    }

    /// Called when a run began or ended in this process: a cached status is out of date.
    pub fn run_changed(&self) {
        self.status.run_changed();
    }

    /// The same with another limit on how often an operator may ask.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> AdminState {
        self.budgets = Arc::new(Budgets::new(rate));
        self
    }
}

/// The admin API and the page over `state`.
pub fn router(state: AdminState) -> Router {
    let around = Envelope {
        entropy: state.env.entropy.clone(),
        clock: state.env.clock.clone(),
        refusals: Refusals::default(),
    };
    Router::new()
        .route("/v1/admin/status", get(status::status))
        .route("/v1/admin/health", get(health::health))
        .route("/metrics", get(metrics::metrics))
        .route("/v1/admin/runs", get(questions::runs))
        .route("/v1/admin/runs/{run}", get(questions::run))
        .route("/v1/admin/runs/{run}/removals", get(questions::removals))
        .route("/v1/admin/runs/{run}/approve", post(decisions::approve))
        .route("/v1/admin/runs/{run}/reject", post(decisions::reject))
        .route("/v1/admin/runs/{run}/cancel", post(decisions::cancel))
        .route("/v1/admin/feeds/{feed}/rerun", post(decisions::rerun))
        .route("/v1/admin/feeds/{feed}/why", get(questions::why))
        .route("/v1/admin/feeds/{feed}/diff", get(questions::diff))
        .route("/v1/admin/{kind}/{name}/pause", post(decisions::pause))
        .route("/v1/admin/{kind}/{name}/resume", post(decisions::resume))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .merge(page::routes())
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(around, envelope))
        .with_state(state)
}
