//! Looks for keys in the two lists of a feed: the published one, and the gone record. Both are streamed
//! next to the sorted keys, so two million keys need no more memory than two hundred. A key is called gone
//! only after both lists were read to their ends and match the head, because a damaged list proves nothing
//! about keys that it lacks.

use std::io::Read;

use livelist_model::codec::{CodecError, KeyStream, ListReader, ListSummary};
use livelist_model::gone::GoneReader;
use livelist_model::head::Head;
use livelist_model::instant;
use livelist_model::questions::Shape;

use crate::error::ApiError;
use crate::lists::{self, Waiting};
use crate::state::ApiState;

/// Checks once per this many keys whether the caller is still waiting.
const LOOK_EVERY: u32 = 4_096;

/// A key, with the facts that the site sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Copy {
    pub(crate) key: String,
    /// In which second of the Unix time the site got its copy.
    pub(crate) got: Option<i64>,
    /// Its `ListingId`.
    pub(crate) id: Option<String>,
}

/// The state of keys that are not listed, each in the order of their bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Those that are gone, since when.
    pub(crate) gone: Vec<(Copy, jiff::Timestamp)>,
    /// The others.
    pub(crate) unknown: Vec<Copy>,
}

impl Known {
    /// Since when a key is gone, if it is.
    pub(crate) fn since(&self, key: &str) -> Option<jiff::Timestamp> {
        let found = self
            .gone
            .binary_search_by(|(copy, _)| copy.key.as_str().cmp(key));
        found
            .ok()
            .and_then(|at| self.gone.get(at))
            .map(|(_, since)| *since)
    }
}

/// Looks for sorted keys in the list and in the gone record, and derives the shape of the feed's keys. The
/// shape is not known if every key was listed.
pub(crate) async fn look_up(
    state: &ApiState,
    head: &Head,
    copies: Vec<Copy>,
) -> Result<(Known, Shape), ApiError> {
    let list = lists::open(state, &head.full).await?;
    let expected = ListSummary {
        count: head.count,
        sha256: head.sha256.clone(),
    };
    let (absent, shape) = lists::read(state, &head.full.object, move |waiting| {
        absent(&mut ListReader::new(list, Some(expected)), copies, waiting)
    })
    .await?;
    let known = match &head.gone {
        Some(record) if !absent.is_empty() => {
            let source = lists::open(state, &record.stored).await?;
            let expected = record.summary.clone();
            let now = state.clock.now();
            lists::read(state, &record.stored.object, move |waiting| {
                part(
                    GoneReader::new(source, Some(expected)),
                    absent,
                    now,
                    waiting,
                )
            })
            .await?
        }
        _ => Known {
            gone: Vec::new(),
            unknown: absent,
        },
    };
    Ok((known, shape))
}

/// Those of the sorted `keys` that are not in `list`.
fn absent(
    list: &mut impl KeyStream,
    keys: Vec<Copy>,
    waiting: &Waiting,
) -> Result<(Vec<Copy>, Shape), CodecError> {
    let mut absent = Vec::new();
    let mut shape = Shape::default();
    let mut left = keys.into_iter().peekable();
    let mut look = Look::default();
    loop {
        // Each key was found: that needs no check of the rest.
        if absent.is_empty() && left.peek().is_none() {
            return Ok((absent, Shape::default()));
        }
        if !list.advance()? {
            break;
        }
        shape.learn(list.key());
        while let Some(copy) = left.next_if(|copy| copy.key.as_bytes() < list.key()) {
            absent.push(copy);
        }
        left.next_if(|copy| copy.key.as_bytes() == list.key());
        look.at(waiting)?;
    }
    // Here the list has shown its count and its digest.
    absent.extend(left);
    Ok((absent, shape))
}

/// Parts the sorted `keys` into those that the record calls gone, and the others.
fn part(
    mut record: GoneReader<impl Read>,
    keys: Vec<Copy>,
    now: jiff::Timestamp,
    waiting: &Waiting,
) -> Result<Known, CodecError> {
    let mut known = Known::default();
    let mut left = keys.into_iter().peekable();
    let mut look = Look::default();
    while record.advance()? {
        while let Some(copy) = left.next_if(|copy| copy.key.as_bytes() < record.key()) {
            known.unknown.push(copy);
        }
        let since = record.since().second;
        if let Some(copy) = left.next_if(|copy| copy.key.as_bytes() == record.key()) {
            match jiff::Timestamp::from_second(since) {
                // A time from the future does not say which copies are older.
                Ok(at)
                    if copy
                        .got
                        .is_none_or(|got| got < since && !instant::is_future(at, now)) =>
                {
                    known.gone.push((copy, at));
                }
                _ => known.unknown.push(copy),
            }
        }
        look.at(waiting)?;
    }
    known.unknown.extend(left);
    Ok(known)
}

/// Checks now and then whether the caller is still waiting.
#[derive(Default)]
struct Look {
    since: u32,
}

impl Look {
    fn at(&mut self, waiting: &Waiting) -> Result<(), CodecError> {
        self.since += 1;
        if self.since < LOOK_EVERY {
            return Ok(());
        }
        self.since = 0;
        match waiting.is_over() {
            true => Err(std::io::Error::from(std::io::ErrorKind::Interrupted).into()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use livelist_model::codec::{Effort, ListWriter};

    use super::*;

    fn copy(key: &str) -> Copy {
        Copy {
            key: key.to_owned(),
            ..Copy::default()
        }
    }

    fn list(keys: u64) -> (Vec<u8>, ListSummary) {
        let mut list = ListWriter::new(Vec::new(), Effort::Stored);
        for i in 0..keys {
            list.push(format!("{i:026}").as_bytes()).unwrap();
        }
        list.finish().unwrap()
    }

    /// The list is streamed; only the question and the answer are kept.
    #[test]
    fn two_million_keys_need_no_more_memory_than_a_thousand() {
        let mut peaks = Vec::new();
        for n in [1_000, 2_000_000] {
            let (bytes, summary) = list(n);
            let asked = (0..5_000).map(|i| copy(&format!("{:026}", i * 401)));
            let asked: Vec<Copy> = asked.collect();
            let sold = asked
                .iter()
                .filter(|copy| copy.key.parse::<u64>().unwrap() >= n);
            let sold: Vec<Copy> = sold.cloned().collect();
            let mut gone = Vec::new();
            let used = allocation_counter::measure(|| {
                let mut list = ListReader::new(&bytes[..], Some(summary));
                gone = absent(&mut list, asked, &Waiting::default()).unwrap().0;
            });
            assert_eq!(gone, sold);
            peaks.push(used.bytes_max);
        }
        assert!(peaks[1] < 1_000_000, "{peaks:?}");
        assert!(peaks[1] < peaks[0] + 100_000, "{peaks:?}");
    }

    #[test]
    fn nobody_reads_on_for_a_caller_who_has_gone() {
        let (bytes, summary) = list(10_000);
        let mut list = ListReader::new(&bytes[..], Some(summary));
        let gone = absent(&mut list, vec![copy("x")], &Waiting::nobody());
        assert!(gone.is_err());
        assert!(list.advance().unwrap(), "it stopped in the middle");
    }
}
