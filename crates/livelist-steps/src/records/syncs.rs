//! Stores `syncs.json`: how the last passes of a replication ended, for operators. A file that cannot be read
//! begins anew.

use livelist_model::ReplicationId;
use livelist_model::layout;
use livelist_model::syncs::Syncs;
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError, change};

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

/// Reads the file, changes it, and writes it if nobody else has written it meanwhile; else the same again.
/// Several functions keep it: the sync its passes, and each copy how it stands.
///
/// # Errors
/// The store cannot be used now, or others write it all the time.
pub async fn update(
    objects: &dyn Objects,
    replication: &ReplicationId,
    change: impl Fn(&mut Syncs) + Send + Sync,
) -> Result<(), StoreError> {
    let key = layout::syncs(replication);
    let changed = change::change(objects, &key, Syncs::default, |syncs: &mut Syncs| {
        if syncs.schema != Syncs::SCHEMA {
            *syncs = Syncs::default();
        }
        change(syncs);
    });
    changed.await
}
