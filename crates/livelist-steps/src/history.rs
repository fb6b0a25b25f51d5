//! Keeps `history.json`: how the last runs of a feed ended, for operators. Nothing is decided by it,
//! so a history that cannot be read begins anew, and one that cannot be written costs a line.

use livelist_model::history::{History, Past};
use livelist_model::layout;
use livelist_model::record::RunRecord;
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError};

use crate::StepError;

/// Writes down how a run ended; one that goes on has no line yet.
///
/// # Errors
/// The store cannot be used now.
pub async fn note(objects: &dyn Objects, record: &RunRecord) -> Result<(), StepError> {
    let Some(past) = Past::of(record) else {
        return Ok(());
    };
    let feed = &record.spec.feed.feed;
    let key = layout::history(feed);
    let mut history = match objects.read_json::<History>(&key).await {
        Ok(Some((history, _))) if history.schema == History::SCHEMA => history,
        Ok(_) | Err(StoreError::Corrupt { .. }) => History::new(feed.clone()),
        Err(error) => return Err(error.into()),
    };
    if history.note(past) {
        objects
            .write_json(&key, &history, Condition::Always, Retention::Keep)
            .await?;
    }
    Ok(())
}
