//! Paging as a fold: a scan is a value that says where it is, and one step of it asks the provider
//! once and moves it on. The value can be written down and taken up by another process.

use std::collections::HashSet;

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

mod keyset;
mod urls;

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
    /// The empty place, in rows, that a link led to and that was looked at again.
    #[serde(default)]
    pub empty_at: Option<u64>,
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
    /// The one that begins behind so many rows: the look past the end.
    Skip(u64),
    /// The same from a little before: the look at what a link had promised and did not show.
    Back(u64),
}

/// From so many rows before an empty page a scan looks again: more than are sold in a moment.
const LOOK_BACK: u64 = 50;

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
    pub const VERSION: u32 = 1;

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
            empty_at: None,
            evidence: ScanEvidence::begin(dialect.scan.paging(), now),
        })
    }

    /// Asks once and moves on. New keys are added to `keys`. After an error the state is what it was
    /// before: the same step can be taken again.
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
        if moved.is_err() {
            keys.truncate(mark);
        }
        moved
    }

    /// Asks for the page at the cursor and moves on. The answer is there even where the way on is
    /// not; its keys are in `keys` then, too.
    pub(crate) async fn look(
        &mut self,
        client: &mut Client<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<(Answer, Result<(), ClientError>), ClientError> {
        let pages = PageUrls::of(client, &self.cursor)?;
        let first = keys.len();
        let request = PageRequest {
            url: &|size| pages.at(size),
            size: self.page_size,
            prefer: matches!(
                pages.form,
                ScanForm::Links {
                    size: SizeForm::Prefer,
                    ..
                }
            ),
            stamps: true,
        };
        let answer = client.page(request, keys).await?;
        let moved = match pages.form {
            ScanForm::Keyset(by) => self.move_on_by_order(by, &answer, first, keys),
            ScanForm::Links { skips, .. } => {
                let distinct = distinct(first, keys);
                self.move_on_by_link(client, &answer, skips, distinct)
            }
            ScanForm::List => self.move_on_by_link(client, &answer, false, answer.page.rows),
        };
        Ok((answer, moved))
    }

    /// The next page begins behind the last row of this one; the scan ends with a page that has
    /// nothing behind it, never with one that is only short.
    fn move_on_by_order(
        &mut self,
        by: KeysetBy,
        answer: &Answer,
        first: usize,
        keys: &mut KeyBuffer,
    ) -> Result<(), ClientError> {
        let next = keyset::behind(by, &self.cursor, first, keys).map_err(ClientError::Page)?;
        let end = next.is_none().then_some(EndSign::EmptyPage);
        self.went(answer, next, end)
    }

    /// The next page is behind the link. Without one the scan ends, except where the provider can
    /// be asked for what comes behind the last row: then it ends when that is nothing.
    fn move_on_by_link(
        &mut self,
        client: &Client<'_>,
        answer: &Answer,
        skips: bool,
        distinct: u64,
    ) -> Result<(), ClientError> {
        let asked_skip = match &self.cursor {
            Cursor::Start => Some(0),
            Cursor::Link(link) => skip_of(link),
            Cursor::Skip(n) | Cursor::Back(n) => Some(*n),
            Cursor::After(_) | Cursor::Since { .. } => None,
        };
        // A row that a page shows twice is one row of the list that `$skip` counts.
        let rows = distinct;
        let Some(link) = &answer.next else {
            return match asked_skip {
                Some(skip) if skips && rows > 0 && !is_off(Guard::EndSign) => {
                    self.went(answer, Some(Cursor::Skip(skip + rows)), None)
                }
                // A link promised rows, and none came: the last page was full, or the provider
                // lost the rest. Rows that were there before tell which.
                Some(skip) if skips && matches!(self.cursor, Cursor::Link(_)) && skip > 0 => {
                    self.empty_at = Some(skip);
                    let back = Cursor::Back(skip.saturating_sub(LOOK_BACK));
                    self.went(answer, Some(back), None)
                }
                Some(_) if skips && matches!(self.cursor, Cursor::Back(_)) => {
                    self.went(answer, None, Some(EndSign::EmptyPage))?;
                    self.evidence.rows_skipped += 1;
                    Ok(())
                }
                Some(_) if skips => self.went(answer, None, Some(EndSign::EmptyPage)),
                _ => self.went(answer, None, Some(EndSign::NoNextLink)),
            };
        };
        let uri = client.resolve(&answer.uri, link)?.to_string();
        let is_back = matches!(self.cursor, Cursor::Back(_));
        if is_back && skip_of(&uri).is_some_and(|to| Some(to) == self.empty_at) {
            // It leads to the empty page again: that was the end.
            return self.went(answer, None, Some(EndSign::EmptyPage));
        }
        let jumped = match (asked_skip, skip_of(&uri)) {
            (Some(from), Some(to)) => to.saturating_sub(from).saturating_sub(rows),
            _ => 0,
        };
        self.went(answer, Some(Cursor::Link(client.conceal(&uri))), None)?;
        self.evidence.rows_skipped += jumped;
        Ok(())
    }

    fn went(
        &mut self,
        answer: &Answer,
        next: Option<Cursor>,
        end: Option<EndSign>,
    ) -> Result<(), ClientError> {
        let rows = self.evidence.rows + answer.page.rows;
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
        if let Some(next) = next {
            let mut loops = self.loops.clone();
            if loops.is_circle(format!("{next:?}").as_bytes()) {
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
        if end.is_some() {
            self.evidence.end = end;
            self.stage = Stage::CountAfter;
        }
        Ok(())
    }
}

/// How many different keys `keys` has from `first` on: a row that a page shows twice is one row of the
/// list that `$skip` counts.
fn distinct(first: usize, keys: &KeyBuffer) -> u64 {
    let page: HashSet<&[u8]> = (first..keys.len()).filter_map(|i| keys.key(i)).collect();
    page.len() as u64
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
        let text = r#"{"version":1,"stage":"pages","cursor":{"link":"https://x/P?$skip=5"},"page_size":5,
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
