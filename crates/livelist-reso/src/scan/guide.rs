//! Guesses where the next pages begin, so that they can be prefetched.
//!
//! A scan by an order leaves *marks* behind: positions in the list, spaced a little closer than the
//! rows of a page. The next scan of the feed assumes that its pages begin at the same positions.
//!
//! No proof depends on a guess. A page that was prefetched from a mark is used only if the page
//! before it shows that mark. The page before is then cut at the mark, so the two join exactly as if
//! they had been requested one after the other. A mark whose row no longer shows is skipped, and the
//! scan continues after its last row, as it would without marks.
//!
//! Pure, over keys that the client read.

use std::collections::HashMap;

use livelist_model::keys::KeyBuffer;
use serde::{Deserialize, Serialize};

use super::{Cursor, keyset};
use crate::dialect::KeysetBy;

/// The distance of two marks, in twentieths of a page. The rest leaves room for new rows.
const STRIDE: u64 = 19;
/// No marks are set for pages of fewer rows than this.
const LEAST_ROWS: u64 = 20;
/// The most marks that are stored.
const MOST: usize = 20_000;

/// The marks that a scan leaves behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    /// Places in the order of the scan.
    pub places: Vec<Cursor>,
    /// Rows since the last of them.
    pub since: u64,
    /// How many of them are before the last page.
    pub before_last: usize,
}

impl Marks {
    /// Continues with `rows`, from pages of at most `page` rows.
    pub(super) fn pass<'k>(
        &mut self,
        by: KeysetBy,
        mut rows: impl ExactSizeIterator<Item = (&'k [u8], &'k [u8])>,
        page: u64,
    ) {
        self.before_last = self.places.len();
        if page < LEAST_ROWS {
            return;
        }
        loop {
            let left = (page * STRIDE / 20).saturating_sub(self.since).max(1);
            let here = rows.len() as u64;
            let Some(row) = rows.nth(left as usize - 1) else {
                self.since += here;
                return;
            };
            if self.places.len() < MOST {
                self.places.extend(keyset::place(by, row));
            }
            self.since = 0;
        }
    }

    /// Removes the marks of the last page, which may not be full. A page that is not full needs no mark.
    pub(super) fn end(&mut self) {
        self.places.truncate(self.before_last);
    }
}

/// The marks of the last scan, and how far this scan has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guide {
    marks: Vec<Cursor>,
    /// The index of a row in `marks`, by its key or number.
    by_row: HashMap<Vec<u8>, usize>,
    /// The next mark; `None` if the scan's position among the marks is not known.
    next: Option<usize>,
}

impl Guide {
    /// A guide for a scan that is at `here`.
    pub(super) fn new(by: KeysetBy, mut marks: Vec<Cursor>, here: &Cursor) -> Guide {
        marks.retain(|mark| keyset::is_place(by, mark));
        let next = match here {
            Cursor::Start => Some(0),
            here => marks.iter().position(|mark| mark == here).map(|at| at + 1),
        };
        let by_row = marks.iter().enumerate().filter_map(|(at, mark)| {
            let id = match mark {
                Cursor::After(id) | Cursor::Since { key: id, .. } => id,
                _ => return None,
            };
            Some((id.clone().into_bytes(), at))
        });
        Guide {
            by_row: by_row.collect(),
            next,
            marks,
        }
    }

    /// The next marks, at most `most`.
    pub(super) fn ahead(&self, most: usize) -> impl Iterator<Item = &Cursor> {
        let marks = self.next.and_then(|next| self.marks.get(next..));
        marks.unwrap_or_default().iter().take(most)
    }

    /// The last mark ahead that the rows `first..` show: its number, and the row's.
    pub(super) fn met(&self, by: KeysetBy, first: usize, keys: &KeyBuffer) -> Option<Met> {
        if self.marks.is_empty() {
            return None;
        }
        let passed = self.next.unwrap_or(0);
        keys.iter_from(first)
            .enumerate()
            .rev()
            .find_map(|(at, row)| {
                let id = match by {
                    KeysetBy::Number(_) => row.1,
                    KeysetBy::Key | KeysetBy::Time(_) | KeysetBy::TimeAlone(_) => row.0,
                };
                let mark = *self.by_row.get(id)?;
                // The row may have been modified since, and so be at another place.
                let is_there =
                    mark >= passed && keyset::place(by, row).as_ref() == self.marks.get(mark);
                is_there.then_some(Met { mark, row: at })
            })
    }

    /// Moves past a mark.
    pub(super) fn pass(&mut self, met: &Met) {
        self.next = Some(met.mark + 1);
    }

    /// The scan's position among the marks is no longer known.
    pub(super) fn lose(&mut self) {
        self.next = None;
    }

    /// The place of a mark.
    pub(super) fn place(&self, met: &Met) -> Option<Cursor> {
        self.marks.get(met.mark).cloned()
    }
}

/// A mark that a page shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Met {
    /// Its number.
    pub(super) mark: usize,
    /// The row's place on the page.
    pub(super) row: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(rows: impl Iterator<Item = (String, String)>) -> KeyBuffer {
        let mut keys = KeyBuffer::default();
        for (key, stamp) in rows {
            keys.push(key.as_bytes(), stamp.as_bytes()).unwrap();
        }
        keys
    }

    fn after(number: u64) -> Cursor {
        Cursor::After(format!("{number:04}"))
    }

    fn rows(numbers: std::ops::Range<u64>) -> KeyBuffer {
        buffer(numbers.map(|n| (format!("{n:04}"), String::new())))
    }

    #[test]
    fn marks_are_nearer_to_each_other_than_pages_and_do_not_mind_where_pages_end() {
        let mut whole = Marks::default();
        whole.pass(KeysetBy::Key, rows(1..1_000).iter(), 100);
        let mut pieces = Marks::default();
        for from in (1..1_000).step_by(27) {
            let piece = rows(from..1_000.min(from + 27));
            pieces.pass(KeysetBy::Key, piece.iter(), 100);
        }
        assert_eq!((&whole.places, whole.since), (&pieces.places, pieces.since));
        assert_eq!(whole.places[..2], [after(95), after(190)]);
        assert_eq!((whole.places.len(), whole.since), (10, 49));
        let mut tiny = Marks::default();
        tiny.pass(KeysetBy::Key, rows(1..100).iter(), 19);
        assert_eq!(tiny, Marks::default());
        // The last page is not known to be full.
        pieces.pass(KeysetBy::Key, rows(1_000..1_100).iter(), 100);
        assert_eq!(pieces.places.len(), 11);
        pieces.end();
        assert_eq!(pieces.places, whole.places);
    }

    #[test]
    fn a_page_is_cut_at_the_last_mark_it_shows() {
        let mut guide = Guide::new(
            KeysetBy::Key,
            vec![after(95), after(190), after(285)],
            &Cursor::Start,
        );
        let ahead = |guide: &Guide| guide.ahead(2).cloned().collect::<Vec<_>>();
        assert_eq!(ahead(&guide), [after(95), after(190)]);
        let first = guide.met(KeysetBy::Key, 0, &rows(1..101)).unwrap();
        assert_eq!(first, Met { mark: 0, row: 94 });
        guide.pass(&first);
        assert_eq!(ahead(&guide), [after(190), after(285)]);
        // One that is gone is passed by the next one that is shown; one that was passed is none.
        assert_eq!(guide.met(KeysetBy::Key, 0, &rows(90..190)), None);
        let third = guide.met(KeysetBy::Key, 0, &rows(200..300)).unwrap();
        assert_eq!(third.mark, 2);
        guide.pass(&third);
        assert_eq!(ahead(&guide), []);
    }

    #[test]
    fn who_does_not_know_where_it_is_guesses_nothing_until_it_meets_a_mark() {
        let marks = vec![after(95), after(190), after(285)];
        let here = Guide::new(KeysetBy::Key, marks.clone(), &after(95));
        assert_eq!(here.ahead(1).next(), Some(&after(190)));
        let lost = Guide::new(KeysetBy::Key, marks, &after(97));
        assert_eq!(lost.ahead(1).next(), None);
        assert!(lost.met(KeysetBy::Key, 0, &rows(150..200)).is_some());
    }

    #[test]
    fn what_is_no_place_in_the_order_is_never_asked_for() {
        let since = |stamp: &str| Cursor::Since {
            stamp: stamp.to_owned(),
            key: "a".to_owned(),
        };
        let marks = vec![
            Cursor::Start,
            Cursor::Link("https://x.example/".to_owned()),
            Cursor::Skip(5),
            Cursor::After("1 or true".to_owned()),
            Cursor::After("7".to_owned()),
            since("now() or true"),
            since("2026-01-01T05:00:00Z"),
        ];
        let kept = |by| {
            let guide = Guide::new(by, marks.clone(), &Cursor::Start);
            guide.ahead(9).cloned().collect::<Vec<_>>()
        };
        assert_eq!(kept(KeysetBy::Key), marks[3..5]);
        assert_eq!(kept(KeysetBy::Number("N")), marks[4..5]);
        assert_eq!(kept(KeysetBy::Time("T")), marks[6..]);
    }

    #[test]
    fn a_row_that_was_modified_is_no_mark() {
        let by = KeysetBy::Time("T");
        let row = |stamp: &str| buffer([("a".to_owned(), stamp.to_owned())].into_iter());
        let mut marks = Marks {
            since: 18,
            ..Marks::default()
        };
        marks.pass(by, row("2026-01-01T00:00:00-05:00").iter(), 20);
        let guide = Guide::new(by, marks.places, &Cursor::Start);
        assert!(guide.met(by, 0, &row("2026-01-01T05:00:00Z")).is_some());
        assert!(guide.met(by, 0, &row("2026-01-01T05:00:01Z")).is_none());
    }
}
