//! The cursor of a resource's poll, and what it reads next.

use std::time::Duration;

use jiff::SignedDuration;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::run::FeedSpec;
use livelist_reso::dialect::RecordsForm;
use livelist_reso::query::all_of;
use livelist_reso::{ScanState, stamp};
use serde::{Deserialize, Serialize};

/// Rows may become visible this long after their timestamp.
const SETTLES: Duration = Duration::from_secs(2 * 60);
/// Once in so long a window reaches back: what was read since the last such window, and this long before it,
/// is read again.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(24);
/// What is settled so far in the future was settled by a wrong clock: nobody knows what was read. A smaller
/// error is mended by the next window that reaches back.
const FUTURE: SignedDuration = SignedDuration::from_hours(12);
/// Where all records are read again by themselves, this long after they were read last.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A window that is shorter is left to the next pass.
const SHORTEST: Duration = Duration::from_secs(1);

/// A window of stamps: from one instant, inclusive, to another, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first instant.
    pub from: jiff::Timestamp,
    /// The end.
    pub to: jiff::Timestamp,
}

/// The current task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// All records; it began at this instant by the server's clock.
    Backfill(jiff::Timestamp),
    /// What changed in a window.
    Window(Span),
    /// The records that match a filter, once more.
    Matching(String),
}

/// Where a resource's poll is. It is part of the log's head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Version of this form. A cursor of another version starts again.
    pub version: u32,
    /// All changes before this instant, by the server's clock, are in the log; nothing before the backfill
    /// has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<jiff::Timestamp>,
    /// Up to when the last window went that reached back. A page that left out rows without a sign is
    /// noticed by the second reading, unless it leaves out the same rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_back: Option<jiff::Timestamp>,
    /// When all records were read last: the beginning of that, by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_read: Option<jiff::Timestamp>,
    /// What is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Its position in its pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<ScanState>,
    /// By how many seconds the server's clock was ahead of ours when it was heard last.
    #[serde(default)]
    pub skew: i64,
    /// When the metadata was read last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_at: Option<jiff::Timestamp>,
    /// What records are expanded with: with other expansions all are read again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expanded: Vec<String>,
    /// The head of the feed up to which removals are in the log: its tag.
    #[serde(default)]
    pub listed: String,
}

impl Default for Cursor {
    fn default() -> Self {
        Cursor {
            version: Self::VERSION,
            settled: None,
            looked_back: None,
            all_read: None,
            task: None,
            scan: None,
            skew: 0,
            schema_at: None,
            expanded: Vec::new(),
            listed: String::new(),
        }
    }
}

impl Cursor {
    /// The form that this version writes and reads.
    pub const VERSION: u32 = 1;

    /// The next task if the server's clock shows `now`; `None` if everything up to a moment ago is known. A
    /// task that is under way continues.
    pub fn task(&self, form: RecordsForm, now: jiff::Timestamp) -> Option<Task> {
        if let Some(task) = &self.task {
            return Some(task.clone());
        }
        let ahead = |settled: &jiff::Timestamp| settled.duration_since(now);
        let Some(settled) = self.settled.filter(|settled| ahead(settled) < FUTURE) else {
            return Some(Task::Backfill(now));
        };
        let to = now.checked_sub(SETTLES).ok()?;
        let new = Duration::try_from(to.duration_since(settled)).ok()?;
        if new < SHORTEST {
            return None;
        }
        let last = self.looked_back.unwrap_or(settled);
        let from = match to.duration_since(last) >= LOOKS_BACK && !is_off(Guard::LookBack) {
            true => last.checked_sub(LOOKS_BACK).ok()?,
            false => settled.checked_sub(form.overlap).ok()?,
        };
        Some(Task::Window(Span { from, to }))
    }

    /// The cursor after a task whose end is proved, at an answer with the server's time `heard`. If our
    /// clock was ahead, a window may reach beyond what was settled by then; then only that much counts.
    /// than that.
    #[must_use]
    pub fn done(self, task: &Task, heard: jiff::Timestamp) -> Cursor {
        let looked_back = match task {
            Task::Backfill(began) => Some(*began),
            Task::Window(span) if self.reaches_back(span) => Some(span.to),
            Task::Window(_) | Task::Matching(_) => self.looked_back,
        };
        let settled = match task {
            Task::Backfill(began) => began.checked_sub(SETTLES).ok(),
            Task::Window(span) => {
                let settles = heard.checked_sub(SETTLES).unwrap_or(span.to);
                Some(span.to.min(settles))
            }
            Task::Matching(_) => self.settled,
        };
        let all_read = match task {
            Task::Backfill(began) => Some(*began),
            Task::Window(_) | Task::Matching(_) => self.all_read,
        };
        Cursor {
            settled,
            looked_back,
            all_read,
            task: None,
            scan: None,
            ..self
        }
    }

    /// Whether a window is one that reaches back.
    fn reaches_back(&self, span: &Span) -> bool {
        let last = self.looked_back.or(self.settled);
        last.is_some_and(|last| last.duration_since(span.from) >= LOOKS_BACK)
    }

    /// The cursor while a task is under way.
    #[must_use]
    pub fn under_way(self, task: &Task, scan: ScanState) -> Cursor {
        Cursor {
            task: Some(task.clone()),
            scan: Some(scan),
            ..self
        }
    }

    /// The cursor with which all records, or those that match a filter, are read again. Before the first load
    /// has ended they are read anyway. Nothing where a window is under way that has to be read first.
    pub fn again(&self, filter: Option<&str>, now: jiff::Timestamp) -> Option<Cursor> {
        let task = match (self.settled, &self.task, filter) {
            (None, ..) => return Some(self.clone()),
            (Some(_), _, None) => Task::Backfill(now),
            (Some(_), None, Some(filter)) => Task::Matching(filter.to_owned()),
            (Some(_), Some(_), Some(_)) => return None,
        };
        Some(Cursor {
            task: Some(task),
            scan: None,
            ..self.clone()
        })
    }

    /// The cursor with which all records are read again, if that is a week ago and nothing is under way.
    #[must_use]
    pub fn weekly(self, now: jiff::Timestamp) -> Cursor {
        let is_due = |read: jiff::Timestamp| {
            let since = now.duration_since(read);
            since >= WEEK || since < -FUTURE
        };
        match self.task.is_none() && self.all_read.is_none_or(is_due) {
            true => self.again(None, now).unwrap_or(self),
            false => self,
        }
    }

    /// The cursor for records that are expanded with these: the former expansions' or, where it has others, one
    /// that reads the metadata and all records again.
    #[must_use]
    pub fn expanding(self, expanded: Vec<String>) -> Cursor {
        match self.expanded == expanded {
            true => self,
            false => Cursor {
                expanded,
                skew: self.skew,
                listed: self.listed,
                ..Cursor::default()
            },
        }
    }

    /// The cursor with which a task that is under way begins anew, from its first page.
    #[must_use]
    pub fn anew(self) -> Cursor {
        Cursor { scan: None, ..self }
    }
}

impl Task {
    /// The feed of whose records this task reads all. Records that are expanded are also those whose expansion
    /// alone has changed, where a clock tells.
    pub fn feed(&self, feed: &FeedSpec, form: RecordsForm, is_expanded: bool) -> FeedSpec {
        let own = match self {
            Task::Backfill(_) => return feed.clone(),
            Task::Window(span) => {
                let (from, to) = (stamp::literal(span.from), stamp::literal(span.to));
                let within = |clock: &str| format!("{clock} ge {from} and {clock} lt {to}");
                match form.expanded_clock.filter(|_| is_expanded) {
                    Some(other) => format!("(({}) or ({}))", within(form.clock), within(other)),
                    None => within(form.clock),
                }
            }
            Task::Matching(filter) => filter.clone(),
        };
        let filter = feed.filter.as_deref().unwrap_or_default();
        FeedSpec {
            filter: Some(all_of(&[filter, &own])),
            ..feed.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> jiff::Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn each_window_begins_before_the_end_of_the_last_one() {
        let form = RecordsForm::PLAIN;
        let cursor = Cursor::default();
        let backfill = cursor.task(form, at("2026-11-28T04:00:00Z")).unwrap();
        assert_eq!(backfill, Task::Backfill(at("2026-11-28T04:00:00Z")));
        // It takes an hour, and is one task all the while.
        let under_way = Cursor {
            task: Some(backfill.clone()),
            ..cursor
        };
        assert_eq!(
            under_way.task(form, at("2026-11-28T05:00:00Z")),
            Some(backfill.clone())
        );
        let cursor = under_way.done(&backfill, at("2026-11-28T05:00:00Z"));
        let catch_up = cursor.task(form, at("2026-11-28T05:00:00Z")).unwrap();
        let expected = Span {
            from: at("2026-11-28T03:53:00Z"),
            to: at("2026-11-28T04:58:00Z"),
        };
        assert_eq!(catch_up, Task::Window(expected));
        let ahead = cursor.clone().done(&catch_up, at("2026-11-28T04:50:00Z"));
        assert_eq!(ahead.settled, Some(at("2026-11-28T04:48:00Z")));
        let cursor = cursor.done(&catch_up, at("2026-11-28T05:01:00Z"));
        assert_eq!(cursor.settled, Some(at("2026-11-28T04:58:00Z")));
        let wrong = Cursor {
            settled: Some(at("2036-11-28T04:58:00Z")),
            ..cursor.clone()
        };
        let now = at("2026-11-28T05:00:00Z");
        assert_eq!(wrong.task(form, now), Some(Task::Backfill(now)));
        // The server's clock went back, or hardly any time has passed: nothing to read.
        for now in ["2026-11-28T04:30:00Z", "2026-11-28T05:00:00Z"] {
            assert_eq!(cursor.task(form, at(now)), None);
        }
        let Some(Task::Window(tail)) = cursor.task(form, at("2026-11-28T05:15:00Z")) else {
            panic!("a window");
        };
        assert_eq!(tail.from, at("2026-11-28T04:53:00Z"));
    }

    /// All is read again a week after it was read, if nothing is under way; a time in the future is none.
    #[test]
    fn all_is_read_again_after_a_week() {
        let backfill = Task::Backfill(at("2026-11-28T04:00:00Z"));
        let cursor = Cursor::default().done(&backfill, at("2026-11-28T05:00:00Z"));
        let task_at = |cursor: &Cursor, now: &str| cursor.clone().weekly(at(now)).task;
        assert_eq!(task_at(&cursor, "2026-12-05T03:59:00Z"), None);
        let due = at("2026-12-05T04:00:00Z");
        assert_eq!(
            task_at(&cursor, "2026-12-05T04:00:00Z"),
            Some(Task::Backfill(due))
        );
        let began = at("2026-11-20T04:00:00Z");
        assert_eq!(
            task_at(&cursor, "2026-11-20T04:00:00Z"),
            Some(Task::Backfill(began))
        );
        let window = Some(Task::Window(Span {
            from: began,
            to: due,
        }));
        let under_way = Cursor {
            task: window.clone(),
            ..cursor
        };
        assert_eq!(task_at(&under_way, "2026-12-09T04:00:00Z"), window);
    }

    /// What is read again moves nothing that is settled, but for the whole.
    #[test]
    fn records_are_read_again_behind_what_is_under_way() {
        let now = at("2026-11-28T05:00:00Z");
        let first = Cursor::default().again(Some("City eq 'Austin'"), now);
        assert_eq!(first, Some(Cursor::default()));
        let settled = Cursor {
            settled: Some(at("2026-11-28T04:00:00Z")),
            ..Cursor::default()
        };
        let matching = settled.again(Some("City eq 'Austin'"), now).unwrap();
        let task = matching.task(RecordsForm::PLAIN, now).unwrap();
        assert_eq!(task, Task::Matching("City eq 'Austin'".to_owned()));
        assert_eq!(matching.again(Some("City eq 'Waco'"), now), None);
        assert_eq!(matching.clone().done(&task, now), settled);
        let full = matching.again(None, now).unwrap();
        let task = full.task(RecordsForm::PLAIN, now).unwrap();
        assert_eq!(task, Task::Backfill(now));
        let done = full.done(&task, now);
        assert_eq!(done.settled, Some(at("2026-11-28T04:58:00Z")));
    }

    #[test]
    fn once_a_day_a_window_reaches_back() {
        let form = RecordsForm::PLAIN;
        let backfill = Task::Backfill(at("2026-11-28T04:00:00Z"));
        let mut cursor = Cursor::default().done(&backfill, at("2026-11-28T04:10:00Z"));
        let mut back = Vec::new();
        for quarter in 1..400 {
            let now = at("2026-11-28T04:10:00Z") + jiff::SignedDuration::from_mins(15 * quarter);
            let Some(task @ Task::Window(span)) = cursor.task(form, now) else {
                panic!("a window");
            };
            if span.to.duration_since(span.from) > jiff::SignedDuration::from_hours(1) {
                back.push((span.from.to_string(), span.to.to_string()));
            }
            cursor = cursor.done(&task, now);
        }
        let expected = [
            ("2026-11-27T04:00:00Z", "2026-11-29T04:08:00Z"),
            ("2026-11-28T04:08:00Z", "2026-11-30T04:08:00Z"),
            ("2026-11-29T04:08:00Z", "2026-12-01T04:08:00Z"),
            ("2026-11-30T04:08:00Z", "2026-12-02T04:08:00Z"),
        ];
        assert_eq!(back, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn with_other_expansions_all_is_read_again() {
        let cursor = Cursor {
            settled: Some(at("2026-11-28T04:00:00Z")),
            listed: "7".to_owned(),
            ..Cursor::default()
        };
        assert_eq!(cursor.clone().expanding(Vec::new()), cursor);
        let anew = cursor.expanding(vec!["Media".to_owned()]);
        assert_eq!((anew.settled, anew.listed), (None, "7".to_owned()));
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor {
            settled: Some(at("2026-11-28T04:00:00Z")),
            listed: "7".to_owned(),
            ..Cursor::default()
        };
        let json = serde_json::to_value(&cursor).unwrap();
        assert_eq!(serde_json::from_value::<Cursor>(json).unwrap(), cursor);
    }
}
