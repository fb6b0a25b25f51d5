//! Reproducible randomness: a bijective mixer and a small generator over it (SplitMix64).

/// Scrambles a number; different numbers give different results.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stream of draws that follows from a seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x6c69_7665))
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// Moves `n` drawn items to the front and drops the others.
    pub fn pick<T>(&mut self, items: &mut Vec<T>, n: usize) {
        let n = n.min(items.len());
        for at in 0..n {
            let other = at + (self.roll() % (items.len() - at) as u64) as usize;
            items.swap(at, other);
        }
        items.truncate(n);
    }
}
