//! Paging by a timestamp only, for a provider that sorts by it and accepts no other order. Rows with
//! the same timestamp have no defined order, and may come in another order in each answer.
//!
//! So no assumption is made about the position of a row among those with its timestamp. A page shows
//! all rows that are older than its last one, and some of the rows with that last timestamp. The next
//! request begins at that timestamp, and shows all of its rows again. Each page is the first page of
//! its own request, so no row count can shift. A row that is modified during the scan moves to the
//! end, which is still to be read.
//!
//! If one timestamp has more rows than a page holds, its rows are divided by the id by which single
//! records are requested: below an id that a page showed, and from that id on, until each part fits
//! on a page. What cannot be divided is read by `$skip`, and so is a list that is not in this order.

use livelist_model::evidence::{EndSign, Paging};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::keys::KeyBuffer;
use serde::{Deserialize, Serialize};

use super::guide::{Guide, Met};
use super::{Cursor, Marks, ScanState, keyset, overlap};
use crate::client::{Answer, Client};
use crate::dialect::{KeysetBy, ScanForm, SizeForm};
use crate::error::ClientError;
use crate::loops::LoopProbe;
use crate::page::PageError;
use crate::query::{KeyLiteral, literal_as};
use crate::stamp;

/// A part has to show one of at most this many known rows.
const KNOWN: usize = 50;
/// This many pages in a row with room for more are the end, whatever was modified in between.
const ENDS_TOLD: u32 = 3;

/// A part of the rows of a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Ids from this one on; unbounded if `None`.
    low: Option<String>,
    /// Ids below this one; unbounded if `None`.
    high: Option<String>,
    /// Rows that it was seen to have, as hashes of their keys.
    known: Vec<u64>,
}

/// What distinguishes rows with one timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ids {
    /// By their keys.
    Keys,
    /// By the ids beside them.
    Beside,
    /// By nothing.
    None,
}

impl Ids {
    fn of(client: &Client<'_>) -> Ids {
        let feed = client.feed();
        match client.dialect().told_apart_by(feed) {
            Some(field) if field == feed.key_field => Ids::Keys,
            Some(_) => Ids::Beside,
            None => Ids::None,
        }
    }

    /// The keys of the rows from `first` on, each with the value that distinguishes it.
    fn of_rows(self, first: usize, keys: &KeyBuffer) -> impl Iterator<Item = (&[u8], &[u8])> {
        let rows = keys.ids_from(first);
        rows.map(move |(key, id)| match self {
            Ids::Keys => (key, key),
            Ids::Beside | Ids::None => (key, id),
        })
    }
}

/// The condition of the page at `cursor`.
pub(super) fn condition(
    field: &str,
    id_field: &str,
    literal: KeyLiteral,
    cursor: &Cursor,
) -> String {
    match cursor {
        Cursor::Since { stamp, .. } => format!("{field} ge {}", keyset::around(stamp).0),
        Cursor::From { stamp, .. } => format!("{field} ge {stamp}"),
        Cursor::Among {
            from,
            to,
            low,
            high,
        } => {
            let id_is =
                |op: &str, id: &String| format!(" and {id_field} {op} {}", literal_as(literal, id));
            let low = low.iter().map(|id| id_is("ge", id));
            let high = high.iter().map(|id| id_is("lt", id));
            let span = format!("{field} ge {from} and {field} le {to}");
            low.chain(high).fold(span, |all, more| all + &more)
        }
        _ => String::new(),
    }
}

/// The instant from which the page at a place was asked for.
fn from(place: &Cursor) -> Option<jiff::Timestamp> {
    match place {
        Cursor::Since { stamp, .. } => stamp::instant(&keyset::around(stamp).0),
        Cursor::From { stamp, .. } => stamp::instant(stamp),
        _ => None,
    }
}

/// Whether the page at `next` begins later than the one at `here`.
fn is_later(here: &Cursor, next: &Cursor) -> bool {
    from(here).is_none_or(|here| from(next).is_some_and(|next| next > here))
}

/// Divides the rows from `first` on, whose ids are at least `low` and below `high`, into two parts. `None`
/// if one of them has no id, or all have the same.
fn divided(
    (low, high): (Option<String>, Option<String>),
    ids: Ids,
    first: usize,
    keys: &KeyBuffer,
) -> Option<[Part; 2]> {
    if ids == Ids::None {
        return None;
    }
    let rows: Vec<(&[u8], &[u8])> = ids.of_rows(first, keys).collect();
    if rows.iter().any(|(_, id)| id.is_empty()) {
        return None;
    }
    let mut ids: Vec<&str> = Vec::with_capacity(rows.len());
    for (_, id) in &rows {
        ids.push(std::str::from_utf8(id).ok()?);
    }
    ids.sort_unstable();
    let least = ids.first().copied()?;
    // Both parts need at least one row.
    let upper = ids.partition_point(|id| *id <= least);
    let middle = ids.get(upper.max(ids.len() / 2)).copied()?;
    let known = |is_below: bool| {
        let mine = rows
            .iter()
            .filter(|(_, id)| (*id < middle.as_bytes()) == is_below);
        let hashes = mine.map(|(key, _)| overlap::hash_of_key(key));
        hashes.take(KNOWN).collect()
    };
    Some([
        Part {
            low,
            high: Some(middle.to_owned()),
            known: known(true),
        },
        Part {
            low: Some(middle.to_owned()),
            high,
            known: known(false),
        },
    ])
}

impl ScanState {
    /// How the scan reads: as the dialect says, unless it has switched to `$skip`.
    pub(super) fn form(&self, client: &Client<'_>) -> ScanForm {
        match client.dialect().scan {
            // A scan that an earlier version read by `$skip` continues that way.
            ScanForm::Keyset(KeysetBy::TimeAlone(_))
                if self.by_skip || matches!(self.cursor, Cursor::Skip(_)) =>
            {
                ScanForm::Links {
                    size: SizeForm::Top,
                    skips: true,
                }
            }
            form => form,
        }
    }

    /// The next page begins with the timestamp of this page's last row. A page with room for more indicates
    /// the end of the list. A single one may be cut. So the scan ends when the next page shows nothing
    /// later, or after three such pages in a row, each with rows modified since the one before.
    pub(super) fn move_on_by_time(
        &mut self,
        by: KeysetBy,
        client: &Client<'_>,
        answer: &Answer,
        first: usize,
        keys: &mut KeyBuffer,
    ) -> Result<(), ClientError> {
        let ids = Ids::of(client);
        if let Cursor::Among { .. } = self.cursor {
            return self.move_on_by_part(ids, answer, first, keys);
        }
        let last = self.behind(by, first, keys)?;
        let rows = keys.len() - first;
        let again = self.shown_again(first, keys);
        let is_full = answer.next.is_some() || self.is_full(answer, rows);
        if answer.next.is_none() && is_off(Guard::EndSign) {
            return self.end(answer, again as u64, EndSign::NoNextLink);
        }
        if let Some(last) = &last
            && is_full
            && !is_later(&self.cursor, last)
        {
            let span = self.span(last)?;
            if rows <= 1 {
                // One row alone cannot be divided, and nothing but a link says that there are more.
                return self.go_behind_span(span.1, answer, again);
            }
            self.parts.clear();
            return self.read_parts(span, (None, None), ids, answer, first, keys);
        }
        let is_torn = self.cursor.shows_again() && !self.tail.is_empty() && again == 0;
        if is_torn && self.goes_back(answer, first, keys)? {
            return Ok(());
        }
        let Some(last) = last else {
            let sign = match self.cursor {
                Cursor::Since { .. } => EndSign::Unproved,
                _ => EndSign::EmptyPage,
            };
            self.end(answer, 0, sign)?;
            self.marks.end();
            return Ok(());
        };
        let next = match (&self.cursor, &last) {
            // Its instant may reach into the span that was read in parts.
            (Cursor::From { stamp, .. }, Cursor::Since { key, .. })
                if !is_later(&self.cursor, &last) =>
            {
                Cursor::From {
                    stamp: stamp.clone(),
                    key: key.clone(),
                }
            }
            _ => last,
        };
        let tells_end = !is_full && !is_torn;
        let ends_told = if tells_end { self.ends_told + 1 } else { 0 };
        if tells_end && (self.shows_nothing_later(&next) || ends_told >= ENDS_TOLD) {
            self.end(answer, again as u64, EndSign::EmptyPage)?;
            self.marks.end();
            return Ok(());
        }
        self.go_behind(by, answer, first, keys, (again, is_torn), next)?;
        self.ends_told = ends_told;
        Ok(())
    }

    /// Whether a part's page with this many rows had room for more. A link says that it had none. But some
    /// servers send a link with every page, so on a page that is less than half full it is ignored. This
    /// applies only to parts: their rows have ids, so a key that a cut page left out is asked for before it
    /// is removed.
    fn has_room(&self, answer: &Answer, rows: usize) -> bool {
        let says_more = answer.next.is_some() && rows as u64 * 2 > self.fullest;
        rows <= 1 || !(says_more || self.is_full(answer, rows))
    }

    /// Whether a page whose last row makes this place shows none later than the page that it was asked
    /// from.
    fn shows_nothing_later(&self, place: &Cursor) -> bool {
        match (&self.cursor, place) {
            // The same instant, which may be written with more decimals meanwhile.
            (Cursor::Since { stamp: here, .. }, Cursor::Since { stamp: last, .. }) => {
                let last_at = stamp::instant(last);
                stamp::instant(here).map_or(here == last, |here| Some(here) == last_at)
            }
            // The first page after a span joins nothing, so it is requested again.
            (Cursor::From { stamp: here, .. }, Cursor::From { stamp: last, .. }) => {
                here == last && !self.tail.is_empty()
            }
            _ => false,
        }
    }

    /// The same for the rows from `first` on. A page with nothing later is the end, or crowded, and must be
    /// requested after the ones before.
    pub(super) fn is_still(&self, by: KeysetBy, first: usize, keys: &KeyBuffer) -> bool {
        let rows = keys.iter_from(first);
        let last = rows.last().and_then(|row| keyset::place(by, row));
        last.is_none_or(|last| !is_later(&self.cursor, &last) || self.shows_nothing_later(&last))
    }

    /// Whether a mark is not later than the start of this page. Cutting the page there would make no
    /// progress.
    pub(super) fn is_at(&self, by: KeysetBy, met: &Met) -> bool {
        let place = self.guide.place(met);
        matches!(by, KeysetBy::TimeAlone(_)) && place.is_some_and(|at| !is_later(&self.cursor, &at))
    }

    /// The span from the start of this page to its last row.
    fn span(&self, last: &Cursor) -> Result<(String, String), ClientError> {
        match (&self.cursor, last) {
            (Cursor::Since { stamp: here, .. }, Cursor::Since { stamp, .. }) => {
                Ok((keyset::around(here).0, keyset::around(stamp).1))
            }
            (Cursor::From { stamp: here, .. }, Cursor::Since { stamp, .. }) => {
                Ok((here.clone(), keyset::around(stamp).1))
            }
            _ => Err(ClientError::Page(PageError::Order)),
        }
    }

    /// Continues from the end of a span after all its rows were read.
    fn go_behind_span(
        &mut self,
        to: String,
        answer: &Answer,
        again: usize,
    ) -> Result<(), ClientError> {
        let (stamp, key) = (to, String::new());
        self.go_to(answer, again as u64, Cursor::From { stamp, key })?;
        (self.tail, self.back) = (Vec::new(), None);
        Ok(())
    }

    /// Handles the page of a part: if the part did not fit on it, the part is divided again.
    fn move_on_by_part(
        &mut self,
        ids: Ids,
        answer: &Answer,
        first: usize,
        keys: &KeyBuffer,
    ) -> Result<(), ClientError> {
        let Cursor::Among {
            from,
            to,
            low,
            high,
        } = self.cursor.clone()
        else {
            return Ok(());
        };
        let rows = keys.len() - first;
        let is_known = |(key, _): &(&[u8], &[u8])| self.tail.contains(&overlap::hash_of_key(key));
        let is_within = |id: &[u8]| {
            let is_above = low.as_ref().is_none_or(|low| id >= low.as_bytes());
            is_above && high.as_ref().is_none_or(|high| id < high.as_bytes())
        };
        let is_part = ids.of_rows(first, keys).all(|(_, id)| is_within(id));
        if !is_part || !ids.of_rows(first, keys).any(|row| is_known(&row)) {
            self.read_by_skip("rows of one instant are not told apart as they are asked for");
            return Ok(());
        }
        if !self.has_room(answer, rows) {
            return self.read_parts((from, to), (low, high), ids, answer, first, keys);
        }
        let mut parts = std::mem::take(&mut self.parts);
        let Some(part) = parts.pop() else {
            return self.go_behind_span(to, answer, 0);
        };
        let (next, known) = part.of(from, to);
        self.go_to(answer, 0, next)?;
        (self.parts, self.tail) = (parts, known);
        Ok(())
    }

    /// Continues with the parts of the range that this page shows only a part of.
    fn read_parts(
        &mut self,
        (from, to): (String, String),
        bounds: (Option<String>, Option<String>),
        ids: Ids,
        answer: &Answer,
        first: usize,
        keys: &KeyBuffer,
    ) -> Result<(), ClientError> {
        let Some([lower, upper]) = divided(bounds, ids, first, keys) else {
            self.read_by_skip("an instant has more rows than a page, and nothing tells them apart");
            return Ok(());
        };
        let (next, known) = lower.of(from, to);
        // They are read again.
        let again = keys.len() - first;
        self.go_to(answer, again as u64, next)?;
        self.fullest = self.fullest.max(again as u64);
        (self.tail, self.back) = (known, None);
        self.parts.push(upper);
        self.guide.lose();
        Ok(())
    }

    /// Starts over by `$skip` if the list cannot be read by time alone: its rows are in another order, or
    /// the provider accepts no condition on their timestamps or ids.
    pub(crate) fn gives_up_time(&mut self, client: &Client<'_>, error: &ClientError) -> bool {
        let why = match error {
            ClientError::Page(PageError::Order | PageError::Shape(_)) => {
                "rows do not stand in the order of their timestamps"
            }
            ClientError::Rejected { .. } => "a question by timestamps or ids is refused",
            // Some servers say 404 to a question that is too long. If access is lost, the next page says so.
            ClientError::Denied { .. } if matches!(self.cursor, Cursor::Among { .. }) => {
                "a question by ids is refused"
            }
            _ => return false,
        };
        let is_by_time = matches!(self.form(client), ScanForm::Keyset(KeysetBy::TimeAlone(_)));
        if is_by_time {
            self.read_by_skip(why);
        }
        is_by_time
    }

    /// Starts over by `$skip`. Keys that were read are kept, and the list's `as_of` does not change.
    fn read_by_skip(&mut self, why: &str) {
        tracing::warn!(
            pages = self.evidence.pages,
            "{why}: the list is read by `$skip`, and rows of one instant may slip past"
        );
        let begun_anew = self.begun_anew;
        self.begin_anew();
        self.begun_anew = begun_anew;
        self.by_skip = true;
        self.evidence.paging = Paging::Links;
        self.parts.clear();
        (self.back, self.reached, self.ends_told) = (None, 0, 0);
        (self.marks, self.guide) = (Marks::default(), Guide::default());
    }

    /// Asks once more from some rows before, should the page not show the row that it was asked from: the
    /// row was sold or modified meanwhile, or the provider does not read its own places.
    pub(super) fn goes_back(
        &mut self,
        answer: &Answer,
        first: usize,
        keys: &mut KeyBuffer,
    ) -> Result<bool, ClientError> {
        let here = serde_json::to_vec(&self.cursor).unwrap_or_default();
        let here = overlap::hash_of_key(&here);
        let was_here = self.returned.contains(&here);
        let Some(back) = self.back.clone().filter(|_| !was_here) else {
            return Ok(false);
        };
        self.returned.push(here);
        self.went(answer, (keys.len() - first) as u64, None)?;
        self.loops = LoopProbe::default();
        (self.cursor, self.back) = (back, None);
        keys.truncate(keys.mark_at(first));
        Ok(true)
    }
}

impl Part {
    /// The page of this part, and the rows that it has to show.
    fn of(self, from: String, to: String) -> (Cursor, Vec<u64>) {
        let cursor = Cursor::Among {
            from,
            to,
            low: self.low,
            high: self.high,
        };
        (cursor, self.known)
    }
}
