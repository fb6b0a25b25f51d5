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
    /// As many removals are let through, so that small feeds do not trip on a normal day; but no
    /// more than half of the list, or two.
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
    ///
    /// ```
    /// use livelist_model::guards::Guards;
    ///
    /// let guards = Guards::default(); // removed_fraction 0.2, removed_floor 50
    /// assert_eq!(guards.limit(1_000), 200, "a fifth");
    /// assert_eq!(guards.limit(100), 50, "the floor");
    /// assert_eq!(guards.limit(51), 25, "the floor is never more than half of the list");
    /// ```
    pub fn limit(&self, former: u64) -> u64 {
        let fraction = self.removed_fraction.clamp(0.0, 1.0);
        let share = (former as f64 * fraction).floor() as u64;
        // A floor above the whole list would let all of it go.
        let half = (former / 2).max(2);
        share.max(self.removed_floor.min(half))
    }

    /// The most removals of seven days that pass so: twice as many. A feed that loses a little too little
    /// each day is emptied as well.
    pub fn week(&self, former: u64) -> u64 {
        self.limit(former).saturating_mul(2)
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
        assert_eq!(guards.limit(100), 50);
        assert_eq!(guards.limit(250), 50);
        assert_eq!(guards.limit(1_000), 200);
    }

    #[test]
    fn the_floor_is_never_more_than_half_of_the_list() {
        let guards = Guards::default();
        let limits = [0, 1, 3, 4, 5, 51, 98, 99, 102].map(|former| guards.limit(former));
        assert_eq!(limits, [2, 2, 2, 2, 2, 25, 49, 49, 50]);
        let strict = Guards {
            removed_floor: 1,
            ..guards
        };
        assert_eq!(strict.limit(3), 1, "a floor of one's own may be lower");
        let bold = Guards {
            removed_fraction: 1.0,
            ..guards
        };
        assert_eq!(bold.limit(51), 51, "a share is a share");
    }
}
