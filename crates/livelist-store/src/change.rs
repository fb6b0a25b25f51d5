//! Changes documents that several writers keep, by compare-and-swap. They are for operators: one that cannot be read
//! stops nobody, and begins anew.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Condition, Objects, ObjectsExt, Retention, StoreError};

/// Attempts to write a document that others write at the same time.
const WRITES: u32 = 16;

/// The document, and the condition for replacing it. `anew` makes the one that counts where none can be read.
///
/// # Errors
/// The store cannot be used now.
pub async fn known<T: DeserializeOwned>(
    objects: &dyn Objects,
    key: &str,
    anew: impl FnOnce() -> T,
) -> Result<(T, Condition), StoreError> {
    let Some((bytes, etag)) = objects.read(key).await? else {
        return Ok((anew(), Condition::Absent));
    };
    let known = serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        tracing::error!(object = key, %error, "a document cannot be read and begins anew");
        anew()
    });
    Ok((known, Condition::Unchanged(etag)))
}

/// Changes the document, unless `change` leaves it as it was. `change` is called again if another writer was faster.
///
/// # Errors
/// The store cannot be used now, or other writers keep changing the document.
pub async fn change<T, R>(
    objects: &dyn Objects,
    key: &str,
    anew: impl Fn() -> T,
    mut change: impl FnMut(&mut T) -> R,
) -> Result<R, StoreError>
where
    T: DeserializeOwned + Serialize + Clone + PartialEq + Sync,
{
    for _ in 0..WRITES {
        let (before, condition) = known(objects, key, &anew).await?;
        let mut after = before.clone();
        let said = change(&mut after);
        if after == before {
            return Ok(said);
        }
        let written = objects.write_json(key, &after, condition, Retention::Keep);
        match written.await {
            Err(StoreError::ConditionFailed { .. }) => {}
            Ok(_) => return Ok(said),
            Err(error) => return Err(error),
        }
    }
    let key = key.to_owned();
    Err(StoreError::ConditionFailed { key })
}
