//! Behaviours of a server that contradict a client's assumptions. Each was seen at some server; none is
//! documented by a provider, and all are off by default.

use serde::{Deserialize, Serialize};

use crate::fault::Odd;

/// Ways that contradict a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contrary {
    /// The order of rows with one timestamp, if the key does not decide.
    pub ties: Ties,
    /// The displayed form of timestamps. Filters compare stored values.
    pub shown: Shown,
    /// The type of keys, and so of the literals that a filter compares them with.
    pub keys: KeyType,
    /// Comparisons ignore case and trailing blanks, like many collations.
    pub blind: bool,
    /// The maximum length of a question.
    pub question: Question,
    /// The status of an answer to a token whose time is over, instead of 401.
    pub ended_token: Option<u16>,
    /// Issued tokens expire after this many requests, whatever their stated lifetime.
    pub token_requests: Option<u64>,
    /// Invalid JSON on every page.
    pub bytes: Option<Odd>,
    /// The last page has a link, which is answered with this status.
    pub dead_end: Option<u16>,
    /// MLS Grid: a Broker-Only feed, which can be searched by office and time alone.
    pub broker_only: bool,
}

/// The order of rows of one timestamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// That of their keys.
    #[default]
    ByKey,
    /// Another one in each answer.
    Changing,
    /// One that follows from the rows skipped and asked for: the same question is answered alike
    /// each time, and two pages do not fit together (a database that sorts the first rows only).
    OfThePlace,
}

/// The displayed form of a timestamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// All that is stored.
    #[default]
    AsStored,
    /// Cut to this many milliseconds; microseconds are stored.
    Cut(u32),
    /// Rounded to this many milliseconds; microseconds are stored.
    Rounded(u32),
}

impl Shown {
    /// The milliseconds shown of an instant in microseconds.
    pub(crate) fn of(self, us: i64) -> i64 {
        let (unit, half) = match self {
            Self::AsStored => return us.div_euclid(1_000),
            Self::Cut(ms) => (i64::from(ms.max(1)) * 1_000, 0),
            Self::Rounded(ms) => {
                let unit = i64::from(ms.max(1)) * 1_000;
                (unit, unit / 2)
            }
        };
        (us + half).div_euclid(unit) * unit / 1_000
    }
}

/// The type of keys in the server's metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// `Edm.String`.
    #[default]
    Text,
    /// `Edm.Int64`: JSON numbers, in the order of numbers; quoted literals are refused.
    Int64,
    /// `Edm.Guid`: literals are bare; quoted ones, and values that are no GUID, are refused.
    Guid,
}

/// The maximum length of a question, and the answer to a longer one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Question {
    /// The most bytes of path and query.
    pub longest: Option<usize>,
    /// The most values that a filter compares with.
    pub most_values: Option<usize>,
    /// The answer to a longer one.
    pub refused: Refused,
    /// The status for a filter with `in`, however short.
    pub in_status: Option<u16>,
}

/// How a question that is too long is refused; none of these says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// With this status.
    Status(u16),
    /// 200, and half of the page.
    CutJson,
}

impl Default for Refused {
    fn default() -> Self {
        Self::Status(404)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_cut_and_rounded() {
        let us = 1_700_000_000_123_789;
        for (shown, ms) in [
            (Shown::AsStored, 1_700_000_000_123),
            (Shown::Cut(1), 1_700_000_000_123),
            (Shown::Rounded(1), 1_700_000_000_124),
            (Shown::Cut(1_000), 1_700_000_000_000),
            (Shown::Rounded(1_000), 1_700_000_000_000),
            (Shown::Rounded(100), 1_700_000_000_100),
        ] {
            assert_eq!(shown.of(us), ms, "{shown:?}");
        }
    }
}
