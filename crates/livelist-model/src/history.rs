//! The history of a feed: one line for each run that ended. It is shown to operators. What is published
//! never depends on it.

use serde::{Deserialize, Serialize};

use crate::ids::{FeedId, RunId};
use crate::record::{RunRecord, RunState, Traffic};

/// The number of runs that are kept: a month of daily runs.
pub const REMEMBERED: usize = 30;

/// `feeds/{feed}/history.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Version of this document's form.
    pub schema: u32,
    /// The feed.
    pub feed: FeedId,
    /// The runs, oldest first.
    pub runs: Vec<Past>,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub state: RunState,
    /// When it began.
    pub started_at: jiff::Timestamp,
    /// When it ended.
    pub finished_at: jiff::Timestamp,
    /// Keys of the head after the run; `None` if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<u64>,
    /// Keys that were added.
    #[serde(default)]
    pub added: u64,
    /// Keys that were removed.
    #[serde(default)]
    pub removed: u64,
    /// Absent keys that were asked for one by one.
    #[serde(default)]
    pub confirmed: u64,
    /// How many rows the MLS counted, behind its last scan if it did so twice; `None` if it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// Keys of the former list that no scan saw, however many of them were found by asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<u64>,
    /// The reason why it is held, the name of its error, or who cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Its requests to the provider.
    #[serde(default)]
    pub traffic: Traffic,
}

impl Past {
    /// The line of a run; `None` if the run has not ended.
    pub fn of(record: &RunRecord) -> Option<Past> {
        let finished_at = record.finished_at?;
        if record.state == RunState::Running {
            return None;
        }
        let result = record.result.as_ref();
        let held = record.held_reason.map(|reason| reason.as_str().to_owned());
        let last = record
            .comparison
            .as_ref()
            .and_then(|facts| facts.scans.last());
        let decided = record.decided.as_ref();
        let cancelled = decided.filter(|_| record.state == RunState::Cancelled);
        let cancelled = cancelled.map(|decided| &decided.by);
        Some(Past {
            run: record.spec.run.clone(),
            state: record.state,
            started_at: record.started_at,
            finished_at,
            live: result.filter(|r| r.version.is_some()).map(|r| r.count),
            added: result.map_or(0, |r| r.added),
            removed: result.map_or(0, |r| r.removed),
            confirmed: record.confirmed.map_or(0, |c| c.asked),
            counted: last.and_then(|scan| scan.count_after.or(scan.count_before)),
            absent: record.comparison.as_ref().map(|facts| facts.absent),
            why: held
                .or_else(|| record.error.as_ref().map(|e| e.name.clone()))
                .or_else(|| cancelled.map(|by| format!("by {by}"))),
            traffic: record.traffic,
        })
    }
}

impl History {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// A history without runs.
    pub fn new(feed: FeedId) -> History {
        History {
            schema: Self::SCHEMA,
            feed,
            runs: Vec::new(),
        }
    }

    /// Records how a run ended. Each run has one line, sorted by its start. The oldest runs are dropped.
    /// Returns whether anything changed.
    pub fn note(&mut self, past: Past) -> bool {
        let known = self.runs.iter().position(|known| known.run == past.run);
        match known {
            Some(at) if self.runs[at] == past => return false,
            Some(at) => self.runs[at] = past,
            None => {
                let at = self
                    .runs
                    .partition_point(|known| known.started_at <= past.started_at);
                self.runs.insert(at, past);
            }
        }
        let surplus = self.runs.len().saturating_sub(REMEMBERED);
        self.runs.drain(..surplus);
        true
    }

    /// The newest run that ended.
    pub fn newest(&self) -> Option<&Past> {
        self.runs.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(day: usize, state: RunState) -> Past {
        let at: jiff::Timestamp = "2026-11-01T04:00:00Z".parse().unwrap();
        let started_at = at + jiff::SignedDuration::from_hours(24 * day as i64);
        Past {
            run: format!("run-{day}").parse().unwrap(),
            state,
            started_at,
            finished_at: started_at,
            live: Some(10),
            added: 0,
            removed: 0,
            confirmed: 0,
            counted: None,
            absent: None,
            why: None,
            traffic: Traffic::default(),
        }
    }

    fn history() -> History {
        History::new("abor-property-00000000".parse().unwrap())
    }

    #[test]
    fn a_run_has_one_line_however_often_it_is_noted() {
        let mut history = history();
        assert!(history.note(past(0, RunState::Held)));
        assert!(!history.note(past(0, RunState::Held)));
        assert!(history.note(past(0, RunState::Published)));
        assert_eq!(history.runs.len(), 1);
        assert_eq!(history.newest().unwrap().state, RunState::Published);
    }

    #[test]
    fn the_newest_month_is_remembered_in_order() {
        let mut history = history();
        for day in [1, 0].into_iter().chain(2..40) {
            history.note(past(day, RunState::Unchanged));
        }
        let runs: Vec<String> = history.runs.iter().map(|p| p.run.to_string()).collect();
        let newest: Vec<String> = (10..40).map(|day| format!("run-{day}")).collect();
        assert_eq!(runs, newest);
    }
}
