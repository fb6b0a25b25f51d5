//! Appending: what a source brings is compared with what the log holds, and becomes changes.

use std::collections::BTreeMap;

use livelist_records::{Change, Incoming, Place, Verdict, What, cell, decide};
use serde_json::value::RawValue;

use crate::error::LogError;
use crate::head::Segment;
use crate::log::Log;
use crate::lookup::lookup;
use crate::piece::Pieces;

/// What a source brings of one record.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Of which record.
    pub place: Place,
    /// What came of it.
    pub incoming: Incoming,
    /// The stamp as the provider wrote it.
    pub stamp: Option<String>,
    /// The record on one line; nothing for a removal.
    pub record: Option<Box<RawValue>>,
}

/// What became of what a source brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// New or changed records.
    pub upserts: u64,
    /// Removals.
    pub removals: u64,
    /// Records that the log has so already, and removals of what it does not have.
    pub unchanged: u64,
    /// Records that the log has with a later stamp.
    pub older: u64,
}

impl Appended {
    /// Adds what became of another batch.
    pub fn add(&mut self, other: Appended) {
        self.upserts += other.upserts;
        self.removals += other.removals;
        self.unchanged += other.unchanged;
        self.older += other.older;
    }

    /// How many changes were appended.
    pub fn changes(&self) -> u64 {
        self.upserts + self.removals
    }
}

impl Log<'_> {
    /// Appends what a source brought, and moves its cursors, in one write. Of several arrivals of one
    /// record the log decides as if they came one after the other, and keeps the last that it took.
    /// Nothing is written where nothing is new: no change, no other cursor, no other schema.
    ///
    /// # Errors
    /// A piece cannot be read or written, or another process has written to the log: then nothing of the
    /// batch is in it, and the log has to be opened again.
    pub async fn append(
        &mut self,
        arrivals: Vec<Arrival>,
        cursors: &[(String, serde_json::Value)],
        now: jiff::Timestamp,
    ) -> Result<Appended, LogError> {
        let mut places: Vec<Place> = arrivals.iter().map(|a| a.place.clone()).collect();
        places.sort_unstable();
        places.dedup();
        let known = lookup(self.objects, &self.head.segments, &places).await?;
        let (taken, appended) = settle(known.clone(), arrivals, now);
        let mut head = self.head.clone();
        for (resource, cursor) in cursors {
            head.cursors.insert(resource.clone(), cursor.clone());
        }
        if !taken.is_empty() {
            let from = head.next;
            let to = from + taken.len() as u64 - 1;
            let mut pieces = Pieces::new(self.objects, &self.replication, from, to, self.room);
            for (number, mut change) in (from..).zip(taken.into_values()) {
                change.number = number;
                let was_live = known.get(&change.place).is_some_and(Change::is_live);
                count(&mut head.live, &change, was_live);
                pieces.push(&change).await?;
            }
            head.segments.push(Segment {
                from,
                to,
                pieces: pieces.finish().await?,
            });
            head.next = to + 1;
        }
        if head != self.head || !self.is_there() || self.has_new_schema() {
            head.moved_at = now;
            self.advance(head).await?;
        }
        Ok(appended)
    }
}

fn count(live: &mut BTreeMap<String, u64>, change: &Change, was_live: bool) {
    let count = live.entry(change.place.resource.clone()).or_default();
    match (was_live, change.is_live()) {
        (false, true) => *count += 1,
        (true, false) => *count = count.saturating_sub(1),
        _ => {}
    }
}

/// Which arrivals become changes, given what the log holds: the last that was taken of each record.
fn settle(
    mut known: BTreeMap<Place, Change>,
    arrivals: Vec<Arrival>,
    now: jiff::Timestamp,
) -> (BTreeMap<Place, Change>, Appended) {
    let mut taken: BTreeMap<Place, Change> = BTreeMap::new();
    let mut appended = Appended::default();
    for arrival in arrivals {
        let held = known.get(&arrival.place);
        match decide(held, &arrival.incoming, cell::instant) {
            Verdict::Unchanged => appended.unchanged += 1,
            Verdict::Older => appended.older += 1,
            Verdict::Append => {
                let what = match arrival.incoming {
                    Incoming::Removal(removal) => What::Removal(removal),
                    Incoming::Record { hash, .. } => What::Upsert {
                        stamp: arrival.stamp,
                        hash,
                        record: arrival.record,
                    },
                };
                let change = Change {
                    number: 0,
                    learned: now,
                    place: arrival.place,
                    what,
                };
                let mut entry = change.clone();
                if let What::Upsert { record, .. } = &mut entry.what {
                    *record = None;
                }
                known.insert(entry.place.clone(), entry);
                taken.insert(change.place.clone(), change);
            }
        }
    }
    for change in taken.values() {
        match change.is_live() {
            true => appended.upserts += 1,
            false => appended.removals += 1,
        }
    }
    (taken, appended)
}
