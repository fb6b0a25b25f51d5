//! Which feeds a caller may read: those of the client's pairs that the key covers. A feed's id is computed
//! from its MLS, resource, credential and filter, so only the MLS documents are needed to know it.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use livelist_model::FeedId;
use livelist_model::registry::{AnyProvider, Pair};
use livelist_model::run::FeedSpec;
use livelist_store::registry::{DocumentError, read_mls};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::ApiState;

/// A feed of a client.
pub(crate) struct Granted {
    pub(crate) feed: FeedSpec,
    /// Neither the pair nor its MLS is switched off.
    pub(crate) enabled: bool,
}

/// The feed in the path, which the caller may ask for.
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    pub(crate) feed: FeedId,
}

impl FromRequestParts<ApiState> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let path = Path::<String>::from_request_parts(parts, state).await;
        let feed: FeedId = path
            .ok()
            .and_then(|Path(feed)| feed.parse().ok())
            .ok_or(ApiError::NotFound)?;
        check(state, &caller, &feed).await?;
        // Not earlier: unchecked text of a caller does not belong in the log.
        tracing::Span::current().record("feed", feed.as_str());
        Ok(Asked { caller, feed })
    }
}

/// The feed of `pair`; `None` if there is no such MLS.
pub(crate) async fn resolve(state: &ApiState, pair: &Pair) -> Result<Option<Granted>, ApiError> {
    match read_mls(&*state.objects, &pair.mls, &AnyProvider).await {
        Ok(mls) => Ok(Some(Granted {
            feed: FeedSpec::resolve(&mls, pair),
            enabled: pair.enabled && mls.enabled,
        })),
        Err(DocumentError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the caller may read `feed` now. Uses only the client's own documents: another client's feed and
/// one that does not exist take the same path and get the same answer.
async fn check(state: &ApiState, caller: &Caller, feed: &FeedId) -> Result<(), ApiError> {
    if !caller.key.opens(feed) {
        return Err(ApiError::Forbidden);
    }
    let pairs = caller.client.pairs.iter();
    for pair in pairs.filter(|pair| may_see(pair, feed)) {
        if let Some(granted) = resolve(state, pair).await?
            && granted.feed.feed == *feed
        {
            return granted.enabled.then_some(()).ok_or(ApiError::Forbidden);
        }
    }
    Err(ApiError::Forbidden)
}

/// Whether the id begins like those of this pair: saves reading the documents of all others.
fn may_see(pair: &Pair, feed: &FeedId) -> bool {
    let resource = pair.resource.as_str().to_ascii_lowercase();
    feed.as_str()
        .strip_prefix(pair.mls.as_str())
        .and_then(|rest| rest.strip_prefix('-')?.strip_prefix(&resource))
        .is_some_and(|rest| rest.starts_with('-'))
}
