//! The wall clock and the ways providers write an instant.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The one place that reads the calendar clock.
#[allow(
    clippy::disallowed_methods,
    reason = "a server over real sockets runs on real time"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// The one place that reads the clock for lives of tokens and for rate limits.
#[allow(
    clippy::disallowed_methods,
    reason = "a server over real sockets runs on real time"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
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
}
