//! The rate limit of a key. A site asks once a day, so the limit only stops programs that loop. It
//! counts the requests of this process. On Lambda the throttle of API Gateway comes first.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::error::ApiError;

/// This many requests in this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests with one key.
    pub requests: u32,
    /// The time in which they are counted; it begins with the first of them.
    pub per: Duration,
}

impl Default for Rate {
    fn default() -> Self {
        Rate {
            requests: 300,
            per: Duration::from_secs(60),
        }
    }
}

struct Window {
    began: Timestamp,
    requests: u32,
}

/// Recent requests, by `K`. For sites `K` is client and id of the key, because one looping site must not
/// lock out the client's others. Use only keys that were found valid; then it cannot be flooded.
pub struct Budgets<K> {
    rate: Rate,
    windows: Mutex<HashMap<K, Window>>,
}

impl<K: Eq + Hash> Budgets<K> {
    /// Budgets of `rate` each.
    pub fn new(rate: Rate) -> Self {
        Budgets {
            rate,
            windows: Mutex::default(),
        }
    }

    /// Counts a request with `key`, or refuses it.
    ///
    /// # Errors
    /// [`ApiError::TooManyRequests`].
    pub fn spend(&self, key: K, now: Timestamp) -> Result<(), ApiError> {
        let per = SignedDuration::try_from(self.rate.per).unwrap_or(SignedDuration::MAX);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(key).or_insert(Window {
            began: now,
            requests: 0,
        });
        let passed = now.duration_since(window.began);
        // A clock that was set back must not lock a client out.
        if passed >= per || passed.is_negative() {
            *window = Window {
                began: now,
                requests: 0,
            };
        }
        if window.requests < self.rate.requests {
            window.requests += 1;
            return Ok(());
        }
        let left = per.saturating_sub(now.duration_since(window.began));
        let whole = u64::try_from(left.as_secs()).unwrap_or(0);
        Err(ApiError::TooManyRequests {
            retry_after: whole + u64::from(left.subsec_nanos() > 0),
        })
    }
}
