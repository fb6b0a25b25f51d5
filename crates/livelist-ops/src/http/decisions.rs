//! The decisions of operators. A decision is carried out even if the caller disconnects. It is logged
//! with the operator's name, and shows in the next status.

use std::future::Future;

use axum::Json;
use axum::extract::{Path, Request, State};
use livelist_api::{ApiError, read_json};
use livelist_model::{FeedId, RunId};
use livelist_store::pauses::Paused;
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use super::AdminState;
use super::auth::Admin;
use crate::cancel::{self, Cancelled};
use crate::decide::{self, Approved};
use crate::rerun::{self, Rerun};
use crate::{OpsError, pause as pauses};

const MAX_BODY: usize = 8 * 1024;
/// Characters of a reason.
const LONGEST_REASON: usize = 500;

/// Carries `decision` out in a separate task, so that a broken connection does not interrupt it. Then the
/// cached status is dropped.
async fn carried_out<T: Send + 'static>(
    state: &AdminState,
    decision: impl Future<Output = Result<T, OpsError>> + Send + 'static,
) -> Result<T, ApiError> {
    let memory = state.status.clone();
    let task = async move {
        let done = decision.await;
        memory.forget();
        done
    };
    let done = tokio::spawn(task.in_current_span()).await;
    done.map_err(|_| ApiError::Internal)?.map_err(refusal)
}

/// The error for an operator. Operators see why the store failed, because they have to repair it.
fn refusal(error: OpsError) -> ApiError {
    match error {
        OpsError::Store(error) => OpsError::Step(error.into()).into(),
        error => error.into(),
    }
}

/// `POST /v1/admin/runs/{run}/approve`: publishes what a held run found.
pub(super) async fn approve(
    State(state): State<AdminState>,
    admin: Admin,
    Path(run): Path<String>,
) -> Result<Json<Approved>, ApiError> {
    let run: RunId = run.parse().map_err(|_| ApiError::NotFound)?;
    let env = state.env.clone();
    let decision = async move { decide::approve(&env, &run, &admin.id).await };
    Ok(Json(carried_out(&state, decision).await?))
}

#[derive(Serialize)]
pub(super) struct Rejected {
    run: RunId,
}

/// `POST /v1/admin/runs/{run}/reject`: refuses it.
pub(super) async fn reject(
    State(state): State<AdminState>,
    admin: Admin,
    Path(run): Path<String>,
) -> Result<Json<Rejected>, ApiError> {
    let run: RunId = run.parse().map_err(|_| ApiError::NotFound)?;
    let env = state.env.clone();
    let decision = async move {
        decide::reject(&*env.objects, &run, &admin.id, env.clock.now()).await?;
        Ok(Rejected { run })
    };
    Ok(Json(carried_out(&state, decision).await?))
}

/// `POST /v1/admin/runs/{run}/cancel`: ends a run that is under way.
pub(super) async fn cancel(
    State(state): State<AdminState>,
    admin: Admin,
    Path(run): Path<String>,
) -> Result<Json<Cancelled>, ApiError> {
    let run: RunId = run.parse().map_err(|_| ApiError::NotFound)?;
    let env = state.env.clone();
    let decision = async move { cancel::cancel(&env, &run, &admin.id).await };
    Ok(Json(carried_out(&state, decision).await?))
}

/// `POST /v1/admin/feeds/{feed}/rerun`: a new run, now.
pub(super) async fn rerun(
    State(state): State<AdminState>,
    admin: Admin,
    Path(feed): Path<String>,
) -> Result<Json<Rerun>, ApiError> {
    let feed: FeedId = feed.parse().map_err(|_| ApiError::NotFound)?;
    let Some(starter) = state.starter.clone() else {
        return Err(ApiError::Conflict(
            "Runs cannot be started from here. Use `livelist rerun`.".to_owned(),
        ));
    };
    let env = state.env.clone();
    let decision = async move {
        let now = env.clock.now();
        rerun::rerun(&*env.objects, &starter, &feed, now, &admin.id).await
    };
    Ok(Json(carried_out(&state, decision).await?))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PauseAsked {
    #[serde(default)]
    reason: Option<String>,
}

/// The result of a pause or resume.
#[derive(Serialize)]
pub(super) struct Changed {
    /// Whether it was otherwise before.
    changed: bool,
}

fn paused(kind: &str, name: &str) -> Result<Paused, ApiError> {
    let unknown = || ApiError::NotFound;
    match kind {
        "mls" => Ok(Paused::Mls(name.parse().map_err(|_| unknown())?)),
        "clients" => Ok(Paused::Client(name.parse().map_err(|_| unknown())?)),
        _ => Err(unknown()),
    }
}

/// `POST /v1/admin/{mls|clients}/{name}/pause`: starts no runs until it is resumed.
pub(super) async fn pause(
    State(state): State<AdminState>,
    admin: Admin,
    Path((kind, name)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Changed>, ApiError> {
    let what = paused(&kind, &name)?;
    let PauseAsked { reason } = read_json(request, MAX_BODY).await?;
    let reason = reason.map(|text| text.trim().to_owned());
    let reason = reason.filter(|text| !text.is_empty());
    if reason.as_ref().is_some_and(|text| {
        text.chars().count() > LONGEST_REASON || text.chars().any(char::is_control)
    }) {
        return Err(ApiError::Invalid(format!(
            "a reason is one line of at most {LONGEST_REASON} characters"
        )));
    }
    let env = state.env.clone();
    let decision = async move {
        let now = env.clock.now();
        pauses::pause(&*env.objects, &what, reason, &admin.id, now).await
    };
    let changed = carried_out(&state, decision).await?;
    Ok(Json(Changed { changed }))
}

/// `POST /v1/admin/{mls|clients}/{name}/resume`: ends the pause.
pub(super) async fn resume(
    State(state): State<AdminState>,
    admin: Admin,
    Path((kind, name)): Path<(String, String)>,
) -> Result<Json<Changed>, ApiError> {
    let what = paused(&kind, &name)?;
    let env = state.env.clone();
    let decision = async move {
        let now = env.clock.now();
        pauses::resume(&*env.objects, &what, &admin.id, now).await
    };
    let resumed = carried_out(&state, decision).await?;
    let changed = resumed.was_paused || resumed.had_to_wait;
    Ok(Json(Changed { changed }))
}
