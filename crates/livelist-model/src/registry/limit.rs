//! Request budgets: how much of a provider one credential may use in a window of time.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Requests for rows.
    Requests,
    /// Bytes of answers, uncompressed: at least as many as the provider counts.
    Bytes,
}

/// At most `most` of `of` in any `seconds` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How much.
    #[schemars(range(min = 1))]
    pub most: u64,
    /// Of what.
    #[serde(default = "requests")]
    pub of: Measure,
    /// The window, in seconds; at most a day.
    #[schemars(range(min = 1, max = 86_400))]
    pub seconds: u32,
}

const fn requests() -> Measure {
    Measure::Requests
}

/// The longest window, in seconds.
pub const LONGEST_WINDOW: u32 = 86_400;

impl Limit {
    /// At most `most` requests in any `seconds` seconds.
    pub const fn requests(most: u64, seconds: u32) -> Limit {
        Limit {
            most,
            of: Measure::Requests,
            seconds,
        }
    }

    /// At most `most` bytes in any `seconds` seconds.
    pub const fn bytes(most: u64, seconds: u32) -> Limit {
        Limit {
            most,
            of: Measure::Bytes,
            seconds,
        }
    }
}

/// As people write it: `7200/h`, `4000 MB/h`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Measure::Requests => write!(f, "{}", self.most)?,
            Measure::Bytes => write!(f, "{} MB", self.most / 1_000_000)?,
        }
        match self.seconds {
            1 => f.write_str("/s"),
            60 => f.write_str("/min"),
            3_600 => f.write_str("/h"),
            86_400 => f.write_str("/day"),
            seconds => write!(f, "/{seconds} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_as_people_do() {
        for (limit, text) in [
            (Limit::requests(2, 1), "2/s"),
            (Limit::requests(180, 60), "180/min"),
            (Limit::bytes(4_000_000_000, 3_600), "4000 MB/h"),
            (Limit::requests(40_000, 86_400), "40000/day"),
            (Limit::requests(5, 90), "5/90 s"),
        ] {
            assert_eq!(limit.to_string(), text);
        }
    }
}
