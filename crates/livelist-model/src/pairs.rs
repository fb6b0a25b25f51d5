//! Sorted lists with a value for each key, as gzip text: one pair per line, with a tab between key and
//! value, strictly ascending by the bytes of the keys. The gone record and the ids by which an MLS is asked
//! are stored in this form.

use std::cmp::Ordering;
use std::io::{BufRead, BufReader, Read, Write};

use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};

use crate::codec::{CodecError, Effort, KeyStream, ListSummary, TextWriter, nothing_behind};
use crate::keys::{MAX_KEY_BYTES, check_key, order};

/// The most bytes beside a key.
pub const MAX_BESIDE: usize = MAX_KEY_BYTES;
/// The longest line: a key, a tab, the value, the line feed.
const LONGEST_LINE: usize = MAX_KEY_BYTES + MAX_BESIDE + 2;

/// Writes pairs.
pub struct PairWriter<W: Write> {
    text: TextWriter<W>,
}

impl<W: Write> PairWriter<W> {
    /// A writer into `sink`.
    pub fn new(sink: W, effort: Effort) -> Self {
        PairWriter {
            text: TextWriter::new(sink, effort),
        }
    }

    /// Adds a key and its value, which has no control character. The caller keeps the order of keys.
    pub fn push(&mut self, key: &[u8], beside: &[u8]) -> Result<(), CodecError> {
        Ok(self.text.line(&[key, b"\t", beside])?)
    }

    /// Ends the list.
    pub fn finish(self) -> Result<(W, ListSummary), CodecError> {
        Ok(self.text.finish()?)
    }
}

/// Reads pairs; checks each line and the order of the keys, and at the end count and digest.
pub struct PairReader<R: Read> {
    /// The source until the first pair is asked for: see `ListReader`.
    source: Option<R>,
    text: Option<BufReader<GzDecoder<BufReader<R>>>>,
    hash: Sha256,
    expected: Option<ListSummary>,
    lines: u64,
    line: Vec<u8>,
    former: Vec<u8>,
    /// The end of the key in `line`.
    key: usize,
}

impl<R: Read> PairReader<R> {
    /// A reader of the gzip text in `source`. With `expected`, a list with another count or digest is an
    /// error. That shows only at the end, so do not act on the keys before `advance` has returned false.
    pub fn new(source: R, expected: Option<ListSummary>) -> Self {
        PairReader {
            source: Some(source),
            text: None,
            hash: Sha256::new(),
            expected,
            lines: 0,
            line: Vec::new(),
            former: Vec::new(),
            key: 0,
        }
    }

    /// The value of the current key; only after `advance` returned true.
    pub fn beside(&self) -> &[u8] {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        line.get(self.key + 1..).unwrap_or_default()
    }

    /// The number of the present line, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.lines
    }

    fn end(&mut self) -> Result<bool, CodecError> {
        self.line.clear();
        self.key = 0;
        let Some(expected) = self.expected.take() else {
            return Ok(false);
        };
        expected.check(self.lines, &mut self.hash)?;
        Ok(false)
    }
}

impl<R: Read> KeyStream for PairReader<R> {
    fn advance(&mut self) -> Result<bool, CodecError> {
        if let Some(source) = self.source.take() {
            self.text = Some(BufReader::new(GzDecoder::new(BufReader::new(source))));
        }
        let Some(text) = &mut self.text else {
            return Ok(false);
        };
        std::mem::swap(&mut self.line, &mut self.former);
        let former = self.key;
        self.line.clear();
        (&mut *text)
            .take(LONGEST_LINE as u64)
            .read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            nothing_behind(text.get_mut())?;
            self.text = None;
            return self.end();
        }
        self.hash.update(&self.line);
        self.lines += 1;
        let line = self.lines;
        let bad = |reason| CodecError::Line { line, reason };
        let key = key_of(&self.line).ok_or_else(|| bad("not a key with something beside it"))?;
        if line > 1 && order(&self.former[..former], &self.line[..key]) != Ordering::Less {
            return Err(bad("out of order"));
        }
        self.key = key;
        Ok(true)
    }

    fn key(&self) -> &[u8] {
        &self.line[..self.key]
    }
}

/// The end of the key in a line.
fn key_of(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\n")?;
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    check_key(&line[..tab]).ok()?;
    Some(tab)
}
