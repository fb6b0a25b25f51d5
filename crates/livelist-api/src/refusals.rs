//! Logs refused requests: the first of each kind in a minute like any other, the rest in one line at the
//! end of the minute. Otherwise strangers could fill a disk.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Refusals of a kind are counted together for this long.
const MINUTE: Duration = Duration::from_secs(60);

/// Recent refusals. Clones share them.
#[derive(Clone, Default)]
pub struct Refusals(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Refusals {
    /// Counts a refusal with this code. Returns whether it is the first in its minute, which is logged.
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
        // The first one was logged already.
        if requests > 1 {
            tracing::info!(code, requests, "refused in a minute");
        }
    }
}
