//! One feed's conversation with its provider: sends requests at the pace the provider allows,
//! repeats what can be repeated, and reads pages. What to ask next is `scan`'s and `confirm`'s
//! business.

use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use futures::StreamExt;
use http::{HeaderMap, Uri, header};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::keys::KeyBuffer;
use livelist_model::record::Traffic;
use livelist_model::run::FeedSpec;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::allow::{self, AllowList};
use crate::dialect::Dialect;
use crate::error::ClientError;
use crate::link_header;
use crate::page::{Bounds, Fields, Page, PageError, read_page};
use crate::policy::{self, Verdict};
use crate::time::Pace;
use crate::transport::{BodyStream, Transport, TransportError};

pub(crate) const USER_AGENT: &str = concat!("livelist/", env!("CARGO_PKG_VERSION"));

/// A wait up to this is waited out here; a longer one is handed to the caller, where waiting costs
/// nothing.
const SHORT_WAIT: Duration = Duration::from_secs(3);
/// So many short waits in a row become a long one.
const SHORT_WAITS: u32 = 20;
/// Compressed bodies up to this are collected before they are parsed; longer ones are parsed while
/// they come in.
const COLLECT: usize = 4 * 1024 * 1024;
/// Of an error's body so much is read.
const ERROR_BODY: usize = 16 * 1024;

/// A conversation.
pub struct Client<'a> {
    transport: &'a dyn Transport,
    pace: &'a dyn Pace,
    feed: &'a FeedSpec,
    dialect: Dialect,
    allow: AllowList,
    token: &'a SecretString,
    traffic: Traffic,
    last_sent: Option<jiff::Timestamp>,
    not_before: Option<jiff::Timestamp>,
}

/// A request for a page.
pub struct PageRequest<'r> {
    /// The URL for a page of at most so many rows.
    pub url: &'r (dyn Fn(u32) -> Result<Uri, ClientError> + Send + Sync),
    /// How many rows to ask for; made smaller when the provider cannot answer in time.
    pub size: u32,
    /// Whether to say the size in a `Prefer` header.
    pub prefer: bool,
    /// Whether to take the timestamps.
    pub stamps: bool,
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
}

impl<'a> Client<'a> {
    /// A conversation about `feed` with `token`.
    pub fn new(
        transport: &'a dyn Transport,
        pace: &'a dyn Pace,
        feed: &'a FeedSpec,
        token: &'a SecretString,
    ) -> Result<Self, ClientError> {
        let base = allow::parse(&feed.base_url).map_err(ClientError::Link)?;
        Ok(Client {
            transport,
            pace,
            feed,
            dialect: Dialect::of(feed.provider),
            allow: AllowList::new(&base, &feed.allow_hosts).map_err(ClientError::Link)?,
            token,
            traffic: Traffic::default(),
            last_sent: None,
            not_before: None,
        })
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

    /// Replaces the token, should a provider echo it in a link, so that it is never stored.
    pub fn conceal(&self, link: &str) -> String {
        let mut link = link.to_owned();
        for (form, mark) in self.token_forms() {
            link = link.replace(&form, mark);
        }
        link
    }

    /// Undoes [`Client::conceal`], with the token of today.
    pub fn reveal(&self, link: &str) -> String {
        let mut link = link.to_owned();
        for (form, mark) in self.token_forms() {
            link = link.replace(mark, &form);
        }
        link
    }

    /// The token as it may stand in a link, and what stands for it at rest.
    fn token_forms(&self) -> [(String, &'static str); 3] {
        let token = self.token.expose_secret();
        let upper = utf8_percent_encode(token, NON_ALPHANUMERIC).to_string();
        let usual = utf8_percent_encode(token, UNRESERVED).to_string();
        [
            (token.to_owned(), "{livelist:token}"),
            (usual, "{livelist:token:encoded}"),
            (upper, "{livelist:token:all-encoded}"),
        ]
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
        loop {
            attempt += 1;
            self.keep_pace().await?;
            let uri = (request.url)(size)?;
            let problem = match self.exchange(uri.clone(), &request, size).await {
                Err(e) => ClientError::Unavailable {
                    what: e.to_string(),
                    source: Some(e),
                },
                Ok(Exchanged::Body(headers, body)) => {
                    match self.read(&headers, body, request.stamps, keys).await? {
                        Ok(page) => {
                            self.traffic.bytes += page.bytes;
                            let next = page
                                .next_link
                                .clone()
                                .or_else(|| link_header::next(&headers));
                            return Ok(Answer {
                                page,
                                next,
                                uri,
                                size,
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
                            });
                        }
                        Err(e) => ClientError::Page(e),
                    }
                }
                Ok(Exchanged::Refused(Verdict::Throttled(wait), ..)) => {
                    self.traffic.throttled += 1;
                    let wait = wait.unwrap_or(self.dialect.throttle_wait);
                    short_waits += 1;
                    if wait > SHORT_WAIT || short_waits > SHORT_WAITS {
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
            if attempt >= policy::ATTEMPTS {
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
        let now = self.pace.now();
        let wait_until = |at: jiff::Timestamp| Duration::try_from(at - now).unwrap_or_default();
        let quota = self.not_before.map(wait_until).unwrap_or_default();
        if quota > SHORT_WAIT {
            self.not_before = None;
            return Err(ClientError::Throttled(quota.min(policy::LONGEST_WAIT)));
        }
        let interval = self
            .last_sent
            .and_then(|at| at.checked_add(self.dialect.min_interval).ok())
            .map(wait_until)
            .unwrap_or_default();
        let wait = quota.max(interval);
        if !wait.is_zero() {
            self.pace.sleep(wait).await;
        }
        self.last_sent = Some(self.pace.now());
        Ok(())
    }

    async fn exchange(
        &mut self,
        uri: Uri,
        request: &PageRequest<'_>,
        size: u32,
    ) -> Result<Exchanged, TransportError> {
        self.traffic.requests += 1;
        let mut built = http::Request::get(uri)
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, "gzip")
            .header(header::USER_AGENT, USER_AGENT)
            .header("OData-MaxVersion", "4.0");
        if request.prefer {
            built = built.header("Prefer", format!("odata.maxpagesize={size}"));
        }
        let mut built = built
            .body(Bytes::new())
            .map_err(|e| TransportError::Broken(Box::new(e)))?;
        let bearer = format!("Bearer {}", self.token.expose_secret());
        let mut bearer = http::HeaderValue::try_from(bearer)
            .map_err(|_| TransportError::Broken("the token cannot be sent".into()))?;
        bearer.set_sensitive(true);
        built.headers_mut().insert(header::AUTHORIZATION, bearer);
        let (parts, body) = self.transport.send(built).await?.into_parts();
        let now = self.pace.now();
        self.not_before = (self.dialect.quota_wait)(&parts.headers, now)
            .and_then(|wait| now.checked_add(wait).ok());
        if parts.status == http::StatusCode::OK {
            return Ok(Exchanged::Body(parts.headers, body));
        }
        let error = error_body(&parts.headers, body).await;
        let verdict = policy::judge(
            parts.status,
            &parts.headers,
            &error,
            self.dialect.wait_headers,
            now,
        );
        let message = policy::readable(&error, &[self.token.expose_secret()]);
        Ok(Exchanged::Refused(verdict, parts.status.as_u16(), message))
    }

    /// Reads a page; the outer error is ours, the inner one the provider's.
    async fn read(
        &self,
        headers: &HeaderMap,
        mut body: BodyStream,
        stamps: bool,
        keys: &mut KeyBuffer,
    ) -> Result<Result<Page, PageError>, ClientError> {
        let mut pieces = Vec::new();
        let mut collected = 0;
        let mut ended = false;
        while collected < COLLECT && !ended {
            match body.next().await {
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
        let stamp = self.dialect.stamp_field.filter(|_| stamps);
        let mut buffer = std::mem::take(keys);
        let rest = SyncIoBridge::new(StreamReader::new(body.map(|p| p.map_err(io::Error::other))));
        let parsed = crate::blocking::run(move || {
            let source = Pieces(pieces.into_iter(), Bytes::new());
            let source: Box<dyn Read> = if ended {
                Box::new(source)
            } else {
                Box::new(source.chain(rest))
            };
            let fields = Fields { key: &key, stamp };
            let result = match encoding.as_ref().map(|e| e.as_bytes()) {
                None | Some(b"identity") => {
                    read_page(source, fields, Bounds::default(), &mut buffer)
                }
                Some(b"gzip" | b"x-gzip") => {
                    let gunzip = MultiGzDecoder::new(source);
                    read_page(gunzip, fields, Bounds::default(), &mut buffer)
                }
                Some(b"deflate") => {
                    let inflate = ZlibDecoder::new(source);
                    read_page(inflate, fields, Bounds::default(), &mut buffer)
                }
                Some(_) => Err(PageError::Shape(
                    "its Content-Encoding is unknown".to_owned(),
                )),
            };
            (buffer, result)
        })
        .await;
        let (buffer, result) = parsed.map_err(|e| ClientError::Internal(e.into()))?;
        *keys = buffer;
        Ok(result)
    }
}

/// What a server leaves as it is when it encodes a value (RFC 3986, 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

enum Exchanged {
    Body(HeaderMap, BodyStream),
    Refused(Verdict, u16, String),
}

/// The beginning of an error's body; what cannot be read says nothing.
async fn error_body(headers: &HeaderMap, mut body: BodyStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < ERROR_BODY
        && let Some(Ok(piece)) = body.next().await
    {
        bytes.extend_from_slice(&piece);
    }
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|e| e == "gzip")
    {
        let mut plain = Vec::new();
        // A cut body still gives what came before the cut.
        let _ = MultiGzDecoder::new(&bytes[..])
            .take(ERROR_BODY as u64)
            .read_to_end(&mut plain);
        return plain;
    }
    bytes
}

/// Pieces of a body as one reader.
struct Pieces(std::vec::IntoIter<Bytes>, Bytes);

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.1.is_empty() {
            match self.0.next() {
                Some(piece) => self.1 = piece,
                None => return Ok(0),
            }
        }
        let n = buf.len().min(self.1.len());
        buf[..n].copy_from_slice(&self.1.split_to(n));
        Ok(n)
    }
}
