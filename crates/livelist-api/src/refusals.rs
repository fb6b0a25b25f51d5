//! Requests that were refused, in the log: the first of each kind in a minute is told like any other, the
//! rest of them in one line at its end. Strangers could fill a disk otherwise.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So long refusals of a kind are counted together.
const MINUTE: Duration = Duration::from_secs(60);

/// What was refused lately. Cloning shares it.
#[derive(Clone, Default)]
pub struct Refusals(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Refusals {
    /// Counts one that was refused with this code; whether it is the one of its minute that is told.
    pub(crate) fn is_first(&self, code: &'static str) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counted.entry(code).or_insert(0);
        *count += 1;
        if *count > 1 {
            return false;
        }
        let refusals = self.clone();
        tokio::spawn(async move {
            let waited: Result<(), _> = tokio::time::timeout(MINUTE, pending()).await;
            if waited.is_err() {
                refusals.tell(code);
            }
        });
        true
    }

    fn tell(&self, code: &'static str) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = counted.remove(code).unwrap_or_default();
        drop(counted);
        // The one that was told says all.
        if requests > 1 {
            tracing::info!(code, requests, "refused in a minute");
        }
    }
}
