//! Bodies of answers: chunks as one reader, and the text of an error.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use http::{HeaderMap, header};
use livelist_model::without_bom;

use crate::transport::BodyStream;

/// Of an error's body so much is read.
const ERROR_BODY: usize = 16 * 1024;

/// The beginning of an error's body; empty if it cannot be read.
pub(super) async fn error_body(headers: &HeaderMap, mut body: BodyStream) -> Vec<u8> {
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
        // A truncated body still yields the bytes before the cut.
        let _ = MultiGzDecoder::new(&bytes[..])
            .take(ERROR_BODY as u64)
            .read_to_end(&mut plain);
        bytes = plain;
    }
    without_bom(&bytes).to_vec()
}

/// Pieces of a body as one reader.
pub(super) struct Pieces(std::vec::IntoIter<Bytes>, Bytes);

impl Pieces {
    pub(super) fn new(pieces: Vec<Bytes>) -> Pieces {
        Pieces(pieces.into_iter(), Bytes::new())
    }
}

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
