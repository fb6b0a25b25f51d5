//! Deltas: the changes from one snapshot to the next, as gzip text, with `+key` for an added key and `-key`
//! for a removed one, ordered by key.

use std::io::{BufRead, BufReader, Read, Write};

use flate2::bufread::GzDecoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codec::{CodecError, Effort, ListSummary, TextWriter, nothing_behind};
use crate::keys::{MAX_KEY_BYTES, check_key};

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It is live and was not listed before.
    Added,
    /// It is gone.
    Removed,
}

/// Writes a delta.
#[derive(Debug)]
pub struct DeltaWriter<W: Write> {
    text: TextWriter<W>,
    added: u64,
    removed: u64,
}

/// The number of changes in a delta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaSummary {
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
    /// Lines and digest of the text.
    pub text: ListSummary,
}

impl<W: Write> DeltaWriter<W> {
    /// A writer into `sink`.
    pub fn new(sink: W) -> Self {
        DeltaWriter {
            text: TextWriter::new(sink, Effort::Small),
            added: 0,
            removed: 0,
        }
    }

    /// Adds a change; the caller keeps the order of keys.
    pub fn push(&mut self, sign: Sign, key: &[u8]) -> Result<(), CodecError> {
        match sign {
            Sign::Added => {
                self.added += 1;
                self.text.line(&[b"+", key])?;
            }
            Sign::Removed => {
                self.removed += 1;
                self.text.line(&[b"-", key])?;
            }
        }
        Ok(())
    }

    /// Ends the delta.
    pub fn finish(self) -> Result<(W, DeltaSummary), CodecError> {
        let (sink, text) = self.text.finish()?;
        Ok((
            sink,
            DeltaSummary {
                added: self.added,
                removed: self.removed,
                text,
            },
        ))
    }
}

/// Reads a delta, passes each change to `visit`, and returns its summary. A caller that knows the expected
/// summary compares both before it uses any change.
pub fn read_delta(
    source: impl Read,
    mut visit: impl FnMut(Sign, &[u8]),
) -> Result<DeltaSummary, CodecError> {
    let mut text = BufReader::new(GzDecoder::new(BufReader::new(source)));
    let mut line = Vec::new();
    let mut number = 0;
    let mut hash = Sha256::new();
    let (mut added, mut removed) = (0, 0);
    loop {
        line.clear();
        let limit = (MAX_KEY_BYTES + 2) as u64;
        (&mut text).take(limit).read_until(b'\n', &mut line)?;
        hash.update(&line);
        number += 1;
        let bad = |reason| CodecError::Line {
            line: number,
            reason,
        };
        match line.as_slice() {
            [] => {
                nothing_behind(text.get_mut())?;
                return Ok(DeltaSummary {
                    added,
                    removed,
                    text: ListSummary {
                        count: added + removed,
                        sha256: hex::encode(hash.finalize()),
                    },
                });
            }
            [sign @ (b'+' | b'-'), key @ .., b'\n'] => {
                check_key(key).map_err(|_| bad("not a key"))?;
                if *sign == b'+' {
                    added += 1;
                    visit(Sign::Added, key);
                } else {
                    removed += 1;
                    visit(Sign::Removed, key);
                }
            }
            _ => return Err(bad("neither `+key` nor `-key`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_delta_comes_back_as_it_was(changes in proptest::collection::vec((any::<bool>(), "[ -~]{1,9}"), 0..50)) {
            let mut delta = DeltaWriter::new(Vec::new());
            let changes: Vec<_> = changes.into_iter()
                .map(|(added, key)| (if added { Sign::Added } else { Sign::Removed }, key))
                .collect();
            for (sign, key) in &changes {
                delta.push(*sign, key.as_bytes()).unwrap();
            }
            let (bytes, summary) = delta.finish().unwrap();
            prop_assert_eq!(summary.added + summary.removed, changes.len() as u64);
            let mut back = Vec::new();
            let read = read_delta(&bytes[..], |sign, key| {
                back.push((sign, String::from_utf8_lossy(key).into_owned()));
            });
            prop_assert_eq!(back, changes);
            prop_assert_eq!(read.unwrap(), summary);
        }
    }

    #[test]
    fn what_stands_behind_the_end_is_an_error() {
        let mut delta = DeltaWriter::new(Vec::new());
        delta.push(Sign::Added, b"a").unwrap();
        let (mut bytes, _) = delta.finish().unwrap();
        bytes.extend_from_within(..);
        assert!(read_delta(&bytes[..], |_, _| {}).is_err());
    }

    #[test]
    fn other_lines_are_errors() {
        let mut text = TextWriter::new(Vec::new(), Effort::Stored);
        text.line(&[b"key"]).unwrap();
        let (bytes, _) = text.finish().unwrap();
        assert!(read_delta(&bytes[..], |_, _| {}).is_err());
    }
}
