//! Reading a book: rows that match a filter, in an order, from a place.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::Range;

use super::{Book, Row, status};
use crate::filter::{Facts, Filter};

/// An order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Order {
    pub by: By,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum By {
    /// As they were first listed.
    Listed,
    /// As they were last modified.
    Changed,
    /// By the bytes of the key.
    Key,
}

impl By {
    pub const fn up(self) -> Order {
        Order {
            by: self,
            descending: false,
        }
    }

    pub const fn down(self) -> Order {
        Order {
            by: self,
            descending: true,
        }
    }
}

/// Where reading begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// After so many matching rows.
    Skip(u64),
    /// After this row, in the order of listing.
    AfterRow(u32),
    /// After this key, in the order of keys.
    AfterKey(String),
}

/// What to read.
pub(crate) struct Reading<'a> {
    pub filter: &'a Filter,
    pub system: &'a str,
    pub order: Order,
    pub start: Start,
    pub limit: usize,
    /// How many of a hundred rows are hidden from this reader.
    pub hidden_percent: u8,
}

/// Rows, and whether more follow.
#[derive(Default)]
pub(crate) struct Found {
    pub rows: Vec<Row>,
    pub more: bool,
}

/// Where the last readings by offset ended, so that the next page of a scan over an unchanged
/// book does not count from the beginning again.
#[derive(Default)]
pub(super) struct Seen {
    places: Vec<Place>,
    counts: Vec<(u64, Filter, u8, usize)>,
}

struct Place {
    version: u64,
    order: Order,
    filter: Filter,
    hidden_percent: u8,
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
        key.as_str().cmp(other)
    }

    fn status(&self) -> &str {
        status(self.book.seed, self.row)
    }

    fn system(&self) -> &str {
        self.system
    }

    fn changed(&self) -> i64 {
        self.book.changed_ms(self.book.slot[self.row as usize]) * 1_000
    }

    fn live(&self) -> bool {
        self.book.live.get(self.row)
    }
}

impl Book {
    /// Reads one page.
    pub fn read(&mut self, reading: &Reading<'_>) -> Found {
        if let Some(keys) = reading.filter.keys() {
            return self.read_named(reading, &keys);
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
            let row = self.standing(reading.order.by, at);
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
                    hidden_percent: reading.hidden_percent,
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
        if *reading.filter == Filter::All && reading.hidden_percent == 0 {
            return self.live.count() + self.gone.count();
        }
        if let Some(keys) = reading.filter.keys() {
            return self.named(reading, &keys).len();
        }
        let known = self
            .seen
            .counts
            .iter()
            .find(|(version, filter, hidden, _)| {
                *version == self.version
                    && filter == reading.filter
                    && *hidden == reading.hidden_percent
            });
        if let Some((.., count)) = known {
            return *count;
        }
        let scratch = RefCell::default();
        let count = (0..self.slot.len() as u32)
            .filter(|&row| self.visible(row) && self.passes(reading, row, &scratch))
            .count();
        let filter = reading.filter.clone();
        self.seen
            .counts
            .insert(0, (self.version, filter, reading.hidden_percent, count));
        self.seen.counts.truncate(REMEMBERED);
        count
    }

    fn place(&self, reading: &Reading<'_>, skip: u64) -> Option<&Place> {
        self.seen.places.iter().find(|place| {
            place.version == self.version
                && place.passed <= skip
                && place.order == reading.order
                && place.hidden_percent == reading.hidden_percent
                && place.filter == *reading.filter
        })
    }

    /// The positions of the order that can hold a row of this reading.
    fn span(&self, reading: &Reading<'_>) -> Range<usize> {
        match reading.order.by {
            By::Listed => match reading.start {
                Start::AfterRow(row) => row as usize + 1..self.slot.len(),
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
        }
    }

    /// The visible row at a position of an order.
    fn standing(&self, by: By, at: usize) -> Option<u32> {
        let row = match by {
            By::Listed => at as u32,
            By::Key => self.by_key[at],
            By::Changed => {
                let row = self.changes[at];
                if self.slot[row as usize] as usize != at {
                    return None;
                }
                row
            }
        };
        self.visible(row).then_some(row)
    }

    fn passes(&self, reading: &Reading<'_>, row: u32, key: &RefCell<String>) -> bool {
        if self.denies(row, reading.hidden_percent) {
            return false;
        }
        reading.filter.matches(&Candidate {
            book: self,
            row,
            system: reading.system,
            key,
        })
    }

    fn read_named(&self, reading: &Reading<'_>, keys: &[&str]) -> Found {
        let mut rows = self.named(reading, keys);
        match reading.order.by {
            By::Listed => {}
            By::Changed => rows.sort_unstable_by_key(|&row| self.slot[row as usize]),
            By::Key => rows.sort_by_cached_key(|&row| self.key(row)),
        }
        if reading.order.descending {
            rows.reverse();
        }
        let skip = match &reading.start {
            Start::Skip(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
            Start::AfterRow(after) => rows.partition_point(|row| row <= after),
            Start::AfterKey(after) => rows.partition_point(|&row| self.key(row) <= *after),
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

    /// The rows of these keys that match, once each, in the order of listing.
    fn named(&self, reading: &Reading<'_>, keys: &[&str]) -> Vec<u32> {
        let scratch = RefCell::default();
        let mut rows: Vec<u32> = keys
            .iter()
            .filter_map(|key| self.row_of(key))
            .filter(|&row| self.visible(row) && self.passes(reading, row, &scratch))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::keys::KeyStyle;
    use crate::filter::parse;

    fn reading(filter: &Filter, order: Order, start: Start, limit: usize) -> Reading<'_> {
        Reading {
            filter,
            system: "actris",
            order,
            start,
            limit,
            hidden_percent: 0,
        }
    }

    fn scan(book: &mut Book, filter: &Filter, order: Order, page: usize) -> Vec<String> {
        let mut keys = Vec::new();
        loop {
            let start = Start::Skip(keys.len() as u64);
            let found = book.read(&reading(filter, order, start, page));
            keys.extend(found.rows.iter().map(|row| book.key(row.index)));
            if !found.more {
                return keys;
            }
        }
    }

    #[test]
    fn every_order_gives_every_row_once() {
        let mut book = Book::open(KeyStyle::Mixed, 5, 1_000, false);
        book.sell(100);
        book.touch(200);
        book.add(30);
        for by in [By::Listed, By::Changed, By::Key] {
            for order in [by.up(), by.down()] {
                let mut keys = scan(&mut book, &Filter::All, order, 7);
                keys.sort();
                assert_eq!(keys, book.live_keys(), "{order:?}");
            }
        }
        assert_eq!(
            scan(&mut book, &Filter::All, By::Key.up(), 7),
            book.live_keys()
        );
    }

    #[test]
    fn a_row_removed_behind_an_offset_hides_a_later_one() {
        let mut book = Book::open(KeyStyle::Digits, 5, 100, false);
        let first = book.read(&reading(&Filter::All, By::Listed.up(), Start::Skip(0), 10));
        book.sell_some(first.rows.iter().map(|row| row.index).collect(), 1);
        let second = book.read(&reading(&Filter::All, By::Listed.up(), Start::Skip(10), 10));
        assert_eq!(second.rows[0].index, 11);
    }

    #[test]
    fn named_keys_ranges_and_counts_agree_with_the_walk() {
        let mut book = Book::open(KeyStyle::Mixed, 5, 500, false);
        book.sell(50);
        let keys = book.live_keys();
        let quoted = |key: &str| format!("'{}'", key.replace('\'', "''"));
        let after = parse(&format!("ListingKey gt {}", quoted(&keys[99]))).unwrap();
        for order in [By::Key.up(), By::Listed.up()] {
            let mut found = scan(&mut book, &after, order, 9);
            found.sort();
            assert_eq!(found, keys[100..]);
        }
        assert_eq!(
            book.count(&reading(&after, By::Key.up(), Start::Skip(0), 0)),
            350
        );
        let one = parse(&format!("ListingKey in ({},'none')", quoted(&keys[3]))).unwrap();
        assert_eq!(scan(&mut book, &one, By::Key.up(), 9), keys[3..4]);
        let status = parse("StandardStatus eq 'Pending'").unwrap();
        let pending = scan(&mut book, &status, By::Key.up(), 9).len();
        assert_eq!(
            book.count(&reading(&status, By::Key.up(), Start::Skip(0), 0)),
            pending
        );
        assert!(pending > 0 && pending < 450);
    }

    #[test]
    fn what_is_gone_stays_visible_where_the_provider_keeps_it() {
        let mut book = Book::open(KeyStyle::Prefixed("ACT".into()), 5, 50, true);
        let sold = book.sell(5);
        let gone = parse("MlgCanView eq false").unwrap();
        let mut found = scan(&mut book, &gone, By::Changed.up(), 9);
        found.sort();
        let mut expected = sold;
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(
            book.count(&reading(&Filter::All, By::Key.up(), Start::Skip(0), 0)),
            50
        );
    }
}
