//! Reads a book: rows that match a filter, in an order, from a position.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::Range;

use super::dice::mix;
use super::{Book, Row, office, property_type};
use crate::filter::{Facts, Filter};

/// An order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Order {
    pub by: By,
    pub descending: bool,
    /// Whether the key decides between rows of one instant.
    pub tied: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum By {
    /// As they were first listed.
    Listed,
    /// As they were last modified.
    Changed,
    /// By the bytes of the key.
    Key,
    /// By the key as a number.
    Number,
}

impl By {
    pub const fn up(self) -> Order {
        Order {
            by: self,
            descending: false,
            tied: false,
        }
    }

    pub const fn down(self) -> Order {
        Order {
            by: self,
            descending: true,
            tied: false,
        }
    }
}

/// The start of a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// After this many matching rows.
    Skip(u64),
    /// After this row, in the order of listing.
    AfterRow(u32),
    /// After this key, in the order of keys.
    AfterKey(String),
}

impl Start {
    pub fn is_beginning(&self) -> bool {
        match self {
            Self::Skip(skip) => *skip == 0,
            Self::AfterRow(_) => false,
            Self::AfterKey(key) => key.is_empty(),
        }
    }
}

/// A reading.
pub(crate) struct Reading<'a> {
    pub filter: &'a Filter,
    pub system: &'a str,
    pub order: Order,
    pub start: Start,
    pub limit: usize,
    pub sight: Sight,
}

/// What a reader sees in addition to the visible rows, and which of them it does not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Rows that are hidden from it, for two reasons.
    pub hidden: [Hidden; 2],
    /// Whether the state of the last snapshot is seen.
    pub stale: bool,
    /// Rows that have left the book show.
    pub departed: bool,
    /// Rows that live on elsewhere show.
    pub away: bool,
    /// A seed for the order of rows with one timestamp.
    pub ties: Option<u64>,
}

/// This many of a hundred rows, drawn by the salt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hidden {
    pub percent: u8,
    pub salt: u64,
}

/// Rows, and whether more follow.
#[derive(Default)]
pub(crate) struct Found {
    pub rows: Vec<Row>,
    pub more: bool,
}

/// Where the last readings by offset ended, so that the next page of a scan over an unchanged book does not
/// count from the beginning.
#[derive(Default)]
pub(super) struct Seen {
    places: Vec<Place>,
    counts: Vec<Counted>,
}

struct Counted {
    version: u64,
    filter: Filter,
    sight: Sight,
    count: usize,
}

struct Place {
    version: u64,
    order: Order,
    filter: Filter,
    sight: Sight,
    /// Matching rows before the place.
    passed: u64,
    step: usize,
}

/// Enough for the scans that run against one MLS at a time.
const REMEMBERED: usize = 8;

struct Candidate<'a> {
    book: &'a Book,
    row: u32,
    system: &'a str,
    key: &'a RefCell<String>,
}

impl Facts for Candidate<'_> {
    fn compare_key(&self, other: &str) -> Ordering {
        let mut key = self.key.borrow_mut();
        key.clear();
        self.book.keys.write(self.book.id(self.row), &mut key);
        match self.book.blind {
            true => folded(&key).cmp(&folded(other)),
            false => key.as_str().cmp(other),
        }
    }

    fn is_listing(&self, id: &str) -> bool {
        let number = self.book.keys.listing_number(id);
        number == Some(self.book.listing(self.row))
    }

    fn listing_id(&self) -> String {
        let mut id = String::new();
        let number = self.book.listing(self.row);
        self.book.keys.write_listing_id(number, &mut id);
        id
    }

    fn number(&self) -> i64 {
        self.book.number(self.row)
    }

    fn status(&self) -> &str {
        self.book.status(self.row)
    }

    fn property_type(&self) -> &str {
        property_type(self.book.seed, self.row)
    }

    fn office(&self) -> String {
        office(self.book.seed, self.row)
    }

    fn system(&self) -> &str {
        self.system
    }

    fn changed(&self) -> i64 {
        self.book.told_us(self.row)
    }

    fn photos_changed(&self) -> i64 {
        self.book.photos_us(self.row)
    }

    fn live(&self) -> bool {
        self.book.live.get(self.row)
    }
}

impl Book {
    /// Reads one page.
    pub fn read(&mut self, reading: &Reading<'_>) -> Found {
        if !self.blind && reading.filter.names_rows() {
            return self.read_named(reading);
        }
        if reading.order.by == By::Number {
            self.number_rows();
        }
        if self.is_odd(reading) {
            return self.read_at_length(reading);
        }
        let span = self.span(reading);
        let (mut step, mut to_pass) = (0, 0);
        if let Start::Skip(skip) = reading.start {
            to_pass = skip;
            if let Some(place) = self.place(reading, skip) {
                (step, to_pass) = (place.step, skip - place.passed);
            }
        }
        let scratch = RefCell::default();
        let mut rows = Vec::new();
        let mut more = false;
        while step < span.len() {
            let at = if reading.order.descending {
                span.end - 1 - step
            } else {
                span.start + step
            };
            let row = self.standing(reading, at);
            if let Some(row) = row.filter(|&row| self.passes(reading, row, &scratch)) {
                if to_pass > 0 {
                    to_pass -= 1;
                } else if rows.len() < reading.limit {
                    rows.push(self.at(row));
                } else {
                    more = true;
                    break;
                }
            }
            step += 1;
        }
        if let Start::Skip(skip) = reading.start {
            self.seen.places.insert(
                0,
                Place {
                    version: self.version,
                    order: reading.order,
                    filter: reading.filter.clone(),
                    sight: reading.sight,
                    passed: skip - to_pass + rows.len() as u64,
                    step,
                },
            );
            self.seen.places.truncate(REMEMBERED);
        }
        Found { rows, more }
    }

    /// How many rows match, wherever reading begins.
    pub fn count(&mut self, reading: &Reading<'_>) -> usize {
        let plain = Sight {
            stale: reading.sight.stale,
            ties: reading.sight.ties,
            ..Sight::default()
        };
        if *reading.filter == Filter::All && reading.sight == plain {
            return match &self.snapshot {
                Some(seen) if reading.sight.stale => seen.count(),
                _ => self.live.count() + self.gone.count(),
            };
        }
        if !self.blind && reading.filter.names_rows() {
            return self.named(reading).len();
        }
        let known = self.seen.counts.iter().find(|counted| {
            counted.version == self.version
                && counted.filter == *reading.filter
                && counted.sight == reading.sight
        });
        if let Some(known) = known {
            return known.count;
        }
        let scratch = RefCell::default();
        let count = (0..self.slot.len() as u32)
            .filter(|&row| self.seen_by(reading, row) && self.passes(reading, row, &scratch))
            .count();
        let counted = Counted {
            version: self.version,
            filter: reading.filter.clone(),
            sight: reading.sight,
            count,
        };
        self.seen.counts.insert(0, counted);
        self.seen.counts.truncate(REMEMBERED);
        count
    }

    fn place(&self, reading: &Reading<'_>, skip: u64) -> Option<&Place> {
        self.seen.places.iter().find(|place| {
            place.version == self.version
                && place.passed <= skip
                && place.order == reading.order
                && place.sight == reading.sight
                && place.filter == *reading.filter
        })
    }

    /// The positions of the order that can hold a row of this reading.
    fn span(&self, reading: &Reading<'_>) -> Range<usize> {
        match reading.order.by {
            By::Listed => match reading.start {
                Start::AfterRow(row) => self.listed_at(row) + 1..self.slot.len(),
                _ => 0..self.slot.len(),
            },
            By::Changed => 0..self.changes.len(),
            By::Key => {
                let (low, high) = reading.filter.key_range();
                let mut start = low.map_or(0, |(key, within)| self.before(key, !within));
                let end = high.map_or(self.by_key.len(), |(key, within)| self.before(key, within));
                if let Start::AfterKey(key) = &reading.start {
                    start = start.max(self.before(key, true));
                }
                start.min(end)..end
            }
            By::Number => {
                let (low, high) = reading.filter.number_range();
                let rows = self.by_number.as_deref().unwrap_or_default();
                let start = rows.partition_point(|&row| self.number(row) < low);
                let end = rows.partition_point(|&row| self.number(row) <= high);
                start.min(end)..end
            }
        }
    }

    /// The position of a row in the order of listing.
    fn listed_at(&self, row: u32) -> usize {
        let found = self
            .listed
            .as_ref()
            .and_then(|order| order.iter().position(|other| *other == row));
        found.unwrap_or(row as usize)
    }

    /// Whether the fast walk along an order would not show this server's answer.
    fn is_odd(&self, reading: &Reading<'_>) -> bool {
        let by_change = reading.order.by == By::Changed;
        let untied = by_change && !reading.order.tied;
        // Rows with a late timestamp are not where they changed.
        (by_change && self.late > 0)
            || (untied && reading.sight.ties.is_some())
            || (self.blind && reading.order.by == By::Key)
    }

    /// Reads a page from the whole list of matching rows.
    fn read_at_length(&self, reading: &Reading<'_>) -> Found {
        let scratch = RefCell::default();
        let mut rows: Vec<u32> = (0..self.slot.len() as u32)
            .filter(|&row| self.seen_by(reading, row) && self.passes(reading, row, &scratch))
            .collect();
        match (reading.order.by, reading.sight.ties) {
            (By::Changed, Some(salt)) => {
                rows.sort_by_cached_key(|&row| (self.told_us(row), mix(mix(salt) ^ u64::from(row))))
            }
            (By::Changed, None) => {
                rows.sort_by_cached_key(|&row| (self.told_us(row), self.slot[row as usize]));
            }
            // Keys that are equal to the server have no order.
            _ => rows.sort_by_cached_key(|&row| {
                let tie = reading
                    .sight
                    .ties
                    .map_or(0, |salt| mix(mix(salt) ^ u64::from(row)));
                (folded(&self.key(row)), tie)
            }),
        }
        self.part_of(reading, rows)
    }

    /// The page of a reading among all rows of its order.
    fn part_of(&self, reading: &Reading<'_>, mut rows: Vec<u32>) -> Found {
        if reading.order.descending {
            rows.reverse();
        }
        let skip = match &reading.start {
            Start::Skip(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
            Start::AfterRow(after) => {
                let at = self.listed_at(*after);
                rows.partition_point(|row| self.listed_at(*row) <= at)
            }
            // A token belongs to one row, so it identifies the row even among keys that differ by case. A
            // removed row leaves its position.
            Start::AfterKey(after) => match rows.iter().position(|&row| self.key(row) == *after) {
                Some(at) => at + 1,
                None => {
                    let after = folded(after);
                    rows.partition_point(|&row| folded(&self.key(row)) <= after)
                }
            },
        };
        let rest = rows.get(skip..).unwrap_or_default();
        Found {
            rows: rest
                .iter()
                .take(reading.limit)
                .map(|&row| self.at(row))
                .collect(),
            more: rest.len() > reading.limit,
        }
    }

    /// The key of a row as a number; 0 if it is none.
    pub(super) fn number(&self, row: u32) -> i64 {
        self.key(row).parse().unwrap_or(0)
    }

    /// Brings the rows into the order of their numbers.
    fn number_rows(&mut self) {
        if self.by_number.is_none() {
            let mut rows = self.by_key.clone();
            rows.sort_by_cached_key(|&row| self.number(row));
            self.by_number = Some(rows);
        }
    }

    fn seen_by(&self, reading: &Reading<'_>, row: u32) -> bool {
        match &self.snapshot {
            _ if reading.sight.departed => true,
            _ if reading.sight.away && self.away.get(row) => true,
            Some(seen) if reading.sight.stale => seen.get(row),
            _ => self.visible(row),
        }
    }

    /// The visible row at a position of an order.
    fn standing(&self, reading: &Reading<'_>, at: usize) -> Option<u32> {
        let row = match reading.order.by {
            By::Listed => match &self.listed {
                Some(order) => *order.get(at)?,
                None => at as u32,
            },
            By::Key => self.by_key[at],
            By::Number => *self.by_number.as_ref()?.get(at)?,
            By::Changed => {
                let row = self.changes[at];
                if self.slot[row as usize] as usize != at {
                    return None;
                }
                row
            }
        };
        self.seen_by(reading, row).then_some(row)
    }

    fn passes(&self, reading: &Reading<'_>, row: u32, key: &RefCell<String>) -> bool {
        if reading
            .sight
            .hidden
            .iter()
            .any(|&hidden| self.hides(row, hidden))
        {
            return false;
        }
        reading.filter.matches(&Candidate {
            book: self,
            row,
            system: reading.system,
            key,
        })
    }

    fn read_named(&self, reading: &Reading<'_>) -> Found {
        let mut rows = self.named(reading);
        match reading.order.by {
            By::Listed => rows.sort_by_cached_key(|&row| self.listed_at(row)),
            By::Changed => {
                rows.sort_by_cached_key(|&row| (self.told_us(row), self.slot[row as usize]));
            }
            By::Key => rows.sort_by_cached_key(|&row| self.key(row)),
            By::Number => rows.sort_by_cached_key(|&row| self.number(row)),
        }
        self.part_of(reading, rows)
    }

    /// The rows that the filter names and that match, once each.
    fn named(&self, reading: &Reading<'_>) -> Vec<u32> {
        let scratch = RefCell::default();
        let named: Vec<u32> = match reading.filter.keys() {
            Some(keys) => keys.iter().filter_map(|key| self.row_of(key)).collect(),
            None => {
                let ids = reading.filter.listing_ids().unwrap_or_default();
                ids.iter()
                    .filter_map(|id| self.row_of_listing(id))
                    .collect()
            }
        };
        let mut rows: Vec<u32> = named
            .into_iter()
            .filter(|&row| (row as usize) < self.slot.len())
            .filter(|&row| self.seen_by(reading, row) && self.passes(reading, row, &scratch))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}

/// A key as compared by a server that ignores case and trailing blanks.
fn folded(key: &str) -> String {
    key.trim_end_matches(' ').to_lowercase()
}
