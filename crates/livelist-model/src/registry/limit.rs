//! Request budgets: how much of a provider one credential may use in a window of time.

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
