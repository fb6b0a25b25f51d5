//! The state of operators' alerts, and the document that says whom they are sent to.

use livelist_model::layout;
use livelist_model::notice::AlertState;
use livelist_model::registry::{AlertsDocument, parse_alerts};

use crate::registry::{DocumentError, first};
use crate::{Objects, ObjectsExt, StoreError, change};

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
    let known = change::known(objects, layout::ALERTS, AlertState::default);
    Ok(known.await?.0)
}

/// Changes the state of the alerts, unless `change` leaves it as it was. `change` is called again if another
/// process wrote meanwhile.
///
/// # Errors
/// The store cannot be used now, or other processes keep changing the state.
pub async fn update<T>(
    objects: &dyn Objects,
    change: impl FnMut(&mut AlertState) -> T,
) -> Result<T, StoreError> {
    change::change(objects, layout::ALERTS, AlertState::default, change).await
}
