//! An answer before it is sent: status, headers, a body that is generated during sending, and the ways in
//! which sending can fail; and its delivery, over a socket or in process.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream::{self, StreamExt as _};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue, VARY};
use hyper::{HeaderMap, Response, StatusCode};

use crate::clock;
use crate::page::Pieces;

/// The response type of hyper.
pub(crate) type Sent = Response<BoxBody<Bytes, io::Error>>;

/// An answer for a client, over a socket or in process.
pub struct Delivery {
    /// The status.
    pub status: StatusCode,
    /// The headers, without those that only a connection has.
    pub headers: HeaderMap,
    /// The body, as the client gets it.
    pub pieces: BodyPieces,
    /// How the body ends.
    pub ending: Ending,
    /// How long the client waits before the answer begins.
    pub delay: Duration,
}

/// A body that was made, or is made while it is sent.
pub enum BodyPieces {
    /// It is there.
    Whole(Vec<u8>),
    /// A stream of chunks.
    Stream(Box<dyn Iterator<Item = Vec<u8>> + Send + Sync>),
}

impl BodyPieces {
    /// The pieces in order.
    pub fn into_pieces(self) -> Box<dyn Iterator<Item = Vec<u8>> + Send + Sync> {
        match self {
            Self::Whole(bytes) => Box::new(std::iter::once(bytes)),
            Self::Stream(pieces) => pieces,
        }
    }
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Complete, as far as HTTP can tell.
    Whole,
    /// The connection is reset.
    Reset,
    /// The connection closes before the `Content-Length` is reached.
    Closed,
}

/// An answer before it is sent.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
    pub wire: Wire,
    /// Rows in the body.
    pub rows: u64,
    pub delay: Duration,
}

pub(crate) enum Body {
    Text(String),
    /// A text long enough to be compressed like a page.
    Document(String),
    Page(Box<Pieces>),
}

/// What happens to the body during sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Whole,
    /// Half of it, in valid HTTP.
    Cut,
    /// Half of its gzip stream, in valid HTTP.
    GzipCut,
    /// Half of it, then a TCP reset.
    Reset,
    /// Half of it, with the `Content-Length` of the whole, then the connection ends.
    Short,
}

/// Long enough for the first half to leave before the connection breaks.
const FIRST_HALF: Duration = Duration::from_millis(30);

impl Answer {
    pub fn text(status: StatusCode, content_type: &str, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: Body::Text(body.into()),
            wire: Wire::Whole,
            rows: 0,
            delay: Duration::ZERO,
        }
    }

    pub fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer as a client gets it. `gzip` says whether the client takes it.
    pub fn deliver(self, gzip: bool) -> Delivery {
        let gzip = gzip && self.body.is_long();
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            // Headers are the dialects' own text; one that cannot be sent is left out.
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                headers.append(name, value);
            }
        }
        if gzip {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        let (pieces, ending) = match (self.body, self.wire) {
            (Body::Page(pieces), Wire::Whole) if gzip => (
                BodyPieces::Stream(Box::new(Gzip::new(*pieces))),
                Ending::Whole,
            ),
            (Body::Page(pieces), Wire::Whole) => (BodyPieces::Stream(pieces), Ending::Whole),
            (body, wire) => {
                let plain = body.collect();
                let plain = match wire {
                    Wire::Cut => half(&plain),
                    _ => plain,
                };
                let whole = if gzip { squeezed(&plain) } else { plain };
                let (sent, ending) = match wire {
                    Wire::Whole | Wire::Cut => (whole, Ending::Whole),
                    Wire::GzipCut => (half(&whole), Ending::Whole),
                    Wire::Reset => (half(&whole), Ending::Reset),
                    Wire::Short => {
                        headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
                        (half(&whole), Ending::Closed)
                    }
                };
                (BodyPieces::Whole(sent), ending)
            }
        };
        Delivery {
            status: self.status,
            headers,
            pieces,
            ending,
            delay: self.delay,
        }
    }
}

impl Delivery {
    /// The response over a connection. `reset` is set if the connection has to end with a reset.
    pub(crate) fn into_response(self, reset: &AtomicBool) -> Sent {
        let body = match (self.pieces, self.ending) {
            (BodyPieces::Whole(bytes), Ending::Whole) => full(bytes),
            (BodyPieces::Stream(pieces), Ending::Whole) => streamed(pieces),
            (pieces, ending) => {
                if ending == Ending::Reset {
                    reset.store(true, Ordering::Relaxed);
                }
                broken(pieces.into_pieces())
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl Body {
    /// Whether it is sent with gzip to clients that accept it.
    pub fn is_long(&self) -> bool {
        !matches!(self, Self::Text(_))
    }

    fn collect(self) -> Vec<u8> {
        match self {
            Self::Text(text) | Self::Document(text) => text.into_bytes(),
            Self::Page(pieces) => pieces.collect::<Vec<_>>().concat(),
        }
    }
}

fn half(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

fn full(bytes: Vec<u8>) -> BoxBody<Bytes, io::Error> {
    BodyExt::boxed(Full::new(Bytes::from(bytes)).map_err(|never| match never {}))
}

fn streamed<I>(pieces: I) -> BoxBody<Bytes, io::Error>
where
    I: Iterator<Item = Vec<u8>> + Send + Sync + 'static,
{
    let frames = pieces.map(|piece| Ok(Frame::data(Bytes::from(piece))));
    BodyExt::boxed(StreamBody::new(stream::iter(frames)))
}

/// The body up to the break, then an error, at which hyper drops the connection.
fn broken(
    pieces: impl Iterator<Item = Vec<u8>> + Send + Sync + 'static,
) -> BoxBody<Bytes, io::Error> {
    let first = stream::iter(pieces.map(|piece| Ok(Frame::data(Bytes::from(piece)))));
    let end = stream::once(async {
        clock::wait(FIRST_HALF).await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    BodyExt::boxed(StreamBody::new(first.chain(end)))
}

fn squeezed(plain: &[u8]) -> Vec<u8> {
    Gzip::new(std::iter::once(plain.to_vec()))
        .collect::<Vec<_>>()
        .concat()
}

/// Chunks of a gzip stream, made from plain chunks as they arrive.
struct Gzip<I> {
    plain: I,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl<I: Iterator<Item = Vec<u8>>> Gzip<I> {
    fn new(plain: I) -> Self {
        Self {
            plain,
            encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())),
        }
    }
}

impl<I: Iterator<Item = Vec<u8>>> Iterator for Gzip<I> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut encoder = self.encoder.take()?;
            let Some(piece) = self.plain.next() else {
                return encoder.finish().ok();
            };
            // Writing to memory does not fail.
            encoder.write_all(&piece).ok()?;
            let ready = std::mem::take(encoder.get_mut());
            self.encoder = Some(encoder);
            if !ready.is_empty() {
                return Some(ready);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_stream_in_pieces_is_one_gzip_file() {
        let pieces: Vec<Vec<u8>> = (0..200u32)
            .map(|n| n.to_string().repeat(50).into())
            .collect();
        let squeezed = Gzip::new(pieces.clone().into_iter())
            .collect::<Vec<_>>()
            .concat();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&squeezed[..])
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, pieces.concat());
    }
}
