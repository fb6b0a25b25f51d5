//! Where a resource's poll is, and what it reads next.

use std::time::Duration;

use livelist_model::run::FeedSpec;
use livelist_reso::dialect::RecordsForm;
use livelist_reso::query::all_of;
use livelist_reso::{ScanState, stamp};
use serde::{Deserialize, Serialize};

/// Rows may be seen so long after the stamp that was set on them.
const SETTLES: Duration = Duration::from_secs(2 * 60);
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

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// All records; it began at this instant by the server's clock.
    Backfill(jiff::Timestamp),
    /// What changed in a window.
    Window(Span),
}

/// Where a resource's poll is. It is part of the log's head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Version of this form. A cursor of another version begins anew.
    pub version: u32,
    /// All changes before this instant, by the server's clock, are in the log; nothing before the backfill
    /// has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<jiff::Timestamp>,
    /// What is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Where in its pages that is.
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
    /// The published list up to which removals are in the log: its sequence.
    #[serde(default)]
    pub listed: u64,
}

impl Default for Cursor {
    fn default() -> Self {
        Cursor {
            version: Self::VERSION,
            settled: None,
            task: None,
            scan: None,
            skew: 0,
            schema_at: None,
            expanded: Vec::new(),
            listed: 0,
        }
    }
}

impl Cursor {
    /// The form that this version writes and reads.
    pub const VERSION: u32 = 1;

    /// What to read now that the server's clock shows `now`; nothing where all is known up to a moment ago.
    /// What is under way goes on.
    pub fn task(&self, form: RecordsForm, now: jiff::Timestamp) -> Option<Task> {
        if let Some(task) = &self.task {
            return Some(task.clone());
        }
        let Some(settled) = self.settled else {
            return Some(Task::Backfill(now));
        };
        let to = now.checked_sub(SETTLES).ok()?;
        let new = Duration::try_from(to.duration_since(settled)).ok()?;
        if new < SHORTEST {
            return None;
        }
        let from = settled.checked_sub(form.overlap).ok()?;
        Some(Task::Window(Span { from, to }))
    }

    /// The cursor when a task has ended, and its end is proved, at an answer with the server's time `heard`.
    /// A window that reaches beyond what had settled by then, because our clock was ahead, settles no more
    /// than that.
    #[must_use]
    pub fn done(self, task: &Task, heard: jiff::Timestamp) -> Cursor {
        let settled = match task {
            Task::Backfill(began) => began.checked_sub(SETTLES).ok(),
            Task::Window(span) => {
                let settles = heard.checked_sub(SETTLES).unwrap_or(span.to);
                Some(span.to.min(settles))
            }
        };
        Cursor {
            settled,
            task: None,
            scan: None,
            ..self
        }
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
        let Task::Window(span) = self else {
            return feed.clone();
        };
        let (from, to) = (stamp::literal(span.from), stamp::literal(span.to));
        let within = |clock: &str| format!("{clock} ge {from} and {clock} lt {to}");
        let window = match form.expanded_clock.filter(|_| is_expanded) {
            Some(other) => format!("(({}) or ({}))", within(form.clock), within(other)),
            None => within(form.clock),
        };
        let filter = feed.filter.as_deref().unwrap_or_default();
        FeedSpec {
            filter: Some(all_of(&[filter, &window])),
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
        // The server's clock went back, or hardly any time has passed: nothing to read.
        for now in ["2026-11-28T04:30:00Z", "2026-11-28T05:00:00Z"] {
            assert_eq!(cursor.task(form, at(now)), None);
        }
        let Some(Task::Window(tail)) = cursor.task(form, at("2026-11-28T05:15:00Z")) else {
            panic!("a window");
        };
        assert_eq!(tail.from, at("2026-11-28T04:53:00Z"));
    }

    #[test]
    fn with_other_expansions_all_is_read_again() {
        let cursor = Cursor {
            settled: Some(at("2026-11-28T04:00:00Z")),
            listed: 7,
            ..Cursor::default()
        };
        assert_eq!(cursor.clone().expanding(Vec::new()), cursor);
        let anew = cursor.expanding(vec!["Media".to_owned()]);
        assert_eq!((anew.settled, anew.listed), (None, 7));
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor {
            settled: Some(at("2026-11-28T04:00:00Z")),
            listed: 7,
            ..Cursor::default()
        };
        let json = serde_json::to_value(&cursor).unwrap();
        assert_eq!(serde_json::from_value::<Cursor>(json).unwrap(), cursor);
    }
}
