//! Repeatable randomness: the same seed gives the same night on every machine. So nothing here uses a
//! logarithm, whose rounding depends on the system library.

/// A sequence of numbers (SplitMix64: Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of `seed`.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The next one.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to `n` exclusive; 0 for nothing.
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll().checked_rem(n).unwrap_or(0)
    }

    /// From 0 to 1.
    pub fn fraction(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Puts things into another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            things.swap(last, other);
        }
    }
}

/// The value at `share` (0 to 1) of a distribution that is given by points of (share, value), straight
/// between them.
pub fn quantile(points: &[(f64, f64)], share: f64) -> f64 {
    let mut before = match points.first() {
        Some(first) => *first,
        None => return 0.0,
    };
    for point in points {
        if share <= point.0 {
            let width = point.0 - before.0;
            let along = if width > 0.0 {
                (share - before.0) / width
            } else {
                0.0
            };
            return before.1 + along * (point.1 - before.1);
        }
        before = *point;
    }
    before.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_straight_between_points() {
        let points = [(0.0, 10.0), (0.5, 20.0), (1.0, 100.0)];
        let at = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&points, share));
        assert_eq!(at, [10.0, 15.0, 20.0, 60.0, 100.0]);
    }

    #[test]
    fn shuffling_keeps_everything() {
        let mut things: Vec<u32> = (0..100).collect();
        Dice::new(3).shuffle(&mut things);
        assert_ne!(things, (0..100).collect::<Vec<_>>());
        things.sort_unstable();
        assert_eq!(things, (0..100).collect::<Vec<_>>());
    }
}
