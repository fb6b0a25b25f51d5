//! Stores `history.json`: how the last runs of a feed ended, for operators. No decision depends on it. If
//! the history cannot be read, a new one is started; if it cannot be written, a line is lost.

use livelist_model::FeedId;
use livelist_model::history::{History, Past};
use livelist_model::layout;
use livelist_model::record::RunRecord;
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError};

use crate::StepError;

/// How the last runs of a feed ended; empty if it cannot be parsed.
///
/// # Errors
/// The store is unavailable.
pub async fn read(objects: &dyn Objects, feed: &FeedId) -> Result<History, StoreError> {
    match objects.read_json::<History>(&layout::history(feed)).await {
        Ok(Some((history, _))) if history.schema == History::SCHEMA => Ok(history),
        Ok(_) | Err(StoreError::Corrupt { .. }) => Ok(History::new(feed.clone())),
        Err(error) => Err(error),
    }
}

/// Records how a run ended; a run that has not ended has no line yet.
///
/// # Errors
/// The store is unavailable.
pub async fn note(objects: &dyn Objects, record: &RunRecord) -> Result<(), StepError> {
    let Some(past) = Past::of(record) else {
        return Ok(());
    };
    let feed = &record.spec.feed.feed;
    let mut history = read(objects, feed).await?;
    if history.note(past) {
        objects
            .write_json(
                &layout::history(feed),
                &history,
                Condition::Always,
                Retention::Keep,
            )
            .await?;
    }
    Ok(())
}
