//! Changes that contradict a reader's assumptions: rows that are inserted among others, that leave this
//! reader's list but stay live, that get another listing id, or another key under the same id, and many
//! that change at one timestamp.

use super::{Book, STEP_MS};

/// The number in the listing id of row 0; those of later rows follow.
const FIRST_LISTING: u64 = 1_000_000;
/// Changed ids begin here. No book has so many rows.
const FIRST_NEW_LISTING: u64 = 900_000_000;

impl Book {
    /// Takes `n` live rows out of this reader's list; asked for by key, they may show.
    pub fn leave(&mut self, n: usize) -> Vec<String> {
        let keys = self.sell(n);
        for key in &keys {
            if let Some(row) = self.row_of(key) {
                self.away.put(row, true);
            }
        }
        keys
    }

    /// Gives `n` live rows other listing ids, and names their keys.
    pub fn renumber(&mut self, n: usize) -> Vec<String> {
        let mut rows: Vec<u32> = self.live.ones().collect();
        self.dice.pick(&mut rows, n);
        for &row in &rows {
            let number = FIRST_NEW_LISTING + self.rows_of_ids.len() as u64;
            if let Some(old) = self.ids.insert(row, number) {
                // Nothing is found by an old id, and none is given twice.
                self.rows_of_ids.insert(old, u32::MAX);
            }
            self.rows_of_ids.insert(number, row);
        }
        self.stamp(&rows, STEP_MS);
        rows.into_iter().map(|row| self.key(row)).collect()
    }

    /// Gives `n` live listings other keys under their listing ids; returns the former and the new keys. The
    /// row of a former key is removed; it keeps the id, but is no longer found by it.
    pub fn rekey_some(&mut self, n: usize) -> Vec<(String, String)> {
        let mut rows: Vec<u32> = self.live.ones().collect();
        self.dice.pick(&mut rows, n);
        let former = self.put(&rows, false);
        let first = self.slot.len() as u32;
        let new = self.add(rows.len());
        for (old, row) in rows.into_iter().zip(first..) {
            let number = self.listing(old);
            self.ids.insert(row, number);
            self.rows_of_ids.insert(number, row);
        }
        former.into_iter().zip(new).collect()
    }

    /// Adds `n` new rows after the first `at` rows in the order of listing.
    pub fn add_at(&mut self, n: usize, at: usize) -> Vec<String> {
        let mut order = self
            .listed
            .take()
            .unwrap_or_else(|| (0..self.slot.len() as u32).collect());
        let mut seen = 0;
        let is_before = |row: &&u32| {
            seen += usize::from(self.visible(**row));
            seen <= at
        };
        let place = order.iter().take_while(is_before).count();
        let first = self.slot.len() as u32;
        let keys = self.add(n);
        order.splice(place..place, first..self.slot.len() as u32);
        self.listed = Some(order);
        keys
    }

    /// Modifies `n` live rows at one instant.
    pub fn touch_some_at_once(&mut self, n: usize) -> Vec<String> {
        let mut rows: Vec<u32> = self.live.ones().collect();
        self.dice.pick(&mut rows, n);
        let keys = rows.iter().map(|&row| self.key(row)).collect();
        self.touch_at_once(rows);
        keys
    }

    /// The number in a row's listing id.
    pub(super) fn listing(&self, row: u32) -> u64 {
        let given = self.ids.get(&row).copied();
        given.unwrap_or(FIRST_LISTING + u64::from(row))
    }

    /// The listing id of a key.
    pub fn listing_id(&self, key: &str) -> Option<String> {
        let row = self.row_of(key)?;
        let mut id = String::new();
        self.keys.write_listing_id(self.listing(row), &mut id);
        Some(id)
    }

    /// The row of a listing id.
    pub fn row_of_listing(&self, id: &str) -> Option<u32> {
        let number = self.keys.listing_number(id)?;
        if let Some(row) = self.rows_of_ids.get(&number) {
            return Some(*row);
        }
        let row = u32::try_from(number.checked_sub(FIRST_LISTING)?).ok()?;
        let is_own = (row as usize) < self.slot.len() && !self.ids.contains_key(&row);
        is_own.then_some(row)
    }
}
