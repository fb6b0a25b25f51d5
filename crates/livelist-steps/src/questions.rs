//! Selects the keys that a run asks for because sites asked about them: keys that are not listed, were not
//! seen by the run's scans, and are not in the gone record. They are read once, during the comparison.
//! Later questions of sites are left to the next run. An error here fails no run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use futures::{StreamExt, TryStreamExt, stream};
use livelist_model::codec::CodecError;
use livelist_model::gone::GoneReader;
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::questions::{Question, Questions, in_turns};
use livelist_model::run::RunSpec;
use livelist_reso::dialect::Dialect;
use livelist_store::{ObjectsExt, StoreError};
use serde::{Deserialize, Serialize};

use crate::{Env, StepError, lists};

/// Objects that are read at once.
const AT_ONCE: usize = 16;
/// This many removed keys are asked for as well: an MLS that shows those by key shows more than it lists.
const NEGATIVES: usize = 8;

/// The keys that a run asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ForSites {
    /// The sites' questions, in the order of asking.
    pub(crate) questions: Vec<Question>,
    /// Keys that were proved gone last.
    pub(crate) negatives: Vec<String>,
}

/// The open questions of a feed's sites; empty if they cannot be read now.
pub(crate) async fn open(env: &Env, run: &RunSpec, head: &Head) -> ForSites {
    match read(env, run, head).await {
        Ok(open) => open,
        Err(error) => {
            tracing::warn!(
                run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, error = error.chain(),
                "keys that sites asked about are not asked for in this run"
            );
            ForSites::default()
        }
    }
}

async fn read(env: &Env, run: &RunSpec, head: &Head) -> Result<ForSites, StepError> {
    let feed = &run.feed.feed;
    let names = env.objects.list(&layout::questions(feed)).await?;
    if names.is_empty() {
        return Ok(ForSites::default());
    }
    let now = env.clock.now();
    let documents = names.into_iter().map(|named| async move {
        match env.objects.read_json::<Questions>(&named.key).await {
            Ok(found) => Ok(found.map(|(questions, _)| questions)),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::warn!(object = named.key, %error, "the keys that a site asked about cannot be read");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    });
    let documents: Vec<Option<Questions>> = stream::iter(documents)
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let is_ours = |found: &Questions| found.schema == Questions::SCHEMA && found.feed == *feed;
    let mut clients: Vec<Questions> = documents.into_iter().flatten().filter(is_ours).collect();
    let by_id = Dialect::for_feed(&run.feed)?.id_field(&run.feed).is_some();
    for client in &mut clients {
        client.expire(now);
        client.open.retain(|open| !by_id || open.id.is_some());
    }
    let wanted = clients.iter().flat_map(|client| &client.open);
    let wanted: BTreeSet<String> = wanted.map(|open| open.key.clone()).collect();
    if wanted.is_empty() {
        return Ok(ForSites::default());
    }
    let (gone, negatives) = gone(env, head, wanted).await?;
    let is_open = |open: &Question| {
        let since = gone.get(&open.key);
        since.is_none_or(|since| !open.is_answered_by(*since))
    };
    Ok(ForSites {
        questions: in_turns(clients, is_open),
        // The ids of removed keys are not known.
        negatives: if by_id { Vec::new() } else { negatives },
    })
}

type Gone = (BTreeMap<String, i64>, Vec<String>);

/// Since when those of `wanted` that are gone are gone, and a few other keys that were removed last.
async fn gone(env: &Env, head: &Head, wanted: BTreeSet<String>) -> Result<Gone, StepError> {
    let Some(record) = &head.gone else {
        return Ok(Gone::default());
    };
    let source = lists::source(&*env.objects, &record.stored.object).await?;
    let mut reader = GoneReader::new(source, Some(record.summary.clone()));
    let read = livelist_blocking::run(move || {
        let mut gone = BTreeMap::new();
        let mut last: BinaryHeap<Reverse<(i64, String)>> = BinaryHeap::new();
        while reader.advance()? {
            let Ok(key) = std::str::from_utf8(reader.key()) else {
                continue;
            };
            let since = reader.since().second;
            if wanted.contains(key) {
                gone.insert(key.to_owned(), since);
                continue;
            }
            let is_later = last.peek().is_none_or(|Reverse(first)| first.0 < since);
            if last.len() < NEGATIVES || is_later {
                last.push(Reverse((since, key.to_owned())));
                if last.len() > NEGATIVES {
                    last.pop();
                }
            }
        }
        let last = last.into_iter().map(|Reverse((_, key))| key);
        Ok::<_, CodecError>((gone, last.collect()))
    })
    .await?;
    read.map_err(lists::in_object("the record of what is gone"))
}

/// Drops keys that the comparison's pass meets: listed keys, and keys that a scan of the run saw.
pub(crate) struct Sieve {
    all: ForSites,
    /// Its keys, in their order, and whether they were met.
    sorted: Vec<(String, bool)>,
    /// The first that the pass has not reached.
    next: usize,
}

impl Sieve {
    pub(crate) fn new(all: ForSites) -> Sieve {
        let questions = all.questions.iter().map(|open| &open.key);
        let keys: BTreeSet<&String> = questions.chain(&all.negatives).collect();
        Sieve {
            sorted: keys.into_iter().map(|key| (key.clone(), false)).collect(),
            all,
            next: 0,
        }
    }

    /// Takes the next key of the list or of the scans.
    pub(crate) fn push(&mut self, key: &[u8]) {
        while let Some((wanted, is_met)) = self.sorted.get_mut(self.next)
            && wanted.as_bytes() <= key
        {
            *is_met = wanted.as_bytes() == key;
            self.next += 1;
        }
    }

    /// The keys that were not met.
    pub(crate) fn finish(self) -> ForSites {
        let mut left = self.all;
        let is_unknown = |key: &String| {
            let at = self.sorted.binary_search_by(|(wanted, _)| wanted.cmp(key));
            at.ok()
                .and_then(|at| self.sorted.get(at))
                .is_some_and(|(_, is_met)| !is_met)
        };
        left.questions.retain(|open| is_unknown(&open.key));
        left.negatives.retain(is_unknown);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_walk_meets_is_not_asked_for() {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let new = |key: &str| Question::new(key.to_owned(), None, None, now);
        let mut sieve = Sieve::new(ForSites {
            questions: ["d", "b", "a", "z", "c"].map(new).to_vec(),
            negatives: ["bb", "y"].map(str::to_owned).to_vec(),
        });
        for key in ["aa", "b", "bb", "d", "x"] {
            sieve.push(key.as_bytes());
        }
        let left = sieve.finish();
        let keys: Vec<&str> = left.questions.iter().map(|open| &open.key[..]).collect();
        assert_eq!(keys, ["a", "z", "c"], "in the order in which they came");
        assert_eq!(left.negatives, ["y"]);
    }
}
