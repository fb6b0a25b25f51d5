//! Stored instants, written by a clock that may have been wrong. Every reader compares a stored
//! instant with its own clock here. So a clock that ran ahead for a moment has no effect later. Pure.

use jiff::{SignedDuration, Timestamp};

/// Clocks of well-kept machines differ by less than this.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Whether `stored`, the instant of a past event, lies further in the future than clocks usually differ.
/// Then it was written with a wrong clock.
pub fn is_future(stored: Timestamp, now: Timestamp) -> bool {
    stored.duration_since(now) > TOLERANCE
}

/// The instant of an event that was stored as `stored`. An instant from the future counts as now.
pub fn believed(stored: Timestamp, now: Timestamp) -> Timestamp {
    if is_future(stored, now) { now } else { stored }
}

/// The same for an instant in Unix seconds. A number that is no valid instant counts as now.
pub fn believed_second(stored: i64, now: Timestamp) -> i64 {
    let stored = Timestamp::from_second(stored).unwrap_or(Timestamp::MAX);
    believed(stored, now).as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_from_the_future_counts_as_now() {
        let now: Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        for (stored, is_believed) in [
            ("1970-01-01T00:00:00Z", true),
            ("2026-11-21T04:00:00Z", true),
            ("2026-11-21T04:05:00Z", true),
            ("2026-11-21T04:05:00.001Z", false),
            ("2036-11-21T04:00:00Z", false),
        ] {
            let stored: Timestamp = stored.parse().unwrap();
            assert_eq!(is_future(stored, now), !is_believed, "{stored}");
            let wanted = if is_believed { stored } else { now };
            assert_eq!(believed(stored, now), wanted, "{stored}");
        }
    }
}
