//! Quotas of AWS: token buckets.

/// A bucket of permissions.
#[derive(Debug, Clone)]
pub struct Bucket {
    size: f64,
    refill: f64,
    left: f64,
    at: u64,
    /// How many calls had to wait, or were refused.
    pub waited: u64,
    /// Refused.
    pub refused: u64,
}

impl Bucket {
    /// One with `size` permissions that gets `refill` a second.
    pub fn new((size, refill): (f64, f64)) -> Bucket {
        Bucket {
            size,
            refill,
            left: size,
            at: 0,
            waited: 0,
            refused: 0,
        }
    }

    /// Takes `n` permissions at `now`, whatever the wait for them; gives it in milliseconds.
    pub fn draw(&mut self, now: u64, n: u64) -> u64 {
        self.refill(now);
        self.left -= n as f64;
        let wait = (-self.left / self.refill * 1_000.0).max(0.0).ceil() as u64;
        self.waited += if wait > 0 { n } else { 0 };
        wait
    }

    fn refill(&mut self, now: u64) {
        let passed = now.saturating_sub(self.at) as f64 / 1_000.0;
        self.left = (self.left + passed * self.refill).min(self.size);
        self.at = self.at.max(now);
    }

    /// Takes a token at `now`; returns the milliseconds to wait for it. Takes nothing if that is more than
    /// `patience`.
    pub fn take(&mut self, now: u64, patience: u64) -> Option<u64> {
        self.refill(now);
        let wait = if self.left >= 1.0 {
            0.0
        } else {
            (1.0 - self.left) / self.refill * 1_000.0
        };
        let wait = wait.ceil() as u64;
        if wait > patience {
            self.refused += 1;
            return None;
        }
        self.waited += u64::from(wait > 0);
        self.left -= 1.0;
        Some(wait)
    }
}

/// How many of something there are at once, and how many there were at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peak {
    /// Now.
    pub now: u64,
    /// At most.
    pub most: u64,
}

impl Peak {
    /// One more.
    pub fn up(&mut self) {
        self.now += 1;
        self.most = self.most.max(self.now);
    }

    /// One less.
    pub fn down(&mut self) {
        self.now = self.now.saturating_sub(1);
    }
}

/// The most in any whole second.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rate {
    second: u64,
    now: u64,
    /// The most.
    pub most: u64,
}

impl Rate {
    /// Counts `n` at `at`, which never goes back by a second.
    pub fn note(&mut self, at: u64, n: u64) {
        if at / 1_000 != self.second {
            self.second = at / 1_000;
            self.now = 0;
        }
        self.now += n;
        self.most = self.most.max(self.now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_what_flows_in() {
        let mut bucket = Bucket::new((2.0, 10.0));
        let waits: Vec<Option<u64>> = (0..4).map(|_| bucket.take(1_000, 150)).collect();
        assert_eq!(waits, [Some(0), Some(0), Some(100), None]);
        assert_eq!(bucket.take(1_200, 150), Some(0));
        assert_eq!((bucket.waited, bucket.refused), (1, 1));
        assert_eq!(bucket.draw(2_000, 2), 0);
        assert_eq!([bucket.draw(2_000, 3), bucket.draw(2_300, 1)], [300, 100]);
    }
}
