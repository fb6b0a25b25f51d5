//! The questions of operators: runs, one run, where a listing is, what changed.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use livelist_api::ApiError;
use livelist_model::record::RunState;
use livelist_model::{FeedId, MlsId, RunId};
use serde::{Deserialize, Serialize};

use super::AdminState;
use super::auth::Admin;
use crate::diff::{Diff, diff as difference};
use crate::explain::RunTold;
use crate::removals;
use crate::runs::{self as past, RunLine};
use crate::why::{Why, why as reasons};

/// Runs in one answer.
const MOST_RUNS: usize = 1_000;
/// The default number of runs.
const SOME_RUNS: usize = 50;
/// Keys of one kind in the answer to a comparison.
const MOST_KEYS: usize = 1_000;
/// … and of a held run's removals in a file.
const MOST_IN_CSV: usize = 1_000_000;
/// No provider's key is longer.
const LONGEST_KEY: usize = 1_020;

/// A query string that can be read.
pub(super) fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    let Query(asked) = query.map_err(|_| {
        ApiError::Invalid("a parameter is missing or is not of its form".to_owned())
    })?;
    Ok(asked)
}

#[derive(Deserialize)]
pub(super) struct RunsAsked {
    feed: Option<FeedId>,
    most: Option<usize>,
}

#[derive(Serialize)]
pub(super) struct Runs {
    runs: Vec<RunOf>,
}

/// A run, with its MLS.
#[derive(Serialize)]
struct RunOf {
    #[serde(flatten)]
    line: RunLine,
    #[serde(skip_serializing_if = "Option::is_none")]
    mls: Option<MlsId>,
}

/// `GET /v1/admin/runs?feed=&most=`: the newest first.
pub(super) async fn runs(
    State(state): State<AdminState>,
    _: Admin,
    query: Result<Query<RunsAsked>, QueryRejection>,
) -> Result<Json<Runs>, ApiError> {
    let asked = asked(query)?;
    let most = asked.most.unwrap_or(SOME_RUNS).min(MOST_RUNS);
    let objects = &*state.env.objects;
    let lines = past::list(objects, asked.feed.as_ref(), most, state.env.clock.now()).await?;
    let known = crate::feeds::read(objects).await?.feeds;
    let runs = lines
        .into_iter()
        .map(|line| RunOf {
            mls: known.get(&line.feed).map(|feed| feed.spec.mls.clone()),
            line,
        })
        .collect();
    Ok(Json(Runs { runs }))
}

/// `GET /v1/admin/runs/{run}`: what happened, and why.
pub(super) async fn run(
    State(state): State<AdminState>,
    _: Admin,
    Path(run): Path<String>,
) -> Result<Json<RunTold>, ApiError> {
    let run: RunId = run.parse().map_err(|_| ApiError::NotFound)?;
    let record = past::record(&*state.env.objects, &run).await?;
    let mut told = past::told(&*state.env.objects, &record).await?;
    if record.state == RunState::Running {
        told.progress = state.under_way.of(&record.spec.run);
    }
    Ok(Json(told))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RemovalsAsked {
    #[serde(default)]
    format: Format,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// `GET /v1/admin/runs/{run}/removals?format=`: which listings an approval would take out.
pub(super) async fn removals(
    State(state): State<AdminState>,
    _: Admin,
    Path(run): Path<String>,
    query: Result<Query<RemovalsAsked>, QueryRejection>,
) -> Result<Response, ApiError> {
    let run: RunId = run.parse().map_err(|_| ApiError::NotFound)?;
    let RemovalsAsked { format } = asked(query)?;
    let most = match format {
        Format::Json => MOST_KEYS,
        Format::Csv => MOST_IN_CSV,
    };
    let told = removals::removals(&*state.env.objects, &run, most).await?;
    Ok(match format {
        Format::Json => Json(told).into_response(),
        Format::Csv => {
            let name = format!("attachment; filename=\"{run}.csv\"");
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
                (header::CONTENT_DISPOSITION, name),
            ];
            (headers, told.csv()).into_response()
        }
    })
}

#[derive(Deserialize)]
pub(super) struct KeyAsked {
    key: String,
}

/// `GET /v1/admin/feeds/{feed}/why?key=`: which versions have a listing, and when it was added and removed.
pub(super) async fn why(
    State(state): State<AdminState>,
    _: Admin,
    Path(feed): Path<String>,
    query: Result<Query<KeyAsked>, QueryRejection>,
) -> Result<Json<Why>, ApiError> {
    let feed: FeedId = feed.parse().map_err(|_| ApiError::NotFound)?;
    let KeyAsked { key } = asked(query)?;
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(ApiError::Invalid(format!(
            "a key has 1 to {LONGEST_KEY} bytes"
        )));
    }
    Ok(Json(reasons(&*state.env.objects, &feed, &key).await?))
}

#[derive(Deserialize)]
pub(super) struct DiffAsked {
    from: Option<String>,
    to: Option<String>,
}

/// `GET /v1/admin/feeds/{feed}/diff?from=&to=`: what changed between two versions.
pub(super) async fn diff(
    State(state): State<AdminState>,
    _: Admin,
    Path(feed): Path<String>,
    query: Result<Query<DiffAsked>, QueryRejection>,
) -> Result<Json<Diff>, ApiError> {
    let feed: FeedId = feed.parse().map_err(|_| ApiError::NotFound)?;
    let DiffAsked { from, to } = asked(query)?;
    let objects = &*state.env.objects;
    let mut told = difference(objects, &feed, from.as_deref(), to.as_deref()).await?;
    told.cut(MOST_KEYS);
    Ok(Json(told))
}
