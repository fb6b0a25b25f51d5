//! Paging as a fold: a scan is a value that says where it is, and one step of it asks the provider
//! once and moves it on. The value can be written down and taken up by another process.

use livelist_model::asking::KeyLiteral;
use livelist_model::evidence::{EndSign, ScanEvidence};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::keys::KeyBuffer;
use livelist_model::run::FeedSpec;
use serde::{Deserialize, Serialize};

use crate::client::{Answer, Client, PageRequest};
use crate::count::count;
use crate::dialect::{Dialect, KeysetBy, ScanForm, SizeForm};
use crate::error::ClientError;
use crate::loops::LoopProbe;

mod guide;
mod keyset;
mod overlap;
mod urls;

use guide::Guide;
pub use guide::Marks;
use overlap::{PageRows, overlap};
use urls::PageUrls;
pub(crate) use urls::filter;

/// More rows than this is not a feed. Nor are ten times as many as the provider counts: rows that
/// change faster than they are read would keep a scan by time going for ever.
const MAX_ROWS: u64 = 100_000_000;

/// Where a scan is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanState {
    /// Version of this value's form; another version's scan is begun anew.
    pub version: u32,
    /// What it does next.
    pub stage: Stage,
    /// The page it asks for next.
    pub cursor: Cursor,
    /// Rows a page; may have become smaller on the way.
    pub page_size: u32,
    /// Finds circles.
    pub loops: LoopProbe,
    /// Where the scan goes by `$skip`: the last rows of the page before, as hashes.
    #[serde(default)]
    pub tail: Vec<u64>,
    /// The most rows that a page has shown.
    #[serde(default)]
    pub fullest: u64,
    /// Where the scan goes by `$skip`: how many pages in a row have told that the list ends with them.
    #[serde(default)]
    pub ends_told: u32,
    /// Whether it goes on with one page at a time: the provider refused one.
    #[serde(default)]
    pub alone: bool,
    /// Where it goes by an order: what it leaves behind for the next scan to guess by.
    #[serde(default)]
    pub marks: Marks,
    /// There, too: what the last one left. Not written down: without it, it goes on page by page.
    #[serde(skip)]
    guide: Guide,
    /// What it saw so far.
    pub evidence: ScanEvidence,
}

/// What a scan does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Ask for the count.
    CountBefore,
    /// Read pages.
    Pages,
    /// Ask for the count once more.
    CountAfter,
    /// Nothing: it is complete, as far as it can tell.
    Done,
}

/// The page a scan asks for next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// The first.
    Start,
    /// The one behind this link, byte for byte (a token in it replaced).
    Link(String),
    /// The one behind this key, or behind this number where the scan goes by one.
    After(String),
    /// The one behind this key among those of this instant, and behind the instant.
    Since {
        /// The instant, as an OData literal.
        stamp: String,
        /// The key.
        key: String,
    },
    /// The one that begins behind so many rows.
    Skip(u64),
}

/// Whether a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more.
    More,
    /// It has ended.
    Done,
}

impl ScanState {
    /// The form that this version writes and reads.
    pub const VERSION: u32 = 4;

    /// A scan of `feed` that begins now.
    ///
    /// # Errors
    /// The feed's provider has no dialect.
    pub fn begin(feed: &FeedSpec, now: jiff::Timestamp) -> Result<ScanState, ClientError> {
        let dialect = Dialect::for_feed(feed)?;
        Ok(ScanState {
            version: Self::VERSION,
            stage: Stage::CountBefore,
            cursor: Cursor::Start,
            page_size: dialect.page_size(feed),
            loops: LoopProbe::default(),
            tail: Vec::new(),
            fullest: 0,
            ends_told: 0,
            alone: false,
            marks: Marks::default(),
            guide: Guide::default(),
            evidence: ScanEvidence::begin(dialect.scan.paging(), now),
        })
    }

    /// Takes the places that a former scan of the feed left for guesses at the pages to come. What
    /// is no place in the order of `form` is passed over.
    pub fn follow(&mut self, form: ScanForm, places: Vec<Cursor>) {
        if let ScanForm::Keyset(by) = form {
            self.guide = Guide::new(by, places, &self.cursor);
        }
    }

    /// Asks once and moves on. New keys are added to `keys`. After an error the state is what it was
    /// before, but for `alone`: the same step can be taken again.
    pub async fn step(
        &mut self,
        client: &mut Client<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<Step, ClientError> {
        match self.stage {
            Stage::CountBefore => {
                self.evidence.count_before = count(client, false).await?;
                self.stage = Stage::Pages;
            }
            Stage::Pages => self.page(client, keys).await?,
            Stage::CountAfter => {
                if self.evidence.count_before.is_some() {
                    self.evidence.count_after = count(client, true).await?;
                }
                self.evidence.ended_at = Some(client.now());
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
        Ok(if self.stage == Stage::Done {
            Step::Done
        } else {
            Step::More
        })
    }

    async fn page(
        &mut self,
        client: &mut Client<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<(), ClientError> {
        let mark = keys.mark();
        let (_, moved) = self.look(client, keys).await?;
        match moved {
            // What stood beside the keys was the way to the next page.
            Ok(()) => keys.forget_stamps(mark),
            Err(_) => keys.truncate(mark),
        }
        moved
    }

    /// Asks for the page at the cursor and moves on. The answer is there even where the way on is
    /// not; its keys are in `keys` then, too.
    ///
    /// Servers with strict types want keys that are numbers or UUIDs without quotes. Keys that came as
    /// JSON numbers are written so from then on; where a page is refused and can be asked for with the
    /// other literal, it is.
    pub(crate) async fn look(
        &mut self,
        client: &mut Client<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<(Answer, Result<(), ClientError>), ClientError> {
        let asked = PageUrls::of(client, &self.cursor)?.at(self.page_size)?;
        let mut looked = self.look_so(client, keys).await;
        if let Err(ClientError::Rejected { .. }) = &looked {
            let former = client.literal();
            client.write_keys(former.other());
            let other = PageUrls::of(client, &self.cursor)?.at(self.page_size)?;
            let again = match other == asked {
                true => None,
                false => self.look_so(client, keys).await.ok(),
            };
            match again {
                Some(again) => looked = Ok(again),
                None => client.write_keys(former),
            }
        }
        if let Ok((answer, _)) = &looked
            && answer.page.rows > 0
            && answer.page.number_keys == answer.page.rows
        {
            client.write_keys(KeyLiteral::Bare);
        }
        looked
    }

    async fn look_so(
        &mut self,
        client: &mut Client<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<(Answer, Result<(), ClientError>), ClientError> {
        let pages = PageUrls::of(client, &self.cursor)?;
        let first = keys.len();
        let ahead = match self.guesses(pages.form, client.at_once() - 1) {
            Some(guesses) => {
                let pages = guesses.iter().map(|guess| PageUrls::of(client, guess));
                let urls = pages.map(|pages| pages?.at(self.page_size));
                // A guess that makes no URL is none.
                Some(urls.filter_map(Result::ok).collect::<Vec<_>>())
            }
            None => None,
        };
        let url = |size| pages.at(size);
        let request = |ahead| PageRequest {
            url: &url,
            size: self.page_size,
            prefer: matches!(
                pages.form,
                ScanForm::Links {
                    size: SizeForm::Prefer,
                    ..
                }
            ),
            stamps: true,
            ahead,
        };
        let most = client.at_once();
        let answered = client.page(request(ahead.as_deref()), keys).await;
        self.alone |= client.at_once() < most;
        let mut answer = answered?;
        if answer.was_ahead && answer.page.rows == 0 {
            // It may be older than pages before it: what was modified between moved behind it, where
            // nobody would look.
            answer = client.page(request(None), keys).await?;
        }
        let moved = match pages.form {
            ScanForm::Keyset(by) => self.move_on_by_order(by, &answer, first, keys),
            ScanForm::Links { skips: true, .. } => {
                self.move_on_by_skip(&answer, &PageRows::of(first, keys))
            }
            ScanForm::Links { skips: false, .. } | ScanForm::List => {
                self.move_on_by_link(client, &answer)
            }
        };
        Ok((answer, moved))
    }

    /// The pages that come next, as far as they can be guessed. Nothing where they must not be asked
    /// for before their turn: the page on which a scan by `$skip` ends has to be younger than all
    /// others, because rows that were modified meanwhile are there.
    fn guesses(&self, form: ScanForm, most: usize) -> Option<Vec<Cursor>> {
        match (form, &self.cursor) {
            (ScanForm::Keyset(_), _) => Some(self.guide.ahead(most).cloned().collect()),
            (ScanForm::Links { skips: true, .. }, _) if self.ends_told > 0 => None,
            (ScanForm::Links { skips: true, .. }, Cursor::Skip(here)) => {
                let step = self.fullest - overlap(self.fullest);
                let rows = self.evidence.count_before.unwrap_or(u64::MAX);
                let next = (1..=most as u64).map(|n| here.saturating_add(n * step));
                let next = next.take_while(|at| step > 0 && *at < rows);
                Some(next.map(Cursor::Skip).collect())
            }
            (ScanForm::Links { .. } | ScanForm::List, _) => Some(Vec::new()),
        }
    }

    /// The next page begins behind the last row of this one, or behind the last mark that this one
    /// shows, where it is cut; the scan ends with a page that has nothing behind it, never with one
    /// that is only short.
    fn move_on_by_order(
        &mut self,
        by: KeysetBy,
        answer: &Answer,
        first: usize,
        keys: &mut KeyBuffer,
    ) -> Result<(), ClientError> {
        let last = keyset::behind(by, &self.cursor, first, keys).map_err(ClientError::Page)?;
        let Some(last) = last else {
            self.end(answer, EndSign::EmptyPage)?;
            self.marks.end();
            return Ok(());
        };
        let rows = keys.len() - first;
        let met = self.guide.met(by, first, keys);
        let next = met.as_ref().and_then(|met| self.guide.place(met));
        let own = met.as_ref().map_or(rows, |met| met.row + 1);
        let next = next.unwrap_or(last);
        let step = format!("{next:?}").into_bytes();
        self.went(answer, (rows - own) as u64, Some((next, step)))?;
        self.fullest = self.fullest.max(rows as u64);
        self.marks
            .pass(by, keys.iter_from(first).take(own), self.fullest);
        if let Some(met) = &met {
            self.guide.pass(met);
        }
        keys.truncate(keys.mark_at(first + own));
        Ok(())
    }

    /// The next page is behind the link; without one the scan ends.
    fn move_on_by_link(&mut self, client: &Client<'_>, answer: &Answer) -> Result<(), ClientError> {
        let Some(link) = &answer.next else {
            return self.end(answer, EndSign::NoNextLink);
        };
        let uri = client.resolve(&answer.uri, link)?.to_string();
        self.go_to(answer, Cursor::Link(client.conceal(&uri)))
    }

    /// The next page begins among the last rows of this one. A page tells that the list ends when it
    /// shows nothing behind them, or has room for more and no link. One alone may be cut: the scan
    /// ends when two in a row tell so, the second of them with nothing new, or three, each with rows
    /// that changed since the last.
    fn move_on_by_skip(&mut self, answer: &Answer, page: &PageRows) -> Result<(), ClientError> {
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
        let is_still = joined.fresh == 0;
        let has_room = page.len() < self.fullest || self.cursor == Cursor::Start;
        let tells_end = is_still || (link.is_none() && has_room);
        let ends_told = if tells_end { self.ends_told + 1 } else { 0 };
        let is_end = page.len() == 0
            || ends_told >= if is_still { 2 } else { 3 }
            || (link.is_none() && is_off(Guard::EndSign));
        if is_end {
            self.went(answer, joined.again, None)?;
            self.ended(EndSign::EmptyPage);
        } else {
            let fullest = self.fullest.max(page.len());
            // At the end, as much is shown again as anywhere, however short the page was.
            let shown_again = overlap(if link.is_none() { fullest } else { page.len() });
            let next = Cursor::Skip((skip + page.len()).saturating_sub(shown_again));
            self.went(answer, joined.again, Some((next, page.print())))?;
            self.tail = page.tail(shown_again);
            self.fullest = fullest;
            self.ends_told = ends_told;
        }
        // A link behind no rows promises what cannot be read.
        let is_empty_promise = page.len() == 0 && link.is_some();
        self.evidence.rows_skipped += hidden + u64::from(is_torn || is_empty_promise);
        Ok(())
    }

    fn end(&mut self, answer: &Answer, sign: EndSign) -> Result<(), ClientError> {
        self.went(answer, 0, None)?;
        self.ended(sign);
        Ok(())
    }

    fn ended(&mut self, sign: EndSign) {
        self.evidence.end = Some(sign);
        self.stage = Stage::CountAfter;
    }

    fn go_to(&mut self, answer: &Answer, next: Cursor) -> Result<(), ClientError> {
        let step = format!("{next:?}").into_bytes();
        self.went(answer, 0, Some((next, step)))
    }

    /// Notes a page, of whose rows so many were asked for again on purpose, and moves to the next,
    /// unless what marks the step was there before.
    fn went(
        &mut self,
        answer: &Answer,
        again: u64,
        next: Option<(Cursor, Vec<u8>)>,
    ) -> Result<(), ClientError> {
        let rows = self.evidence.rows + answer.page.rows.saturating_sub(again);
        let most = match self.evidence.count_before {
            Some(count) => count.saturating_mul(10).saturating_add(10_000),
            None => MAX_ROWS,
        };
        if rows > most.min(MAX_ROWS) {
            return Err(ClientError::TooLarge {
                what: "the number of rows read, far beyond what the provider counts,",
                limit: most.min(MAX_ROWS),
            });
        }
        if let Some((next, step)) = next {
            let mut loops = self.loops.clone();
            if loops.is_circle(&step) {
                return Err(ClientError::Loop {
                    pages: self.evidence.pages + 1,
                });
            }
            self.loops = loops;
            self.cursor = next;
        }
        self.evidence.rows = rows;
        self.evidence.pages += 1;
        self.page_size = answer.size;
        Ok(())
    }
}

/// The number behind `$skip=` in a link, if there is one.
fn skip_of(link: &str) -> Option<u64> {
    let query = link.split_once('?')?.1;
    query.split('&').find_map(|option| {
        let (name, value) = option.split_once('=')?;
        let is_skip = name.eq_ignore_ascii_case("$skip") || name.eq_ignore_ascii_case("%24skip");
        if is_skip { value.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_are_found_in_links_of_many_forms() {
        assert_eq!(
            skip_of("https://x/Property?$select=A&$skip=4000"),
            Some(4_000)
        );
        assert_eq!(skip_of("https://x/Property?%24skip=10&b"), Some(10));
        assert_eq!(skip_of("https://x/Property?$skiptoken=10"), None);
        assert_eq!(skip_of("https://x/Property?id=1-7b"), None);
    }

    #[test]
    fn a_scan_can_be_written_down() {
        let text = r#"{"version":4,"stage":"pages","cursor":{"link":"https://x/P?$skip=5"},"page_size":5,
            "loops":{"kept":7,"steps":0,"power":1},"evidence":{"paging":"links","started_at":"2026-11-21T04:00:00Z",
            "pages":1,"rows":5,"rows_skipped":0}}"#;
        let state: ScanState = serde_json::from_str(text).unwrap();
        let again: ScanState =
            serde_json::from_value(serde_json::to_value(&state).unwrap()).unwrap();
        assert_eq!(state, again);
        assert!(
            serde_json::from_str::<ScanState>(&text.replace("\"pages\":1", "\"pagez\":1")).is_err()
        );
    }
}
