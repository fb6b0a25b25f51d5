//! The simulated installation: MLSs of many sizes at many providers, and the pairs of clients, which may
//! share feeds. Invented, except for the numbers that the design was made for: 600 MLSs and 10,000 pairs, a
//! median feed of 9,000 keys, 26,000 on average, the largest 2 million.

use livelist_reso::dialect::Dialect;

use crate::dice::{Dice, quantile};
use crate::work::{Feed, Work};

/// Which pairs share a scan: those whose provider, credential, filter and resource are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sharing {
    /// Each pair has its own credential.
    Nobody,
    /// Four pairs of an MLS, or five, have one.
    Four,
    /// All pairs of an MLS have one, and all those at MLS Grid: its tokens serve many MLSs.
    Mls,
    /// The same, and Trestle and Bridge have given one for all of theirs, too.
    Provider,
}

impl Sharing {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Sharing::Nobody => "nobody",
            Sharing::Four => "four or five pairs each",
            Sharing::Mls => "all pairs of an MLS",
            Sharing::Provider => "all pairs of an MLS; one credential a provider",
        }
    }
}

/// Keys of an MLS, by its place among all of them: log-normal with a median of 9,000, cut below at
/// 1,000, and with a long tail.
pub const SIZES: [(f64, f64); 16] = [
    (0.0, 1_000.0),
    (0.07, 1_000.0),
    (0.1, 1_400.0),
    (0.2, 2_600.0),
    (0.3, 4_200.0),
    (0.4, 6_200.0),
    (0.5, 9_000.0),
    (0.6, 13_000.0),
    (0.7, 19_300.0),
    (0.8, 30_700.0),
    (0.9, 58_000.0),
    (0.95, 99_000.0),
    (0.975, 157_000.0),
    (0.99, 267_000.0),
    (0.998, 500_000.0),
    (1.0, 800_000.0),
];
/// The largest.
pub const LARGEST: u64 = 2_000_000;

/// Of a hundred MLSs, those at each provider: an estimate from public lists, not official. The rest have
/// their own servers.
pub const SHARES: [(&str, u64); 8] = [
    ("trestle", 25),
    ("bridge", 20),
    ("spark", 18),
    ("mlsgrid", 12),
    ("paragon", 8),
    ("rapattoni", 5),
    ("constellation1", 3),
    ("realtyna", 2),
];
/// Providers that are one MLS, or one source that counts as one.
pub const SINGLES: [&str; 4] = ["rmls", "utahrealestate", "crea", "ampre"];

/// Of a thousand keys, those that are removed in a day; as many are added.
pub const CHANGE: u64 = 10;
/// Pairs of a client.
pub const PAIRS_A_CLIENT: u64 = 5;

/// A feed with its place in the town.
#[derive(Debug, Clone)]
pub struct Place {
    /// The feed.
    pub feed: Feed,
    /// The requests of its run.
    pub work: Work,
    /// Which credential it is read with.
    pub credential: usize,
}

/// Everything that is reconciled in a night.
#[derive(Debug, Clone)]
pub struct Town {
    /// The feeds.
    pub feeds: Vec<Place>,
    /// The feed of each pair, in the order in which the planner sends them.
    pub pairs: Vec<usize>,
    /// How many credentials there are.
    pub credentials: usize,
    /// Documents of the registry.
    pub documents: u64,
}

impl Town {
    /// A town of `mls` MLSs and `pairs` pairs.
    pub fn build(seed: u64, mls: usize, pairs: usize, sharing: Sharing) -> Town {
        let mut dice = Dice::new(seed);
        let mut providers: Vec<&'static str> = Vec::with_capacity(mls);
        providers.extend(SINGLES.iter().take(mls));
        for (provider, share) in SHARES {
            let many = (mls as u64 * share / 100) as usize;
            providers.extend(std::iter::repeat_n(
                provider,
                many.min(mls - providers.len()),
            ));
        }
        let rest = mls - providers.len();
        providers.extend(std::iter::repeat_n("reso", rest));
        dice.shuffle(&mut providers);
        let size = |nth: usize| match nth + 1 == mls {
            true => LARGEST,
            false => quantile(&SIZES, (nth as f64 + 0.5) / mls as f64) as u64,
        };
        let mut town = Town {
            feeds: Vec::new(),
            pairs: Vec::with_capacity(pairs),
            credentials: 0,
            documents: mls as u64 + (pairs as u64).div_ceil(PAIRS_A_CLIENT),
        };
        let mut tokens: Vec<(&str, usize)> = Vec::new();
        for (nth, provider) in providers.into_iter().enumerate() {
            let keys = size(nth);
            let change = (keys * CHANGE).div_ceil(1_000);
            let feed = Feed {
                provider,
                page: None,
                keys,
                gone: change,
                came: change,
            };
            let Some(work) = Work::of(&feed) else {
                continue;
            };
            let here = (nth..pairs).step_by(mls.max(1)).count();
            let groups = match sharing {
                Sharing::Nobody => here,
                Sharing::Four => here.div_ceil(5),
                Sharing::Mls | Sharing::Provider => here.min(1),
            };
            for group in 0..groups {
                let sharers = (group..here).step_by(groups).count();
                let serves_many = match sharing {
                    Sharing::Nobody | Sharing::Four => false,
                    Sharing::Mls => provider == "mlsgrid",
                    Sharing::Provider => ["mlsgrid", "trestle", "bridge"].contains(&provider),
                };
                let known = tokens.iter().find(|(p, _)| serves_many && *p == provider);
                let credential = known.map_or(town.credentials, |(_, credential)| *credential);
                if credential == town.credentials {
                    town.credentials += 1;
                    tokens.push((provider, credential));
                }
                town.pairs
                    .extend(std::iter::repeat_n(town.feeds.len(), sharers));
                town.feeds.push(Place {
                    feed: feed.clone(),
                    work: work.clone(),
                    credential,
                });
            }
        }
        dice.shuffle(&mut town.pairs);
        town
    }

    /// A town of one feed, one pair.
    pub fn single(feed: Feed) -> Option<Town> {
        let work = Work::of(&feed)?;
        Some(Town {
            feeds: vec![Place {
                feed,
                work,
                credential: 0,
            }],
            pairs: vec![0],
            credentials: 1,
            documents: 2,
        })
    }

    /// Keys of all feeds.
    pub fn keys(&self) -> u64 {
        self.feeds.iter().map(|place| place.feed.keys).sum()
    }

    /// The title of a provider.
    pub fn title(provider: &str) -> &'static str {
        Dialect::of(provider).map_or("", |dialect| dialect.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_town_is_the_one_that_the_design_was_made_for() {
        let town = Town::build(1, 600, 10_000, Sharing::Nobody);
        assert_eq!(
            (town.feeds.len(), town.pairs.len(), town.credentials),
            (10_000, 10_000, 10_000)
        );
        let mut sizes: Vec<u64> = town.feeds.iter().map(|f| f.feed.keys).collect();
        sizes.sort_unstable();
        assert!((8_500..9_500).contains(&sizes[5_000]), "{}", sizes[5_000]);
        assert_eq!((sizes[0], sizes[9_999]), (1_000, LARGEST));
        let mean = town.keys() / 10_000;
        assert!((24_000..30_000).contains(&mean), "{mean}");
    }

    #[test]
    fn shared_feeds_are_fewer_and_every_pair_keeps_one() {
        let feeds = |sharing| {
            let town = Town::build(1, 600, 10_000, sharing);
            assert!(town.pairs.iter().all(|feed| *feed < town.feeds.len()));
            let mut used = town.pairs.clone();
            used.sort_unstable();
            used.dedup();
            assert_eq!(used.len(), town.feeds.len(), "every feed has a pair");
            (town.feeds.len(), town.credentials)
        };
        assert_eq!(feeds(Sharing::Four).0, 2_400);
        assert_eq!(feeds(Sharing::Mls), (600, 600 - 72 + 1));
        assert!(feeds(Sharing::Provider).1 < 300);
    }
}
