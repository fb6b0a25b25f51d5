//! `GET /v1/admin/status`: computed once for all callers, and compressed once. The last answer is
//! also stored, for processes that have just started: a caller that accepts a cached answer gets that
//! one at once, with its age.

mod short;

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use livelist_api::{ApiError, is_held};
use livelist_model::layout;
use livelist_store::{Condition, ObjectsExt, Retention};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use self::short::Short;
use super::AdminState;
use super::auth::Admin;
use crate::OpsError;
use crate::status::{Starts, Status, read};

/// An answer counts as new for this long, because computing it costs a few reads per feed.
const NEW: SignedDuration = SignedDuration::from_secs(10);
/// It is still returned for this long while a new one is computed, so that a page that asks every 30
/// seconds never waits.
const GOOD: SignedDuration = SignedDuration::from_secs(60);

/// It is returned for this long even if a run has begun or ended since, so that many runs do not cause a
/// computation each.
const BRIEF: SignedDuration = SignedDuration::from_secs(2);
/// The answer is written down when the one that is there is so old.
const WRITTEN: SignedDuration = SignedDuration::from_mins(5);
/// A stored answer is returned for this long.
const KNOWN: SignedDuration = SignedDuration::from_hours(24);
/// A status is never so large.
const MAX_STATUS: u64 = 256 * 1024 * 1024;

/// The last answer.
#[derive(Default)]
pub(super) struct Memory {
    last: Mutex<Last>,
    /// Held during a computation, so that concurrent requests share one.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default, Clone)]
struct Last {
    told: Option<Arc<Told>>,
    /// Counts decisions: a computation that began before a decision does not include it.
    decisions: u64,
    /// Counts the runs that began or ended in this process.
    runs: u64,
    /// When an answer was written down by this process.
    written: Option<Timestamp>,
}

/// An answer, as it is sent.
struct Told {
    at: Timestamp,
    /// `None` if it is only the stored answer.
    tag: Option<String>,
    plain: Bytes,
    gzip: Bytes,
    /// The count of runs when the computation began.
    runs: u64,
}

impl Memory {
    /// Called after a decision: the next request gets a new answer.
    pub(super) fn forget(&self) {
        let mut last = self.lock();
        last.told = None;
        last.decisions += 1;
    }

    /// A run began or ended.
    pub(super) fn run_changed(&self) {
        self.lock().runs += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> Last {
        self.lock().clone()
    }

    fn keep(&self, told: &Arc<Told>, decisions: u64) {
        let mut last = self.lock();
        if last.decisions == decisions {
            last.told = Some(told.clone());
        }
    }

    /// Whether an answer of this time is to be written down; it is, if so.
    fn is_to_write(&self, at: Timestamp) -> bool {
        let mut last = self.lock();
        if last
            .written
            .is_some_and(|before| at.duration_since(before) < WRITTEN)
        {
            return false;
        }
        last.written = Some(at);
        true
    }
}

async fn told(state: &AdminState) -> Result<Arc<Told>, ApiError> {
    let now = state.env.clock.now();
    let age = |told: &Told| now.duration_since(told.at);
    let last = state.status.last();
    if let Some(told) = last.told
        && (SignedDuration::ZERO..GOOD).contains(&age(&told))
        && (told.runs == last.runs || age(&told) < BRIEF)
    {
        if age(&told) >= NEW && state.status.looking.try_lock().is_ok() {
            tokio::spawn(look(state.clone(), now));
        }
        return Ok(told);
    }
    // In a separate task: if this caller does not wait, the next one has the answer.
    let looked = tokio::spawn(look(state.clone(), now)).await;
    looked.map_err(|_| ApiError::Internal)?
}

/// The last answer, however old; computed only if there is none.
async fn known(state: &AdminState) -> Result<Arc<Told>, ApiError> {
    let last = state.status.last();
    if let Some(told) = last.told {
        return Ok(told);
    }
    // The stored answer does not include decisions made here.
    if last.decisions == 0
        && let Some(told) = read_down(state).await
    {
        return Ok(Arc::new(told));
    }
    told(state).await
}

/// Computes the status before the first request.
pub(super) async fn look_ahead(state: AdminState) {
    let now = state.env.clock.now();
    if let Err(error) = look(state, now).await {
        tracing::warn!(%error, "the state of the feeds could not be read");
    }
}

/// Computes the status, unless another request has done so since `asked`.
async fn look(state: AdminState, asked: Timestamp) -> Result<Arc<Told>, ApiError> {
    let memory = &state.status;
    let _alone = memory.looking.lock().await;
    let last = memory.last();
    if let Some(told) = last.told {
        let age = asked.duration_since(told.at);
        let is_new = age < NEW && (told.runs == last.runs || age < BRIEF);
        if is_new {
            return Ok(told);
        }
    }
    let starts = Starts::by(state.env.limits.planner);
    let mut status = read(&state.env.objects, starts, state.env.clock.now()).await?;
    status.troubles = state.troubles.now();
    status.add_progress(&state.under_way.all());
    let told = tokio::task::spawn_blocking(move || written(&status, last.runs)).await;
    let told = Arc::new(told.map_err(|_| ApiError::Internal)??);
    memory.keep(&told, last.decisions);
    if memory.is_to_write(told.at) {
        write_down(&state, &told).await;
    }
    Ok(told)
}

/// Keeps the answer for processes that know nothing yet. Nothing depends on it.
async fn write_down(state: &AdminState, told: &Told) {
    let (always, keep) = (Condition::Always, Retention::Keep);
    let body = vec![told.gzip.clone()].into();
    let objects = &state.env.objects;
    if let Err(error) = objects.put(layout::STATUS, body, always, keep).await {
        tracing::warn!(%error, "the state of the feeds could not be stored");
    }
}

/// The stored answer, unless it is too old or cannot be parsed.
async fn read_down(state: &AdminState) -> Option<Told> {
    #[derive(Deserialize)]
    struct At {
        at: Timestamp,
    }
    let (gzip, _) = state.env.objects.read(layout::STATUS).await.ok()??;
    let now = state.env.clock.now();
    let unpacked = tokio::task::spawn_blocking(move || {
        let mut plain = Vec::new();
        let mut unpacked = GzDecoder::new(&*gzip).take(MAX_STATUS);
        unpacked.read_to_end(&mut plain).ok()?;
        let At { at } = serde_json::from_slice(&plain).ok()?;
        Some(Told {
            at,
            tag: None,
            plain: plain.into(),
            gzip: gzip.into(),
            runs: 0,
        })
    });
    let told = unpacked.await.ok()??;
    (SignedDuration::ZERO..KNOWN)
        .contains(&now.duration_since(told.at))
        .then_some(told)
}

fn written(status: &Status, runs: u64) -> Result<Told, OpsError> {
    let at = status.at;
    let plain = serde_json::to_vec(&Short::of(status)).map_err(|_| OpsError::Internal)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&plain).map_err(|_| OpsError::Internal)?;
    let gzip = gzip.finish().map_err(|_| OpsError::Internal)?;
    // Time alone changes nothing that a reader could not reckon.
    let behind_at = plain.iter().position(|byte| *byte == b',');
    let rest = plain.get(behind_at.unwrap_or_default()..);
    let tag = hex::encode(&Sha256::digest(rest.unwrap_or_default())[..12]);
    Ok(Told {
        at,
        tag: Some(tag),
        plain: plain.into(),
        gzip: gzip.into(),
        runs,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Accepts the last known answer, however old.
    #[serde(default)]
    known: bool,
}

/// The state of all feeds.
pub(super) async fn status(
    State(state): State<AdminState>,
    _: Admin,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let told = match super::questions::asked(query)?.known {
        true => known(&state).await?,
        false => told(&state).await?,
    };
    let mut answer = HeaderMap::new();
    not_to_keep(&mut answer);
    if let Some(tag) = &told.tag {
        let tag_of = HeaderValue::from_str(&format!("W/\"{tag}\""));
        answer.insert(header::ETAG, tag_of.map_err(|_| ApiError::Internal)?);
        if is_held(&headers, tag) {
            return Ok((StatusCode::NOT_MODIFIED, answer).into_response());
        }
    }
    let json = HeaderValue::from_static("application/json");
    answer.insert(header::CONTENT_TYPE, json);
    if takes_gzip(&headers) {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return Ok((answer, told.gzip.clone()).into_response());
    }
    Ok((answer, told.plain.clone()).into_response())
}

fn not_to_keep(answer: &mut HeaderMap) {
    let vary = HeaderValue::from_static("accept-encoding, authorization");
    answer.insert(header::VARY, vary);
    let private = HeaderValue::from_static("private, no-cache");
    answer.insert(header::CACHE_CONTROL, private);
}

/// Whether the caller names gzip and does not refuse it (`gzip;q=0`).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let names = values.filter_map(|value| value.to_str().ok());
    names.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = parts.any(|part| {
            part.strip_prefix("q=")
                .is_some_and(|q| q.parse() == Ok(0.0_f32))
        });
        is_gzip && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            takes_gzip(&headers)
        };
        assert!(takes("gzip") && takes("br, GZIP;q=0.5") && takes("deflate,gzip"));
        assert!(!takes("") && !takes("br") && !takes("gzip;q=0") && !takes("gzip; q=0.0, br"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
