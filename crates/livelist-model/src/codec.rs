//! The stored form of key lists: gzip text with one key a line, strictly ascending by bytes, a line
//! feed after each key. The same keys give the same bytes, so an object can be named by its digest.
//! Readers and writers work on `std::io` streams and need a bounded amount of memory.

use std::cmp::Ordering;
use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::keys::{MAX_KEY_BYTES, check_key, first_control, order};

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
        /// The error.
        reason: &'static str,
    },
    /// The list is not the one that was meant.
    #[error("the list is not what was recorded: {what}")]
    Mismatch {
        /// The part that differs.
        what: &'static str,
    },
}

/// Identifies a list's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSummary {
    /// How many keys.
    pub count: u64,
    /// SHA-256 of the uncompressed text, lower-case hex.
    pub sha256: String,
}

impl ListSummary {
    /// Checks a list that was read to its end: `lines` keys, whose text went through `hash`.
    pub(crate) fn check(&self, lines: u64, hash: &mut Sha256) -> Result<(), CodecError> {
        if self.count != lines {
            return Err(CodecError::Mismatch {
                what: "its count of keys",
            });
        }
        if self.sha256 != hex::encode(hash.finalize_reset()) {
            return Err(CodecError::Mismatch {
                what: "its SHA-256",
            });
        }
        Ok(())
    }
}

/// The SHA-256 of `bytes` in lower-case hex, which names content-addressed objects.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The same of bytes that lie in pieces.
pub fn digest_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update(piece);
    }
    hex::encode(hash.finalize())
}

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Not at all, for parts: read once, soon. Compressing them took longer than reading the pages.
    Stored,
    /// For snapshots and deltas: read many times. Of sorted keys, higher levels make nothing smaller
    /// by more than 2 %, and take twice the time and more (docs/benchmarks.md).
    Small,
}

impl Effort {
    /// The level of gzip.
    pub fn level(self) -> u32 {
        match self {
            Effort::Stored => 0,
            Effort::Small => 3,
        }
    }
}

/// Writes lines as gzip and keeps their digest and count.
#[derive(Debug)]
pub struct TextWriter<W: Write> {
    gzip: GzEncoder<W>,
    hash: Sha256,
    lines: u64,
    /// Lines that are not compressed yet; the newest is among them.
    pending: Vec<u8>,
    /// Where the newest line begins.
    newest: usize,
}

const FLUSH_AT: usize = 32 * 1024;

impl<W: Write> TextWriter<W> {
    /// A writer into `sink`. The gzip header holds neither name nor time: same text, same bytes.
    pub fn new(sink: W, effort: Effort) -> Self {
        TextWriter {
            gzip: GzEncoder::new(sink, Compression::new(effort.level())),
            hash: Sha256::new(),
            lines: 0,
            pending: Vec::with_capacity(FLUSH_AT + MAX_KEY_BYTES + 1),
            newest: 0,
        }
    }

    /// Writes one line made of `pieces`.
    pub fn line(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        if self.pending.len() >= FLUSH_AT {
            self.drain()?;
        }
        self.newest = self.pending.len();
        for piece in pieces {
            self.pending.extend_from_slice(piece);
        }
        self.pending.push(b'\n');
        self.lines += 1;
        Ok(())
    }

    /// The newest line, without its line feed.
    fn newest(&self) -> &[u8] {
        let end = self.pending.len().saturating_sub(1);
        &self.pending[self.newest..end]
    }

    fn drain(&mut self) -> io::Result<()> {
        self.hash.update(&self.pending);
        self.gzip.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Ends the stream; returns the sink and the summary.
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
///
/// ```
/// use livelist_model::codec::{Effort, KeyStream, ListReader, ListWriter};
///
/// let mut list = ListWriter::new(Vec::new(), Effort::Small);
/// list.push(b"100058608")?;
/// list.push(b"100080535")?;
/// assert!(list.push(b"100058608").is_err(), "out of order");
/// let (gzip, summary) = list.finish()?;
/// assert_eq!(summary.count, 2);
///
/// // Count and digest are checked at the end: act on the keys only after `advance` said false.
/// let mut keys = ListReader::new(&gzip[..], Some(summary.clone()));
/// let mut read = Vec::new();
/// while keys.advance()? {
///     read.push(keys.key().to_vec());
/// }
/// assert_eq!(read, [b"100058608", b"100080535"]);
///
/// // A list that is cut is an error, not a shorter list.
/// let mut cut = ListReader::new(&gzip[..gzip.len() - 9], Some(summary));
/// let end = loop {
///     match cut.advance() {
///         Ok(true) => {}
///         end => break end,
///     }
/// };
/// assert!(end.is_err());
/// # Ok::<(), livelist_model::codec::CodecError>(())
/// ```
#[derive(Debug)]
pub struct ListWriter<W: Write> {
    text: TextWriter<W>,
}

impl<W: Write> ListWriter<W> {
    /// A writer into `sink`.
    pub fn new(sink: W, effort: Effort) -> Self {
        ListWriter {
            text: TextWriter::new(sink, effort),
        }
    }

    /// Adds a key.
    pub fn push(&mut self, key: &[u8]) -> Result<(), CodecError> {
        let line = self.text.lines + 1;
        check_key(key).map_err(|_| CodecError::Line {
            line,
            reason: "not a key",
        })?;
        if self.text.lines > 0 && order(self.text.newest(), key) != Ordering::Less {
            return Err(CodecError::Line {
                line,
                reason: "out of order",
            });
        }
        Ok(self.text.line(&[key])?)
    }

    /// Ends the list.
    pub fn finish(self) -> Result<(W, ListSummary), CodecError> {
        Ok(self.text.finish()?)
    }
}

/// Keys in ascending order, one at a time.
pub trait KeyStream {
    /// Moves to the next key. Returns false at the end, after all checks have passed.
    fn advance(&mut self) -> Result<bool, CodecError>;
    /// The present key; only after `advance` said true.
    fn key(&self) -> &[u8];
}

impl<S: KeyStream + ?Sized> KeyStream for Box<S> {
    fn advance(&mut self) -> Result<bool, CodecError> {
        (**self).advance()
    }

    fn key(&self) -> &[u8] {
        (**self).key()
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
}

/// Whether nothing follows the compressed stream. The decoder itself stops at its end and does not check.
pub(crate) fn nothing_behind<R: BufRead>(gzip: &mut GzDecoder<R>) -> Result<(), CodecError> {
    if gzip.get_mut().fill_buf()?.is_empty() {
        Ok(())
    } else {
        Err(CodecError::Mismatch {
            what: "something stands behind its end",
        })
    }
}

/// How much of the text is in memory at once. Lines are not copied out of it.
const BLOCK: usize = 64 * 1024;
/// The longest line, its line feed included.
const LONGEST_LINE: usize = MAX_KEY_BYTES + 1;

/// Reads a list, checks each line and its order, and at the end its count and digest.
pub struct ListReader<R: Read> {
    /// The source, until the first key is asked for. Making the decoder already reads the gzip header,
    /// and that may block. So it is made late: [`ListReader::new`] can be called from async code.
    source: Option<R>,
    text: Option<GzDecoder<BufReader<R>>>,
    hash: Sha256,
    expected: Option<ListSummary>,
    lines: u64,
    /// Text; it is there up to `filled`.
    block: Vec<u8>,
    filled: usize,
    /// The present line in the block.
    line: Line,
    ended: bool,
}

/// The position of a line in a block: its start, and its end including the line feed.
#[derive(Debug, Default, Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
}

/// The end of the line at the start of `text`, after its line feed, if the line is complete.
fn find_line(text: &[u8]) -> Result<Option<usize>, &'static str> {
    let text = &text[..text.len().min(LONGEST_LINE)];
    // The first control character has to be the line feed. Otherwise the line is invalid.
    match first_control(text) {
        Some(end) if end > 0 && text[end] == b'\n' => Ok(Some(end + 1)),
        Some(_) => Err("not a key"),
        None if text.len() == LONGEST_LINE => Err("too long, or without its line feed"),
        None => Ok(None),
    }
}

impl<R: Read> ListReader<R> {
    /// A reader of the gzip text in `source`. With `expected`, a list with another count or digest is an
    /// error. That shows only at the end, so do not act on the keys before `advance` has returned false.
    pub fn new(source: R, expected: Option<ListSummary>) -> Self {
        ListReader {
            source: Some(source),
            text: None,
            hash: Sha256::new(),
            expected,
            lines: 0,
            block: Vec::new(),
            filled: 0,
            line: Line::default(),
            ended: false,
        }
    }

    /// Reads more text, and drops the text before the current line. Returns false at the end of the text.
    fn fill(&mut self) -> Result<bool, CodecError> {
        if let Some(source) = self.source.take() {
            let gzip = GzDecoder::new(BufReader::with_capacity(BLOCK, source));
            self.text = Some(gzip);
            self.block = vec![0; BLOCK];
        }
        let Some(text) = &mut self.text else {
            return Ok(false);
        };
        // The current line becomes the previous one, and the order is checked against it.
        let start = self.line.start;
        self.block.copy_within(start..self.filled, 0);
        self.filled -= start;
        self.line = Line {
            start: 0,
            end: self.line.end - start,
        };
        let n = loop {
            match text.read(&mut self.block[self.filled..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if self.expected.is_some() {
            self.hash.update(&self.block[self.filled..self.filled + n]);
        }
        self.filled += n;
        Ok(n > 0)
    }

    fn end(&mut self) -> Result<bool, CodecError> {
        self.ended = true;
        self.line = Line::default();
        if let Some(text) = &mut self.text {
            nothing_behind(text)?;
        }
        let Some(expected) = self.expected.take() else {
            return Ok(false);
        };
        expected.check(self.lines, &mut self.hash)?;
        Ok(false)
    }
}

impl<R: Read> KeyStream for ListReader<R> {
    fn advance(&mut self) -> Result<bool, CodecError> {
        if self.ended {
            return Ok(false);
        }
        let bad = |line, reason| Err(CodecError::Line { line, reason });
        let number = self.lines + 1;
        let end = loop {
            match find_line(&self.block[self.line.end..self.filled]) {
                Ok(Some(found)) => break found,
                Ok(None) => {}
                Err(reason) => return bad(number, reason),
            }
            if !self.fill()? {
                if self.line.end == self.filled {
                    return self.end();
                }
                return bad(number, "too long, or without its line feed");
            }
        };
        let start = self.line.end;
        let line = Line {
            start,
            end: start + end,
        };
        let key = &self.block[line.start..line.end - 1];
        if self.lines > 0 && order(self.key(), key) != Ordering::Less {
            return bad(number, "out of order");
        }
        self.line = line;
        self.lines = number;
        Ok(true)
    }

    fn key(&self) -> &[u8] {
        &self.block[self.line.start..self.line.end.saturating_sub(1)]
    }
}

#[cfg(test)]
#[path = "codec/tests.rs"]
mod tests;
