//! The changes of a log, and their lines.
//!
//! A line is a JSON object: `n` the change's number, `t` when Livelist learned it (Unix seconds), `r` the
//! resource, `k` the key; then for an upsert `s` the modification stamp as the provider wrote it, `h` the
//! hash and `d` the record; for a removal `x`. The index of a log's segment has the same lines without `d`.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::hash;

/// The position of a record in the order of a log's segments: by resource, then by key, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The resource.
    pub resource: String,
    /// The record's key.
    pub key: String,
}

/// Why a record is no longer live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The MLS does not know it any more.
    Gone,
    /// The MLS knows it, and it does not match the filter any more.
    LeftFilter,
    /// The MLS may not show it any more (MLS Grid: `MlgCanView` false).
    Hidden,
    /// The MLS said that it was deleted, and does not know it.
    Deleted,
    /// The destination's program does not want it. No log has this reason.
    Transform,
    /// Another reason, of a later version.
    #[serde(other)]
    Other,
}

impl Reason {
    /// The name in a destination.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Gone => "gone",
            Reason::LeftFilter => "left_filter",
            Reason::Hidden => "hidden",
            Reason::Deleted => "deleted",
            Reason::Transform => "transform",
            Reason::Other => "other",
        }
    }
}

/// A record is no longer live, and the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Why.
    pub reason: Reason,
    /// Which run, or which question, confirmed it.
    pub proof: String,
    /// When that was.
    pub at: Timestamp,
}

/// The kind of change.
#[derive(Debug, Clone)]
pub enum What {
    /// It is new, or other than it was.
    Upsert {
        /// The modification stamp as the provider wrote it, if it has one.
        stamp: Option<String>,
        /// The hash of the record.
        hash: u64,
        /// The record on one line; nothing in an index.
        record: Option<Box<RawValue>>,
    },
    /// It is no longer live.
    Removal(Removal),
}

/// One change of a log.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its number in the log: higher is newer.
    pub number: u64,
    /// When Livelist learned it.
    pub learned: Timestamp,
    /// The record's place.
    pub place: Place,
    /// The kind of change.
    pub what: What,
}

/// A log's knowledge of a record without its content.
pub type Entry = Change;

impl Change {
    /// Whether the record is live by this change.
    pub fn is_live(&self) -> bool {
        matches!(self.what, What::Upsert { .. })
    }

    /// The hash of a live record.
    pub fn hash(&self) -> Option<u64> {
        match self.what {
            What::Upsert { hash, .. } => Some(hash),
            What::Removal(_) => None,
        }
    }

    /// The stamp of a live record.
    pub fn stamp(&self) -> Option<&str> {
        match &self.what {
            What::Upsert { stamp, .. } => stamp.as_deref(),
            What::Removal(_) => None,
        }
    }

    /// Compares the order in a segment; of one record the newer change comes first.
    pub fn order(&self, other: &Change) -> Ordering {
        let by_place = self.place.cmp(&other.place);
        by_place.then_with(|| other.number.cmp(&self.number))
    }

    /// Appends the change as a line, with its line feed. An index has no records.
    ///
    /// # Errors
    /// Only if JSON cannot be written, which does not happen.
    pub fn write(&self, is_index: bool, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let line = match &self.what {
            What::Upsert {
                stamp,
                hash,
                record,
            } => Line {
                n: self.number,
                t: self.learned.as_second(),
                r: &self.place.resource,
                k: (&self.place.key).into(),
                s: stamp.as_deref().map(Into::into),
                h: Some(hash::to_text(*hash)),
                x: None,
                d: record.as_deref().filter(|_| !is_index),
            },
            What::Removal(removal) => Line {
                n: self.number,
                t: self.learned.as_second(),
                r: &self.place.resource,
                k: (&self.place.key).into(),
                s: None,
                h: None,
                x: Some(removal.clone()),
                d: None,
            },
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.push(b'\n');
        Ok(())
    }

    /// Reads a line.
    ///
    /// # Errors
    /// It is none.
    pub fn read(line: &str) -> Result<Change, LineError> {
        let line: Line<'_> = serde_json::from_str(line)?;
        let what = match (line.x, line.h) {
            (Some(removal), None) => What::Removal(removal),
            (None, Some(text)) => What::Upsert {
                stamp: line.s.map(|s| s.into_owned()),
                hash: hash::from_text(&text).ok_or(LineError::Shape("`h` is no hash"))?,
                record: line.d.map(ToOwned::to_owned),
            },
            _ => return Err(LineError::Shape("it has neither `h` nor `x`, or both")),
        };
        Ok(Change {
            number: line.n,
            learned: Timestamp::from_second(line.t)
                .map_err(|_| LineError::Shape("`t` is no time"))?,
            place: Place {
                resource: line.r.to_owned(),
                key: line.k.into_owned(),
            },
            what,
        })
    }
}

/// Why a line is none of a log.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is not JSON of this form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It lacks a required member.
    #[error("{0}")]
    Shape(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    n: u64,
    t: i64,
    r: &'a str,
    #[serde(borrow)]
    k: std::borrow::Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    s: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<Removal>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    d: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(change: &Change, is_index: bool) -> String {
        let mut out = Vec::new();
        change.write(is_index, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let upsert = Change {
            number: 7,
            learned: Timestamp::from_second(9).unwrap(),
            place: Place {
                resource: "Property".to_owned(),
                key: "a\"\n1".to_owned(),
            },
            what: What::Upsert {
                stamp: Some("2026-11-28T04:00:00.1234567-05:00".to_owned()),
                hash: 255,
                record: RawValue::from_string(r#"{"ListingKey":"a\"\n1"}"#.to_owned()).ok(),
            },
        };
        let written = line(&upsert, false);
        assert_eq!(
            written,
            "{\"n\":7,\"t\":9,\"r\":\"Property\",\"k\":\"a\\\"\\n1\",\"s\":\"2026-11-28T04:00:00.1234567-05:00\",\
             \"h\":\"00000000000000ff\",\"d\":{\"ListingKey\":\"a\\\"\\n1\"}}\n"
        );
        assert_eq!(line(&Change::read(&written).unwrap(), false), written);
        assert!(!line(&upsert, true).contains("ListingKey"));
        let removal = Change {
            what: What::Removal(Removal {
                reason: Reason::Gone,
                proof: "2026-11-28-abor-property-1".to_owned(),
                at: "2026-11-28T04:00:00Z".parse().unwrap(),
            }),
            ..upsert
        };
        let written = line(&removal, false);
        assert_eq!(line(&Change::read(&written).unwrap(), true), written);
    }

    #[test]
    fn what_is_no_change_is_an_error() {
        for text in [
            "",
            "{}",
            r#"{"n":1,"t":1,"r":"P","k":"a"}"#,
            r#"{"n":1,"t":1,"r":"P","k":"a","h":"12"}"#,
            r#"{"n":1,"t":1,"r":"P","k":"a","h":"00000000000000ff","more":1}"#,
        ] {
            assert!(Change::read(text).is_err(), "{text}");
        }
        let later = r#"{"n":1,"t":1,"r":"P","k":"a","x":{"reason":"stolen","proof":"p","at":"2026-01-01T00:00:00Z"}}"#;
        let What::Removal(removal) = Change::read(later).unwrap().what else {
            panic!("a removal");
        };
        assert_eq!(removal.reason, Reason::Other);
    }
}
