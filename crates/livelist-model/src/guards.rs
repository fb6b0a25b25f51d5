//! When a result waits for a second look: limits on how much a feed may lose in one run. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a feed may lose in one run before the result is held.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guards {
    /// The share of the former snapshot that may go in one run, 0 to 1.
    #[serde(default = "Guards::default_fraction")]
    pub removed_fraction: f64,
    /// As many removals are always let through, so that small feeds do not trip on a normal day.
    #[serde(default = "Guards::default_floor")]
    pub removed_floor: u64,
}

impl Eq for Guards {}

impl Default for Guards {
    fn default() -> Self {
        Guards {
            removed_fraction: Self::default_fraction(),
            removed_floor: Self::default_floor(),
        }
    }
}

impl Guards {
    const fn default_fraction() -> f64 {
        0.2
    }

    const fn default_floor() -> u64 {
        50
    }

    /// The most removals that pass without a second look, for a former snapshot of `former` keys.
    pub fn limit(&self, former: u64) -> u64 {
        let fraction = self.removed_fraction.clamp(0.0, 1.0);
        let share = (former as f64 * fraction).floor() as u64;
        share.max(self.removed_floor)
    }

    /// Whether the numbers make sense.
    pub fn is_valid(&self) -> bool {
        self.removed_fraction.is_finite() && (0.0..=1.0).contains(&self.removed_fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_larger_of_floor_and_share() {
        let guards = Guards::default();
        assert_eq!(guards.limit(0), 50);
        assert_eq!(guards.limit(100), 50);
        assert_eq!(guards.limit(1_000), 200);
    }
}
