//! The client of a key that does not name it: an index over all client documents, in memory. It is only a
//! hint, because `auth` reads the client's document each time. So its age does no harm; it is read again
//! only for a key that it does not have.

use std::sync::{Arc, PoisonError, RwLock};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use livelist_model::registry::parse_client;
use livelist_model::{ClientId, layout};
use livelist_store::{Clock, Objects, ObjectsExt, StoreError};
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use tokio::sync::Mutex;

use crate::bearer::{KeyHash, hashes};
use crate::error::ApiError;

/// A younger index is not read again, however many unknown keys are received.
const MIN_AGE: SignedDuration = SignedDuration::from_secs(5);
/// Documents read at once.
const AT_ONCE: usize = 32;

/// The newest index.
#[derive(Default)]
pub(crate) struct KeyIndex {
    latest: RwLock<Option<Arc<Index>>>,
    /// Held while an index is built: of many requests that miss one reads the documents.
    building: Mutex<()>,
}

/// The keys as they were at an instant.
pub(crate) struct Index {
    built_at: Timestamp,
    keys: Vec<(KeyHash, ClientId)>,
    /// Some documents could not be understood.
    partial: bool,
}

impl KeyIndex {
    /// The newest index; built if there is none.
    pub(crate) async fn latest(
        &self,
        objects: &dyn Objects,
        clock: &dyn Clock,
    ) -> Result<Arc<Index>, ApiError> {
        if let Some(index) = self.present() {
            return Ok(index);
        }
        let _building = self.building.lock().await;
        match self.present() {
            Some(index) => Ok(index),
            None => self.build(objects, clock).await,
        }
    }

    /// An index newer than `than`; nothing if that is as new as it gets for now.
    pub(crate) async fn newer(
        &self,
        objects: &dyn Objects,
        clock: &dyn Clock,
        than: &Arc<Index>,
    ) -> Result<Option<Arc<Index>>, ApiError> {
        let _building = self.building.lock().await;
        if let Some(index) = self.present()
            && !Arc::ptr_eq(&index, than)
        {
            return Ok(Some(index));
        }
        let age = clock.now().duration_since(than.built_at);
        // A negative age: the clock was set back.
        if (SignedDuration::ZERO..MIN_AGE).contains(&age) {
            return Ok(None);
        }
        self.build(objects, clock).await.map(Some)
    }

    fn present(&self) -> Option<Arc<Index>> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        latest.clone()
    }

    async fn build(
        &self,
        objects: &dyn Objects,
        clock: &dyn Clock,
    ) -> Result<Arc<Index>, ApiError> {
        let index = Arc::new(Index::read(objects, clock).await?);
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        *latest = Some(index.clone());
        Ok(index)
    }
}

impl Index {
    async fn read(objects: &dyn Objects, clock: &dyn Clock) -> Result<Index, StoreError> {
        let listed = objects.list(layout::CLIENTS_PREFIX).await?;
        let documents: Vec<(String, Option<Vec<u8>>)> = stream::iter(listed)
            .filter(|l| futures::future::ready(l.key.ends_with(".json")))
            .map(|l| async move {
                match objects.read(&l.key).await {
                    Ok(found) => Ok((l.key, found.map(|(bytes, _)| bytes))),
                    // One absurd document is not a reason to know no key at all (F15).
                    Err(StoreError::Corrupt { .. }) => Ok((l.key, Some(Vec::new()))),
                    Err(error) => Err(error),
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut keys = Vec::new();
        let mut partial = false;
        for (key, bytes) in documents {
            // Removed between the listing and the reading.
            let Some(bytes) = bytes else { continue };
            match parse_client(key.trim_start_matches("registry/"), &bytes) {
                Ok(client) => {
                    keys.extend(hashes(&client).map(|hash| (hash, client.client.clone())));
                }
                Err(findings) => {
                    partial = true;
                    for finding in findings {
                        tracing::warn!("a client's keys are not known: {finding}");
                    }
                }
            }
        }
        keys.sort();
        keys.dedup();
        Ok(Index {
            // After reading, which may be slow: the interval protects the store.
            built_at: clock.now(),
            keys,
            partial,
        })
    }

    /// A client in place of `unknown`, which is none: always the same one for the same name, as long as
    /// the clients stay.
    pub(crate) fn decoy(&self, unknown: &ClientId) -> Option<&ClientId> {
        let digest = Sha256::digest(unknown.as_str().as_bytes());
        let number = digest
            .first_chunk()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let many = u64::try_from(self.keys.len()).ok()?;
        let at = number.checked_rem(many)?;
        let (_, client) = self.keys.get(usize::try_from(at).ok()?)?;
        Some(client)
    }

    /// Whether some documents, and so perhaps some keys, are not in it.
    pub(crate) fn is_partial(&self) -> bool {
        self.partial
    }

    /// The client that may have this key. Compares all keys of all clients, so that the time does not
    /// reveal the owner. A key that two clients share belongs to neither, because it is ambiguous which
    /// feeds it may read.
    pub(crate) fn find(&self, hash: &KeyHash) -> Option<&ClientId> {
        let (mut at, mut found) = (0u64, 0u64);
        for (i, (known, _)) in (0u64..).zip(&self.keys) {
            let same = known.ct_eq(hash);
            at.conditional_assign(&i, same);
            found += u64::from(same.unwrap_u8());
        }
        let (_, client) = self.keys.get(usize::try_from(at).ok()?)?;
        match found {
            0 => None,
            1 => Some(client),
            _ => {
                tracing::warn!(%client, "several clients share one site key: it is refused");
                None
            }
        }
    }
}
