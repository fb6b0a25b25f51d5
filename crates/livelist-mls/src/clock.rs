//! The time of a simulated MLS, and the forms in which providers write timestamps.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// The two clocks of a simulated MLS. Both show the same time; the second never goes back.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The calendar clock, for logs and headers.
    fn now(&self) -> Timestamp;

    /// The clock for lives of tokens and for rate limits.
    fn instant(&self) -> Instant;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "a server over real sockets runs on real time"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "a server over real sockets runs on real time"
    )]
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that a simulation sets. It stands still in between, and never goes back.
#[derive(Debug)]
pub struct SetClock {
    began: (Timestamp, Instant),
    now: Mutex<Timestamp>,
}

impl SetClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self {
            // The start of the instants does not matter, only their differences.
            began: (now, SystemClock.instant()),
            now: Mutex::new(now),
        }
    }

    /// Moves it on to `now`; a time that has passed is no change.
    pub fn set(&self, now: Timestamp) {
        let mut shown = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = now.max(*shown);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn instant(&self) -> Instant {
        let passed = self.now().duration_since(self.began.0);
        self.began.1 + Duration::try_from(passed).unwrap_or_default()
    }
}

/// A clock set ahead of another. The second clock, of lives and limits, stays with the other's.
#[derive(Debug)]
pub(crate) struct Ahead {
    clock: Arc<dyn Clock>,
    seconds: AtomicI64,
}

impl Ahead {
    pub fn of(clock: Arc<dyn Clock>) -> Self {
        let seconds = AtomicI64::new(0);
        Self { clock, seconds }
    }

    /// Sets it further ahead by this many seconds.
    pub fn more(&self, seconds: u32) {
        self.seconds
            .fetch_add(i64::from(seconds), Ordering::Relaxed);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.seconds.load(Ordering::Relaxed));
        let now = self.clock.now();
        now.checked_add(ahead).unwrap_or(now)
    }

    fn instant(&self) -> Instant {
        self.clock.instant()
    }
}

/// The machine's clock, for tests that need an instant.
#[cfg(test)]
pub(crate) fn instant() -> Instant {
    SystemClock.instant()
}

/// The one place that waits.
#[allow(
    clippy::disallowed_methods,
    reason = "a server over real sockets runs on real time"
)]
pub(crate) async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

/// `2021-02-05T14:24:45.323` and the zone as the provider writes it.
pub(crate) fn iso(ms: i64, zone: &str) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(at) => format!("{}{zone}", at.strftime("%Y-%m-%dT%H:%M:%S.%3f")),
        Err(_) => String::new(),
    }
}

/// `Tue, 02 Mar 2021 15:51:38 GMT` (RFC 9110, 5.6.7).
pub(crate) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_look_as_recorded() {
        assert_eq!(
            iso(1_612_535_085_323, "-00:00"),
            "2021-02-05T14:24:45.323-00:00"
        );
        assert_eq!(iso(1_612_535_085_000, "Z"), "2021-02-05T14:24:45.000Z");
        assert_eq!(
            http_date(Timestamp::UNIX_EPOCH),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    #[test]
    fn a_set_clock_goes_on_and_never_back() {
        let clock = SetClock::at(Timestamp::UNIX_EPOCH);
        let began = clock.instant();
        let later = Timestamp::from_second(90).unwrap();
        clock.set(later);
        clock.set(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), later);
        assert_eq!(clock.instant() - began, Duration::from_secs(90));
    }
}
