//! `apply`: brings a destination up to the log. It knows nothing of providers.

use std::collections::BTreeMap;

use livelist_destinations::{Batch, Destination, LogId, Pass, Position, Written};
use livelist_log::{Log, Span};
use livelist_records::{Change, What};

use super::RecordsError;

/// Changes of one write.
const CHUNK: usize = 2_000;
/// … or bytes of their records.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;

/// What an application did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What was written, by resource.
    pub written: BTreeMap<String, Written>,
    /// The number up to which the destination has the log.
    pub position: u64,
    /// Whether the log was applied from its beginning: the destination was new, or its configuration or
    /// the log is another one, or somebody dropped what it had.
    pub was_anew: bool,
    /// Whether it has all that the log has.
    pub is_whole: bool,
}

/// Applies all that the log has.
///
/// # Errors
/// The log cannot be read, or the destination cannot be written. What was applied until then stays, and the
/// destination knows how far that is.
pub async fn apply(
    log: &Log<'_>,
    replication: &str,
    destination: &mut dyn Destination,
    clock: &(dyn Fn() -> jiff::Timestamp + Send + Sync),
) -> Result<Applied, RecordsError> {
    apply_while(log, replication, destination, clock, &|| true).await
}

/// The same; ends between two writes where `goes_on` says no. The next application goes on there.
///
/// # Errors
/// As [`apply`].
pub async fn apply_while(
    log: &Log<'_>,
    replication: &str,
    destination: &mut dyn Destination,
    clock: &(dyn Fn() -> jiff::Timestamp + Send + Sync),
    goes_on: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Applied, RecordsError> {
    let id = LogId {
        replication: replication.to_owned(),
        generation: log.head().generation.clone(),
    };
    for resource in log.head().schemas.keys() {
        if let Some(schema) = log.schema(resource).await? {
            destination.prepare(&schema).await?;
        }
    }
    let mut from = destination.position(&id).await?;
    let was_anew = from.is_none();
    let mut written: BTreeMap<String, Written> = BTreeMap::new();
    let newest = log.head().newest();
    loop {
        let number = from.as_ref().map_or(0, |position| position.number);
        let pass = from.as_ref().and_then(|position| position.pass.clone());
        let to = pass.as_ref().map_or(newest, |pass| pass.to);
        if number >= to && from.is_some() {
            let position = number;
            return Ok(Applied {
                written,
                position,
                was_anew,
                is_whole: true,
            });
        }
        let span = Span {
            above: number,
            to,
            behind: pass.map(|pass| pass.behind),
        };
        let mut changes = log.changes(span).await?;
        let mut next = changes.next().await?;
        loop {
            let mut chunk = Chunk::default();
            while let Some(change) = next.take_if(|change| chunk.has_room_for(change)) {
                chunk.push(change);
                next = changes.next().await?;
            }
            let is_last = next.is_none();
            let pass = chunk.changes.last().filter(|_| !is_last);
            let position = Position {
                generation: id.generation.clone(),
                number: if is_last { to } else { number },
                pass: pass.map(|last| Pass {
                    to,
                    behind: last.place.clone(),
                }),
            };
            let resource = chunk.changes.first().map(|c| c.place.resource.clone());
            let batch = Batch {
                changes: chunk.changes,
                position: position.clone(),
                now: clock(),
                refused: Vec::new(),
            };
            let wrote = destination.write(&id, from.as_ref(), &batch).await?;
            if let Some(resource) = resource {
                written.entry(resource).or_default().add(wrote);
            }
            from = Some(position);
            if !goes_on() {
                let at = from.as_ref();
                let is_whole = at.is_some_and(|at| at.number >= newest && at.pass.is_none());
                return Ok(Applied {
                    written,
                    position: at.map_or(0, |at| at.number),
                    was_anew,
                    is_whole,
                });
            }
            if is_last {
                break;
            }
        }
    }
}

#[derive(Default)]
struct Chunk {
    changes: Vec<Change>,
    bytes: usize,
}

impl Chunk {
    /// Whether a change may be written together with those that are there: they are of one resource.
    fn has_room_for(&self, change: &Change) -> bool {
        let Some(first) = self.changes.first() else {
            return true;
        };
        first.place.resource == change.place.resource
            && self.changes.len() < CHUNK
            && self.bytes < CHUNK_BYTES
    }

    fn push(&mut self, change: Change) {
        self.bytes += bytes(&change);
        self.changes.push(change);
    }
}

fn bytes(change: &Change) -> usize {
    match &change.what {
        What::Upsert {
            record: Some(record),
            ..
        } => record.get().len(),
        _ => 0,
    }
}
