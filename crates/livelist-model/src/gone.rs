//! The gone record of a feed: keys that were listed once and whose removal is proved, with the time
//! and the kind of proof. The API calls only these keys *gone*. A key that is neither listed nor in
//! this record is *unknown*.
//!
//! It is gzip text with one key a line, ordered by key. A line has three fields, separated by tabs:
//! the key, the time of the proof (Unix seconds), and a letter for the kind of proof. A key that is
//! listed again leaves the record. An entry is kept for 400 days.

use std::cmp::Ordering;
use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, Effort, KeyStream, ListSummary};
use crate::delta::Sign;
use crate::head::{ConfirmedBy, ObjectRef};
use crate::instant;
use crate::keys::order;
use crate::lately::{BACK_WITHIN, is_much};
use crate::pairs::{PairReader, PairWriter};

/// Entries are kept this long, in seconds: 400 days.
const KEPT: i64 = 400 * 86_400;
/// The record that a head points at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneRef {
    /// Where it is stored.
    #[serde(flatten)]
    pub stored: ObjectRef,
    /// Keys and digest; a reader checks both.
    #[serde(flatten)]
    pub summary: ListSummary,
    /// When many of its keys were listed again within three days. For some days after that, a confirmed
    /// removal takes one more day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_back: Option<jiff::Timestamp>,
}

/// The kind of proof that a key is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The MLS was asked for the key and did not have it.
    Key,
    /// The MLS cannot be asked by key; complete scans of two days did not show it.
    Scans,
    /// A person let the removal through.
    Operator,
}

impl Proof {
    /// The proof that a removal is based on; `None` if it is not enough to call a key gone.
    pub fn of(by: ConfirmedBy) -> Option<Proof> {
        match by {
            ConfirmedBy::Key => Some(Proof::Key),
            ConfirmedBy::Scans => Some(Proof::Scans),
            ConfirmedBy::Operator => Some(Proof::Operator),
            // Two scans of one run count as one look.
            ConfirmedBy::Scan => None,
        }
    }

    fn letter(self) -> u8 {
        match self {
            Proof::Key => b'k',
            Proof::Scans => b's',
            Proof::Operator => b'o',
        }
    }

    fn from_letter(letter: u8) -> Option<Proof> {
        [Proof::Key, Proof::Scans, Proof::Operator]
            .into_iter()
            .find(|proof| proof.letter() == letter)
    }
}

/// Since when a key is gone, and by which proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// Unix time in seconds. A copy that a site got later than this is another listing, and was not proved
    /// gone.
    pub second: i64,
    /// The proof.
    pub proof: Proof,
}

/// Reads a record, checks each line and its order, and at the end its count and digest.
pub struct GoneReader<R: Read> {
    pairs: PairReader<R>,
    since: Since,
}

impl<R: Read> GoneReader<R> {
    /// A reader of the gzip text in `source`. With `expected`, a record with another count or digest is an
    /// error. That shows only at the end, so do not act on the keys before `advance` has returned false.
    pub fn new(source: R, expected: Option<ListSummary>) -> Self {
        GoneReader {
            pairs: PairReader::new(source, expected),
            since: Since {
                second: 0,
                proof: Proof::Key,
            },
        }
    }

    /// Moves to the next key. Returns false at the end, after all checks have passed.
    pub fn advance(&mut self) -> Result<bool, CodecError> {
        if !self.pairs.advance()? {
            return Ok(false);
        }
        self.since = parse(self.pairs.beside()).ok_or(CodecError::Line {
            line: self.pairs.line(),
            reason: "not a key that is gone",
        })?;
        Ok(true)
    }

    /// The present key; only after `advance` said true.
    pub fn key(&self) -> &[u8] {
        self.pairs.key()
    }

    /// Since when it is gone.
    pub fn since(&self) -> Since {
        self.since
    }
}

/// Parses the fields after the key: seconds, a tab, a letter.
fn parse(beside: &[u8]) -> Option<Since> {
    let (second, letter) = std::str::from_utf8(beside).ok()?.split_once('\t')?;
    let &[letter] = letter.as_bytes() else {
        return None;
    };
    Some(Since {
        second: second.parse().ok()?,
        proof: Proof::from_letter(letter)?,
    })
}

/// Writes a record.
pub struct GoneWriter<W: Write> {
    pairs: PairWriter<W>,
}

impl<W: Write> GoneWriter<W> {
    /// A writer into `sink`.
    pub fn new(sink: W) -> Self {
        GoneWriter {
            pairs: PairWriter::new(sink, Effort::Small),
        }
    }

    /// Adds a key; the caller keeps the order of keys.
    pub fn push(&mut self, key: &[u8], since: Since) -> Result<(), CodecError> {
        let beside = format!("{}\t{}", since.second, char::from(since.proof.letter()));
        self.pairs.push(key, beside.as_bytes())
    }

    /// Ends the record.
    pub fn finish(self) -> Result<(W, ListSummary), CodecError> {
        self.pairs.finish()
    }
}

/// Makes a new record from the former one and the changes. Removed keys are added to it, listed keys leave
/// it, and entries that are too old are dropped.
pub struct Renewal<R: Read, W: Write> {
    former: Option<GoneReader<R>>,
    /// Whether the former record is at a key; `None` before its first key is read.
    has_former: Option<bool>,
    writer: GoneWriter<W>,
    now: jiff::Timestamp,
    oldest: i64,
    /// Entries since then are young.
    young: i64,
    /// The number of recent entries, and how many of these are listed again.
    of_late: (u64, u64),
}

impl<R: Read, W: Write> Renewal<R, W> {
    /// A renewal at `now` of `former`, if there is a record.
    pub fn new(former: Option<GoneReader<R>>, sink: W, now: jiff::Timestamp) -> Self {
        Renewal {
            has_former: former.is_none().then_some(false),
            former,
            writer: GoneWriter::new(sink),
            now,
            oldest: now.as_second().saturating_sub(KEPT),
            young: now.as_second().saturating_sub(BACK_WITHIN),
            of_late: (0, 0),
        }
    }

    fn step(&mut self) -> Result<bool, CodecError> {
        let has = match &mut self.former {
            Some(former) => former.advance()?,
            None => false,
        };
        self.has_former = Some(has);
        self.of_late.0 += u64::from(has && self.is_young());
        Ok(has)
    }

    /// Whether the former entry at hand was proved by no person, and lately.
    fn is_young(&self) -> bool {
        self.former.as_ref().is_some_and(|former| {
            let since = former.since();
            since.second >= self.young && since.proof != Proof::Operator
        })
    }

    /// Copies the former entries before `key`, or all if it is `None`. Returns whether the next entry is
    /// for `key`.
    fn copy_up_to(&mut self, key: Option<&[u8]>) -> Result<bool, CodecError> {
        let mut has = match self.has_former {
            Some(has) => has,
            None => self.step()?,
        };
        while has && let Some(former) = &self.former {
            match key.map(|key| order(former.key(), key)) {
                Some(Ordering::Equal) => return Ok(true),
                Some(Ordering::Greater) => return Ok(false),
                Some(Ordering::Less) | None => {
                    let since = former.since();
                    // One from the future counts as now: from here on it says when a copy is younger.
                    let second = instant::believed_second(since.second, self.now);
                    if second >= self.oldest {
                        self.writer.push(former.key(), Since { second, ..since })?;
                    }
                }
            }
            has = self.step()?;
        }
        Ok(false)
    }

    /// Takes the next change, in the order of keys. A key that was removed without enough proof leaves the
    /// record, like an added key: it is unknown.
    pub fn change(
        &mut self,
        sign: Sign,
        key: &[u8],
        since: Option<Since>,
    ) -> Result<(), CodecError> {
        if self.copy_up_to(Some(key))? {
            let is_young = self.is_young();
            self.of_late.1 += u64::from(is_young && sign == Sign::Added);
            self.step()?;
        }
        match (sign, since) {
            (Sign::Removed, Some(since)) => self.writer.push(key, since),
            _ => Ok(()),
        }
    }

    /// Ends the record. Returns whether many of the recently removed keys are listed again.
    pub fn finish(mut self) -> Result<(W, ListSummary, bool), CodecError> {
        self.copy_up_to(None)?;
        let (went, back) = self.of_late;
        let (sink, summary) = self.writer.finish()?;
        Ok((sink, summary, is_much(back, went)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 2_000_000_000;

    fn since(second: i64, proof: Proof) -> Since {
        Since { second, proof }
    }

    fn write(entries: &BTreeMap<String, Since>) -> (Vec<u8>, ListSummary) {
        let mut writer = GoneWriter::new(Vec::new());
        for (key, since) in entries {
            writer.push(key.as_bytes(), *since).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8], expected: ListSummary) -> Result<BTreeMap<String, Since>, CodecError> {
        let mut reader = GoneReader::new(bytes, Some(expected));
        let mut entries = BTreeMap::new();
        while reader.advance()? {
            let key = String::from_utf8(reader.key().to_vec()).unwrap();
            entries.insert(key, reader.since());
        }
        assert!(!reader.advance()?);
        Ok(entries)
    }

    #[test]
    fn a_record_that_is_not_the_one_that_was_meant_is_an_error() {
        let entries = [("a", 5), ("b", -6)].map(|(k, s)| (k.to_owned(), since(s, Proof::Key)));
        let (bytes, summary) = write(&entries.clone().into());
        assert_eq!(read(&bytes, summary.clone()).unwrap(), entries.into());
        let other = ListSummary {
            sha256: "0".repeat(64),
            ..summary.clone()
        };
        assert!(read(&bytes, other).is_err());
        let more = ListSummary {
            count: 3,
            ..summary.clone()
        };
        assert!(read(&bytes, more).is_err());
        assert!(read(&bytes[..bytes.len() - 9], summary).is_err());
    }

    /// Many keys that come back soon after they were confirmed gone make the confirmation doubtful.
    #[test]
    fn much_that_is_listed_again_soon_is_told() {
        let day = |days: i64| NOW - days * 86_400;
        let comes_back = |at: i64, proof: Proof, went: u64, back: u64| {
            let keys = (0..went).map(|n| (format!("{n:04}"), since(at, proof)));
            let (bytes, summary) = write(&keys.collect());
            let former = GoneReader::new(&bytes[..], Some(summary));
            let now = jiff::Timestamp::from_second(NOW).unwrap();
            let mut renewal = Renewal::new(Some(former), Vec::new(), now);
            for n in 0..back {
                let key = format!("{n:04}");
                renewal.change(Sign::Added, key.as_bytes(), None).unwrap();
            }
            renewal.finish().unwrap().2
        };
        assert!(comes_back(day(2), Proof::Key, 100, 10));
        assert!(comes_back(day(2), Proof::Scans, 100, 10));
        assert!(!comes_back(day(2), Proof::Key, 100, 9));
        assert!(!comes_back(day(2), Proof::Key, 300, 10));
        assert!(!comes_back(day(4), Proof::Key, 100, 100), "long ago");
        assert!(!comes_back(day(2), Proof::Operator, 100, 100), "a person's");
    }

    #[test]
    fn lines_that_are_none_are_refused() {
        for text in [
            "a\n",
            "a\t5\n",
            "a\t5\tx\n",
            "a\tb\tk\n",
            "\t5\tk\n",
            "a\t5\tk\tk\n",
            "a\t5\tk",
            "b\t5\tk\na\t5\tk\n",
            "a\t5\tk\na\t5\tk\n",
        ] {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
            gzip.write_all(text.as_bytes()).unwrap();
            let bytes = gzip.finish().unwrap();
            let mut reader = GoneReader::new(&bytes[..], None);
            let all = (0..2).try_for_each(|_| reader.advance().map(|_| ()));
            assert!(all.is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_old_entry_goes() {
        let now = jiff::Timestamp::from_second(NOW).unwrap();
        let entries = [("a", NOW - KEPT - 1), ("b", NOW - KEPT)];
        let entries = entries.map(|(k, s)| (k.to_owned(), since(s, Proof::Key)));
        let (bytes, summary) = write(&entries.into());
        let former = GoneReader::new(&bytes[..], Some(summary));
        let (bytes, summary, _) = Renewal::new(Some(former), Vec::new(), now)
            .finish()
            .unwrap();
        let kept = read(&bytes, summary).unwrap();
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), ["b"]);
    }

    /// A clock that was years ahead wrote it: copies that were got since would stay gone for years.
    #[test]
    fn an_entry_from_the_future_counts_as_now() {
        let now = jiff::Timestamp::from_second(NOW).unwrap();
        let entries = [
            ("a", NOW + 300),
            ("b", NOW + 86_400 * 3_650),
            ("c", i64::MAX),
        ];
        let entries = entries.map(|(k, s)| (k.to_owned(), since(s, Proof::Key)));
        let (bytes, summary) = write(&entries.into());
        let former = GoneReader::new(&bytes[..], Some(summary));
        let renewed = Renewal::new(Some(former), Vec::new(), now).finish();
        let (bytes, summary, _) = renewed.unwrap();
        let kept = read(&bytes, summary).unwrap();
        let seconds: Vec<i64> = kept.values().map(|since| since.second).collect();
        assert_eq!(seconds, [NOW + 300, NOW, NOW]);
    }

    proptest! {
        /// The same as a map, whatever came and went.
        #[test]
        fn a_renewal_is_what_a_map_does(
            former in proptest::collection::btree_map("[a-e]{1,2}", 0i64..9, 0..20),
            changes in proptest::collection::btree_map("[a-e]{1,2}", 0u8..3, 0..20),
        ) {
            let former: BTreeMap<_, _> = former
                .into_iter()
                .map(|(key, second)| (key, since(NOW - second, Proof::Scans)))
                .collect();
            let (bytes, summary) = write(&former);
            let now = jiff::Timestamp::from_second(NOW).unwrap();
            let reader = GoneReader::new(&bytes[..], Some(summary));
            let mut renewal = Renewal::new(Some(reader), Vec::new(), now);
            let mut expected = former.clone();
            for (key, what) in &changes {
                let proved = since(NOW, Proof::Key);
                let (sign, proof) = match what {
                    0 => (Sign::Added, None),
                    1 => (Sign::Removed, Some(proved)),
                    _ => (Sign::Removed, None),
                };
                renewal.change(sign, key.as_bytes(), proof).unwrap();
                match proof {
                    Some(proved) => expected.insert(key.clone(), proved),
                    None => expected.remove(key),
                };
            }
            let (bytes, summary, _) = renewal.finish().unwrap();
            prop_assert_eq!(read(&bytes, summary).unwrap(), expected);
        }
    }
}
