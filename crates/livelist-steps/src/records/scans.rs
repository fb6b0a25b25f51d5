//! Feeds that are scanned for a replication alone: no client's pair has them.

use livelist_log::Log;
use livelist_model::ReplicationId;
use livelist_model::run::FeedSpec;
use livelist_store::Objects;

use super::RecordsError;

/// The feed with the key that the replication's records have; nothing where that is not known yet. The
/// registry names the key of `Property`, the provider's metadata those of other resources: it is in the log
/// after the first pass.
///
/// # Errors
/// The log cannot be read.
pub async fn keyed(
    objects: &dyn Objects,
    replication: &ReplicationId,
    mut feed: FeedSpec,
) -> Result<Option<FeedSpec>, RecordsError> {
    if feed.resource.as_str() == "Property" {
        return Ok(Some(feed));
    }
    let log = Log::open(objects, replication, "", jiff::Timestamp::UNIX_EPOCH).await?;
    let schema = log.schema(feed.resource.as_str()).await?;
    let Some(key) = schema.and_then(|schema| schema.key.into_iter().next()) else {
        return Ok(None);
    };
    feed.key_field = key;
    Ok(Some(feed))
}
