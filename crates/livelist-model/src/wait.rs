//! A provider's request to wait (429 with `Retry-After`), stored in the ledger of its credential. So it
//! holds even if the process that received it has ended. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::instant;

/// At most this long a wait is honoured at once, because a wrong clock or unit at the provider must not
/// stop a feed for days. After it, the provider is asked again, and may repeat its request.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// A wait that the provider asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldWait {
    /// When it was said.
    at: Timestamp,
    /// No requests before this time.
    until: Timestamp,
    /// The end that the provider asked for, if it is later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<Timestamp>,
}

impl ToldWait {
    /// A wait of this length, requested at `now`.
    pub fn new(now: Timestamp, wait: Duration) -> ToldWait {
        let after = |wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        ToldWait {
            at: now,
            until: after(wait.min(LONGEST_WAIT)),
            said: (wait > LONGEST_WAIT).then(|| after(wait)),
        }
    }

    /// The end of the wait, if it has not passed. A wait far in the future was written with a wrong clock
    /// and does not count.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let is_on = self.until > now && !instant::is_future(self.at, now);
        let longest = now.saturating_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX);
        is_on.then(|| self.until.min(longest))
    }

    /// The rest of the wait.
    pub fn left(&self, now: Timestamp) -> Option<Duration> {
        Duration::try_from(self.until(now)?.duration_since(now)).ok()
    }

    /// The end that the provider asked for, if it is later than the one that is honoured.
    pub fn said(&self) -> Option<Timestamp> {
        self.said
    }

    /// The wait that ends later.
    #[must_use]
    pub fn later(self, other: ToldWait) -> ToldWait {
        if other.until > self.until {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_believed_at_a_time_and_no_clock_far_ahead() {
        let now: Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        let seconds = Duration::from_secs;
        let short = ToldWait::new(now, seconds(15));
        assert_eq!(short.left(now), Some(seconds(15)));
        assert_eq!(short.left(now + seconds(15)), None);
        assert_eq!(short.said(), None);
        let day = ToldWait::new(now, seconds(86_400));
        assert_eq!(day.left(now), Some(LONGEST_WAIT));
        assert_eq!(day.said(), Some(now + seconds(86_400)));
        assert_eq!(short.later(day), day);
        assert_eq!(day.later(short), day);
        // The clock that noted it was a year ahead; or it is a little ahead.
        assert_eq!(day.until(now - seconds(365 * 86_400)), None);
        assert_eq!(day.left(now - seconds(60)), Some(LONGEST_WAIT));
        let ages = ToldWait::new(now, Duration::MAX);
        assert_eq!(ages.left(now), Some(LONGEST_WAIT));
        assert_eq!(ages.said(), Some(Timestamp::MAX));
    }
}
