//! `GET /v1/feeds`: the caller's feeds, and their state.

use axum::Json;
use axum::extract::State;
use futures::{StreamExt, TryStreamExt, stream};
use livelist_model::decision::HeldReason;
use livelist_model::head::{Head, Held, whole_seconds};
use livelist_model::registry::{ApiKey, Pair};
use livelist_model::{FeedId, MlsId, ResourceName, layout};
use livelist_store::ObjectsExt;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::{ApiError, Problem};
use crate::state::ApiState;
use crate::{access, head};

/// Pairs looked at at once.
const AT_ONCE: usize = 16;

/// The caller's feeds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Feeds {
    feeds: Vec<Feed>,
}

/// One feed, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
struct Feed {
    /// The feed's id.
    #[schema(value_type = String)]
    feed: FeedId,
    /// The MLS.
    #[schema(value_type = String)]
    mls: MlsId,
    /// The RESO resource.
    #[schema(value_type = String)]
    resource: ResourceName,
    /// The OData filter; nothing where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// Whether it can be asked for: neither the pair nor the MLS is suspended.
    enabled: bool,
    /// The published list; nothing before the first.
    version: Option<String>,
    /// Which numbering of lists it belongs to; empty where that is not known.
    epoch: Option<String>,
    /// The field of the MLS that its keys are values of.
    key_field: Option<String>,
    /// Keys in it.
    count: Option<u64>,
    /// The list holds every key that was live at this instant.
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<jiff::Timestamp>,
    /// Whether the next look at the MLS is overdue by more than twelve hours.
    stale: bool,
    /// Why a newer result waits for a second look or a person; nothing where none does.
    #[schema(value_type = Option<String>, example = "mass_removal")]
    held: Option<&'static str>,
}

/// The caller's feeds
///
/// Those of the client that the site key opens, and how each stands.
#[utoipa::path(
    get,
    path = "/v1/feeds",
    operation_id = "feeds",
    tag = "feeds",
    responses(
        (status = 200, description = "The feeds", body = Feeds),
        (status = 401, description = "`unauthorized`: the site key is missing or not valid", body = Problem),
        (status = 429, description = "`too_many_requests`: wait as `Retry-After` says", body = Problem),
        (status = 503, description = "`unavailable`: ask again as `Retry-After` says", body = Problem)
    ),
    security(("site_key" = []))
)]
pub(crate) async fn feeds(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Feeds>, ApiError> {
    // Made before they are awaited: a future that borrows inside a stream's closure is not `Send`
    // enough for a handler.
    let pairs = caller.client.pairs.iter();
    let looks: Vec<_> = pairs.map(|pair| feed(&state, &caller.key, pair)).collect();
    let feeds: Vec<Option<Feed>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    let feeds = feeds.into_iter().flatten().collect();
    Ok(Json(Feeds { feeds }))
}

/// How the feed of one pair stands. What is not sound about one of them hides only that one (F15).
async fn feed(state: &ApiState, key: &ApiKey, pair: &Pair) -> Result<Option<Feed>, ApiError> {
    let Some(granted) = isolated(access::resolve(state, pair).await)?.flatten() else {
        return Ok(None);
    };
    let spec = granted.feed;
    if !key.opens(&spec.feed) {
        return Ok(None);
    }
    let head = isolated(head::read(state, &spec.feed).await)?.flatten();
    let held = isolated(held(state, &spec.feed, head.as_ref()).await)?.flatten();
    Ok(Some(Feed {
        feed: spec.feed,
        mls: spec.mls,
        resource: spec.resource,
        filter: spec.filter,
        enabled: granted.enabled,
        epoch: head.as_ref().map(|head| head.epoch.clone()),
        key_field: head.as_ref().map(|head| head.key_field.clone()),
        count: head.as_ref().map(|head| head.count),
        as_of: head.as_ref().map(|head| whole_seconds(head.as_of)),
        stale: head
            .as_ref()
            .is_some_and(|head| head.is_stale(state.clock.now())),
        held: held.map(HeldReason::as_str),
        version: head.map(|head| head.version),
    }))
}

/// Why a result waits that was compared with this head.
async fn held(
    state: &ApiState,
    feed: &FeedId,
    head: Option<&Head>,
) -> Result<Option<HeldReason>, ApiError> {
    let held = state.objects.read_json::<Held>(&layout::held(feed)).await?;
    let version = head.map(|head| &head.version);
    Ok(held
        .filter(|(held, _)| held.head_version.as_ref() == version)
        .map(|(held, _)| held.reason))
}

fn isolated<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error @ ApiError::Unsound(_)) => {
            tracing::error!("left out: {}", error.causes());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
