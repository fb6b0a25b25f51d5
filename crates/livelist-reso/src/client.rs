//! The HTTP client for one feed. It keeps the provider's rate limits, retries requests if that is useful,
//! and reads pages. `scan` and `confirm` decide what to ask next.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Uri, header};
use livelist_model::asking::KeyLiteral;
use livelist_model::budget::Ledger;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::keys::KeyBuffer;
use livelist_model::record::Traffic;
use livelist_model::registry::Limit;
use livelist_model::run::FeedSpec;
use livelist_model::wait::{LONGEST_WAIT, ToldWait};

use crate::admission::Admission;
use crate::ahead::Ahead;
use crate::allow::{self, AllowList};
use crate::dialect::{Dialect, ScanForm};
use crate::error::ClientError;
use crate::heard::Heard;
use crate::page::{Page, PageError};
use crate::policy::{self, Verdict};
use crate::records::{Takes, Wanted};
use crate::session::Session;
use crate::time::Pace;
use crate::transport::{Transport, TransportError};

mod attempt;
mod beside;
mod body;
mod deadline;
mod echo;
mod share;
mod token;

use attempt::Attempt;
use deadline::within;
use share::Share;

pub(crate) const USER_AGENT: &str = concat!("livelist/", env!("CARGO_PKG_VERSION"));

/// The client itself sleeps for waits up to this. A longer wait is returned to the caller: in the state
/// machine, waiting costs nothing.
const SHORT_WAIT: Duration = Duration::from_secs(3);
/// How often a request is repeated before it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The most attempts for one page.
    pub attempts: u32,
    /// After this many short waits in a row, the wait is returned to the caller.
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

/// The client of one feed. It sends one request at a time, besides prefetched ones.
pub struct Client<'a> {
    transport: &'a dyn Transport,
    pace: &'a dyn Pace,
    feed: &'a FeedSpec,
    dialect: Dialect,
    allow: AllowList,
    session: &'a Session,
    traffic: Traffic,
    limits: Vec<Limit>,
    /// All requests with the credential: those of other tasks, and those sent here.
    ledger: Ledger,
    /// Of these, the requests sent here that [`Client::take_spent`] has not taken yet.
    spent: Ledger,
    not_before: Option<jiff::Timestamp>,
    patience: Patience,
    heard: Option<Heard>,
    /// The requests that may still be sent, if only a share of the budgets may be used.
    share: Option<Share>,
    /// The most requests in flight at once.
    at_once: usize,
    ahead: Ahead<'a>,
    /// The caller's deadline.
    until: Option<jiff::Timestamp>,
    /// A buffer for the rows of a page until the page is complete.
    room: KeyBuffer,
    /// How keys are written in the conditions of pages.
    literal: KeyLiteral,
    /// If records are asked for by an id: the id of each key that can be asked for.
    ids: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What is known about the token, if a new one can be requested.
    admission: Option<Admission>,
    /// Which whole records the pages of a scan are read for; nothing where keys alone are wanted.
    records: Option<Wanted>,
    /// The bodies of such pages that nobody has taken yet.
    bodies: Vec<Vec<u8>>,
}

/// A request for a page.
pub struct PageRequest<'r> {
    /// The URL for a page of at most this many rows.
    pub url: &'r (dyn Fn(u32) -> Result<Uri, ClientError> + Send + Sync),
    /// How many rows to ask for; made smaller when the provider cannot answer in time.
    pub size: u32,
    /// Whether to say the size in a `Prefer` header.
    pub prefer: bool,
    /// Whether to take the dialect's second field.
    pub stamps: bool,
    /// Whether it asks for certain keys. Then a refusal may be due to the question, not the token.
    pub names_keys: bool,
    /// The fields to take from the answer.
    pub takes: Takes,
    /// The pages that will probably come next. A client that prefetches requests them as soon as the
    /// rate limits allow. `None` discards all prefetched answers, the one to this page included. The
    /// page is then requested anew, so its answer is younger than all pages before it.
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
    /// Whether the page was prefetched: requested before the answer to the page before it had arrived.
    pub was_ahead: bool,
}

impl<'a> Client<'a> {
    /// A client for `feed` that authenticates with `session`. `ledger` has the earlier requests with the
    /// credential.
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
            share: None,
            at_once: 1,
            ahead: Ahead::default(),
            until: None,
            room: KeyBuffer::default(),
            literal: KeyLiteral::Quoted,
            ids: BTreeMap::new(),
            admission: None,
            records: None,
            bodies: Vec::new(),
        })
    }

    /// The same client with prefetching: it requests as many pages at once as the feed's settings and
    /// its dialect allow. The first refusal ends that: a provider that throttles, or answers too slowly,
    /// is asked for one page at a time.
    #[must_use]
    pub fn reading_ahead(self) -> Self {
        Client {
            at_once: self.dialect.pages_at_once(self.feed),
            ..self
        }
    }

    /// The same client, with the ids of the keys that it will ask for, if the dialect asks by an id.
    #[must_use]
    pub fn asking_by(self, ids: BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        Client { ids, ..self }
    }

    /// Whether the second field of the rows is kept: when a listing was modified.
    pub(crate) fn keeps_second(&self) -> bool {
        let kept = self.dialect.stamp_kept(self.feed);
        kept.is_some() && kept == self.dialect.second_field()
    }

    /// Whether a key can be asked for.
    pub fn can_ask(&self, key: &[u8]) -> bool {
        self.dialect.id_field(self.feed).is_none() || self.ids.contains_key(key)
    }

    /// The field by which records are asked for.
    pub(crate) fn asked_field(&self) -> &str {
        let field = self.dialect.id_field(self.feed);
        field.unwrap_or(&self.feed.key_field)
    }

    /// The value of a key in the field by which records are asked for.
    pub fn asked_as<'k>(&'k self, key: &'k [u8]) -> &'k [u8] {
        self.ids.get(key).map_or(key, Vec::as_slice)
    }

    /// The same client, whose scans ask for whole records. What pages hold is given by
    /// [`Client::take_bodies`].
    #[must_use]
    pub fn reading_records(self, wanted: Wanted) -> Self {
        Client {
            records: Some(wanted),
            ..self
        }
    }

    /// The records that pages of a scan are asked for; nothing where keys alone are wanted.
    pub(crate) fn records(&self) -> Option<&Wanted> {
        self.records.as_ref()
    }

    /// What records are expanded with.
    pub(crate) fn expand(&self) -> &str {
        self.records
            .as_ref()
            .map_or("", |wanted| wanted.expand.as_str())
    }

    /// The page of an expansion that a page's record links to, as the provider sends it.
    ///
    /// # Errors
    /// The link must not be followed, or the provider refuses it or cannot be asked now.
    pub async fn nested(&mut self, link: &str) -> Result<Vec<u8>, ClientError> {
        let base = allow::parse(&self.dialect.base(self.feed)).map_err(ClientError::Link)?;
        let uri = self.resolve(&base, link)?;
        self.body(&uri, Takes::Nested).await
    }

    /// The bodies of pages with whole records since the last call, uncompressed, in order.
    pub fn take_bodies(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.bodies)
    }

    /// The most rows of a page of this client's scans, of the `size` that a scan wants.
    pub(crate) fn page_of(&self, size: u32) -> u32 {
        match self.records {
            Some(_) => size.min(self.dialect.records.page_max),
            None => size,
        }
    }

    /// The document below the base, e.g. `$metadata`, as the provider sends it.
    ///
    /// # Errors
    /// The provider refuses it, or cannot be asked now.
    pub async fn document(&mut self, name: &str) -> Result<Vec<u8>, ClientError> {
        let base = self.dialect.base(self.feed);
        let uri = allow::parse(&format!("{base}/{name}")).map_err(ClientError::Link)?;
        self.body(&uri, Takes::Document).await
    }

    async fn body(&mut self, uri: &Uri, takes: Takes) -> Result<Vec<u8>, ClientError> {
        let request = PageRequest {
            url: &|_| Ok(uri.clone()),
            size: 1,
            prefer: false,
            stamps: false,
            names_keys: false,
            takes,
            ahead: None,
        };
        self.page(request, &mut KeyBuffer::default()).await?;
        Ok(self.bodies.pop().unwrap_or_default())
    }

    /// How many pages are asked for at once.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// The same client with other limits of repetition.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Client { patience, ..self }
    }

    /// How keys are written in the conditions of pages: quoted, unless the provider's keys are numbers or
    /// it refused quotes.
    pub(crate) fn literal(&self) -> KeyLiteral {
        self.literal
    }

    pub(crate) fn write_keys(&mut self, literal: KeyLiteral) {
        self.literal = literal;
    }

    /// Uses other limits of repetition from now on.
    pub fn be_patient(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Metadata of the last response: status, date, time, quotas. Also of one that was no page.
    pub fn heard(&self) -> Option<&Heard> {
        self.heard.as_ref()
    }

    /// How long the next request has to wait for the provider's rate limit and the budgets.
    pub fn due_in(&self) -> Duration {
        let (quota, budget) = self.waits();
        quota.max(budget)
    }

    /// The budgets that are kept.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The requests since the last call, for the credential's ledger.
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
        if let Some(share) = &mut self.share {
            share.note(requests, bytes);
        }
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

    /// Counts of all requests so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The URL of `link` in the answer to `from`, if it may be followed.
    pub fn resolve(&self, from: &Uri, link: &str) -> Result<Uri, ClientError> {
        self.allow.resolve(from, link).map_err(ClientError::Link)
    }

    /// Sends a single request that is not a page of a list: `uri` unchanged, without prefetching. Otherwise
    /// like [`Self::page`].
    pub async fn question(
        &mut self,
        uri: &Uri,
        keys: &mut KeyBuffer,
    ) -> Result<Answer, ClientError> {
        self.ask(uri, false, keys).await
    }

    /// The same for a question about certain keys.
    pub async fn question_of_keys(
        &mut self,
        uri: &Uri,
        keys: &mut KeyBuffer,
    ) -> Result<Answer, ClientError> {
        self.ask(uri, true, keys).await
    }

    async fn ask(
        &mut self,
        uri: &Uri,
        names_keys: bool,
        keys: &mut KeyBuffer,
    ) -> Result<Answer, ClientError> {
        let request = PageRequest {
            url: &|_| Ok(uri.clone()),
            size: 1,
            prefer: false,
            stamps: false,
            names_keys,
            takes: Takes::Keys,
            ahead: None,
        };
        self.page(request, keys).await
    }

    /// Requests a page, and repeats the request as the policy allows. Its keys are added to `keys`; on an
    /// error none are.
    pub async fn page(
        &mut self,
        request: PageRequest<'_>,
        keys: &mut KeyBuffer,
    ) -> Result<Answer, ClientError> {
        let mut size = request.size;
        let mut attempts = 0;
        let mut short_waits = 0;
        let next = request.ahead.unwrap_or_default();
        loop {
            let uri = (request.url)(size)?;
            if let (0, Some(known)) = (attempts, &self.admission) {
                attempts = known
                    .tried(&uri)
                    .min(self.patience.attempts.saturating_sub(1));
            }
            attempts += 1;
            self.give_up(|asked| {
                request.ahead.is_some() && (*asked == uri || next.contains(asked))
            });
            let was_ahead = self.ahead.has(&uri);
            if !was_ahead {
                self.keep_pace().await?;
            }
            let allowed = self.allowed()?;
            let pace = self.pace;
            let attempt = self.attempt(uri.clone(), &request, size, keys);
            let attempt = match within(pace, allowed.time, attempt).await {
                Some(attempt) => attempt?,
                None if allowed.is_all => return Err(ClientError::OutOfTime),
                None => Attempt::Broken(TransportError::TimedOut(allowed.time.as_secs())),
            };
            if let Attempt::Refused(verdict, ..) = &attempt
                && *verdict != Verdict::Retry
            {
                self.at_once = 1;
                self.give_up(|_| false);
            }
            match (&attempt, &mut self.admission) {
                (Attempt::Page { .. }, Some(known)) => known.answered(&uri),
                (Attempt::NoPage(_) | Attempt::Refused(Verdict::Retry, ..), Some(known)) => {
                    known.stumbled();
                }
                _ => {}
            }
            let problem = match attempt {
                Attempt::Broken(error) => ClientError::Unavailable {
                    what: String::new(),
                    source: Some(error),
                },
                Attempt::Page { page, next } => {
                    return Ok(Answer {
                        page,
                        next,
                        uri,
                        size,
                        was_ahead,
                    });
                }
                Attempt::NoPage(PageError::TooLarge { what, limit }) => {
                    return Err(ClientError::TooLarge { what, limit });
                }
                Attempt::NoPage(_) if is_off(Guard::PageValidation) => {
                    return Ok(Answer {
                        page: Page::default(),
                        next: None,
                        uri,
                        size,
                        was_ahead,
                    });
                }
                Attempt::NoPage(error) => ClientError::Page(error),
                Attempt::Refused(Verdict::Throttled(wait), ..) => {
                    self.traffic.throttled += 1;
                    let wait = wait.unwrap_or(self.dialect.throttle_wait);
                    short_waits += 1;
                    if wait > SHORT_WAIT || short_waits > self.patience.short_waits {
                        let told = ToldWait::new(self.pace.now(), wait);
                        self.spent.note_wait(told);
                        return Err(ClientError::Throttled(wait.min(LONGEST_WAIT)));
                    }
                    attempts -= 1;
                    self.pause(wait).await?;
                    continue;
                }
                Attempt::Refused(verdict, status, message) => match verdict {
                    Verdict::Unauthorized => return Err(self.end_token(&uri, attempts - 1)),
                    Verdict::Denied => {
                        let error = ClientError::Denied { status, message };
                        return Err(self.refused(&uri, request.names_keys, error, attempts - 1));
                    }
                    Verdict::Rejected => {
                        let error = ClientError::Rejected { status, message };
                        return Err(self.refused(&uri, request.names_keys, error, attempts - 1));
                    }
                    verdict => {
                        if verdict == Verdict::RetrySmaller {
                            size = (size / 2).max(1);
                        }
                        let what = format!("status {status}: {message}");
                        ClientError::Unavailable { what, source: None }
                    }
                },
            };
            if attempts >= self.patience.attempts {
                return Err(problem);
            }
            self.traffic.retries += 1;
            tracing::debug!(attempt = attempts, error = %problem, "repeating the request");
            let wait = policy::pause(attempts, self.pace.fraction());
            self.pause(wait).await?;
        }
    }

    /// Waits until the provider's limits let the next request through.
    async fn keep_pace(&mut self) -> Result<(), ClientError> {
        if self.share.is_some_and(Share::is_spent) {
            return Err(ClientError::OutOfTime);
        }
        let (quota, budget) = self.waits();
        if quota > SHORT_WAIT {
            self.not_before = None;
            self.spent.note_wait(ToldWait::new(self.pace.now(), quota));
            return Err(ClientError::Throttled(quota.min(LONGEST_WAIT)));
        }
        if budget > SHORT_WAIT {
            tracing::info!(seconds = budget.as_secs(), "the request budget is spent");
            return Err(ClientError::Throttled(budget.min(LONGEST_WAIT)));
        }
        let wait = quota.max(budget);
        if !wait.is_zero() {
            self.pause(wait).await?;
        }
        self.note(1, 0);
        Ok(())
    }

    /// How long the next request has to wait for the provider's quota, and for the budgets.
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
        takes: Takes,
    ) -> Result<http::Request<Bytes>, TransportError> {
        let accept = match takes {
            Takes::Document => "application/xml",
            Takes::Keys | Takes::Records | Takes::Nested => "application/json",
        };
        let mut built = http::Request::get(uri)
            .header(header::ACCEPT, accept)
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
}

#[cfg(test)]
mod tests;
