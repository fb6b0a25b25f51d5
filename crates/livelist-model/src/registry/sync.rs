//! When a replication is synced: `livelist serve` reads what changed since the last time.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schedule::{Cron, ScheduleProblem, frequency};

/// Who syncs more often than this asks more than he learns.
const CLOSEST: SignedDuration = SignedDuration::from_mins(5);
/// A copy may be behind for so long beyond the second time that was missed: a nightly scan that uses the
/// credential keeps syncs away.
const PATIENCE: SignedDuration = SignedDuration::from_hours(2);

/// When a replication is synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// Minute, hour, day of month, month, day of week, in UTC, e.g. `*/15 * * * *`. Every five minutes or
    /// slower.
    pub cron: String,
}

impl Default for Sync {
    fn default() -> Self {
        Sync {
            cron: "*/15 * * * *".to_owned(),
        }
    }
}

impl Sync {
    fn times(&self) -> Cron {
        Cron {
            cron: self.cron.clone(),
            time_zone: "UTC".to_owned(),
            jitter_minutes: 0,
        }
    }

    /// The first time after `now`. Nothing where the expression has none, which the registry's check
    /// refuses.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.times().times()?.next_after(now)
    }

    /// When a copy that has all up to `settled` is behind too long: two hours after the second of the times
    /// that follow.
    pub fn too_late(&self, settled: Timestamp) -> Option<Timestamp> {
        let second = self.next_after(self.next_after(settled)?)?;
        second.checked_add(PATIENCE).ok()
    }

    /// What is wrong with it: the field, the problem, and what to do.
    pub fn finding(&self) -> Option<[&'static str; 3]> {
        let problem = match self.times().crontab() {
            None => Some(ScheduleProblem::Expression),
            Some(crontab) => frequency(&crontab, CLOSEST),
        };
        let [_, problem, remedy] = match problem? {
            ScheduleProblem::TooOften => [
                "",
                "the times are less than five minutes apart",
                "give every five minutes or slower, e.g. `*/15 * * * *`",
            ],
            problem => problem.finding(),
        };
        Some(["sync.cron", problem, remedy])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync(cron: &str) -> Sync {
        Sync {
            cron: cron.to_owned(),
        }
    }

    #[test]
    fn faster_than_five_minutes_is_refused() {
        for (cron, problem) in [
            ("*/15 * * * *", None),
            ("*/5 * * * *", None),
            ("0 4 * * *", None),
            (
                "*/4 * * * *",
                Some("the times are less than five minutes apart"),
            ),
            (
                "* * * * *",
                Some("the times are less than five minutes apart"),
            ),
            (
                "1,58 * * * *",
                Some("the times are less than five minutes apart"),
            ),
            (
                "0 0 30 2 *",
                Some("there is no such time within four years"),
            ),
            ("every hour", Some("this is not a cron expression")),
        ] {
            let found = sync(cron).finding().map(|[_, problem, _]| problem);
            assert_eq!(found, problem, "{cron}");
        }
    }

    #[test]
    fn two_missed_times_and_two_hours_are_too_late() {
        for (cron, settled, late) in [
            (
                "*/15 * * * *",
                "2026-11-28T03:58:00Z",
                "2026-11-28T06:15:00Z",
            ),
            ("0 4 * * *", "2026-11-28T03:58:00Z", "2026-11-29T06:00:00Z"),
        ] {
            let at = settled.parse().unwrap();
            assert_eq!(
                sync(cron).too_late(at),
                Some(late.parse().unwrap()),
                "{cron}"
            );
        }
    }
}
