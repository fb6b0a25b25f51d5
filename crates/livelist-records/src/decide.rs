//! Decides how a log's writer handles a record from a source. The order of changes is decided here, once;
//! destinations apply the log.

use crate::change::{Entry, Removal, What};

/// How a record was got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From a list: a page may come from a cache, or may be older than another one.
    Listed,
    /// Asked for by its key.
    ByKey,
}

/// A record from a source, or its removal.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// The record.
    Record {
        /// How it was got.
        way: Way,
        /// The instant of its modification stamp, if it has one.
        stamp: Option<jiff::Timestamp>,
        /// Its hash.
        hash: u64,
    },
    /// Its removal, which was confirmed.
    Removal(Removal),
}

/// The log's action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is a change.
    Append,
    /// The log has it so already.
    Unchanged,
    /// The log has a newer one.
    Older,
}

/// Decides about one record, given what the log has of it.
///
/// The same content again is no change. An upsert after a removal wins: the record was seen. A listed
/// record loses only to a live one with a later stamp, which `instant` parses; an answer by key always
/// wins. A removal of a record that the log never had, or has removed already, is no change.
pub fn decide(
    held: Option<&Entry>,
    incoming: &Incoming,
    instant: impl Fn(&str) -> Option<jiff::Timestamp>,
) -> Verdict {
    let Some(held) = held else {
        return match incoming {
            Incoming::Record { .. } => Verdict::Append,
            Incoming::Removal(_) => Verdict::Unchanged,
        };
    };
    match (incoming, &held.what) {
        (Incoming::Removal(_), What::Upsert { .. }) => Verdict::Append,
        (Incoming::Removal(_), What::Removal(_)) => Verdict::Unchanged,
        (Incoming::Record { .. }, What::Removal(_)) => Verdict::Append,
        (
            Incoming::Record { way, stamp, hash },
            What::Upsert {
                stamp: known,
                hash: same,
                ..
            },
        ) => {
            if hash == same {
                return Verdict::Unchanged;
            }
            let known = known.as_deref().and_then(instant);
            match (way, stamp, known) {
                (Way::Listed, Some(stamp), Some(known)) if *stamp < known => Verdict::Older,
                _ => Verdict::Append,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Change, Place, Reason};

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    fn held(what: What) -> Entry {
        Change {
            number: 1,
            learned: at(1),
            place: Place {
                resource: "Property".to_owned(),
                key: "a".to_owned(),
            },
            what,
        }
    }

    fn live(second: i64, hash: u64) -> Entry {
        held(What::Upsert {
            stamp: Some(at(second).to_string()),
            hash,
            record: None,
        })
    }

    fn removal() -> Removal {
        Removal {
            reason: Reason::Gone,
            proof: "run".to_owned(),
            at: at(9),
        }
    }

    fn record(way: Way, second: i64, hash: u64) -> Incoming {
        let stamp = (second > 0).then(|| at(second));
        Incoming::Record { way, stamp, hash }
    }

    #[test]
    fn order_is_decided_by_stamp_and_by_the_way() {
        use Verdict::{Append, Older, Unchanged};
        let removed = held(What::Removal(removal()));
        let cases = [
            (None, record(Way::Listed, 5, 1), Append),
            (None, Incoming::Removal(removal()), Unchanged),
            (Some(live(5, 1)), record(Way::Listed, 5, 1), Unchanged),
            (Some(live(5, 1)), record(Way::Listed, 4, 1), Unchanged),
            (Some(live(5, 1)), record(Way::Listed, 6, 2), Append),
            // Equal stamps: the later answer wins.
            (Some(live(5, 1)), record(Way::Listed, 5, 2), Append),
            (Some(live(5, 1)), record(Way::Listed, 4, 2), Older),
            (Some(live(5, 1)), record(Way::Listed, 0, 2), Append),
            (Some(live(5, 1)), record(Way::ByKey, 4, 2), Append),
            (Some(live(5, 1)), Incoming::Removal(removal()), Append),
            (Some(removed.clone()), record(Way::Listed, 1, 1), Append),
            (Some(removed), Incoming::Removal(removal()), Unchanged),
        ];
        for (held, incoming, expected) in cases {
            let verdict = decide(held.as_ref(), &incoming, |text| text.parse().ok());
            assert_eq!(verdict, expected, "{held:?} {incoming:?}");
        }
    }

    #[test]
    fn a_stamp_that_cannot_be_read_decides_nothing() {
        let odd = held(What::Upsert {
            stamp: Some("yesterday".to_owned()),
            hash: 1,
            record: None,
        });
        let verdict = decide(Some(&odd), &record(Way::Listed, 5, 2), |t| t.parse().ok());
        assert_eq!(verdict, Verdict::Append);
    }
}
