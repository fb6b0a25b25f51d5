//! Changes of what a listing says: its price, its status, what its record holds; and changes that its
//! timestamp does not tell, or tells late.

use std::sync::Arc;

use super::{Book, PAUSE_MS, STEP_MS, price, status};
use crate::clock::Clock;

/// What was changed of a row since it was listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    pub status: Option<&'static str>,
    pub price: Option<u64>,
    /// The price before.
    pub former: Option<u64>,
    /// When the price, and when the status changed, in microseconds.
    pub priced_us: Option<i64>,
    pub moved_us: Option<i64>,
    /// Counts the changes that the order of modification does not.
    pub revision: u32,
    /// When the row says that it was modified, where that is not when it was.
    pub stamp_us: Option<i64>,
}

impl Book {
    /// What was changed of these rows; most have nothing.
    pub fn edits_of(&self, rows: &[super::Row]) -> std::collections::HashMap<u32, Edit> {
        if self.edits.is_empty() {
            return std::collections::HashMap::new();
        }
        let edited = rows.iter().filter_map(|row| {
            let edit = self.edits.get(&row.index)?;
            Some((row.index, *edit))
        });
        edited.collect()
    }

    /// The row of a key, if it is listed.
    pub fn listed(&self, key: &str) -> Option<super::Row> {
        let row = self.row_of(key).filter(|&row| self.visible(row))?;
        Some(self.at(row))
    }

    /// A row's StandardStatus.
    pub(super) fn status(&self, row: u32) -> &'static str {
        let set = self.edits.get(&row).and_then(|edit| edit.status);
        set.unwrap_or_else(|| status(self.seed, row))
    }

    /// A row's ListPrice.
    pub(super) fn price(&self, row: u32) -> u64 {
        let set = self.edits.get(&row).and_then(|edit| edit.price);
        set.unwrap_or_else(|| price(self.seed, row))
    }
}

/// A change of what a listing says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another price; the timestamp tells.
    Reprice,
    /// From Active to Pending, from Pending to Closed; the timestamp tells.
    Status,
    /// Another price, and nothing tells.
    Sneak,
    /// Another price, under a timestamp so many seconds ago.
    Late(u32),
}

/// The rows to change.
pub(crate) enum Which<'a> {
    /// So many, drawn by the seed.
    Some(usize),
    These(&'a [String]),
}

impl Book {
    /// From here on changes are stamped by this clock.
    pub fn stamp_by(&mut self, clock: Arc<dyn Clock>) {
        self.clock = Some(clock);
    }

    /// When a row says that it was last modified, in microseconds.
    pub(super) fn told_us(&self, row: u32) -> i64 {
        let late = match self.late {
            0 => None,
            _ => self.edits.get(&row).and_then(|edit| edit.stamp_us),
        };
        late.unwrap_or_else(|| self.changed_us(self.slot[row as usize]))
    }

    /// When a round of so many changes begins, and the time between two of them.
    pub(super) fn round(&self, changes: usize, step_ms: i64, last_ms: i64) -> (i64, i64) {
        match &self.clock {
            None => (last_ms + PAUSE_MS, step_ms),
            Some(clock) => {
                // All of it has been by now, as far as the order of changes allows.
                let step_ms = step_ms.min(1);
                let began = clock.now().as_millisecond() - step_ms * changes as i64;
                (began.max(last_ms + 1), step_ms)
            }
        }
    }

    /// Rows that change tell so themselves.
    pub(super) fn tell_in_time(&mut self, rows: &[u32]) {
        if self.late == 0 {
            return;
        }
        for row in rows {
            let edit = self.edits.get_mut(row);
            self.late -= usize::from(edit.is_some_and(|edit| edit.stamp_us.take().is_some()));
        }
    }

    /// Changes what live rows say, and names them.
    pub fn change(&mut self, change: Change, which: &Which<'_>) -> Vec<String> {
        let fits = |row: &u32| {
            self.live.get(*row) && (change != Change::Status || self.status(*row) != "Closed")
        };
        let rows: Vec<u32> = match which {
            Which::Some(n) => {
                let mut rows = self.live.ones().filter(fits).collect();
                self.dice.pick(&mut rows, *n);
                rows
            }
            Which::These(keys) => keys
                .iter()
                .filter_map(|key| self.row_of(key))
                .filter(fits)
                .collect(),
        };
        match change {
            Change::Reprice | Change::Status => self.stamp(&rows, STEP_MS),
            Change::Sneak | Change::Late(_) => self.version += 1,
        }
        let last_ms = self.changed_ms((self.changes.len() as u32).saturating_sub(1));
        let now = self.clock.as_ref().map(|clock| clock.now());
        let now_ms = now.map_or(last_ms, |now| now.as_millisecond());
        for (nth, &row) in rows.iter().enumerate() {
            let (price, status, at) = (self.price(row), self.status(row), self.told_us(row));
            let step = 1_000 * (1 + self.dice.roll() % 20);
            let other = if price > 60_000 && step.is_multiple_of(2_000) {
                price - step
            } else {
                price + step
            };
            let edit = self.edits.entry(row).or_default();
            match change {
                Change::Reprice => {
                    edit.former = Some(price);
                    edit.price = Some(other);
                    edit.priced_us = Some(at);
                }
                Change::Status => {
                    let next = if status == "Active" {
                        "Pending"
                    } else {
                        "Closed"
                    };
                    edit.status = Some(next);
                    edit.moved_us = Some(at);
                }
                Change::Sneak | Change::Late(_) => {
                    edit.price = Some(other);
                    edit.revision += 1;
                }
            }
            if let Change::Late(seconds) = change {
                let told_ms = now_ms - i64::from(seconds) * 1_000 - nth as i64;
                self.late += usize::from(edit.stamp_us.replace(told_ms * 1_000).is_none());
            }
        }
        rows.into_iter().map(|row| self.key(row)).collect()
    }
}
