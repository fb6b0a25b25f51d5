//! When a notice that could not be delivered is sent again. The delay is kept by SQS, which allows at
//! most twelve hours.

use std::time::Duration;

/// Seconds to wait after each attempt but the last: soon at first, for a site that was just being
/// deployed, and over a day in all, for one whose host was down.
const DELAYS: [u32; 8] = [10, 60, 300, 1_800, 7_200, 14_400, 21_900, 34_200];

/// Attempts in all; after the last one the notice is given up. `maxReceiveCount` of the queue is
/// the same number.
pub const ATTEMPTS: u32 = DELAYS.len() as u32 + 1;

/// How long to wait after the `attempt`th attempt (from 1), a fifth more or less by `fraction`
/// (0 to 1), so that the sites of one host are not all called in the same instant; nothing after
/// the last attempt.
pub fn next_attempt(attempt: u32, fraction: f64) -> Option<Duration> {
    let index = usize::try_from(attempt.saturating_sub(1)).ok()?;
    let seconds = f64::from(*DELAYS.get(index)?);
    let spread = 0.8 + 0.4 * fraction.clamp(0.0, 1.0);
    Some(Duration::from_secs_f64(seconds * spread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_notice_is_tried_over_about_a_day() {
        let of = |fraction| -> Duration { (1..).map_while(|n| next_attempt(n, fraction)).sum() };
        let hours = of(0.5).as_secs() / 3_600;
        assert!((20..=28).contains(&hours), "{hours} h");
        assert!(of(0.0) < of(0.5) && of(0.5) < of(1.0));
        assert_eq!((1..).map_while(|n| next_attempt(n, 0.5)).count(), 8);
        assert!(next_attempt(ATTEMPTS - 1, 0.5).is_some());
        assert!(next_attempt(ATTEMPTS, 0.5).is_none());
    }

    proptest! {
        #[test]
        fn waits_grow_are_spread_and_fit_what_sqs_can_wait(
            attempt in 1..ATTEMPTS, fraction in 0.0..1.0f64, other in 0.0..1.0f64
        ) {
            let wait = next_attempt(attempt, fraction).unwrap();
            prop_assert!(wait < Duration::from_secs(12 * 3_600));
            if let Some(next) = next_attempt(attempt + 1, other) {
                prop_assert!(next > wait);
            }
        }

        #[test]
        fn no_attempt_is_beyond_the_last(attempt in ATTEMPTS..u32::MAX, fraction in -1.0..2.0f64) {
            prop_assert!(next_attempt(attempt, fraction).is_none());
        }
    }
}
