//! Listed keys that a complete scan did not see, in feeds whose MLS cannot be asked for single keys.
//! They stay listed until a complete scan of a later day does not see them either. Two scans at the
//! same moment count as one look, because they may share the same fault of the server. Pure.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{FeedId, RunId};
use crate::registry::Schedule;

/// Two looks count as two only if their beginnings are this far apart and their dates differ.
const APART: SignedDuration = SignedDuration::from_hours(18);
/// How long a look is valid: a week, plus a possible delay of a run. Longer if no run was due since.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24 + 12);
/// After one id of an MLS has changed, other changes are expected for this long.
const IDS_CHANGE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The most keys that may wait. With more absent keys, the result is held.
pub const MOST: usize = 100_000;

/// `feeds/{feed}/waiting.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Version of this document's form.
    pub schema: u32,
    /// The feed.
    pub feed: FeedId,
    /// The looks that missed keys, oldest first; each key belongs to the first look that missed it.
    pub looks: Vec<Look>,
    /// The same for keys that sites asked about and that were never listed: the questions that did not find
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sought: Vec<Look>,
    /// The start of the last scan that showed a listing with another id than the stored one, for MLSs that
    /// are asked by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids_changed: Option<Timestamp>,
}

/// A complete scan that missed keys of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Its run.
    pub run: RunId,
    /// The run's day.
    pub date: Date,
    /// When it began.
    pub began: Timestamp,
    /// The keys that it was the first to miss.
    pub keys: Vec<String>,
    /// Keys of the look that a page has shown since. The look no longer counts against them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
}

impl Look {
    /// A look without keys.
    pub fn new(run: RunId, date: Date, began: Timestamp) -> Look {
        Look {
            run,
            date,
            began,
            keys: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// How this look relates to one that began at `began` on `date`, given the MLS's schedule.
    pub fn before(&self, schedule: &Schedule, date: Date, began: Timestamp) -> Before {
        let apart = began.duration_since(self.began);
        if apart < SignedDuration::ZERO {
            return Before::Forgotten;
        }
        if date <= self.date || apart < APART {
            return Before::TooSoon;
        }
        let was_due_since = || {
            let mut day = self.date;
            while let Ok(next) = day.tomorrow()
                && next < date
            {
                if schedule.is_due(next) {
                    return true;
                }
                day = next;
            }
            false
        };
        if apart > REMEMBERED && was_due_since() {
            Before::Forgotten
        } else {
            Before::Another
        }
    }
}

/// How an earlier look relates to a look of today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It counts as another look: keys that both missed are gone.
    Another,
    /// Too soon after the earlier look: both count as one.
    TooSoon,
    /// The earlier look does not count: it is too long ago, or its time is not credible.
    Forgotten,
}

impl Waiting {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// Nothing waits.
    pub fn new(feed: FeedId) -> Waiting {
        Waiting {
            schema: Self::SCHEMA,
            feed,
            looks: Vec::new(),
            sought: Vec::new(),
            ids_changed: None,
        }
    }

    /// Whether ids changed in the days before `now`. Then another may change without a scan showing it, and
    /// a question by the former id finds nothing.
    pub fn ids_changed_lately(&self, now: Timestamp) -> bool {
        let since = |at: Timestamp| now.duration_since(at);
        self.ids_changed.is_some_and(|at| since(at) < IDS_CHANGE)
    }

    /// Whether no look missed a key that still matters.
    pub fn is_empty(&self) -> bool {
        let is_empty = |look: &Look| look.keys.is_empty() && look.seen.is_empty();
        self.looks.iter().chain(&self.sought).all(is_empty)
    }

    /// The keys in the order of their bytes.
    pub fn sorted(&self) -> Vec<Watched<'_>> {
        let mut keys: Vec<Watched<'_>> = Vec::new();
        for (nth, look) in self.looks.iter().enumerate() {
            for (group, is_seen) in [(&look.keys, false), (&look.seen, true)] {
                keys.extend(group.iter().map(|key| Watched {
                    key,
                    look: nth,
                    is_seen,
                }));
            }
        }
        keys.sort_by(|a, b| a.key.cmp(b.key));
        keys.dedup_by(|later, first| later.key == first.key);
        keys
    }

    /// Notes keys that were seen; says whether any of them had been missed.
    pub fn see(&mut self, is_seen: impl Fn(&str) -> bool) -> bool {
        let mut any = false;
        for look in self.looks.iter_mut().chain(&mut self.sought) {
            let keys = std::mem::take(&mut look.keys).into_iter();
            let (seen, missed): (Vec<_>, Vec<_>) = keys.partition(|key| is_seen(key));
            any |= !seen.is_empty();
            look.keys = missed;
            look.seen.extend(seen);
        }
        any
    }
}

/// A key that a look missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched<'a> {
    /// The key.
    pub key: &'a str,
    /// The number of its look.
    pub look: usize,
    /// Whether it was seen since.
    pub is_seen: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Days;

    fn look(at: &str) -> Look {
        let began: Timestamp = at.parse().unwrap();
        let date = began.to_zoned(jiff::tz::TimeZone::UTC).date();
        Look::new("run".parse().unwrap(), date, began)
    }

    fn before(schedule: &Schedule, then: &str, now: &str) -> Before {
        let now = look(now);
        look(then).before(schedule, now.date, now.began)
    }

    #[test]
    fn two_looks_are_two_only_a_day_apart() {
        let daily = Schedule::default();
        let is = |then, now| before(&daily, then, now);
        let first = "2026-11-21T04:00:00Z";
        assert_eq!(is(first, "2026-11-21T23:30:00Z"), Before::TooSoon);
        assert_eq!(
            is("2026-11-21T23:00:00Z", "2026-11-22T04:00:00Z"),
            Before::TooSoon
        );
        assert_eq!(is(first, "2026-11-22T04:00:00Z"), Before::Another);
        assert_eq!(is(first, "2026-11-28T16:00:00Z"), Before::Another);
        assert_eq!(is(first, "2026-11-28T16:00:01Z"), Before::Forgotten);
        // A clock that was ahead.
        assert_eq!(is("2027-11-21T04:00:00Z", first), Before::Forgotten);
    }

    #[test]
    fn changed_ids_are_remembered_for_a_month() {
        let mut waiting = Waiting::new("abor-property-1f0c9a2b".parse().unwrap());
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(!waiting.ids_changed_lately(at("2026-11-21T04:00:00Z")));
        waiting.ids_changed = Some(at("2026-11-21T04:00:00Z"));
        assert!(waiting.ids_changed_lately(at("2026-11-21T04:00:00Z")));
        assert!(waiting.ids_changed_lately(at("2026-12-21T03:59:59Z")));
        assert!(!waiting.ids_changed_lately(at("2026-12-21T04:00:00Z")));
        // A clock that was behind drops nothing.
        assert!(waiting.ids_changed_lately(at("2026-11-20T04:00:00Z")));
    }

    #[test]
    fn a_look_counts_until_the_next_run_that_is_due() {
        let weekly = Schedule::On(Days::Weekly);
        // Sundays: the next run comes a day late, the one after it is another.
        let first = "2026-11-22T04:00:00Z";
        assert_eq!(
            before(&weekly, first, "2026-11-29T04:10:00Z"),
            Before::Another
        );
        assert_eq!(
            before(&weekly, first, "2026-12-06T04:10:00Z"),
            Before::Forgotten
        );
    }

    #[test]
    fn a_key_that_was_seen_is_remembered_as_such() {
        let mut waiting = Waiting::new("abor-property-1f0c9a2b".parse().unwrap());
        let looks = [
            ("2026-11-21T04:00:00Z", ["b", "d"]),
            ("2026-11-22T04:00:00Z", ["a", "c"]),
        ];
        for (at, keys) in looks {
            let keys = keys.map(str::to_owned).to_vec();
            waiting.looks.push(Look { keys, ..look(at) });
        }
        assert!(waiting.see(|key| key < "c"));
        assert!(!waiting.see(|key| key < "c"));
        let sorted = waiting.sorted().into_iter();
        let sorted: Vec<_> = sorted.map(|w| (w.key, w.look, w.is_seen)).collect();
        let expected = [
            ("a", 1, true),
            ("b", 0, true),
            ("c", 1, false),
            ("d", 0, false),
        ];
        assert_eq!(sorted, expected);
        assert!(!waiting.is_empty());
    }
}
