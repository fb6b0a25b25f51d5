//! `GET /v1/feeds/{feed}/live`: the manifest of the feed's published list, with links to it. The list
//! itself is fetched by these links without credentials, because WordPress would pass its credentials on to
//! any redirect.

use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use livelist_model::FeedId;
use livelist_model::head::{DeltaRef, Head, whole_seconds};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Asked;
use crate::error::ApiError;
use crate::openapi::{QueryRefusals, Refusals};
use crate::state::ApiState;
use crate::{conditional, head};

/// How long links work: enough for a slow site, too short to be worth passing on.
const LINKS_VALID: Duration = Duration::from_secs(15 * 60);

/// A feed's published list, and where to fetch it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Manifest {
    /// The form of this document: 1.
    schema: u32,
    /// The feed.
    #[schema(value_type = String)]
    feed: FeedId,
    /// Names the list: when it was published, and its sequence.
    version: String,
    /// Counts the lists of the feed, from 1.
    sequence: u64,
    /// Which numbering of lists this is. Sequences of two epochs cannot be compared: a site takes another
    /// epoch only when a person says so. Empty where it is not known.
    epoch: String,
    /// The list holds every key that was live at this instant. A listing that came later may be
    /// missing.
    #[schema(value_type = String, format = DateTime)]
    as_of: jiff::Timestamp,
    /// When the last good look at the MLS began: how old the list is. Where a new listing can slip past
    /// a look, `as_of` is the look before.
    #[schema(value_type = String, format = DateTime)]
    checked_at: jiff::Timestamp,
    /// Always true: nothing incomplete is published.
    complete: bool,
    /// Keys in the list.
    count: u64,
    /// Keys in the list before it.
    previous_count: Option<u64>,
    /// The field of the MLS that the keys are values of.
    key_field: String,
    /// Always `bytewise`.
    order: String,
    /// SHA-256 of the uncompressed list, lower-case hex.
    sha256: String,
    /// The full list.
    full: Full,
    /// The newest delta; with `since` it comes only if it leads from there.
    delta: Option<Delta>,
    /// With `since`: the deltas that lead from there to this list, oldest first, each beginning where
    /// the one before it ends. Nothing without `since`, and where the history (30 lists) does not
    /// reach back to it: then the full list is the way.
    deltas: Option<Vec<Delta>>,
    /// When the next look at the MLS should be done.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_expected_at: Option<jiff::Timestamp>,
    /// Whether that is more than twelve hours ago. The list is complete all the same, as of `as_of`.
    stale: bool,
}

/// The full list, as gzip.
#[derive(Debug, Serialize, ToSchema)]
struct Full {
    /// Where to fetch it, without the site key and without following redirects.
    url: String,
    /// Its size as it is sent.
    bytes: u64,
    /// Until when all links of this document work.
    #[schema(value_type = String, format = DateTime)]
    expires_at: jiff::Timestamp,
}

/// What changed from one list to a later one, as gzip: lines `+key` and `-key`.
#[derive(Debug, Serialize, ToSchema)]
struct Delta {
    /// The version that it begins at.
    from: String,
    /// The version that it ends at.
    to: String,
    /// Keys that came.
    added: u64,
    /// Keys that went.
    removed: u64,
    /// Where to fetch it.
    url: String,
    /// Its size as it is sent.
    bytes: u64,
    /// SHA-256 of the uncompressed text, lower-case hex.
    sha256: String,
}

/// Pairs, so that a parameter that is unknown or there twice is no error: `since` only chooses
/// which deltas come along.
type Parameters = Query<Vec<(String, String)>>;

/// The published list of a feed
///
/// Where to fetch the list and its deltas, and what has to be true of them. 304 is answered from the
/// head alone. The `ETag` changes with the version, with the keys that are gone, and when a list becomes
/// stale.
#[utoipa::path(
    get,
    path = "/v1/feeds/{feed}/live",
    operation_id = "live",
    tag = "feeds",
    params(
        ("feed" = String, Path, description = "The feed's id"),
        ("since" = Option<String>, Query, description = "The version that the caller has: the deltas from there come along"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the answer before")
    ),
    responses(
        (status = 200, description = "The manifest", body = Manifest,
            headers(("ETag" = String, description = "For `If-None-Match`"))),
        (status = 304, description = "The caller has it already"),
        Refusals, QueryRefusals
    ),
    security(("site_key" = []))
)]
pub(crate) async fn live(
    State(state): State<ApiState>,
    asked: Asked,
    Query(parameters): Parameters,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let head = head::ready(&state, &asked.feed).await?;
    let stale = head.is_stale(state.clock.now());
    // The list stays the same when it becomes stale, what is to be known of it does not.
    let tag = match stale {
        false => head.tag(),
        true => format!("{}-stale", head.tag()),
    };
    let etag = HeaderValue::from_str(&format!("\"{tag}\""))
        .map_err(|_| ApiError::unsound("the version does not fit a header"))?;
    let validators = [
        (header::ETAG, etag),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
        (header::VARY, HeaderValue::from_static("Authorization")),
    ];
    if conditional::is_held(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, validators).into_response());
    }
    let since = parameters
        .iter()
        .find_map(|(name, value)| (name == "since").then_some(value.as_str()));
    let manifest = manifest(&state, head, since, stale).await?;
    Ok((validators, Json(manifest)).into_response())
}

async fn manifest(
    state: &ApiState,
    head: Head,
    since: Option<&str>,
    stale: bool,
) -> Result<Manifest, ApiError> {
    let full = state.links.link(&head.full.object, LINKS_VALID).await?;
    let delta = match head::delta(&head, since) {
        Some(delta) => Some(linked(state, delta).await?),
        None => None,
    };
    let chain = since.and_then(|since| head::chain(&head, |version| version == since));
    let deltas = match chain {
        Some(chain) => {
            let mut deltas = Vec::with_capacity(chain.len());
            for delta in chain {
                deltas.push(linked(state, delta).await?);
            }
            Some(deltas)
        }
        None => None,
    };
    let checked_at = whole_seconds(head.looked_at());
    Ok(Manifest {
        schema: head.schema,
        feed: head.feed,
        version: head.version,
        sequence: head.sequence,
        epoch: head.epoch,
        // Rounded down, both: the site then protects what came in that second, and a link never
        // dies before its time.
        as_of: whole_seconds(head.as_of),
        checked_at,
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
        deltas,
        next_expected_at: head.next_expected_at.map(whole_seconds),
        stale,
    })
}

async fn linked(state: &ApiState, delta: &DeltaRef) -> Result<Delta, ApiError> {
    let link = state.links.link(&delta.stored.object, LINKS_VALID).await?;
    Ok(Delta {
        from: delta.from.clone(),
        to: delta.to.clone(),
        added: delta.added,
        removed: delta.removed,
        url: link.url,
        bytes: delta.stored.bytes,
        sha256: delta.sha256.clone(),
    })
}
