//! The port that gives one run at a time a credential: tokens and quotas are per credential, and
//! with several providers a new token invalidates the old one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::layout;
use livelist_model::registry::CredentialRef;
use serde::{Deserialize, Serialize};

use crate::{Clock, Condition, Objects, ObjectsExt, Retention, StoreError};

/// Who holds a credential, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The owner: a run's execution.
    pub owner: String,
    /// When another may take it.
    pub expires_at: jiff::Timestamp,
}

/// What became of asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseState {
    /// It is the caller's.
    Held,
    /// Another has it.
    Busy(Lease),
}

/// Leases on credentials.
///
/// At most one owner holds a credential at a time, as far as clocks agree; that the head stays
/// sound when they do not is the conditional write's business. Asking again as the owner renews.
/// A lease that expired, or whose owner is known to be dead, can be taken by anyone.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes or renews the lease on `credential` for `owner`.
    async fn acquire(
        &self,
        credential: &CredentialRef,
        owner: &str,
        ttl: Duration,
    ) -> Result<LeaseState, StoreError>;

    /// Gives it back; no error if it is not the owner's (any more).
    async fn release(&self, credential: &CredentialRef, owner: &str) -> Result<(), StoreError>;
}

/// Leases as objects: conditional create, expiry, conditional steal.
pub struct ObjectLeases {
    objects: Arc<dyn Objects>,
    clock: Arc<dyn Clock>,
}

impl ObjectLeases {
    /// Leases under `leases/` of `objects`.
    pub fn new(objects: Arc<dyn Objects>, clock: Arc<dyn Clock>) -> Self {
        ObjectLeases { objects, clock }
    }

    async fn present(&self, key: &str) -> Result<Option<(Lease, String)>, StoreError> {
        match self.objects.read_json::<Lease>(key).await {
            // A lease that cannot be read protects nobody: whoever asks next replaces it.
            Err(StoreError::Corrupt { .. }) => {
                let etag = self.objects.read(key).await?.map(|(_, etag)| etag);
                Ok(etag.map(|etag| {
                    let lease = Lease {
                        owner: String::new(),
                        expires_at: jiff::Timestamp::UNIX_EPOCH,
                    };
                    (lease, etag)
                }))
            }
            other => other,
        }
    }
}

/// Lost races are tried again so often; each loss means that another has just won.
const RACES: usize = 8;

#[async_trait]
impl Leases for ObjectLeases {
    async fn acquire(
        &self,
        credential: &CredentialRef,
        owner: &str,
        ttl: Duration,
    ) -> Result<LeaseState, StoreError> {
        if is_off(Guard::Lease) {
            return Ok(LeaseState::Held);
        }
        let key = layout::lease(credential);
        let mut busy = None;
        for _ in 0..RACES {
            let now = self.clock.now();
            let condition = match self.present(&key).await? {
                None => Condition::Absent,
                Some((lease, etag)) if lease.owner == owner || lease.expires_at <= now => {
                    Condition::Unchanged(etag)
                }
                Some((lease, _)) => return Ok(LeaseState::Busy(lease)),
            };
            let lease = Lease {
                owner: owner.to_owned(),
                expires_at: now.saturating_add(ttl).unwrap_or(now),
            };
            match self
                .objects
                .write_json(&key, &lease, condition, Retention::Keep)
                .await
            {
                Ok(_) => return Ok(LeaseState::Held),
                Err(StoreError::ConditionFailed { .. }) => busy = Some(lease),
                Err(other) => return Err(other),
            }
        }
        Err(StoreError::unavailable(
            key,
            format!(
                "{RACES} races for it were lost{}",
                busy.map_or("", |_| " in a row")
            ),
        ))
    }

    async fn release(&self, credential: &CredentialRef, owner: &str) -> Result<(), StoreError> {
        let key = layout::lease(credential);
        let Some((lease, etag)) = self.present(&key).await? else {
            return Ok(());
        };
        if lease.owner != owner {
            return Ok(());
        }
        match self.objects.delete(&key, Condition::Unchanged(etag)).await {
            Ok(()) | Err(StoreError::ConditionFailed { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }
}
