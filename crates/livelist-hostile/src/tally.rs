//! Counts of faults, and of the results of runs: the coverage of a campaign.

use std::collections::BTreeMap;

/// Counts by name.
pub type Counts = BTreeMap<String, u64>;

/// The counts of one world, or of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Worlds.
    pub worlds: u64,
    /// Days.
    pub days: u64,
    /// Requests to providers.
    pub requests: u64,
    /// Operations on our own services.
    pub operations: u64,
    /// Answers or books that each fault of a source changed.
    pub faults: Counts,
    /// Faults that struck the same MLS on the same day, two by two.
    pub pairs: Counts,
    /// Crashes, errors and delays of ours.
    pub strikes: Counts,
    /// Changes of books and credentials, those in mid-scan apart.
    pub changes: Counts,
    /// Runs by their result.
    pub runs: Counts,
    /// Syncs of records by what became of them.
    pub syncs: Counts,
    /// Lists published, and looks that found a list right.
    pub lists: Counts,
    /// Actions of people.
    pub people: Counts,
}

/// Counts one more.
pub fn count(counts: &mut Counts, name: &str) {
    if let Some(n) = counts.get_mut(name) {
        *n += 1;
    } else {
        counts.insert(name.to_owned(), 1);
    }
}

impl Tally {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Tally) {
        self.worlds += other.worlds;
        self.days += other.days;
        self.requests += other.requests;
        self.operations += other.operations;
        for (mine, others) in [
            (&mut self.faults, &other.faults),
            (&mut self.pairs, &other.pairs),
            (&mut self.strikes, &other.strikes),
            (&mut self.changes, &other.changes),
            (&mut self.runs, &other.runs),
            (&mut self.syncs, &other.syncs),
            (&mut self.lists, &other.lists),
            (&mut self.people, &other.people),
        ] {
            for (name, n) in others {
                *mine.entry(name.clone()).or_default() += n;
            }
        }
    }
}
