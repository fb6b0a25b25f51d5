//! Reading the registry from the store.

use futures::{StreamExt, TryStreamExt, stream};
use livelist_model::layout;
use livelist_model::registry::{
    Admins, Client, Finding, Mls, Providers, Registry, RegistryBuilder, parse_admins, parse_client,
    parse_mls,
};
use livelist_model::{ClientId, MlsId};

use crate::{Objects, ObjectsExt, StoreError};

/// Documents read at once: enough to hide latency, few enough for one Lambda.
const AT_ONCE: usize = 32;

/// Reads all documents. What is wrong with some of them is told beside the rest, so that one bad
/// document does not stop the others (F15).
pub async fn read_registry(
    objects: &dyn Objects,
    providers: &dyn Providers,
) -> Result<(Registry, Vec<Finding>), StoreError> {
    let mut builder = RegistryBuilder::new(providers);
    for prefix in [layout::MLS_PREFIX, layout::CLIENTS_PREFIX] {
        let listed = objects.list(prefix).await?;
        let documents: Vec<(String, Vec<u8>)> = stream::iter(listed)
            .filter(|l| futures::future::ready(l.key.ends_with(".json")))
            .map(|l| async move {
                let bytes = objects.read(&l.key).await?.map(|(bytes, _)| bytes);
                Ok::<_, StoreError>((l.key, bytes.unwrap_or_default()))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        for (key, bytes) in documents {
            let file = key.strip_prefix("registry/").unwrap_or(&key);
            if prefix == layout::MLS_PREFIX {
                builder.mls(file, &bytes);
            } else {
                builder.client(file, &bytes);
            }
        }
    }
    Ok(builder.finish())
}

/// A document that is missing or not sound.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is not there.
    #[error("there is no {0} in the registry")]
    Missing(String),
    /// It is wrong.
    #[error("{0}")]
    Invalid(Finding),
    /// It cannot be read now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) fn first(mut findings: Vec<Finding>) -> DocumentError {
    if findings.is_empty() {
        return DocumentError::Missing("sound document".to_owned());
    }
    DocumentError::Invalid(findings.swap_remove(0))
}

/// Reads the document of one MLS.
pub async fn read_mls(
    objects: &dyn Objects,
    mls: &MlsId,
    providers: &dyn Providers,
) -> Result<Mls, DocumentError> {
    let file = format!("mls/{mls}.json");
    match objects.read(&layout::mls(mls)).await? {
        Some((bytes, _)) => parse_mls(&file, &bytes, providers).map_err(first),
        None => Err(DocumentError::Missing(file)),
    }
}

/// Reads the document of the operators; none where there is no such document.
pub async fn read_admins(objects: &dyn Objects) -> Result<Admins, DocumentError> {
    match objects.read(layout::ADMINS).await? {
        Some((bytes, _)) => parse_admins(&bytes).map_err(first),
        None => Ok(Admins::default()),
    }
}

/// Reads the document of one client.
pub async fn read_client(
    objects: &dyn Objects,
    client: &ClientId,
) -> Result<Client, DocumentError> {
    let file = format!("clients/{client}.json");
    match objects.read(&layout::client(client)).await? {
        Some((bytes, _)) => parse_client(&file, &bytes).map_err(first),
        None => Err(DocumentError::Missing(file)),
    }
}
