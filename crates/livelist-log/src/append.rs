//! Appending: what a source brings is compared with what the log holds, and becomes changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use livelist_records::children::with_members;
use livelist_records::{Change, Fields, Hashing, Incoming, Place, Verdict, What, cell, decide};
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
    /// Which of its expansions were not sent, or as null: those that the log has stay.
    pub lacks: Option<Lacks>,
}

/// Expansions that a record lacks.
#[derive(Debug, Clone)]
pub struct Lacks {
    /// Their members.
    pub names: Vec<String>,
    /// How the record is hashed once it has them.
    pub hashing: Arc<Hashing>,
}

impl Arrival {
    /// The arrival with those expansions that it lacks and the record before it had.
    fn completed(self, before: Option<&Change>) -> Arrival {
        let (Some(lacks), Some(record)) = (&self.lacks, &self.record) else {
            return self;
        };
        let before = before.and_then(|before| match &before.what {
            What::Upsert { record, .. } => record.as_ref(),
            What::Removal(_) => None,
        });
        let before = before.and_then(|before| Fields::read(before.get()).ok());
        let (Some(before), Ok(fields)) = (before, Fields::read(record.get())) else {
            return self;
        };
        let names = lacks.names.iter().map(String::as_str);
        let kept = names.filter_map(|name| Some((name, before.get(name)?)));
        let kept: Vec<(&str, &str)> = kept.filter(|(_, value)| *value != "null").collect();
        if kept.is_empty() {
            return self;
        }
        let json = with_members(&fields, &kept);
        let Incoming::Record { way, stamp, .. } = self.incoming else {
            return self;
        };
        let hash = Fields::read(&json).map(|fields| lacks.hashing.of(&fields));
        let (Ok(hash), Ok(record)) = (hash, RawValue::from_string(json)) else {
            return self;
        };
        Arrival {
            incoming: Incoming::Record { way, stamp, hash },
            record: Some(record),
            lacks: None,
            ..self
        }
    }
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
        let known = lookup(self.objects, &self.head.segments, &places, true).await?;
        let lacking = arrivals.iter().filter(|arrival| arrival.lacks.is_some());
        let lacking = lacking.filter(|a| known.get(&a.place).is_some_and(Change::is_live));
        let mut lacking: Vec<Place> = lacking.map(|arrival| arrival.place.clone()).collect();
        lacking.sort_unstable();
        lacking.dedup();
        let whole = lookup(self.objects, &self.head.segments, &lacking, false).await?;
        let (taken, appended) = settle(known.clone(), whole, arrivals, now);
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

/// Which arrivals become changes, given what the log holds: the last that was taken of each record. `whole`
/// are the records of those whose arrivals lack expansions.
fn settle(
    mut known: BTreeMap<Place, Change>,
    whole: BTreeMap<Place, Change>,
    arrivals: Vec<Arrival>,
    now: jiff::Timestamp,
) -> (BTreeMap<Place, Change>, Appended) {
    let mut taken: BTreeMap<Place, Change> = BTreeMap::new();
    let mut appended = Appended::default();
    for arrival in arrivals {
        let place = &arrival.place;
        let before = taken.get(place).or_else(|| whole.get(place));
        let arrival = arrival.completed(before);
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
