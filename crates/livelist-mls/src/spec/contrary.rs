//! Ways of a server that contradict what a client likes to believe. Each was seen at some server;
//! none is any provider's documented way, and by default none is in force.

use serde::{Deserialize, Serialize};

use crate::fault::Odd;

/// Ways that contradict a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contrary {
    /// The order of rows that were modified at one instant, where the key is not asked to decide.
    pub ties: Ties,
    /// What is shown of a timestamp. Filters compare what is stored.
    pub shown: Shown,
    /// The type of keys, and so of the literals that a filter compares them with.
    pub keys: KeyType,
    /// Comparisons ignore case and blanks at the end, as many collations do.
    pub blind: bool,
    /// How long a question may be.
    pub question: Question,
    /// The status of an answer to a token whose time is over, instead of 401.
    pub ended_token: Option<u16>,
    /// Issued tokens end after so many requests, whatever was said of their life.
    pub token_requests: Option<u64>,
    /// What every page holds that no strict reader of JSON takes.
    pub bytes: Option<Odd>,
    /// The last page carries a link, and what it leads to is answered with this status.
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

/// What is shown of a timestamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// All that is stored.
    #[default]
    AsStored,
    /// Cut to so many milliseconds; microseconds are stored.
    Cut(u32),
    /// Rounded to so many milliseconds; microseconds are stored.
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
    /// `Edm.Guid`: literals are bare; quoted ones, and what is no GUID, are refused.
    Guid,
}

/// How long a question may be, and what becomes of one that is longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Question {
    /// The most bytes of path and query.
    pub longest: Option<usize>,
    /// The most values that a filter compares with.
    pub most_values: Option<usize>,
    /// What a longer one is answered with.
    pub refused: Refused,
    /// What a filter with `in` is answered with, however short.
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
