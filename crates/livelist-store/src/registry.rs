//! Reading the registry from the store.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use livelist_model::layout;
use livelist_model::registry::{
    Admins, Client, DestinationDocument, Finding, Mls, Providers, Registry, RegistryBuilder,
    Replication, parse_admins, parse_client, parse_destination, parse_mls, parse_replication,
};
use livelist_model::{ClientId, DestinationId, MlsId, ReplicationId};

use crate::{Objects, ObjectsExt, StoreError};

/// Documents read at once: enough to hide latency, few enough for one Lambda.
const AT_ONCE: usize = 32;

/// Where documents of MLSs and clients are.
const LISTS: &[&str] = &[layout::MLS_PREFIX, layout::CLIENTS_PREFIX];
/// The prefixes of documents for records.
const RECORDS: &[&str] = &[
    layout::MLS_PREFIX,
    layout::CLIENTS_PREFIX,
    layout::REPLICATIONS_PREFIX,
    layout::DESTINATIONS_PREFIX,
];
/// The prefixes of what syncs are planned by.
const SYNCS: &[&str] = &[
    layout::MLS_PREFIX,
    layout::REPLICATIONS_PREFIX,
    layout::DESTINATIONS_PREFIX,
];

/// A document's bytes, and its ETag.
type Document = (Vec<u8>, String);

/// The registry's documents, each with its ETag. To refresh them, it lists the registry, which is cheap,
/// and reads only what has changed.
#[derive(Debug)]
pub struct Documents {
    known: BTreeMap<String, Document>,
    prefixes: &'static [&'static str],
}

impl Default for Documents {
    /// Documents of MLSs and clients.
    fn default() -> Self {
        Documents {
            known: BTreeMap::new(),
            prefixes: LISTS,
        }
    }
}

impl Documents {
    /// Documents of MLSs, replications and destinations.
    pub fn of_syncs() -> Documents {
        Documents {
            known: BTreeMap::new(),
            prefixes: SYNCS,
        }
    }

    /// Updates the documents from a listing: reads changed ones, and drops deleted ones. Returns whether
    /// anything changed.
    ///
    /// # Errors
    /// The store is unavailable; the documents stay as they were.
    pub async fn refresh(&mut self, objects: &dyn Objects) -> Result<bool, StoreError> {
        let mut listed = Vec::new();
        for prefix in self.prefixes {
            listed.extend(objects.list(prefix).await?);
        }
        listed.retain(|entry| entry.key.ends_with(".json"));
        let mut changed = Vec::new();
        for entry in &listed {
            let known = self.known.get(&entry.key);
            if known.is_none_or(|(_, etag)| *etag != entry.etag) {
                changed.push(entry.key.clone());
            }
        }
        let read: Vec<(String, Option<Document>)> = stream::iter(changed)
            .map(|key| async move {
                let read = objects.read(&key).await?;
                Ok::<_, StoreError>((key, read))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let before = self.known.len();
        let names: BTreeSet<&str> = listed.iter().map(|entry| entry.key.as_str()).collect();
        self.known.retain(|key, _| names.contains(key.as_str()));
        let is_changed = !read.is_empty() || self.known.len() != before;
        for (key, read) in read {
            match read {
                Some(read) => self.known.insert(key, read),
                // Deleted after the listing.
                None => self.known.remove(&key),
            };
        }
        Ok(is_changed)
    }

    /// The registry of the valid documents, and the findings about the others, so that one bad document
    /// does not affect the rest (F15).
    pub fn registry(&self, providers: &dyn Providers) -> (Registry, Vec<Finding>) {
        let mut builder = RegistryBuilder::new(providers);
        for prefix in self.prefixes.iter().copied() {
            let of = self.known.iter().filter(|(key, _)| key.starts_with(prefix));
            for (key, (bytes, _)) in of {
                let file = key.strip_prefix("registry/").unwrap_or(key);
                match prefix {
                    layout::MLS_PREFIX => builder.mls(file, bytes),
                    layout::CLIENTS_PREFIX => builder.client(file, bytes),
                    layout::REPLICATIONS_PREFIX => builder.replication(file, bytes),
                    _ => builder.destination(file, bytes),
                }
            }
        }
        builder.finish()
    }
}

/// Reads all documents, once.
///
/// # Errors
/// The store cannot be used now.
pub async fn read_registry(
    objects: &dyn Objects,
    providers: &dyn Providers,
) -> Result<(Registry, Vec<Finding>), StoreError> {
    let mut documents = Documents::default();
    documents.refresh(objects).await?;
    Ok(documents.registry(providers))
}

/// Reads all documents, those of replications and destinations included, once.
///
/// # Errors
/// The store cannot be used now.
pub async fn read_registry_with_records(
    objects: &dyn Objects,
    providers: &dyn Providers,
) -> Result<(Registry, Vec<Finding>), StoreError> {
    let mut documents = Documents {
        prefixes: RECORDS,
        ..Documents::default()
    };
    documents.refresh(objects).await?;
    Ok(documents.registry(providers))
}

/// A document that is missing or invalid.
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

/// Reads the document of the operators; empty if there is none.
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

/// Reads the document of one replication.
///
/// # Errors
/// It is missing or invalid, or the store cannot be used now.
pub async fn read_replication(
    objects: &dyn Objects,
    replication: &ReplicationId,
) -> Result<Replication, DocumentError> {
    let file = format!("replications/{replication}.json");
    match objects.read(&layout::replication(replication)).await? {
        Some((bytes, _)) => parse_replication(&file, &bytes).map_err(first),
        None => Err(DocumentError::Missing(file)),
    }
}

/// Reads the document of one destination.
///
/// # Errors
/// It is missing or invalid, or the store cannot be used now.
pub async fn read_destination(
    objects: &dyn Objects,
    destination: &DestinationId,
) -> Result<DestinationDocument, DocumentError> {
    let file = format!("destinations/{destination}.json");
    match objects.read(&layout::destination(destination)).await? {
        Some((bytes, _)) => parse_destination(&file, &bytes).map_err(first),
        None => Err(DocumentError::Missing(file)),
    }
}

#[cfg(test)]
mod tests;
