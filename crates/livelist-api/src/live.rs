//! `GET /v1/feeds/{feed}/live`: the manifest of the feed's published list, and links to it. The
//! list itself is fetched from the links without credentials, for WordPress would hand its
//! credentials on to wherever it is redirected.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use livelist_model::FeedId;
use livelist_model::head::{DeltaRef, Head, whole_seconds};
use serde::Serialize;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::{access, conditional, head};

/// How long links work: enough for a slow site, too short to be worth passing on.
const LINKS_VALID: Duration = Duration::from_secs(15 * 60);

/// What a site learns; docs of the fields are those of [`Head`].
#[derive(Debug, Serialize)]
struct Manifest {
    schema: u32,
    feed: FeedId,
    version: String,
    sequence: u64,
    as_of: jiff::Timestamp,
    complete: bool,
    count: u64,
    previous_count: Option<u64>,
    key_field: String,
    order: String,
    sha256: String,
    full: Full,
    delta: Option<Delta>,
    next_expected_at: Option<jiff::Timestamp>,
}

#[derive(Debug, Serialize)]
struct Full {
    url: String,
    bytes: u64,
    expires_at: jiff::Timestamp,
}

#[derive(Debug, Serialize)]
struct Delta {
    from: String,
    added: u64,
    removed: u64,
    url: String,
    sha256: String,
}

/// Pairs, so that a parameter that is unknown or there twice is no error: `since` only chooses
/// whether a delta comes along.
type Parameters = Query<Vec<(String, String)>>;

pub(crate) async fn live(
    State(state): State<ApiState>,
    Caller(client): Caller,
    path: Result<Path<String>, PathRejection>,
    Query(parameters): Parameters,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let feed: FeedId = path
        .ok()
        .and_then(|Path(feed)| feed.parse().ok())
        .ok_or(ApiError::NotFound)?;
    tracing::Span::current().record("feed", feed.as_str());
    access::check(&state, &client, &feed).await?;
    let head = head::read(&state, &feed).await?.ok_or(ApiError::NotReady)?;
    let etag = HeaderValue::from_str(&format!("\"{}\"", head.version))
        .map_err(|_| ApiError::unsound("the version does not fit a header"))?;
    let validators = [
        (header::ETAG, etag),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
        (header::VARY, HeaderValue::from_static("Authorization")),
    ];
    if conditional::is_held(&headers, &head.version) {
        return Ok((StatusCode::NOT_MODIFIED, validators).into_response());
    }
    let since = parameters
        .iter()
        .find_map(|(name, value)| (name == "since").then_some(value.as_str()));
    let delta = head::delta(&head, since).cloned();
    let manifest = manifest(&state, head, delta).await?;
    Ok((validators, Json(manifest)).into_response())
}

async fn manifest(
    state: &ApiState,
    head: Head,
    delta: Option<DeltaRef>,
) -> Result<Manifest, ApiError> {
    let full = state.links.link(&head.full.object, LINKS_VALID).await?;
    let delta = match delta {
        None => None,
        Some(delta) => Some(Delta {
            url: state
                .links
                .link(&delta.stored.object, LINKS_VALID)
                .await?
                .url,
            from: delta.from,
            added: delta.added,
            removed: delta.removed,
            sha256: delta.sha256,
        }),
    };
    Ok(Manifest {
        schema: head.schema,
        feed: head.feed,
        version: head.version,
        sequence: head.sequence,
        // Rounded down, both: the site then protects what came in that second, and a link never
        // dies before its time.
        as_of: whole_seconds(head.as_of),
        complete: head.complete,
        count: head.count,
        previous_count: head.previous_count,
        key_field: head.key_field,
        order: head.order,
        sha256: head.sha256,
        full: Full {
            url: full.url,
            bytes: head.full.bytes,
            expires_at: whole_seconds(full.expires_at),
        },
        delta,
        next_expected_at: head.next_expected_at.map(whole_seconds),
    })
}
