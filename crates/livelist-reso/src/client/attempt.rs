//! One attempt of a request: sends it, classifies the answer and reads it. The client repeats
//! attempts.

use std::io::{self, Read};

use futures::StreamExt;
use futures::stream::{AbortHandle, Abortable};
use http::{HeaderMap, Uri, header};
use livelist_model::keys::KeyBuffer;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::body::{Pieces, error_body};
use super::{Client, PageRequest};
use crate::error::ClientError;
use crate::heard::Heard;
use crate::link_header;
use crate::page::{Bounds, Fields, Page, PageError, read_encoded, read_page};
use crate::policy::{self, Verdict};
use crate::records::{MAX_BODY, Takes, decoded};
use crate::transport::{BodyStream, TransportError};

/// Compressed bodies up to this size are collected before they are parsed; longer ones are parsed while
/// they arrive.
const COLLECT: usize = 4 * 1024 * 1024;

impl Client<'_> {
    /// Sends a request and reads the answer. Only a whole page is added to `keys`, so cancelling it loses
    /// nothing.
    pub(super) async fn attempt(
        &mut self,
        uri: Uri,
        request: &PageRequest<'_>,
        size: u32,
        keys: &mut KeyBuffer,
    ) -> Result<Attempt, ClientError> {
        let (headers, body) = match self.exchange(uri, request, size).await {
            Ok(Exchanged::Body(headers, body)) => (headers, body),
            Ok(Exchanged::Refused(verdict, status, message)) => {
                return Ok(Attempt::Refused(verdict, status, message));
            }
            Err(error) => return Ok(Attempt::Broken(error)),
        };
        let read = self.read(&headers, body, request).await?;
        let page = match read.and_then(|page| Ok(keys.append(&mut self.room).map(|()| page)?)) {
            Ok(page) => page,
            Err(error) => return Ok(Attempt::NoPage(error)),
        };
        self.traffic.bytes += page.bytes;
        self.note(0, page.bytes);
        let now = self.pace.now();
        if let Some(heard) = &mut self.heard {
            heard.ended(now);
        }
        let next = page.next_link.clone();
        let next = next.or_else(|| link_header::next(&headers));
        Ok(Attempt::Page { page, next })
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
                let built = self.request(uri, request.prefer.then_some(size), request.takes)?;
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
        let verdict = self
            .dialect
            .judge(parts.status, &parts.headers, &error, now);
        let message = policy::readable(&error, &self.session.secrets());
        if let Some(heard) = &mut self.heard {
            heard.refusal = Some(message.clone());
        }
        Ok(Exchanged::Refused(verdict, parts.status.as_u16(), message))
    }

    /// Reads a page into the room for one; the outer error is ours, the inner one the provider's.
    async fn read(
        &mut self,
        headers: &HeaderMap,
        body: BodyStream,
        request: &PageRequest<'_>,
    ) -> Result<Result<Page, PageError>, ClientError> {
        // If the caller no longer waits for the page, its body ends, and so does the thread that reads it.
        let (handle, registration) = AbortHandle::new_pair();
        let _ends = EndsBody(handle);
        let mut body = Abortable::new(body, registration);
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
        let id = match request.stamps {
            true => self.dialect.beside_field(self.feed),
            false => self.dialect.id_field(self.feed),
        };
        let mut room = std::mem::take(&mut self.room);
        room.clear();
        let rest = SyncIoBridge::new(StreamReader::new(body.map(|p| p.map_err(io::Error::other))));
        let takes = request.takes;
        let parsing = livelist_blocking::run(move || {
            let source = Pieces::new(pieces);
            let source: Box<dyn Read> = if ended {
                Box::new(source)
            } else {
                Box::new(source.chain(rest))
            };
            let fields = Fields {
                key: &key,
                stamp,
                id,
            };
            let encoding = encoding.as_ref().map(|e| e.as_bytes());
            let bounds = Bounds::default();
            if takes == Takes::Keys {
                let read = read_encoded(encoding, source, fields, bounds, &mut room);
                return (room, read.map(|page| (page, None)));
            }
            let read = decoded(encoding, source, MAX_BODY).and_then(|body| {
                let page = match takes {
                    Takes::Document | Takes::Nested => Page {
                        bytes: body.len() as u64,
                        ..Page::default()
                    },
                    _ => read_page(&body[..], fields, bounds, &mut room)?,
                };
                Ok((page, Some(body)))
            });
            (room, read)
        });
        let parsed = self.beside(parsing, request.ahead).await;
        let (room, result) = parsed.map_err(|e| ClientError::Internal(e.into()))?;
        self.room = room;
        Ok(result.map(|(page, body)| {
            self.bodies.extend(body);
            page
        }))
    }
}

/// Ends a body when it is dropped.
struct EndsBody(AbortHandle);

impl Drop for EndsBody {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The result of one request.
pub(super) enum Attempt {
    Page { page: Page, next: Option<String> },
    NoPage(PageError),
    Refused(Verdict, u16, String),
    Broken(TransportError),
}

enum Exchanged {
    Body(HeaderMap, BodyStream),
    Refused(Verdict, u16, String),
}
