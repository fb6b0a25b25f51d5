//! The state of operators' alerts, and the document that says whom they are sent to.

use livelist_model::layout;
use livelist_model::notice::AlertState;
use livelist_model::registry::{AlertsDocument, parse_alerts};

use crate::registry::{DocumentError, first};
use crate::{Condition, Objects, ObjectsExt, Retention, StoreError};

/// Attempts to write the state that others write at the same time.
const WRITES: u32 = 16;

/// Reads whom alerts are sent to; nobody if there is no document.
///
/// # Errors
/// The document is wrong, or the store cannot be used now.
pub async fn read_alerts(objects: &dyn Objects) -> Result<AlertsDocument, DocumentError> {
    match objects.read(layout::ALERTS_DOCUMENT).await? {
        Some((bytes, _)) => parse_alerts(&bytes).map_err(first),
        None => Ok(AlertsDocument::default()),
    }
}

/// The state of the alerts. One that cannot be read counts as none: then what lasts is told once more.
///
/// # Errors
/// The store cannot be used now.
pub async fn state(objects: &dyn Objects) -> Result<AlertState, StoreError> {
    Ok(read(objects).await?.0)
}

/// Changes the state of the alerts, unless `change` leaves it as it was. `change` is called again if another
/// process wrote meanwhile.
///
/// # Errors
/// The store cannot be used now, or other processes keep changing the state.
pub async fn update<T>(
    objects: &dyn Objects,
    mut change: impl FnMut(&mut AlertState) -> T,
) -> Result<T, StoreError> {
    for _ in 0..WRITES {
        let (before, condition) = read(objects).await?;
        let mut state = before.clone();
        let said = change(&mut state);
        if state == before {
            return Ok(said);
        }
        let key = layout::ALERTS;
        match objects
            .write_json(key, &state, condition, Retention::Keep)
            .await
        {
            Err(StoreError::ConditionFailed { .. }) => {}
            Ok(_) => return Ok(said),
            Err(error) => return Err(error),
        }
    }
    let key = layout::ALERTS.to_owned();
    Err(StoreError::ConditionFailed { key })
}

async fn read(objects: &dyn Objects) -> Result<(AlertState, Condition), StoreError> {
    let Some((bytes, etag)) = objects.read(layout::ALERTS).await? else {
        return Ok((AlertState::default(), Condition::Absent));
    };
    let known = serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        tracing::error!(%error, "the state of the alerts cannot be read");
        AlertState::default()
    });
    Ok((known, Condition::Unchanged(etag)))
}
