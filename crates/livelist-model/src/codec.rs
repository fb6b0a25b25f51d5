//! The forms that key lists have at rest: gzip text, one key a line, strictly ascending by bytes,
//! LF at each end. Parts may carry `key\ttimestamp`. The same keys give the same bytes, so objects
//! can be named by their content. Works over `std::io` values of the caller; bounded memory.

use std::cmp::Ordering;
use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::keys::{MAX_KEY_BYTES, MAX_STAMP_BYTES, check_key, is_stamp};

/// Why a list cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Reading or writing failed, or the gzip stream is cut or damaged.
    #[error("the list cannot be read or written")]
    Io(#[from] io::Error),
    /// A line is not a key, or is out of order.
    #[error("line {line} of the list is not valid: {reason}")]
    Line {
        /// The line's number, from 1.
        line: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The list is not the one that was meant.
    #[error("the list is not what was recorded: {what}")]
    Mismatch {
        /// What differs.
        what: &'static str,
    },
}

/// What identifies a list's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSummary {
    /// How many keys.
    pub count: u64,
    /// SHA-256 of the uncompressed text, lower-case hex.
    pub sha256: String,
}

/// The SHA-256 of `bytes`, lower-case hex: what content-named objects are named by.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For parts: read once, soon.
    Fast,
    /// For snapshots and deltas: read many times.
    Small,
}

impl Effort {
    /// The level of gzip.
    pub fn level(self) -> u32 {
        match self {
            Effort::Fast => 1,
            Effort::Small => 6,
        }
    }
}

/// Writes lines as gzip and keeps their digest and count.
#[derive(Debug)]
pub struct TextWriter<W: Write> {
    gzip: GzEncoder<W>,
    hash: Sha256,
    lines: u64,
    pending: Vec<u8>,
}

const FLUSH_AT: usize = 32 * 1024;

impl<W: Write> TextWriter<W> {
    /// A writer into `sink`. The gzip header holds neither name nor time: same text, same bytes.
    pub fn new(sink: W, effort: Effort) -> Self {
        TextWriter {
            gzip: GzEncoder::new(sink, Compression::new(effort.level())),
            hash: Sha256::new(),
            lines: 0,
            pending: Vec::with_capacity(FLUSH_AT + MAX_KEY_BYTES + MAX_STAMP_BYTES),
        }
    }

    /// Writes one line made of `pieces`.
    pub fn line(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        for piece in pieces {
            self.pending.extend_from_slice(piece);
        }
        self.pending.push(b'\n');
        self.lines += 1;
        if self.pending.len() >= FLUSH_AT {
            self.drain()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> io::Result<()> {
        self.hash.update(&self.pending);
        self.gzip.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Ends the stream and gives back the sink and what was written.
    pub fn finish(mut self) -> io::Result<(W, ListSummary)> {
        self.drain()?;
        let summary = ListSummary {
            count: self.lines,
            sha256: hex::encode(self.hash.finalize()),
        };
        Ok((self.gzip.finish()?, summary))
    }
}

/// Writes a list of keys and refuses to write one that is not strictly ascending.
#[derive(Debug)]
pub struct ListWriter<W: Write> {
    text: TextWriter<W>,
    last: Vec<u8>,
}

impl<W: Write> ListWriter<W> {
    /// A writer into `sink`.
    pub fn new(sink: W, effort: Effort) -> Self {
        ListWriter {
            text: TextWriter::new(sink, effort),
            last: Vec::new(),
        }
    }

    /// Adds a key, with a timestamp beside it unless that is empty.
    pub fn push(&mut self, key: &[u8], stamp: &[u8]) -> Result<(), CodecError> {
        let line = self.text.lines + 1;
        check_key(key).map_err(|_| CodecError::Line {
            line,
            reason: "not a key",
        })?;
        if self.text.lines > 0 && self.last.as_slice() >= key {
            return Err(CodecError::Line {
                line,
                reason: "out of order",
            });
        }
        if !is_stamp(stamp) {
            return Err(CodecError::Line {
                line,
                reason: "not a timestamp",
            });
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        if stamp.is_empty() {
            self.text.line(&[key])?;
        } else {
            self.text.line(&[key, b"\t", stamp])?;
        }
        Ok(())
    }

    /// Ends the list.
    pub fn finish(self) -> Result<(W, ListSummary), CodecError> {
        Ok(self.text.finish()?)
    }
}

/// Keys in ascending order, one at a time.
pub trait KeyStream {
    /// Goes to the next key; false at the end, where everything that can be checked has been.
    fn advance(&mut self) -> Result<bool, CodecError>;
    /// The present key; only after `advance` said true.
    fn key(&self) -> &[u8];
    /// The timestamp beside the present key, or nothing.
    fn stamp(&self) -> &[u8];
}

impl<S: KeyStream + ?Sized> KeyStream for Box<S> {
    fn advance(&mut self) -> Result<bool, CodecError> {
        (**self).advance()
    }

    fn key(&self) -> &[u8] {
        (**self).key()
    }

    fn stamp(&self) -> &[u8] {
        (**self).stamp()
    }
}

/// No keys at all: the former snapshot of a feed that has none.
#[derive(Debug, Default)]
pub struct NoKeys;

impl KeyStream for NoKeys {
    fn advance(&mut self) -> Result<bool, CodecError> {
        Ok(false)
    }

    fn key(&self) -> &[u8] {
        &[]
    }

    fn stamp(&self) -> &[u8] {
        &[]
    }
}

/// Whether the compressed text was all that there is: a decoder stops at the end of its stream and
/// does not look further.
pub(crate) fn nothing_behind<R: BufRead>(gzip: &mut GzDecoder<R>) -> Result<(), CodecError> {
    if gzip.get_mut().fill_buf()?.is_empty() {
        Ok(())
    } else {
        Err(CodecError::Mismatch {
            what: "something stands behind its end",
        })
    }
}

/// Reads a list, checks each line and its order, and at the end its count and digest.
pub struct ListReader<R: Read> {
    /// The source until the first key is asked for: the decoder reads the header when it is made,
    /// and a reader may be made where reading would block what must not be blocked.
    source: Option<R>,
    text: Option<BufReader<GzDecoder<BufReader<R>>>>,
    hash: Sha256,
    expected: Option<ListSummary>,
    lines: u64,
    line: Vec<u8>,
    key_len: usize,
    former: Vec<u8>,
    ended: bool,
}

impl<R: Read> ListReader<R> {
    /// A reader of the gzip text in `source`. With `expected`, a list of another count or digest is
    /// an error, told at the end: nobody may act on the keys before `advance` has said false.
    pub fn new(source: R, expected: Option<ListSummary>) -> Self {
        ListReader {
            source: Some(source),
            text: None,
            hash: Sha256::new(),
            expected,
            lines: 0,
            line: Vec::new(),
            key_len: 0,
            former: Vec::new(),
            ended: false,
        }
    }

    fn end(&mut self) -> Result<bool, CodecError> {
        self.ended = true;
        self.key_len = 0;
        if let Some(text) = &mut self.text {
            nothing_behind(text.get_mut())?;
        }
        let Some(expected) = self.expected.take() else {
            return Ok(false);
        };
        if expected.count != self.lines {
            return Err(CodecError::Mismatch {
                what: "its count of keys",
            });
        }
        if expected.sha256 != hex::encode(self.hash.finalize_reset()) {
            return Err(CodecError::Mismatch {
                what: "its SHA-256",
            });
        }
        Ok(false)
    }
}

impl<R: Read> KeyStream for ListReader<R> {
    fn advance(&mut self) -> Result<bool, CodecError> {
        if self.ended {
            return Ok(false);
        }
        std::mem::swap(&mut self.line, &mut self.former);
        let former_key = self.key_len;
        self.line.clear();
        let limit = (MAX_KEY_BYTES + 1 + MAX_STAMP_BYTES + 1) as u64;
        if let Some(source) = self.source.take() {
            let gzip = GzDecoder::new(BufReader::with_capacity(32 * 1024, source));
            self.text = Some(BufReader::with_capacity(64 * 1024, gzip));
        }
        let Some(text) = &mut self.text else {
            return self.end();
        };
        text.take(limit).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return self.end();
        }
        self.lines += 1;
        let bad = |line, reason| Err(CodecError::Line { line, reason });
        if self.line.last() != Some(&b'\n') {
            return bad(self.lines, "too long, or without its line feed");
        }
        if self.expected.is_some() {
            self.hash.update(&self.line);
        }
        let text = &self.line[..self.line.len() - 1];
        self.key_len = text.iter().position(|b| *b == b'\t').unwrap_or(text.len());
        let key = &text[..self.key_len];
        if check_key(key).is_err() {
            return bad(self.lines, "not a key");
        }
        if self.lines > 1 && self.former[..former_key].cmp(key) != Ordering::Less {
            return bad(self.lines, "out of order");
        }
        Ok(true)
    }

    fn key(&self) -> &[u8] {
        &self.line[..self.key_len]
    }

    fn stamp(&self) -> &[u8] {
        let end = self.line.len().saturating_sub(1);
        self.line.get(self.key_len + 1..end).unwrap_or(&[])
    }
}

#[cfg(test)]
#[path = "codec/tests.rs"]
mod tests;
