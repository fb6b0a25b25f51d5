//! The port for leases, which give a credential to one run at a time. Tokens and quotas belong to a
//! credential, and at several providers a new token invalidates the old one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::registry::CredentialRef;
use livelist_model::{RunId, instant, layout};
use serde::{Deserialize, Serialize};

use crate::{Clock, Condition, Objects, ObjectsExt, Retention, StoreError};

/// Who holds a credential, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The owner: a run's execution.
    pub owner: String,
    /// When another may take it.
    pub expires_at: jiff::Timestamp,
    /// When it was taken or renewed; older ones do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed_at: Option<jiff::Timestamp>,
}

/// The result of asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseState {
    /// It is the caller's.
    Held,
    /// Another has it.
    Busy(Lease),
}

/// Leases on credentials.
///
/// At most one owner holds a credential at a time, provided that the clocks agree. If they do not, the
/// compare-and-swap of the head still protects the list. The owner renews its lease by acquiring it again.
/// A lease that expired, whose owner is known to be dead, or that was written by a clock far ahead can be
/// taken by anyone.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes or renews the lease on `credential` for `owner`. It lasts `ttl` from now on, give or
    /// take two minutes, and no more than a tenth of it.
    async fn acquire(
        &self,
        credential: &CredentialRef,
        owner: &str,
        ttl: Duration,
    ) -> Result<LeaseState, StoreError>;

    /// Takes the credential from `run` without giving it to anybody: its executions cannot renew the lease, which
    /// ends when it would have ended, or when one of them gives it back as [`cancelled`]. Returns whether the
    /// run had it. Where the process of the run looks at the run's record itself, there is nothing to do.
    async fn cancel(&self, credential: &CredentialRef, run: &RunId) -> Result<bool, StoreError> {
        let _ = (credential, run);
        Ok(false)
    }

    /// Gives it back, also one that [`cancel`](Leases::cancel) took from the owner; no error if it is not the
    /// owner's (any more).
    async fn release(&self, credential: &CredentialRef, owner: &str) -> Result<(), StoreError>;
}

/// The owner of a lease that was taken from `owner` because the run was cancelled.
pub fn cancelled(owner: &str) -> String {
    format!("cancelled:{owner}")
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
            // A lease that cannot be read does not count: the next caller replaces it.
            Err(StoreError::Corrupt { .. }) => {
                let etag = self.objects.read(key).await?.map(|(_, etag)| etag);
                Ok(etag.map(|etag| {
                    let never = jiff::Timestamp::UNIX_EPOCH;
                    (Lease::new("", never, Duration::ZERO), etag)
                }))
            }
            other => other,
        }
    }
}

/// A lease whose end is this close to the requested one is not rewritten: the steps of a small feed follow
/// each other within seconds, and each would write it once or twice.
const NEAR: Duration = Duration::from_secs(120);

/// No lease lasts longer than this.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

impl Lease {
    /// A lease that `owner` takes or renews now.
    pub(crate) fn new(owner: &str, now: jiff::Timestamp, ttl: Duration) -> Lease {
        Lease {
            owner: owner.to_owned(),
            expires_at: now.saturating_add(ttl.min(LONGEST)).unwrap_or(now),
            renewed_at: Some(now),
        }
    }

    /// Whether another owner may take it: it has expired, or was written with a clock far ahead, by which
    /// it would last until that time.
    pub(crate) fn is_over(&self, now: jiff::Timestamp) -> bool {
        let longest = self.expires_at.saturating_sub(LONGEST).unwrap_or(now);
        let begun = self.renewed_at.unwrap_or(longest).max(longest);
        self.expires_at <= now || instant::is_future(begun, now)
    }

    /// Whether `owner` has it, and will have it for about `ttl`.
    fn is_as_good(&self, owner: &str, now: jiff::Timestamp, ttl: Duration) -> bool {
        let until = now.saturating_add(ttl).unwrap_or(now);
        let off = self.expires_at.duration_since(until).unsigned_abs();
        self.owner == owner && off <= NEAR.min(ttl / 10)
    }
}

/// A lost compare-and-swap is retried this often; each loss means that another owner has just won.
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
                Some((lease, _)) if lease.is_as_good(owner, now, ttl) => {
                    return Ok(LeaseState::Held);
                }
                Some((lease, etag)) if lease.owner == owner || lease.is_over(now) => {
                    Condition::Unchanged(etag)
                }
                Some((lease, _)) => return Ok(LeaseState::Busy(lease)),
            };
            let lease = Lease::new(owner, now, ttl);
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

    async fn cancel(&self, credential: &CredentialRef, run: &RunId) -> Result<bool, StoreError> {
        let key = layout::lease(credential);
        for _ in 0..RACES {
            let Some((lease, etag)) = self.present(&key).await? else {
                return Ok(false);
            };
            if RunId::of_execution(&lease.owner).as_ref() != Some(run) {
                return Ok(false);
            }
            let lease = Lease {
                owner: cancelled(&lease.owner),
                ..lease
            };
            let condition = Condition::Unchanged(etag);
            match self
                .objects
                .write_json(&key, &lease, condition, Retention::Keep)
                .await
            {
                Ok(_) => return Ok(true),
                // It was renewed meanwhile.
                Err(StoreError::ConditionFailed { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Err(StoreError::unavailable(
            key,
            format!("{RACES} races for it were lost"),
        ))
    }

    async fn release(&self, credential: &CredentialRef, owner: &str) -> Result<(), StoreError> {
        let key = layout::lease(credential);
        let Some((lease, etag)) = self.present(&key).await? else {
            return Ok(());
        };
        // A lease that was taken from the owner by a cancel is his to give back, too.
        if lease.owner != owner && lease.owner != cancelled(owner) {
            return Ok(());
        }
        match self.objects.delete(&key, Condition::Unchanged(etag)).await {
            Ok(()) | Err(StoreError::ConditionFailed { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{ManualClock, MemoryObjects};

    const TTL: Duration = Duration::from_secs(1_200);

    #[tokio::test]
    async fn a_lease_is_written_only_when_it_would_end_at_another_time() {
        let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
        let objects = Arc::new(MemoryObjects::new());
        let leases = ObjectLeases::new(objects.clone(), clock.clone());
        let credential: CredentialRef = "ssm:/livelist/mls/abor".parse().unwrap();
        // Renews it, and returns its end in seconds from now.
        let renew = async |ttl| {
            let asked = leases.acquire(&credential, "one", ttl).await.unwrap();
            assert_eq!(asked, LeaseState::Held);
            let key = layout::lease(&credential);
            let lease = objects.read_json::<Lease>(&key).await.unwrap().unwrap().0;
            lease.expires_at.duration_since(clock.now()).as_secs()
        };
        assert_eq!(renew(TTL).await, 1_200);
        clock.advance(Duration::from_secs(120));
        assert_eq!(renew(TTL).await, 1_080, "good enough");
        clock.advance(Duration::from_secs(1));
        assert_eq!(renew(TTL).await, 1_200, "renewed");
        assert_eq!(renew(TTL * 2).await, 2_400, "to outlast a wait");
        assert_eq!(renew(TTL).await, 1_200, "not longer than asked for");
        clock.advance(Duration::from_secs(1_201));
        assert_eq!(renew(TTL).await, 1_200, "expired and not taken");
        let short = Duration::from_secs(60);
        assert_eq!(renew(short).await, 60);
        clock.advance(Duration::from_secs(7));
        assert_eq!(renew(short).await, 60, "a tenth of it is too much");
    }

    /// R16: a lease written with a clock far ahead blocks nobody until that time.
    #[tokio::test]
    async fn a_lease_from_the_future_can_be_taken() {
        let now: jiff::Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(now));
        let objects = Arc::new(MemoryObjects::new());
        let leases = ObjectLeases::new(objects.clone(), clock.clone());
        let credential: CredentialRef = "ssm:/livelist/mls/abor".parse().unwrap();
        let is_free = async |ahead: Duration| {
            clock.set(now + ahead);
            leases.acquire(&credential, "one", TTL).await.unwrap();
            clock.set(now);
            let asked = leases.acquire(&credential, "two", TTL).await.unwrap();
            leases.release(&credential, "one").await.unwrap();
            leases.release(&credential, "two").await.unwrap();
            asked == LeaseState::Held
        };
        let minute = Duration::from_secs(60);
        assert!(!is_free(Duration::ZERO).await);
        assert!(!is_free(5 * minute).await, "clocks differ");
        assert!(is_free(6 * minute).await);
        assert!(is_free(minute * 60 * 24 * 3_650).await);
    }

    /// One that is written now and is to last for years was made of a wait until then.
    #[tokio::test]
    async fn no_lease_lasts_for_years() {
        let now: jiff::Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(now));
        let leases = ObjectLeases::new(Arc::new(MemoryObjects::new()), clock.clone());
        let credential: CredentialRef = "ssm:/livelist/mls/abor".parse().unwrap();
        let years = Duration::from_secs(3_650 * 24 * 3_600);
        leases.acquire(&credential, "one", years).await.unwrap();
        clock.advance(Duration::from_secs(25 * 3_600));
        let asked = leases.acquire(&credential, "two", TTL).await.unwrap();
        assert_eq!(asked, LeaseState::Held);
        // By an earlier version, which had no bound.
        let lease = Lease {
            expires_at: now + years,
            ..Lease::new("one", now, TTL)
        };
        assert!(lease.is_over(now));
    }
}
