//! How long a task may work before Lambda ends it.

use std::time::Duration;

/// To finish the page under way, write the last part and answer.
const MARGIN: Duration = Duration::from_secs(60);

/// The time for one task: `longest`, or less if the invocation ends at `deadline` (milliseconds since 1970)
/// before. A minute is reserved for finishing, or a tenth of the rest if that is more; but never more than
/// half, so that a function with a short timeout still makes progress.
pub(crate) fn task_time(longest: Duration, deadline: u64, now: jiff::Timestamp) -> Duration {
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let left = Duration::from_millis(deadline.saturating_sub(now));
    let margin = MARGIN.max(left / 10).min(left / 2);
    longest.min(left - margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_ends_before_its_invocation() {
        let now: jiff::Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        let of = |longest, left: u64| {
            let deadline = now.as_millisecond() as u64 + left * 1_000;
            task_time(Duration::from_secs(longest), deadline, now).as_secs()
        };
        assert_eq!(of(600, 900), 600, "as it was told");
        assert_eq!(of(900, 900), 810, "a tenth is left");
        assert_eq!(of(600, 300), 240, "a minute is left");
        assert_eq!(of(600, 30), 15, "half is left");
        assert_eq!(of(600, 0), 0);
        assert_eq!(task_time(Duration::from_secs(600), 0, now), Duration::ZERO);
    }
}
