//! Keeps `history.json`: how the last runs of a feed ended, for operators. Nothing is decided by it,
//! so a history that cannot be read begins anew, and one that cannot be written costs a line.

use livelist_model::history::{History, Past};
use livelist_model::layout;
use livelist_model::record::RunRecord;
use livelist_model::run::RunSpec;
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError};

use crate::StepError;

/// Writes down how `run` ended, as its record says it.
///
/// # Errors
/// The store cannot be used now.
pub async fn note(objects: &dyn Objects, run: &RunSpec) -> Result<(), StepError> {
    let record = layout::run_record(&run.feed.feed, &run.run);
    let Some((record, _)) = objects.read_json::<RunRecord>(&record).await? else {
        return Ok(());
    };
    let Some(past) = Past::of(&record) else {
        return Ok(());
    };
    let key = layout::history(&run.feed.feed);
    let mut history = match objects.read_json::<History>(&key).await {
        Ok(Some((history, _))) if history.schema == History::SCHEMA => history,
        Ok(_) | Err(StoreError::Corrupt { .. }) => History::new(run.feed.feed.clone()),
        Err(error) => return Err(error.into()),
    };
    if history.note(past) {
        objects
            .write_json(&key, &history, Condition::Always, Retention::Keep)
            .await?;
    }
    Ok(())
}
