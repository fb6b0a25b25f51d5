//! Paging by an order. Each page begins at the last row of the page before, and has to show that row
//! again. That proves that no row is missing in between, however the provider compares keys, and even
//! if it shows timestamps rounded. The end is a page that shows only that row.

use livelist_model::evidence::EndSign;
use livelist_model::keys::KeyBuffer;

use super::{Cursor, ScanState, keyset, overlap};
use crate::client::Answer;
use crate::dialect::{KeysetBy, ScanForm};
use crate::error::ClientError;

/// If a page did not show the row that it starts from, it is requested again from this many rows earlier.
const BACK: usize = 10;

impl ScanState {
    /// Whether a prefetched page has to be requested again: it is the end, or it does not join the page
    /// before.
    pub(super) fn may_be_stale(&self, form: ScanForm, first: usize, keys: &KeyBuffer) -> bool {
        let rows = keys.len() - first;
        let again = match form {
            ScanForm::Keyset(by @ KeysetBy::TimeAlone(_)) if self.is_still(by, first, keys) => {
                return true;
            }
            ScanForm::Keyset(_) => self.shown_again(first, keys),
            ScanForm::Links { .. } | ScanForm::List => return rows == 0,
        };
        again >= rows || (self.cursor.shows_again() && again == 0)
    }

    /// The next page begins with this page's last row, or with the last mark on this page, where it is cut.
    /// The scan ends with a page that shows nothing after the row that it starts from, never with one that
    /// is only short.
    pub(super) fn move_on_by_order(
        &mut self,
        by: KeysetBy,
        answer: &Answer,
        first: usize,
        keys: &mut KeyBuffer,
    ) -> Result<(), ClientError> {
        let last = self.behind(by, first, keys)?;
        let rows = keys.len() - first;
        let again = self.shown_again(first, keys);
        let is_torn = self.cursor.shows_again() && again == 0;
        if is_torn && self.goes_back(answer, first, keys)? {
            return Ok(());
        }
        let Some(last) = last else {
            self.end(
                answer,
                0,
                match self.cursor {
                    Cursor::Start | Cursor::Past(_) => EndSign::EmptyPage,
                    _ => EndSign::Unproved,
                },
            )?;
            self.marks.end();
            return Ok(());
        };
        let is_full = self.is_full(answer, rows);
        // Rows that compare as equal to the last one may come before it.
        if again >= rows || (last == self.cursor && !is_full) {
            let next = self.behind_nothing_new(by, is_full, rows, last, keys);
            return match next {
                Ok(next) => self.go_to(answer, again as u64, next),
                Err(sign) => {
                    self.end(answer, again as u64, sign)?;
                    self.marks.end();
                    Ok(())
                }
            };
        }
        if is_full && let Some(span) = self.crowded(by, first, keys) {
            // All its rows are read again, by key.
            self.go_to(answer, rows as u64, span)?;
            keys.truncate(keys.mark_at(first));
            return Ok(());
        }
        self.go_behind(by, answer, first, keys, (again, is_torn), last)
    }

    /// The next page begins with `last`, the position of this page's last row, or with the last mark on
    /// this page, where it is cut.
    pub(super) fn go_behind(
        &mut self,
        by: KeysetBy,
        answer: &Answer,
        first: usize,
        keys: &mut KeyBuffer,
        (again, is_torn): (usize, bool),
        last: Cursor,
    ) -> Result<(), ClientError> {
        let rows = keys.len() - first;
        let is_in_order = !matches!(self.cursor, Cursor::Within { .. });
        let met = match is_in_order {
            // A mark among the repeated rows would lead back: those were read by key.
            true => self
                .guide
                .met(by, first, keys)
                .filter(|met| met.row >= again),
            false => None,
        };
        let met = met.filter(|met| !self.is_at(by, met));
        let next = met.as_ref().and_then(|met| self.guide.place(met));
        let own = met.as_ref().map_or(rows, |met| met.row + 1);
        let again = again.min(own);
        let seen = again + rows - own;
        let back = (own > 1).then(|| first + own.saturating_sub(BACK + 1));
        let back = back.and_then(|at| {
            let row = keys.iter_from(at).next()?;
            keyset::place_like(by, &self.cursor, row)
        });
        self.go_to(answer, seen as u64, next.unwrap_or(last))?;
        self.evidence.rows_skipped += u64::from(is_torn);
        self.fullest = self.fullest.max(rows as u64);
        if is_in_order {
            let fresh = keys.iter_from(first + again).take(own - again);
            self.marks.pass(by, fresh, self.fullest);
        }
        if let Some(met) = &met {
            self.guide.pass(met);
        }
        keys.truncate(keys.mark_at(first + own));
        self.tail = overlap::rows_at_end(first, keys);
        self.back = back;
        Ok(())
    }

    /// How many rows of this page repeat rows of the page before.
    pub(super) fn shown_again(&self, first: usize, keys: &KeyBuffer) -> usize {
        match self.cursor.shows_again() {
            true => overlap::again(&self.tail, first, keys),
            false => 0,
        }
    }

    /// Whether a page with this many rows may have been full.
    pub(super) fn is_full(&self, answer: &Answer, rows: usize) -> bool {
        rows as u64 >= u64::from(answer.size.max(2)) || rows as u64 >= self.fullest
    }

    /// Where to continue after a page that shows nothing new and ends with `last`. If the page had room for
    /// more, the scan ends, with this sign.
    fn behind_nothing_new(
        &self,
        by: KeysetBy,
        is_full: bool,
        rows: usize,
        last: Cursor,
        keys: &KeyBuffer,
    ) -> Result<Cursor, EndSign> {
        if let Cursor::Within { to, .. } = &self.cursor {
            let key = keys.last().unwrap_or_default();
            return Ok(Cursor::From {
                stamp: to.clone(),
                key: String::from_utf8_lossy(key).into_owned(),
            });
        }
        if !is_full {
            return Err(EndSign::EmptyPage);
        }
        match by {
            KeysetBy::Time(_) | KeysetBy::TimeAlone(_) if rows > 1 => {
                keyset::span(&self.cursor, &last).ok_or(EndSign::Unproved)
            }
            // One number has more rows than a page, and nothing distinguishes them.
            KeysetBy::Number(_) if rows > 1 => Err(EndSign::Unproved),
            KeysetBy::Key | KeysetBy::Number(_) | KeysetBy::Time(_) | KeysetBy::TimeAlone(_) => {
                Ok(Cursor::Past(Box::new(last)))
            }
        }
    }

    /// The span around the timestamp at which the page starts, if its rows fill half of the page: by time,
    /// the scan would make no progress.
    fn crowded(&self, by: KeysetBy, first: usize, keys: &KeyBuffer) -> Option<Cursor> {
        let here @ Cursor::Since { .. } = &self.cursor else {
            return None;
        };
        let middle = keys.iter_from(first + (keys.len() - first) / 2).next()?;
        let span = keyset::span(here, here)?;
        keyset::is_in(&span, &keyset::place(by, middle)?).then_some(span)
    }
}
