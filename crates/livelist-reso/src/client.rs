//! One feed's conversation with its provider: sends requests at the pace the provider allows,
//! repeats what can be repeated, and reads pages. What to ask next is `scan`'s and `confirm`'s
//! business.

use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, Uri, header};
use livelist_model::asking::KeyLiteral;
use livelist_model::budget::Ledger;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::keys::KeyBuffer;
use livelist_model::record::Traffic;
use livelist_model::registry::Limit;
use livelist_model::run::FeedSpec;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::ahead::Ahead;
use crate::allow::{self, AllowList};
use crate::dialect::{Dialect, ScanForm};
use crate::error::ClientError;
use crate::heard::Heard;
use crate::link_header;
use crate::page::{Bounds, Fields, Page, PageError, read_encoded};
use crate::policy::{self, Verdict};
use crate::session::Session;
use crate::time::Pace;
use crate::transport::{BodyStream, Transport, TransportError};

mod beside;
mod body;
mod echo;

use body::{Pieces, error_body};

pub(crate) const USER_AGENT: &str = concat!("livelist/", env!("CARGO_PKG_VERSION"));

/// A wait up to this is waited out here; a longer one is handed to the caller, where waiting costs
/// nothing.
const SHORT_WAIT: Duration = Duration::from_secs(3);
/// Compressed bodies up to this are collected before they are parsed; longer ones are parsed while
/// they come in.
const COLLECT: usize = 4 * 1024 * 1024;

/// How often the same is asked before it counts as not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Requests in a row for the same page.
    pub attempts: u32,
    /// So many short waits in a row become a long one.
    pub short_waits: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            attempts: policy::ATTEMPTS,
            short_waits: 20,
        }
    }
}

/// A conversation.
pub struct Client<'a> {
    transport: &'a dyn Transport,
    pace: &'a dyn Pace,
    feed: &'a FeedSpec,
    dialect: Dialect,
    allow: AllowList,
    session: &'a Session,
    traffic: Traffic,
    limits: Vec<Limit>,
    /// What was asked with the credential, by others and here.
    ledger: Ledger,
    /// Of that, what was asked here and not yet taken.
    spent: Ledger,
    not_before: Option<jiff::Timestamp>,
    patience: Patience,
    heard: Option<Heard>,
    /// How many requests may be under way at once.
    at_once: usize,
    ahead: Ahead<'a>,
    /// How keys stand in the conditions of pages.
    literal: KeyLiteral,
}

/// A request for a page.
pub struct PageRequest<'r> {
    /// The URL for a page of at most so many rows.
    pub url: &'r (dyn Fn(u32) -> Result<Uri, ClientError> + Send + Sync),
    /// How many rows to ask for; made smaller when the provider cannot answer in time.
    pub size: u32,
    /// Whether to say the size in a `Prefer` header.
    pub prefer: bool,
    /// Whether to take the dialect's second field.
    pub stamps: bool,
    /// Pages that will be asked for next, as far as that can be guessed: they are asked for as soon
    /// as the limits let them through, if the client reads ahead. `None` gives up all that was asked
    /// for ahead, this page included: what comes then was asked for after everything before it had
    /// come.
    pub ahead: Option<&'r [Uri]>,
}

/// A page and where it came from.
pub struct Answer {
    /// The page.
    pub page: Page,
    /// The next page's link, from the page or the `Link` header.
    pub next: Option<String>,
    /// The URL that was asked.
    pub uri: Uri,
    /// The size that was asked for in the end.
    pub size: u32,
    /// Whether it was asked for before the answer before it had come.
    pub was_ahead: bool,
}

impl<'a> Client<'a> {
    /// A conversation about `feed` in `session`. `ledger` is what was asked with the credential
    /// before.
    pub fn new(
        transport: &'a dyn Transport,
        pace: &'a dyn Pace,
        feed: &'a FeedSpec,
        session: &'a Session,
        ledger: Ledger,
    ) -> Result<Self, ClientError> {
        let base = allow::parse(&feed.base_url).map_err(ClientError::Link)?;
        let dialect = Dialect::for_feed(feed)?;
        if dialect.scan == ScanForm::List && feed.filter.is_some() {
            return Err(ClientError::Settings(format!(
                "{} gives its list whole: leave the pair's `filter` out",
                dialect.title
            )));
        }
        Ok(Client {
            transport,
            pace,
            feed,
            limits: dialect.limits_of(feed),
            dialect,
            allow: AllowList::new(&base, &feed.allow_hosts).map_err(ClientError::Link)?,
            session,
            traffic: Traffic::default(),
            ledger,
            spent: Ledger::default(),
            not_before: None,
            patience: Patience::default(),
            heard: None,
            at_once: 1,
            ahead: Ahead::default(),
            literal: KeyLiteral::Quoted,
        })
    }

    /// The same conversation, asking for as many pages at once as the feed's settings and its
    /// dialect allow. The first answer that refuses one ends that: who throttles, or answers too
    /// slowly, is asked for one at a time.
    #[must_use]
    pub fn reading_ahead(self) -> Self {
        Client {
            at_once: self.dialect.pages_at_once(self.feed),
            ..self
        }
    }

    /// How many pages are asked for at once.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// The same conversation with another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Client { patience, ..self }
    }

    /// How keys stand in the conditions of pages: quoted, unless the provider's are numbers, or it
    /// refused that.
    pub(crate) fn literal(&self) -> KeyLiteral {
        self.literal
    }

    pub(crate) fn write_keys(&mut self, literal: KeyLiteral) {
        self.literal = literal;
    }

    /// Asks with another patience from now on.
    pub fn be_patient(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// How the last answer came, whether it was a page or not.
    pub fn heard(&self) -> Option<&Heard> {
        self.heard.as_ref()
    }

    /// How long the next request has to wait for the provider's quota and the budgets.
    pub fn due_in(&self) -> Duration {
        let (quota, budget) = self.waits();
        quota.max(budget)
    }

    /// The budgets that are kept.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// What was asked since the last call, for the credential's account.
    pub fn take_spent(&mut self) -> Ledger {
        std::mem::take(&mut self.spent)
    }

    /// Requests that were not yet taken by [`Client::take_spent`].
    pub fn unaccounted(&self) -> u64 {
        self.spent.requests()
    }

    fn note(&mut self, requests: u64, bytes: u64) {
        let now = self.pace.now();
        self.ledger.note(now, requests, bytes);
        self.spent.note(now, requests, bytes);
    }

    /// The dialect that is spoken.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The feed that is read.
    pub fn feed(&self) -> &FeedSpec {
        self.feed
    }

    /// Now.
    pub fn now(&self) -> jiff::Timestamp {
        self.pace.now()
    }

    /// What was asked of the provider so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The URL of `link` in the answer to `from`, if it may be followed.
    pub fn resolve(&self, from: &Uri, link: &str) -> Result<Uri, ClientError> {
        self.allow.resolve(from, link).map_err(ClientError::Link)
    }

    /// Asks for a page until there is one, within the bounds of the policy. Its keys are added to
    /// `keys`; on an error none is.
    pub async fn page(
        &mut self,
        request: PageRequest<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<Answer, ClientError> {
        let mut size = request.size;
        let mut attempt = 0;
        let mut short_waits = 0;
        let next = request.ahead.unwrap_or_default();
        loop {
            attempt += 1;
            let uri = (request.url)(size)?;
            self.give_up(|asked| {
                request.ahead.is_some() && (*asked == uri || next.contains(asked))
            });
            let was_ahead = self.ahead.has(&uri);
            if !was_ahead {
                self.keep_pace().await?;
            }
            let exchanged = self.exchange(uri.clone(), &request, size).await;
            if let Ok(Exchanged::Refused(verdict, ..)) = &exchanged
                && *verdict != Verdict::Retry
            {
                self.at_once = 1;
                self.give_up(|_| false);
            }
            let problem = match exchanged {
                Err(e) => ClientError::Unavailable {
                    what: e.to_string(),
                    source: Some(e),
                },
                Ok(Exchanged::Body(headers, body)) => {
                    match self.read(&headers, body, &request, keys).await? {
                        Ok(page) => {
                            self.traffic.bytes += page.bytes;
                            self.note(0, page.bytes);
                            let now = self.pace.now();
                            if let Some(heard) = &mut self.heard {
                                heard.ended(now);
                            }
                            let next = page
                                .next_link
                                .clone()
                                .or_else(|| link_header::next(&headers));
                            return Ok(Answer {
                                page,
                                next,
                                uri,
                                size,
                                was_ahead,
                            });
                        }
                        Err(PageError::TooLarge { what, limit }) => {
                            return Err(ClientError::TooLarge { what, limit });
                        }
                        Err(_) if is_off(Guard::PageValidation) => {
                            return Ok(Answer {
                                page: Page::default(),
                                next: None,
                                uri,
                                size,
                                was_ahead,
                            });
                        }
                        Err(e) => ClientError::Page(e),
                    }
                }
                Ok(Exchanged::Refused(Verdict::Throttled(wait), ..)) => {
                    self.traffic.throttled += 1;
                    let wait = wait.unwrap_or(self.dialect.throttle_wait);
                    short_waits += 1;
                    if wait > SHORT_WAIT || short_waits > self.patience.short_waits {
                        return Err(ClientError::Throttled(wait));
                    }
                    attempt -= 1;
                    self.pace.sleep(wait).await;
                    continue;
                }
                Ok(Exchanged::Refused(verdict, status, message)) => match verdict {
                    Verdict::Unauthorized => return Err(ClientError::Unauthorized),
                    Verdict::Denied => return Err(ClientError::Denied { status, message }),
                    Verdict::Rejected => return Err(ClientError::Rejected { status, message }),
                    verdict => {
                        if verdict == Verdict::RetrySmaller {
                            size = (size / 2).max(1);
                        }
                        let what = format!("status {status}: {message}");
                        ClientError::Unavailable { what, source: None }
                    }
                },
            };
            if attempt >= self.patience.attempts {
                return Err(problem);
            }
            self.traffic.retries += 1;
            tracing::debug!(attempt, error = %problem, "asking again");
            self.pace
                .sleep(policy::pause(attempt, self.pace.fraction()))
                .await;
        }
    }

    /// Waits until the provider's limits let the next request through.
    async fn keep_pace(&mut self) -> Result<(), ClientError> {
        let (quota, budget) = self.waits();
        if quota > SHORT_WAIT {
            self.not_before = None;
            return Err(ClientError::Throttled(quota.min(policy::LONGEST_WAIT)));
        }
        if budget > SHORT_WAIT {
            tracing::info!(seconds = budget.as_secs(), "the request budget is spent");
            return Err(ClientError::Throttled(budget.min(policy::LONGEST_WAIT)));
        }
        let wait = quota.max(budget);
        if !wait.is_zero() {
            self.pace.sleep(wait).await;
        }
        self.note(1, 0);
        Ok(())
    }

    /// What the next request has to wait for the provider's quota, and for the budgets.
    fn waits(&self) -> (Duration, Duration) {
        let now = self.pace.now();
        let wait_until = |at: jiff::Timestamp| Duration::try_from(at - now).unwrap_or_default();
        let quota = self.not_before.map(wait_until).unwrap_or_default();
        let budget = self.ledger.wait(now, &self.limits).unwrap_or_default();
        (quota, budget)
    }

    /// The request for a page.
    fn request(
        &self,
        uri: Uri,
        prefer: Option<u32>,
    ) -> Result<http::Request<Bytes>, TransportError> {
        let mut built = http::Request::get(uri)
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, "gzip")
            .header(header::USER_AGENT, USER_AGENT)
            .header("OData-MaxVersion", "4.0");
        if let Some(size) = prefer {
            built = built.header("Prefer", format!("odata.maxpagesize={size}"));
        }
        let mut built = built
            .body(Bytes::new())
            .map_err(|e| TransportError::Broken(Box::new(e)))?;
        self.session
            .authorize(&self.dialect, built.headers_mut())
            .map_err(|e| TransportError::Broken(Box::new(e)))?;
        Ok(built)
    }

    async fn exchange(
        &mut self,
        uri: Uri,
        request: &PageRequest<'_>,
        size: u32,
    ) -> Result<Exchanged, TransportError> {
        self.heard = None;
        let sent = self.pace.now();
        let answer = match self.ahead.take(&uri) {
            Some(answer) => answer,
            None => {
                self.traffic.requests += 1;
                let built = self.request(uri, request.prefer.then_some(size))?;
                self.transport.send(built)
            }
        };
        let (parts, body) = self.beside(answer, request.ahead).await?.into_parts();
        let now = self.pace.now();
        self.heard = Some(Heard::of(parts.status, &parts.headers, sent, now));
        self.not_before = (self.dialect.quota_wait)(&parts.headers, now)
            .and_then(|wait| now.checked_add(wait).ok());
        if parts.status == http::StatusCode::OK {
            return Ok(Exchanged::Body(parts.headers, body));
        }
        let error = error_body(&parts.headers, body).await;
        let verdict = policy::judge_as(&self.dialect, parts.status, &parts.headers, &error, now);
        let message = policy::readable(&error, &self.session.secrets());
        if let Some(heard) = &mut self.heard {
            heard.refusal = Some(message.clone());
        }
        Ok(Exchanged::Refused(verdict, parts.status.as_u16(), message))
    }

    /// Reads a page; the outer error is ours, the inner one the provider's.
    async fn read(
        &mut self,
        headers: &HeaderMap,
        mut body: BodyStream,
        request: &PageRequest<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<Result<Page, PageError>, ClientError> {
        let mut pieces = Vec::new();
        let mut collected = 0;
        let mut ended = false;
        while collected < COLLECT && !ended {
            match self.beside(body.next(), request.ahead).await {
                Some(Ok(piece)) => {
                    collected += piece.len();
                    pieces.push(piece);
                }
                Some(Err(e)) => return Ok(Err(PageError::Json(io::Error::other(e)))),
                None => ended = true,
            }
        }
        let encoding = headers.get(header::CONTENT_ENCODING).cloned();
        let key = self.feed.key_field.clone();
        let stamp = self.dialect.second_field().filter(|_| request.stamps);
        let mut buffer = std::mem::take(keys);
        let rest = SyncIoBridge::new(StreamReader::new(body.map(|p| p.map_err(io::Error::other))));
        let parsing = crate::blocking::run(move || {
            let source = Pieces::new(pieces);
            let source: Box<dyn Read> = if ended {
                Box::new(source)
            } else {
                Box::new(source.chain(rest))
            };
            let fields = Fields { key: &key, stamp };
            let encoding = encoding.as_ref().map(|e| e.as_bytes());
            let result = read_encoded(encoding, source, fields, Bounds::default(), &mut buffer);
            (buffer, result)
        });
        let parsed = self.beside(parsing, request.ahead).await;
        let (buffer, result) = parsed.map_err(|e| ClientError::Internal(e.into()))?;
        *keys = buffer;
        Ok(result)
    }
}

enum Exchanged {
    Body(HeaderMap, BodyStream),
    Refused(Verdict, u16, String),
}
