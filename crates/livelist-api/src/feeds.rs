//! `GET /v1/feeds`: which feeds the caller has, and how each stands.

use axum::Json;
use axum::extract::State;
use futures::{StreamExt, TryStreamExt, stream};
use livelist_model::head::whole_seconds;
use livelist_model::registry::Pair;
use livelist_model::{FeedId, MlsId, ResourceName};
use serde::Serialize;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::{access, head};

/// Pairs looked at at once.
const AT_ONCE: usize = 16;

#[derive(Debug, Serialize)]
pub(crate) struct Feeds {
    feeds: Vec<Feed>,
}

#[derive(Debug, Serialize)]
struct Feed {
    feed: FeedId,
    mls: MlsId,
    resource: ResourceName,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    enabled: bool,
    version: Option<String>,
    count: Option<u64>,
    as_of: Option<jiff::Timestamp>,
}

pub(crate) async fn feeds(
    State(state): State<ApiState>,
    Caller(client): Caller,
) -> Result<Json<Feeds>, ApiError> {
    // Made before they are awaited: a future that borrows inside a stream's closure is not `Send`
    // enough for a handler.
    let looks: Vec<_> = client.pairs.iter().map(|pair| feed(&state, pair)).collect();
    let feeds: Vec<Option<Feed>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    let feeds = feeds.into_iter().flatten().collect();
    Ok(Json(Feeds { feeds }))
}

/// How the feed of one pair stands. What is not sound about one of them hides only that one (F15).
async fn feed(state: &ApiState, pair: &Pair) -> Result<Option<Feed>, ApiError> {
    let Some(granted) = isolated(access::resolve(state, pair).await)?.flatten() else {
        return Ok(None);
    };
    let spec = granted.feed;
    let head = isolated(head::read(state, &spec.feed).await)?.flatten();
    Ok(Some(Feed {
        feed: spec.feed,
        mls: spec.mls,
        resource: spec.resource,
        filter: spec.filter,
        enabled: granted.enabled,
        count: head.as_ref().map(|head| head.count),
        as_of: head.as_ref().map(|head| whole_seconds(head.as_of)),
        version: head.map(|head| head.version),
    }))
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
