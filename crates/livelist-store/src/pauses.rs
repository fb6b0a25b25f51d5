//! Reads and writes the operators' pauses.

use livelist_model::layout;
use livelist_model::pause::{Pause, Pauses};
use livelist_model::registry::{Finding, Providers, Registry};
use livelist_model::{ClientId, MlsId};

use crate::registry::{read_registry, read_registry_with_records};
use crate::{Condition, Objects, ObjectsExt, Retention, StoreError};

/// What may be paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paused {
    /// An MLS: no feed of it is read.
    Mls(MlsId),
    /// A client: its pairs start no runs.
    Client(ClientId),
}

impl Paused {
    fn key(&self) -> String {
        match self {
            Paused::Mls(mls) => layout::paused_mls(mls),
            Paused::Client(client) => layout::paused_client(client),
        }
    }
}

/// The registry with everything that is paused disabled.
///
/// # Errors
/// The store is unavailable.
pub async fn read_unpaused(
    objects: &dyn Objects,
    providers: &dyn Providers,
) -> Result<(Registry, Vec<Finding>), StoreError> {
    let (mut registry, findings) = read_registry(objects, providers).await?;
    read_pauses(objects).await?.apply(&mut registry);
    Ok((registry, findings))
}

/// The same, with the documents of replications and destinations.
///
/// # Errors
/// The store cannot be used now.
pub async fn read_unpaused_with_records(
    objects: &dyn Objects,
    providers: &dyn Providers,
) -> Result<(Registry, Vec<Finding>), StoreError> {
    let (mut registry, findings) = read_registry_with_records(objects, providers).await?;
    read_pauses(objects).await?.apply(&mut registry);
    Ok((registry, findings))
}

/// Everything that is paused.
///
/// # Errors
/// The store cannot be used now. A note that is damaged still pauses what it is named after.
pub async fn read_pauses(objects: &dyn Objects) -> Result<Pauses, StoreError> {
    let mut pauses = Pauses::default();
    for listed in objects.list(layout::PAUSED_PREFIX).await? {
        let Some(name) = listed
            .key
            .strip_prefix(layout::PAUSED_PREFIX)
            .and_then(|name| name.strip_suffix(".json"))
        else {
            continue;
        };
        let Some((kind, name)) = name.split_once('/') else {
            continue;
        };
        let pause = match objects.read_json::<Pause>(&listed.key).await {
            Ok(Some((pause, _))) => pause,
            Ok(None) => continue,
            Err(StoreError::Corrupt { reason, .. }) => Pause {
                schema: Pause::SCHEMA,
                at: jiff::Timestamp::UNIX_EPOCH,
                reason: Some(format!("its note cannot be read: {reason}")),
                by: "unknown".to_owned(),
            },
            Err(error) => return Err(error),
        };
        if kind == "mls"
            && let Ok(mls) = name.parse()
        {
            pauses.mls.insert(mls, pause);
        } else if kind == "clients"
            && let Ok(client) = name.parse()
        {
            pauses.clients.insert(client, pause);
        }
    }
    Ok(pauses)
}

/// Whether an operator paused the MLS.
///
/// # Errors
/// The store cannot be used now.
pub async fn is_mls_paused(objects: &dyn Objects, mls: &MlsId) -> Result<bool, StoreError> {
    Ok(objects.get(&layout::paused_mls(mls)).await?.is_some())
}

/// Pauses it; one that is paused already keeps its note. Says whether that is new.
///
/// # Errors
/// The store cannot be used now.
pub async fn pause(
    objects: &dyn Objects,
    what: &Paused,
    pause: &Pause,
) -> Result<bool, StoreError> {
    let key = what.key();
    match objects
        .write_json(&key, pause, Condition::Absent, Retention::Keep)
        .await
    {
        Ok(_) => Ok(true),
        Err(StoreError::ConditionFailed { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Ends a pause. Returns whether it was paused.
///
/// # Errors
/// The store is unavailable.
pub async fn resume(objects: &dyn Objects, what: &Paused) -> Result<bool, StoreError> {
    let key = what.key();
    let was = objects.get(&key).await?.is_some();
    objects.delete(&key, Condition::Always).await?;
    Ok(was)
}
