//! Paging as a fold: a scan is a value that says where it is, and one step of it asks the provider
//! once and moves it on. The value can be written down and taken up by another process.

use std::collections::HashSet;

use http::Uri;
use livelist_model::evidence::{EndSign, ScanEvidence};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::keys::KeyBuffer;
use livelist_model::run::FeedSpec;
use serde::{Deserialize, Serialize};

use crate::allow;
use crate::client::{Answer, Client, PageRequest};
use crate::count::count;
use crate::dialect::{Dialect, ScanForm, SizeForm};
use crate::error::ClientError;
use crate::loops::LoopProbe;
use crate::page::PageError;
use crate::query::{Query, all_of, literal};

/// More rows than this is not a feed.
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
    /// The one behind this key.
    After(String),
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
    pub fn begin(feed: &FeedSpec, now: jiff::Timestamp) -> ScanState {
        let dialect = Dialect::of(feed.provider);
        ScanState {
            version: Self::VERSION,
            stage: Stage::CountBefore,
            cursor: Cursor::Start,
            page_size: dialect.page_size(feed),
            loops: LoopProbe::default(),
            empty_at: None,
            evidence: ScanEvidence::begin(dialect.scan.paging(), now),
        }
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
        let pages = PageUrls::of(client, &self.cursor)?;
        let mark = keys.mark();
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
            ScanForm::Keyset => self.move_on_by_key(&answer, first, keys),
            ScanForm::Links { skips, .. } => {
                let distinct = distinct(first, keys);
                self.move_on_by_link(client, &answer, skips, distinct)
            }
        };
        if moved.is_err() {
            keys.truncate(mark);
        }
        moved
    }

    /// The next page begins behind the last key of this one; the scan ends with a page that has
    /// nothing behind the last key, never with one that is only short.
    fn move_on_by_key(
        &mut self,
        answer: &Answer,
        first: usize,
        keys: &KeyBuffer,
    ) -> Result<(), ClientError> {
        let former = match &self.cursor {
            Cursor::After(key) => Some(key.as_bytes()),
            _ => None,
        };
        if !is_ascending(former, first, keys) {
            return Err(ClientError::Page(PageError::Order));
        }
        if answer.page.rows == 0 {
            return self.went(answer, None, Some(EndSign::EmptyPage));
        }
        let last = keys.last().unwrap_or_default();
        let next = Cursor::After(String::from_utf8_lossy(last).into_owned());
        self.went(answer, Some(next), None)
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
            Cursor::After(_) => None,
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
        if rows > MAX_ROWS {
            return Err(ClientError::TooLarge {
                what: "the feed's rows",
                limit: MAX_ROWS,
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

/// Makes the URLs of one page, for any size.
struct PageUrls {
    form: ScanForm,
    link: Option<Uri>,
    base: String,
    resource: String,
    select: String,
    filter: String,
    orderby: String,
    skip: Option<u64>,
}

impl PageUrls {
    fn of(client: &Client<'_>, cursor: &Cursor) -> Result<PageUrls, ClientError> {
        let (feed, dialect) = (client.feed(), client.dialect());
        let base = dialect.base(feed);
        let link = match cursor {
            Cursor::Link(link) => {
                let base = allow::parse(&base).map_err(ClientError::Link)?;
                Some(client.resolve(&base, &client.reveal(link))?)
            }
            _ => None,
        };
        let after = match cursor {
            Cursor::After(key) => format!("{} gt {}", feed.key_field, literal(key)),
            _ => String::new(),
        };
        let (suffix, orderby) = match dialect.scan {
            ScanForm::Keyset => ("", feed.key_field.clone()),
            ScanForm::Links { suffix, .. } => (suffix, String::new()),
        };
        let stamp = dialect
            .stamp_field
            .map(|f| format!(",{f}"))
            .unwrap_or_default();
        Ok(PageUrls {
            form: dialect.scan,
            link,
            base,
            resource: format!("{}{suffix}", feed.resource),
            select: format!("{}{stamp}", feed.key_field),
            filter: filter(client, &[&after]),
            orderby,
            skip: match cursor {
                Cursor::Skip(n) | Cursor::Back(n) => Some(*n),
                _ => None,
            },
        })
    }

    fn at(&self, size: u32) -> Result<Uri, ClientError> {
        if let Some(link) = &self.link {
            return Ok(link.clone());
        }
        let top = match self.form {
            ScanForm::Links {
                size: SizeForm::Prefer,
                ..
            } => String::new(),
            _ => size.to_string(),
        };
        let url = Query::of(&self.base, &self.resource)
            .option("$select", &self.select)
            .option("$filter", &self.filter)
            .option("$orderby", &self.orderby)
            .option("$top", &top)
            .option(
                "$skip",
                &self.skip.map(|n| n.to_string()).unwrap_or_default(),
            )
            .url();
        allow::parse(&url).map_err(ClientError::Link)
    }
}

/// The feed's filter, the dialect's conditions and `more`, in one.
pub(crate) fn filter(client: &Client<'_>, more: &[&str]) -> String {
    let conditions = (client.dialect().conditions)(client.feed());
    let mut all: Vec<&str> = conditions.iter().map(String::as_str).collect();
    all.extend(client.feed().filter.as_deref());
    all.extend(more);
    all_of(&all)
}

/// Whether keys `first..` stand in ascending order behind `former`, as far as that can be told: a
/// provider orders text by rules of its own, but digits of one length have one order only.
fn is_ascending(former: Option<&[u8]>, first: usize, keys: &KeyBuffer) -> bool {
    let page = (first..keys.len()).filter_map(|i| keys.key(i));
    let mut before = former;
    for key in page {
        if let Some(before) = before
            && before.len() == key.len()
            && before.iter().chain(key).all(u8::is_ascii_digit)
            && before > key
        {
            return false;
        }
        before = Some(key);
    }
    true
}

/// How many different keys `keys` has from `first` on.
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
    fn digits_out_of_order_are_seen() {
        let buffer = |rows: &[&str]| {
            let mut keys = KeyBuffer::default();
            for row in rows {
                keys.push(row.as_bytes(), b"").unwrap();
            }
            keys
        };
        assert!(is_ascending(
            Some(b"100"),
            0,
            &buffer(&["101", "205", "99", "abc", "ABC"])
        ));
        assert!(!is_ascending(Some(b"100"), 0, &buffer(&["099"])));
        assert!(!is_ascending(None, 0, &buffer(&["101", "100"])));
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
