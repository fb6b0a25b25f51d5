//! How often may be asked with one site key. A site asks once a day, so the limit is there for loops gone wild.
//! It counts what this process answers: on Lambda the throttle of API Gateway stands before it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use livelist_model::ClientId;

use crate::error::ApiError;

/// So many requests in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests with one site key.
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

/// What was asked, by client and id of the key: a site that runs wild must not lock out the others
/// of its client. Holds keys that were found valid only, so it cannot be flooded.
pub(crate) struct Budgets {
    rate: Rate,
    windows: Mutex<HashMap<(ClientId, String), Window>>,
}

impl Budgets {
    pub(crate) fn new(rate: Rate) -> Self {
        Budgets {
            rate,
            windows: Mutex::default(),
        }
    }

    /// Counts a request with the key `id` of `client`, or refuses it.
    pub(crate) fn spend(
        &self,
        client: &ClientId,
        id: &str,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let per = SignedDuration::try_from(self.rate.per).unwrap_or(SignedDuration::MAX);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (client.clone(), id.to_owned());
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
