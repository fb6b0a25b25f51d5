//! Changes of listings: price, status, record; and changes that the timestamp does not show, or shows late.

use std::sync::Arc;

use super::{Book, OPENED_MS, PAUSE_MS, STEP_MS, lot, price, status};
use crate::clock::Clock;
use crate::spec::PhotosMove;

/// The changes of a row since it was listed.
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
    /// The number of changes of its photos, and the time of the last one, if that is shown.
    pub photos: u32,
    pub photos_us: Option<i64>,
    /// When the photos themselves say that they changed.
    pub media_us: Option<i64>,
    /// The row's modification timestamp, if it is not the real one.
    pub stamp_us: Option<i64>,
}

impl Book {
    /// The changes of these rows; most have none.
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

    /// The rows that are listed, in the order in which they were.
    pub fn all_listed(&self) -> impl Iterator<Item = super::Row> + '_ {
        let rows = 0..self.slot.len() as u32;
        let visible = rows.filter(|&row| self.visible(row));
        visible.map(|row| self.at(row))
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

/// When a row's photos last changed, in microseconds. A row that is no whole record shows up to a day
/// before its own change.
pub(crate) fn photos_us(seed: u64, row: u32, told_us: i64, edit: &Edit, records: bool) -> i64 {
    let before = (lot(seed, row, 3) % 86_400_000) as i64 * 1_000;
    match edit.photos_us {
        Some(at) => at,
        None if records => OPENED_MS * 1_000 - before,
        None => told_us - before,
    }
}

/// A change of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another price; the timestamp changes.
    Reprice,
    /// From Active to Pending, from Pending to Closed; the timestamp changes.
    Status,
    /// Another price; no timestamp changes.
    Sneak,
    /// Another price, with a timestamp this many seconds ago.
    Late(u32),
    /// The first photo is removed, another one added, the others move; the spec says which timestamps
    /// change.
    Photos,
}

/// The rows to change.
pub(crate) enum Which<'a> {
    /// This many, drawn by the seed.
    Some(usize),
    These(&'a [String]),
}

impl Book {
    /// From here on rows are whole records: changes of photos move these timestamps, and all changes
    /// are stamped by this clock, if there is one.
    pub fn keep_records(&mut self, photos: PhotosMove, clock: Option<Arc<dyn Clock>>) {
        self.photos = Some(photos);
        self.clock = clock;
    }

    /// When a row's photos last changed, in microseconds.
    pub(super) fn photos_us(&self, row: u32) -> i64 {
        let edit = self.edits.get(&row).copied().unwrap_or_default();
        photos_us(
            self.seed,
            row,
            self.told_us(row),
            &edit,
            self.photos.is_some(),
        )
    }

    /// When a row says that it was last modified, in microseconds.
    pub(super) fn told_us(&self, row: u32) -> i64 {
        let late = match self.late {
            0 => None,
            _ => self.edits.get(&row).and_then(|edit| edit.stamp_us),
        };
        late.unwrap_or_else(|| self.changed_us(self.slot[row as usize]))
    }

    /// When a round of this many changes begins, and the time between two of them.
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

    /// From now on, these rows show their changes in time.
    pub(super) fn tell_in_time(&mut self, rows: &[u32]) {
        if self.late == 0 {
            return;
        }
        for row in rows {
            let edit = self.edits.get_mut(row);
            self.late -= usize::from(edit.is_some_and(|edit| edit.stamp_us.take().is_some()));
        }
    }

    /// Changes live rows, and returns their keys.
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
            Change::Photos if self.photos.is_none_or(|moved| moved == PhotosMove::Both) => {
                self.stamp(&rows, STEP_MS);
            }
            Change::Sneak | Change::Late(_) | Change::Photos => self.version += 1,
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
                Change::Photos => {
                    let own = Some(now_ms * 1_000 + nth as i64);
                    edit.photos += 1;
                    (edit.photos_us, edit.media_us) = match self.photos {
                        Some(PhotosMove::PhotosOnly) => (own, own),
                        Some(PhotosMove::Neither) => (edit.photos_us, own),
                        Some(PhotosMove::Both) | None => (Some(at), Some(at)),
                    };
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
