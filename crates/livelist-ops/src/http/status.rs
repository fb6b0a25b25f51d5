//! `GET /v1/admin/status`: looked up once for all who ask, and compressed once.

mod short;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use livelist_api::{ApiError, is_held};
use sha2::{Digest, Sha256};

use self::short::Short;
use super::AdminState;
use super::auth::Admin;
use crate::OpsError;
use crate::status::{Status, read};

/// So long an answer is as good as new: looking costs a few reads a feed.
const NEW: SignedDuration = SignedDuration::from_secs(10);
/// So long it is still given, while somebody looks again: a page that asks every 30 seconds never waits.
const GOOD: SignedDuration = SignedDuration::from_secs(60);

/// The last answer.
#[derive(Default)]
pub(super) struct Memory {
    last: Mutex<Last>,
    /// Held by the one who looks: many who ask at once cost one look.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Last {
    told: Option<Arc<Told>>,
    /// Counts what was decided: a look that began before a decision does not know of it.
    decisions: u64,
}

/// An answer, as it is sent.
struct Told {
    at: Timestamp,
    tag: String,
    plain: Bytes,
    gzip: Bytes,
}

impl Memory {
    /// Something was decided: the next who asks is told of it.
    pub(super) fn forget(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.told = None;
        last.decisions += 1;
    }

    fn last(&self) -> (Option<Arc<Told>>, u64) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (last.told.clone(), last.decisions)
    }

    fn keep(&self, told: &Arc<Told>, decisions: u64) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.decisions == decisions {
            last.told = Some(told.clone());
        }
    }
}

async fn told(state: &AdminState) -> Result<Arc<Told>, ApiError> {
    let now = state.env.clock.now();
    let age = |told: &Told| now.duration_since(told.at);
    let last = state.status.last().0;
    if let Some(told) = last
        && (SignedDuration::ZERO..GOOD).contains(&age(&told))
    {
        if age(&told) >= NEW && state.status.looking.try_lock().is_ok() {
            tokio::spawn(look(state.clone(), now));
        }
        return Ok(told);
    }
    // In a task of its own: what a caller did not wait for is there for the next one.
    let looked = tokio::spawn(look(state.clone(), now)).await;
    looked.map_err(|_| ApiError::Internal)?
}

/// Looks, unless somebody else has done so since `asked`.
async fn look(state: AdminState, asked: Timestamp) -> Result<Arc<Told>, ApiError> {
    let memory = &state.status;
    let _alone = memory.looking.lock().await;
    let (last, decisions) = memory.last();
    if let Some(told) = last
        && told.at >= asked
    {
        return Ok(told);
    }
    let status = read(&*state.env.objects, state.env.clock.now()).await?;
    let told = tokio::task::spawn_blocking(move || written(status)).await;
    let told = Arc::new(told.map_err(|_| ApiError::Internal)??);
    memory.keep(&told, decisions);
    Ok(told)
}

fn json(status: &Status) -> Result<Vec<u8>, OpsError> {
    serde_json::to_vec(&Short::of(status)).map_err(|_| OpsError::Internal)
}

fn written(mut status: Status) -> Result<Told, OpsError> {
    let at = status.at;
    let plain = json(&status)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&plain).map_err(|_| OpsError::Internal)?;
    let gzip = gzip.finish().map_err(|_| OpsError::Internal)?;
    // Time alone changes nothing that a reader could not reckon.
    status.at = Timestamp::UNIX_EPOCH;
    for feed in &mut status.feeds {
        feed.age_seconds = None;
    }
    let tag = hex::encode(&Sha256::digest(json(&status)?)[..12]);
    Ok(Told {
        at,
        tag,
        plain: plain.into(),
        gzip: gzip.into(),
    })
}

/// How all feeds stand.
pub(super) async fn status(
    State(state): State<AdminState>,
    _: Admin,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let told = told(&state).await?;
    let tag = HeaderValue::from_str(&format!("W/\"{}\"", told.tag));
    let tag = (header::ETAG, tag.map_err(|_| ApiError::Internal)?);
    let vary = (
        header::VARY,
        HeaderValue::from_static("accept-encoding, authorization"),
    );
    let kept = (
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    if is_held(&headers, &told.tag) {
        return Ok((StatusCode::NOT_MODIFIED, [tag, vary, kept]).into_response());
    }
    let json = (
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if takes_gzip(&headers) {
        let coded = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return Ok(([tag, vary, kept, json, coded], told.gzip.clone()).into_response());
    }
    Ok(([tag, vary, kept, json], told.plain.clone()).into_response())
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
