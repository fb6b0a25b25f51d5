//! Limits extra requests of a run to a share of the request budgets.

use livelist_model::registry::Measure;

use super::Client;

/// Budgets with a window of at least this many seconds are shared; a shorter one recovers soon.
const SHARED: u32 = 3_600;

/// The requests that may still be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    requests: u64,
    bytes: u64,
}

impl Share {
    pub(super) fn is_spent(self) -> bool {
        self.requests == 0 || self.bytes == 0
    }

    pub(super) fn note(&mut self, requests: u64, bytes: u64) {
        self.requests = self.requests.saturating_sub(requests);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Client<'_> {
    /// From now on, uses no more than `percent` of what each budget of an hour or more has left, and at
    /// most `most` requests, repetitions included. Beyond that, requests end with
    /// [`OutOfTime`](crate::ClientError::OutOfTime).
    pub fn ask_beside(&mut self, percent: u64, most: u64) {
        let now = self.pace.now();
        let mut share = Share {
            requests: most,
            bytes: u64::MAX,
        };
        for limit in self.limits.iter().filter(|limit| limit.seconds >= SHARED) {
            let left = self.ledger.left(now, limit).saturating_mul(percent) / 100;
            let of = match limit.of {
                Measure::Requests => &mut share.requests,
                Measure::Bytes => &mut share.bytes,
            };
            *of = left.min(*of);
        }
        self.share = Some(share);
    }

    /// Whether the share is used up.
    pub fn is_share_spent(&self) -> bool {
        self.share.is_some_and(Share::is_spent)
    }
}
