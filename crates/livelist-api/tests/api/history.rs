//! Feeds with real lists and deltas in the store.

use std::collections::BTreeSet;

use livelist_model::FeedId;
use livelist_model::codec::{Effort, ListSummary, ListWriter};
use livelist_model::delta::{DeltaSummary, DeltaWriter, Sign};
use livelist_model::head::{ConfirmedBy, DeltaRef, Head, ObjectRef};
use livelist_model::layout;

use crate::world::{World, head};

pub type Keys = BTreeSet<String>;

pub fn keys<const N: usize>(keys: [&str; N]) -> Keys {
    keys.into_iter().map(str::to_owned).collect()
}

/// `n` keys of 26 characters.
pub fn many(n: usize) -> Keys {
    (0..n).map(|i| format!("26{:024}", i * 7)).collect()
}

fn published_at(sequence: u64) -> jiff::Timestamp {
    let first: jiff::Timestamp = "2026-10-01T04:05:11.5Z".parse().unwrap();
    let days = i64::try_from(sequence).unwrap();
    first + jiff::SignedDuration::from_hours(24 * days)
}

pub fn version(sequence: u64) -> String {
    Head::version_of(published_at(sequence), sequence)
}

fn list(keys: &Keys) -> (Vec<u8>, ListSummary) {
    let mut list = ListWriter::new(Vec::new(), Effort::Stored);
    for key in keys {
        list.push(key.as_bytes()).unwrap();
    }
    list.finish().unwrap()
}

fn delta(from: &Keys, to: &Keys) -> (Vec<u8>, DeltaSummary) {
    let mut delta = DeltaWriter::new(Vec::new());
    for key in from | to {
        match (from.contains(&key), to.contains(&key)) {
            (true, false) => delta.push(Sign::Removed, key.as_bytes()).unwrap(),
            (false, true) => delta.push(Sign::Added, key.as_bytes()).unwrap(),
            _ => {}
        }
    }
    delta.finish().unwrap()
}

impl World {
    /// Publishes the lists one after the other, from sequence 1 on, and gives the last head.
    pub async fn publish(&self, feed: &FeedId, lists: &[Keys]) -> Head {
        let mut deltas = Vec::new();
        for (at, pair) in lists.windows(2).enumerate() {
            let from = at as u64 + 1;
            let (bytes, summary) = delta(&pair[0], &pair[1]);
            let object = layout::delta(feed, from, from + 1, &summary.text.sha256);
            self.put(&object, bytes.clone()).await;
            let stored = DeltaRef {
                from: version(from),
                to: version(from + 1),
                added: summary.added,
                removed: summary.removed,
                sha256: summary.text.sha256,
                published_at: Some(published_at(from + 1)),
                run: None,
                confirmed: (summary.removed > 0).then_some(ConfirmedBy::Key),
                stored: ObjectRef {
                    object,
                    bytes: bytes.len() as u64,
                },
            };
            deltas.insert(0, stored);
        }
        deltas.truncate(livelist_model::head::DELTA_HISTORY);
        let sequence = lists.len() as u64;
        let (bytes, summary) = list(lists.last().unwrap());
        let object = layout::snapshot(feed, sequence, &summary.sha256);
        self.put(&object, bytes.clone()).await;
        let head = Head {
            version: version(sequence),
            sequence,
            count: summary.count,
            previous_count: None,
            sha256: summary.sha256,
            full: ObjectRef {
                object,
                bytes: bytes.len() as u64,
            },
            deltas,
            published_at: published_at(sequence),
            ..head(feed)
        };
        self.head(&head).await;
        head
    }
}
