//! `GET /v1/admin/status`: looked up once for all who ask within ten seconds, and compressed once.

use std::io::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use livelist_api::{ApiError, is_held};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::AdminState;
use super::auth::Admin;
use crate::OpsError;
use crate::status::{Status, read};

/// So long an answer is good: pages ask every 30 seconds, and looking costs a few reads a feed.
const GOOD_FOR: SignedDuration = SignedDuration::from_secs(10);

/// The last answer. The lock is held while the next one is made, so that many who ask at once cost one
/// look.
#[derive(Default)]
pub(super) struct Memory {
    last: Mutex<Option<Arc<Told>>>,
}

/// An answer, as it is sent.
struct Told {
    at: Timestamp,
    tag: String,
    plain: Bytes,
    gzip: Bytes,
}

impl Memory {
    /// Something changed: the next who asks is told of it.
    pub(super) async fn forget(&self) {
        *self.last.lock().await = None;
    }

    async fn told(&self, state: &AdminState) -> Result<Arc<Told>, ApiError> {
        let mut last = self.last.lock().await;
        let now = state.env.clock.now();
        if let Some(told) = &*last
            && (SignedDuration::ZERO..GOOD_FOR).contains(&now.duration_since(told.at))
        {
            return Ok(told.clone());
        }
        let status = read(&*state.env.objects, now).await?;
        let told = tokio::task::spawn_blocking(move || written(status))
            .await
            .map_err(|_| ApiError::Internal)??;
        let told = Arc::new(told);
        *last = Some(told.clone());
        Ok(told)
    }
}

fn written(mut status: Status) -> Result<Told, OpsError> {
    let at = status.at;
    let plain = serde_json::to_vec(&status).map_err(|_| OpsError::Internal)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&plain).map_err(|_| OpsError::Internal)?;
    let gzip = gzip.finish().map_err(|_| OpsError::Internal)?;
    // Time alone changes nothing that a reader could not reckon.
    status.at = Timestamp::UNIX_EPOCH;
    for feed in &mut status.feeds {
        feed.age_seconds = None;
    }
    let timeless = serde_json::to_vec(&status).map_err(|_| OpsError::Internal)?;
    let tag = hex::encode(&Sha256::digest(&timeless)[..12]);
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
    let told = state.status.told(&state).await?;
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
