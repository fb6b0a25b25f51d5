//! Paging by the provider's links, and by `$skip` with overlapping pages.

use livelist_model::evidence::EndSign;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::keys::KeyBuffer;

use super::overlap::{self, PageRows, overlap};
use super::{Cursor, ScanState, Stage};
use crate::client::{Answer, Client};
use crate::dialect::ScanForm;
use crate::error::ClientError;

impl ScanState {
    /// The link leads to the next page. Without one the scan ends, if that is a sign of the end.
    pub(super) fn move_on_by_link(
        &mut self,
        client: &Client<'_>,
        answer: &Answer,
        first: usize,
        keys: &KeyBuffer,
    ) -> Result<(), ClientError> {
        let rows = (keys.len() - first) as u64;
        let repeated = rows.saturating_sub(PageRows::of(first, keys).len());
        match &answer.next {
            Some(link) => {
                let mut idle = self.idle.clone();
                idle.pass(overlap::print(first, keys), rows)?;
                let uri = client.resolve(&answer.uri, link)?.to_string();
                self.go_to(answer, repeated, Cursor::Link(client.conceal(&uri)))?;
                (self.idle, self.linked) = (idle, true);
            }
            None => {
                self.went(answer, repeated, None)?;
                match self.is_end_unproved(client.dialect().scan, rows, answer.size) {
                    true => self.stage = Stage::Proof,
                    false => self.ended(EndSign::NoNextLink),
                }
            }
        }
        self.fullest = self.fullest.max(rows);
        if rows > 0 {
            if self.first.is_none() {
                let first = keys.iter_from(first).next();
                self.first =
                    first.and_then(|(key, _)| std::str::from_utf8(key).ok().map(str::to_owned));
            }
            let mut tail = overlap::keys_at_end(first, keys);
            // The last rows of the list, wherever its last page began.
            tail.append(&mut self.tail);
            tail.truncate(overlap::MOST as usize);
            self.tail = tail;
            self.ascending
                .pass(keys.iter_from(first).map(|(key, _)| key));
        }
        Ok(())
    }

    /// Whether a page without a link does not prove the end. That is so if no link ever came and the
    /// provider does not count, or if the page is empty or as full as any other: more rows may follow.
    fn is_end_unproved(&self, form: ScanForm, rows: u64, size: u32) -> bool {
        let is_full = rows >= u64::from(size) || rows >= self.fullest;
        form != ScanForm::List
            && self.evidence.rows > 0
            && self.trusted_count().is_none()
            && (!self.linked || rows == 0 || is_full)
            && !is_off(Guard::EndSign)
    }

    /// The next page begins among the last rows of this one. A page indicates the end if it shows nothing
    /// after them, or has room for more and no link. A single one may be cut. So the scan ends after two
    /// such pages in a row, the second with nothing new, or after three, each with rows that changed since
    /// the one before.
    pub(super) fn move_on_by_skip(
        &mut self,
        answer: &Answer,
        page: &PageRows,
    ) -> Result<(), ClientError> {
        let skip = match &self.cursor {
            Cursor::Skip(n) => *n,
            _ => 0,
        };
        let joined = page.joined(&self.tail);
        let is_torn = self.cursor != Cursor::Start && joined.again == 0;
        let link = answer.next.as_deref();
        let hidden = match link.and_then(skip_of) {
            Some(to) => to.saturating_sub(skip).saturating_sub(page.len()),
            None => 0,
        };
        // A page that repeats more rows than requested, and only old ones, ignored `$skip`: no sign of the
        // end.
        let asked_again = self.reached.saturating_sub(skip);
        let is_deaf = self.cursor != Cursor::Start && page.len() > asked_again;
        // A row that one page shows twice is a habit of the server, and does not mean that rows moved.
        let repeated = answer.page.rows.saturating_sub(page.len());
        let again = joined.again.saturating_add(repeated);
        let is_still = joined.fresh == 0 && !is_deaf;
        let has_room = page.len() < self.fullest || self.cursor == Cursor::Start;
        let tells_end = is_still || (link.is_none() && has_room);
        let ends_told = if tells_end { self.ends_told + 1 } else { 0 };
        let is_end = page.len() == 0
            || ends_told >= if is_still { 2 } else { 3 }
            || (link.is_none() && is_off(Guard::EndSign));
        if is_end {
            self.went(answer, again, None)?;
            self.ended(EndSign::EmptyPage);
        } else {
            let fullest = self.fullest.max(page.len());
            // At the end, as many rows are repeated as elsewhere, however short the page was.
            let shown_again = overlap(if link.is_none() { fullest } else { page.len() });
            let next = Cursor::Skip((skip + page.len()).saturating_sub(shown_again));
            // Requesting the same page again, to see that nothing follows it, is no loop.
            let mut step = page.print();
            step.extend(ends_told.to_be_bytes());
            self.went(answer, again, Some((next, step)))?;
            self.reached = skip + page.len();
            self.tail = page.tail(shown_again);
            self.fullest = fullest;
            self.ends_told = ends_told;
        }
        // A link on an empty page cannot be followed to more rows.
        let is_empty_promise = page.len() == 0 && link.is_some();
        self.evidence.rows_skipped += hidden + u64::from(is_torn || is_empty_promise);
        Ok(())
    }
}

/// The number after `$skip=` in a link, if there is one.
pub(super) fn skip_of(link: &str) -> Option<u64> {
    let query = link.split_once('?')?.1;
    query.split('&').find_map(|option| {
        let (name, value) = option.split_once('=')?;
        let is_skip = name.eq_ignore_ascii_case("$skip") || name.eq_ignore_ascii_case("%24skip");
        if is_skip { value.parse().ok() } else { None }
    })
}
