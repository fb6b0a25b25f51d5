//! Paging by `$skip` without missing a row.
//!
//! `$skip` counts rows. If a row before the reader is sold, or is modified in a list ordered by
//! modification, all rows after it move up, and the first of them leaves the next page (F8). So each page
//! begins some rows before the end of the page before, and has to show at least one of that page's last
//! rows unchanged. Rows that do not change keep their order. So unread rows are after that row, on this
//! page or a later one. A row that is modified during the scan moves to the end, which is also still to be
//! read. The provider's links count rows as well, but without the overlap; they are only used as a sign
//! that there are more rows.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use livelist_model::keys::KeyBuffer;

/// The most rows that are asked for twice: more than change between two requests.
pub(super) const MOST: u64 = 50;
/// The minimum, if a page has at least twice as many rows.
const LEAST: u64 = 10;

/// Rows of one page that were shown before have fewer others than this between them.
const TOGETHER: usize = 1_000;

/// How many rows are repeated on the page after one with `rows` different rows: half of a tiny page, a
/// tenth of an ordinary one.
pub(super) fn overlap(rows: u64) -> u64 {
    (rows / 10).max(LEAST).min(rows / 2).clamp(1, MOST)
}

/// The different rows of a page, each as a hash of its key and its timestamp. Only the same scan compares
/// them. `DefaultHasher::new` has no random key, so they can be stored.
pub(super) struct PageRows(Vec<u64>);

/// How a page relates to the one before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Joined {
    /// Rows that the page before had shown.
    pub(super) again: u64,
    /// Rows that it had not.
    pub(super) fresh: u64,
}

impl PageRows {
    /// The rows of `keys` from `first` on. A row that a page shows twice counts once, because `$skip`
    /// counts it once.
    pub(super) fn of(first: usize, keys: &KeyBuffer) -> PageRows {
        let mut seen = HashSet::new();
        let rows = keys.iter_from(first).filter(|(key, _)| seen.insert(*key));
        PageRows(rows.map(hash).collect())
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Which of them are in `tail`, the last rows of the page before.
    pub(super) fn joined(&self, tail: &[u64]) -> Joined {
        let again = self.0.iter().filter(|row| tail.contains(row)).count() as u64;
        Joined {
            again,
            fresh: self.len() - again,
        }
    }

    /// The last rows, one of which the next page has to show: twice as many as are requested again, in case
    /// other rows were inserted before them.
    pub(super) fn tail(&self, overlap: u64) -> Vec<u64> {
        let most = 2 * overlap as usize;
        self.0[self.0.len().saturating_sub(most)..].to_vec()
    }

    /// A page with the same rows has the same.
    pub(super) fn print(&self) -> Vec<u8> {
        self.0.iter().flat_map(|row| row.to_be_bytes()).collect()
    }
}

/// How many of the rows from `first` on are up to the last one in `tail`: these repeat the page before.
pub(super) fn again(tail: &[u64], first: usize, keys: &KeyBuffer) -> usize {
    let mut again = 0;
    if tail.is_empty() {
        return again;
    }
    for (at, row) in keys.iter_from(first).enumerate() {
        // They are next to each other.
        if again > 0 && at > again + TOGETHER {
            break;
        }
        if tail.contains(&hash(row)) {
            again = at + 1;
        }
    }
    again
}

/// The last rows from `first` on.
pub(super) fn rows_at_end(first: usize, keys: &KeyBuffer) -> Vec<u64> {
    let rows = keys.iter_from(first).rev().take(MOST as usize);
    rows.map(hash).collect()
}

/// The same, of their keys alone.
pub(super) fn keys_at_end(first: usize, keys: &KeyBuffer) -> Vec<u64> {
    let rows = keys.iter_from(first).rev().take(MOST as usize);
    rows.map(|(key, _)| hash((key, b""))).collect()
}

/// The same of one key.
pub(super) fn hash_of_key(key: &[u8]) -> u64 {
    hash((key, b""))
}

/// A page with the same keys has the same.
pub(super) fn print(first: usize, keys: &KeyBuffer) -> u64 {
    let mut hasher = DefaultHasher::new();
    keys.iter_from(first)
        .for_each(|(key, _)| key.hash(&mut hasher));
    hasher.finish()
}

fn hash(row: (&[u8], &[u8])) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: &[(&str, &str)]) -> PageRows {
        let mut keys = KeyBuffer::default();
        keys.push(b"of-the-page-before", b"").unwrap();
        for (key, stamp) in rows {
            keys.push(key.as_bytes(), stamp.as_bytes()).unwrap();
        }
        PageRows::of(1, &keys)
    }

    #[test]
    fn every_page_begins_among_the_last_rows_of_the_one_before_and_gets_further() {
        for rows in 2..=6_000 {
            let overlap = overlap(rows);
            assert!((1..=MOST.min(rows / 2)).contains(&overlap), "{rows}");
        }
        assert_eq!([2, 4, 20, 200, 5_000].map(overlap), [1, 2, 10, 20, 50]);
    }

    #[test]
    fn a_row_that_was_modified_joins_nothing() {
        let tail = page(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]).tail(2);
        let joined = |rows: &[(&str, &str)]| {
            let joined = page(rows).joined(&tail);
            (joined.again, joined.fresh)
        };
        assert_eq!(joined(&[("d", "1"), ("e", "1")]), (1, 1));
        assert_eq!(joined(&[("d", "2"), ("e", "1")]), (0, 2));
        assert_eq!(joined(&[("d1", ""), ("d", "")]), (0, 2));
        assert_eq!(joined(&[]), (0, 0));
    }

    #[test]
    fn a_row_that_is_shown_twice_is_one_row() {
        let page = page(&[("a", ""), ("b", ""), ("a", ""), ("c", ""), ("d", "")]);
        assert_eq!((page.len(), page.tail(1).len()), (4, 2));
    }
}
