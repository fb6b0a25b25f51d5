//! One bit per row.

#[derive(Clone, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
    set: usize,
}

impl Bits {
    pub fn all(len: usize) -> Self {
        let mut words = vec![u64::MAX; len / 64];
        if !len.is_multiple_of(64) {
            words.push((1 << (len % 64)) - 1);
        }
        Self { words, set: len }
    }

    pub fn count(&self) -> usize {
        self.set
    }

    pub fn get(&self, at: u32) -> bool {
        self.words
            .get(at as usize / 64)
            .is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Sets or clears a bit; returns whether that changed it.
    pub fn put(&mut self, at: u32, value: bool) -> bool {
        if self.get(at) == value {
            return false;
        }
        let word = at as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] ^= 1 << (at % 64);
        if value {
            self.set += 1;
        } else {
            self.set -= 1;
        }
        true
    }

    pub fn ones(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            (0..64).filter_map(move |bit| (word >> bit & 1 == 1).then_some(at as u32 * 64 + bit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_it_holds() {
        for len in [0, 1, 63, 64, 65, 200] {
            let mut bits = Bits::all(len);
            assert_eq!(bits.ones().count(), len);
            assert!(bits.put(300, true) && !bits.put(300, true));
            assert_eq!(bits.count(), len + 1);
            assert_eq!(bits.ones().last(), Some(300));
        }
    }
}
