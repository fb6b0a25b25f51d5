//! Paging as a fold: a scan is a value that holds its position, and one step sends one request and
//! moves it on. The value is also the checkpoint: it can be stored, and another process continues.
//!
//! ```
//! use async_trait::async_trait;
//! use bytes::Bytes;
//! use livelist_model::budget::Ledger;
//! use livelist_model::keys::KeyBuffer;
//! use livelist_model::registry::{Pair, parse_mls};
//! use livelist_model::run::FeedSpec;
//! use livelist_reso::time::Pace;
//! use livelist_reso::{BodyStream, Client, Dialects, ScanState, Session, Step, Transport, TransportError};
//!
//! /// A server of one page; in production this is `HttpTransport`.
//! struct Server;
//!
//! #[async_trait]
//! impl Transport for Server {
//!     async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<BodyStream>, TransportError> {
//!         let page = r#"{"@odata.count": 2, "value": [{"ListingKey": "a1"}, {"ListingKey": "a2"}]}"#;
//!         let body: BodyStream = Box::pin(futures::stream::iter([Ok(Bytes::from(page))]));
//!         Ok(http::Response::new(body))
//!     }
//! }
//!
//! struct Now;
//!
//! #[async_trait]
//! impl Pace for Now {
//!     fn now(&self) -> jiff::Timestamp {
//!         jiff::Timestamp::UNIX_EPOCH
//!     }
//!     async fn sleep(&self, _: std::time::Duration) {}
//!     fn fraction(&self) -> f64 {
//!         0.0
//!     }
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let document = br#"{ "mls": "abor", "provider": "reso", "credential": "env:ABOR",
//!                      "base_url": "https://reso.example/odata" }"#;
//! let mls = parse_mls("mls/abor.json", document, &Dialects).unwrap();
//! let pair: Pair = serde_json::from_str(r#"{"mls": "abor", "resource": "Property"}"#)?;
//! let feed = FeedSpec::resolve(&mls, &pair);
//! let session = Session::of("server-token".into());
//! let mut client = Client::new(&Server, &Now, &feed, &session, Ledger::default())?;
//!
//! let mut scan = ScanState::begin(&feed, client.now())?;
//! let mut keys = KeyBuffer::default();
//! while scan.step(&mut client, &mut keys).await? == Step::More {
//!     // A checkpoint: what `scan` is now can be stored, and another process can go on with it.
//!     serde_json::to_string(&scan)?;
//! }
//! assert_eq!(keys.len(), 2);
//! assert_eq!(scan.evidence.doubt(2), None, "proved complete");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use livelist_model::asking::KeyLiteral;
use livelist_model::evidence::{EndSign, ScanEvidence};
use livelist_model::keys::KeyBuffer;
use livelist_model::run::FeedSpec;
use serde::{Deserialize, Serialize};

use crate::client::{Answer, Client, PageRequest};
use crate::count::count;
use crate::dialect::{Dialect, KeysetBy, ScanForm, SizeForm};
use crate::error::ClientError;
use crate::loops::LoopProbe;
use crate::records::Takes;

mod alone;
mod bounds;
mod ends;
mod guide;
mod keyset;
mod links;
mod order;
mod overlap;
mod refused;
mod urls;

pub use alone::Part;
pub use bounds::{Ascending, Idle};
use guide::Guide;
pub use guide::Marks;
use overlap::{PageRows, overlap};
use urls::PageUrls;

/// The most rows of a scan. Ten times as many rows as the provider counts are an error, too: if rows
/// change faster than they are read, a scan by timestamp would never end.
const MAX_ROWS: u64 = 100_000_000;

/// The state of a scan, and its checkpoint between tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanState {
    /// Version of this format. A scan of another version starts over.
    pub version: u32,
    /// What it does next.
    pub stage: Stage,
    /// The page it asks for next.
    pub cursor: Cursor,
    /// Rows a page. It is reduced when the provider cannot answer in time.
    pub page_size: u32,
    /// Detects paging that runs in a circle.
    pub loops: LoopProbe,
    /// Hashes of the last rows of the previous page. With them the scan checks that the next page joins
    /// this one without a gap, and what stands at the end of the list.
    #[serde(default)]
    pub tail: Vec<u64>,
    /// Keyset paging: a position some rows back. It is requested if the next page does not show the row
    /// at which it has to begin.
    #[serde(default)]
    pub back: Option<Cursor>,
    /// Hashes of the positions from which the scan went back. It goes back from a position only once,
    /// because the row may be hidden for longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<u64>,
    /// Paging by `$skip`: the offset of the end of the previous page.
    #[serde(default)]
    pub reached: u64,
    /// Whether a page has linked to a next one.
    #[serde(default)]
    pub linked: bool,
    /// Pages that showed nothing new.
    #[serde(default)]
    pub idle: Idle,
    /// Paging by links: whether all rows so far were in the order of their keys.
    #[serde(default)]
    pub ascending: Ascending,
    /// Paging by links: the first key of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Requests that were sent for it.
    #[serde(default)]
    pub requests: u64,
    /// Whether the scan has started over because a link had expired.
    #[serde(default)]
    pub begun_anew: bool,
    /// The largest number of rows on a page so far.
    #[serde(default)]
    pub fullest: u64,
    /// Paging by `$skip` or by timestamp only: how many pages in a row indicated the end of the list.
    #[serde(default)]
    pub ends_told: u32,
    /// True once the provider has refused a prefetched page. From then on the scan does not prefetch:
    /// it reads one page at a time.
    #[serde(default)]
    pub alone: bool,
    /// How often a proof of the end was started.
    #[serde(default)]
    pub proofs: u32,
    /// How keys are written in conditions: with or without quotes.
    #[serde(default, skip_serializing_if = "KeyLiteral::is_quoted")]
    pub literal: KeyLiteral,
    /// Paging by timestamp only: whether the scan had to switch to `$skip`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_skip: bool,
    /// The most decimals of a timestamp by which it pages.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decimals: u8,
    /// Paging by timestamp only: the parts of a crowded timestamp that are still to be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Keyset paging: the marks that the next scan uses to prefetch.
    #[serde(default)]
    pub marks: Marks,
    /// Keyset paging: the marks of the last scan. They are not part of the checkpoint: without them the
    /// scan continues page by page.
    #[serde(skip)]
    guide: Guide,
    /// The evidence that was collected so far.
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
    /// Ask for rows after the last one, because there was no other sign of the end.
    Proof,
    /// Ask for the count once more.
    CountAfter,
    /// Nothing: the scan has ended. Its evidence says whether it is complete.
    Done,
}

/// The page a scan asks for next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// The first.
    Start,
    /// The page that this link leads to, byte for byte (a token in it is replaced).
    Link(String),
    /// The page that begins at this key (or number). It shows that row again, which proves that it joins
    /// the page before.
    After(String),
    /// The page that begins at this timestamp, widened by its rounding. The row of this key has to be on
    /// it.
    Since {
        /// The instant, as an OData literal.
        stamp: String,
        /// The key.
        key: String,
    },
    /// The page after such a position, without its row. It is requested if a page showed only that row and
    /// had no room for more.
    Past(Box<Cursor>),
    /// A page of the rows within a span of time that has more rows than a page holds. They are read in
    /// the order of their keys, from this key on (without a key: from the first).
    Within {
        /// The span's beginning, as an OData literal.
        from: String,
        /// Its end.
        to: String,
        /// The key.
        key: Option<String>,
    },
    /// The page after such a span, with the last row that was read in it.
    From {
        /// The span's end.
        stamp: String,
        /// The row's key.
        key: String,
    },
    /// The rows of a span of time whose ids are at least `low` and below `high`. It is one part of a span
    /// that has more rows than a page holds; the rows are in no order.
    Among {
        /// The span's beginning, as an OData literal.
        from: String,
        /// Its end.
        to: String,
        /// The least id, if there is one.
        low: Option<String>,
        /// The id above all, if there is one.
        high: Option<String>,
    },
    /// The page at this offset.
    Skip(u64),
}

impl Cursor {
    /// Whether the page has to show a row that the page before has shown.
    fn shows_again(&self) -> bool {
        match self {
            Cursor::After(_) | Cursor::Since { .. } | Cursor::From { .. } | Cursor::Skip(_) => true,
            Cursor::Within { key, .. } => key.is_some(),
            Cursor::Start | Cursor::Link(_) | Cursor::Past(_) | Cursor::Among { .. } => false,
        }
    }
}

/// Whether a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more.
    More,
    /// It has ended.
    Done,
}

fn is_zero(decimals: &u8) -> bool {
    *decimals == 0
}

impl ScanState {
    /// The form that this version writes and reads.
    pub const VERSION: u32 = 5;

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
            back: None,
            returned: Vec::new(),
            reached: 0,
            linked: false,
            idle: Idle::default(),
            ascending: Ascending::default(),
            first: None,
            requests: 0,
            begun_anew: false,
            fullest: 0,
            ends_told: 0,
            alone: false,
            literal: KeyLiteral::default(),
            by_skip: false,
            decimals: 0,
            proofs: 0,
            parts: Vec::new(),
            marks: Marks::default(),
            guide: Guide::default(),
            evidence: ScanEvidence::begin(dialect.scan.paging(), now),
        })
    }

    /// Takes the marks of the last scan of the feed, to guess where the next pages begin. A mark that is
    /// not a position in the order of `form` is ignored.
    pub fn follow(&mut self, form: ScanForm, places: Vec<Cursor>) {
        if let ScanForm::Keyset(by) = form {
            self.guide = Guide::new(by, places, &self.cursor);
        }
    }

    /// Sends one request and moves on. New keys are added to `keys`. After an error the state is what it
    /// was before (except for what was learned about the provider), so the step can be repeated.
    pub async fn step(
        &mut self,
        client: &mut Client<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<Step, ClientError> {
        self.is_within_bounds(client.feed().max_requests)?;
        let before = client.traffic().requests;
        client.write_keys(self.literal);
        let asked = self.ask(client, keys).await;
        self.literal = client.literal();
        self.requests += client.traffic().requests.saturating_sub(before);
        asked?;
        Ok(if self.stage == Stage::Done {
            Step::Done
        } else {
            Step::More
        })
    }

    async fn ask(
        &mut self,
        client: &mut Client<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<(), ClientError> {
        match self.stage {
            Stage::CountBefore => {
                self.evidence.count_before = count(client, false).await?;
                self.stage = Stage::Pages;
            }
            Stage::Pages => self.page(client, keys).await?,
            Stage::Proof => self.prove(client).await?,
            Stage::CountAfter => {
                if self.evidence.count_before.is_some() {
                    self.evidence.count_after = count(client, true).await?;
                }
                self.evidence.ended_at = Some(client.now());
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
        Ok(())
    }

    async fn page(
        &mut self,
        client: &mut Client<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<(), ClientError> {
        let mark = keys.mark();
        let moved = match self.look(client, keys).await {
            Ok((_, moved)) => moved,
            Err(error) => return self.refused(client, error).await,
        };
        match moved {
            Ok(()) if client.keeps_second() => {}
            // The second fields were only needed to find the next page.
            Ok(()) => keys.forget_stamps(mark),
            Err(_) => keys.truncate(mark),
        }
        moved
    }

    /// Requests the page at the cursor and moves on. If moving on fails, the answer and its keys are
    /// returned as well.
    ///
    /// Servers with strict types need keys that are numbers or UUIDs without quotes. After keys that were
    /// JSON numbers, they are written that way. If a page is refused, it is requested with the other
    /// literal, if that is possible.
    pub(crate) async fn look(
        &mut self,
        client: &mut Client<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<(Answer, Result<(), ClientError>), ClientError> {
        let asked = PageUrls::of(client, self.form(client), &self.cursor)?.at(self.page_size)?;
        let mut looked = self.look_so(client, keys).await;
        if let Err(ClientError::Rejected { .. }) = &looked {
            let former = client.literal();
            client.write_keys(former.other());
            let other = PageUrls::of(client, self.form(client), &self.cursor)?.at(self.page_size)?;
            let again = match other == asked {
                true => None,
                false => Some(self.look_so(client, keys).await),
            };
            match again {
                Some(Ok(again)) => looked = Ok(again),
                // That error is not about the question; repeat it.
                Some(Err(error)) if !error.is_refusal() => looked = Err(error),
                None | Some(Err(_)) => client.write_keys(former),
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
        let pages = PageUrls::of(client, self.form(client), &self.cursor)?;
        let first = keys.len();
        let ahead = match self.guesses(pages.form, client.at_once() - 1) {
            Some(guesses) => {
                let pages = guesses
                    .iter()
                    .map(|guess| PageUrls::of(client, pages.form, guess));
                let urls = pages.map(|pages| pages?.at(self.page_size));
                // A guess that makes no URL is none.
                Some(urls.filter_map(Result::ok).collect::<Vec<_>>())
            }
            None => None,
        };
        let url = |size| pages.at(size);
        let size = client.page_of(self.page_size);
        let takes = match client.records() {
            Some(_) => Takes::Records,
            None => Takes::Keys,
        };
        let request = |ahead| PageRequest {
            url: &url,
            size,
            prefer: matches!(
                pages.form,
                ScanForm::Links {
                    size: SizeForm::Prefer,
                    ..
                }
            ),
            stamps: true,
            names_keys: false,
            takes,
            ahead,
        };
        let most = client.at_once();
        let answered = client.page(request(ahead.as_deref()), keys).await;
        self.alone |= client.at_once() < most;
        let mut answer = answered?;
        if answer.was_ahead && self.may_be_stale(pages.form, first, keys) {
            // It may be older than the pages before it: rows modified in between have moved after it, and
            // would be missed.
            keys.truncate(keys.mark_at(first));
            answer = client.page(request(None), keys).await?;
        }
        if let ScanForm::Keyset(KeysetBy::Time(_) | KeysetBy::TimeAlone(_)) = pages.form {
            let decimals = keyset::decimals(keys.iter_from(first));
            self.decimals = self.decimals.max(decimals);
        }
        let moved = match pages.form {
            ScanForm::Keyset(by @ KeysetBy::TimeAlone(_)) => {
                match self.move_on_by_time(by, client, &answer, first, keys) {
                    Err(error) if self.gives_up_time(client, &error) => Ok(()),
                    moved => moved,
                }
            }
            ScanForm::Keyset(by) => self.move_on_by_order(by, &answer, first, keys),
            ScanForm::Links { skips: true, .. } => {
                self.move_on_by_skip(&answer, &PageRows::of(first, keys))
            }
            ScanForm::Links { skips: false, .. } | ScanForm::List => {
                self.move_on_by_link(client, &answer, first, keys)
            }
        };
        if moved.is_ok() {
            let next = std::mem::replace(&mut self.cursor, Cursor::Start);
            self.cursor = keyset::fine(next, self.decimals);
        }
        Ok((answer, moved))
    }

    /// The position after the rows from `first` on; `None` if there are none.
    fn behind(
        &self,
        by: KeysetBy,
        first: usize,
        keys: &KeyBuffer,
    ) -> Result<Option<Cursor>, ClientError> {
        let last = keyset::behind(by, &self.cursor, first, keys).map_err(ClientError::Page)?;
        Ok(last.map(|last| keyset::fine(last, self.decimals)))
    }

    /// The next pages, as far as their positions can be guessed. `None` if they must not be prefetched: the
    /// page on which a scan by `$skip` ends has to be requested after all others, because rows that were
    /// modified during the scan are there.
    fn guesses(&self, form: ScanForm, most: usize) -> Option<Vec<Cursor>> {
        match (form, &self.cursor) {
            (ScanForm::Keyset(KeysetBy::TimeAlone(_)), _) if self.ends_told > 0 => None,
            (ScanForm::Keyset(_), Cursor::Within { .. } | Cursor::Among { .. }) => Some(Vec::new()),
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

    fn end(&mut self, answer: &Answer, again: u64, sign: EndSign) -> Result<(), ClientError> {
        self.went(answer, again, None)?;
        self.ended(sign);
        Ok(())
    }

    fn ended(&mut self, sign: EndSign) {
        self.evidence.end = Some(sign);
        self.stage = Stage::CountAfter;
    }

    /// Records a page, with `again` of its rows shown before, and moves to another position.
    fn go_to(&mut self, answer: &Answer, again: u64, next: Cursor) -> Result<(), ClientError> {
        let step = format!("{next:?}").into_bytes();
        self.went(answer, again, Some((next, step)))
    }

    /// Records a page, with `again` of its rows requested again on purpose, and moves to the next position.
    /// Fails if the hash of this step occurred before.
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

#[cfg(test)]
mod tests;
