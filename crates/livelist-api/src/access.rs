//! Which feeds a client may ask for: those of its pairs. A feed's id is made of its MLS, resource,
//! credential and filter, so the MLS documents are needed to know it, and nothing else.

use livelist_model::FeedId;
use livelist_model::registry::{AnyProvider, Client, Pair};
use livelist_model::run::FeedSpec;
use livelist_store::registry::{DocumentError, read_mls};

use crate::error::ApiError;
use crate::state::ApiState;

/// A feed of a client.
pub(crate) struct Granted {
    pub(crate) feed: FeedSpec,
    /// Neither the pair nor its MLS is switched off.
    pub(crate) enabled: bool,
}

/// The feed that `pair` sees; nothing if there is no such MLS.
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

/// Whether `client` may ask for `feed` now. Looks at nothing but what belongs to the client: a feed
/// of others and one that does not exist take the same way and get the same answer.
pub(crate) async fn check(
    state: &ApiState,
    client: &Client,
    feed: &FeedId,
) -> Result<(), ApiError> {
    for pair in client.pairs.iter().filter(|pair| may_see(pair, feed)) {
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
