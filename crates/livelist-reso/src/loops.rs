//! Detects paging that runs in a circle, with memory for one hash. Brent's algorithm (1980) compares
//! each step with one kept from a power of two steps ago. So a circle of any length is found within
//! three times its length.

use livelist_model::guard_switch::{Guard, is_off};
use serde::{Deserialize, Serialize};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The state, a part of the continuation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoopProbe {
    kept: Option<u64>,
    steps: u64,
    power: u64,
}

impl LoopProbe {
    /// Notes the next step's link or cursor; true if it was here before.
    pub fn is_circle(&mut self, step: &[u8]) -> bool {
        // The hash is for equality only and `DefaultHasher::new` is keyless, hence stable as long
        // as the program is: a new version at worst keeps another step first.
        let mut hasher = DefaultHasher::new();
        step.hash(&mut hasher);
        let hash = hasher.finish();
        if self.kept == Some(hash) && !is_off(Guard::Loop) {
            return true;
        }
        self.steps = self.steps.saturating_add(1);
        if self.steps >= self.power {
            self.kept = Some(hash);
            self.power = self.power.saturating_mul(2).max(1);
            self.steps = 0;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_soon_and_lines_never() {
        for (lead, length) in [(0u32, 1u32), (0, 2), (7, 3), (100, 50), (1, 999)] {
            let mut probe = LoopProbe::default();
            let step = |i: u32| {
                if i < lead {
                    i
                } else {
                    lead + (i - lead) % length
                }
            };
            let found = (0..10_000).find(|i| probe.is_circle(&step(*i).to_be_bytes()));
            assert!(
                found.is_some_and(|i| i <= 3 * (lead + length) + 3),
                "{lead} {length} {found:?}"
            );
        }
        let mut probe = LoopProbe::default();
        assert!((0..100_000u32).all(|i| !probe.is_circle(&i.to_be_bytes())));
        let written = format!(r#"{{"kept":null,"steps":{0},"power":{0}}}"#, u64::MAX);
        let mut probe: LoopProbe = serde_json::from_str(&written).unwrap();
        assert!(!probe.is_circle(b"a"));
        assert!(probe.is_circle(b"a"));
    }
}
