//! Stores `syncs.json`: how the last passes of a replication ended, for operators. A file that cannot be read
//! begins anew.

use livelist_model::ReplicationId;
use livelist_model::layout;
use livelist_model::syncs::Syncs;
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError};

/// How the last passes ended; empty where that cannot be understood.
///
/// # Errors
/// The store cannot be used now.
pub async fn read(objects: &dyn Objects, replication: &ReplicationId) -> Result<Syncs, StoreError> {
    let key = layout::syncs(replication);
    match objects.read_json::<Syncs>(&key).await {
        Ok(Some((syncs, _))) if syncs.schema == Syncs::SCHEMA => Ok(syncs),
        Ok(_) | Err(StoreError::Corrupt { .. }) => Ok(Syncs::default()),
        Err(error) => Err(error),
    }
}

/// Writes it down.
///
/// # Errors
/// The store cannot be used now.
pub async fn write(
    objects: &dyn Objects,
    replication: &ReplicationId,
    syncs: &Syncs,
) -> Result<(), StoreError> {
    let key = layout::syncs(replication);
    let (always, keep) = (Condition::Always, Retention::Keep);
    objects.write_json(&key, syncs, always, keep).await?;
    Ok(())
}
