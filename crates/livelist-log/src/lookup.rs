//! Looks up records in the log: the newest change of each, read from the indexes.

use std::collections::BTreeMap;

use livelist_records::{Entry, Place};
use livelist_store::Objects;

use crate::error::LogError;
use crate::head::Segment;
use crate::piece::Lines;

/// The newest entry of each of these places, which are in order and without repeats.
///
/// Segments are asked newest first, and only those pieces are read that can hold what is still looked
/// for. What was read a moment ago, which is most of an overlap, is found in the newest. Where the records
/// are wanted as well, it is the pieces themselves that are read.
pub(crate) async fn lookup(
    objects: &dyn Objects,
    segments: &[Segment],
    places: &[Place],
    is_index: bool,
) -> Result<BTreeMap<Place, Entry>, LogError> {
    let mut found = BTreeMap::new();
    let mut open: Vec<&Place> = places.iter().collect();
    for segment in segments.iter().rev() {
        for piece in &segment.pieces {
            let from = open.partition_point(|place| **place < piece.first);
            let to = open.partition_point(|place| **place <= piece.last);
            let mut wanted = open[from..to].iter().peekable();
            if wanted.peek().is_none() {
                continue;
            }
            let mut lines = Lines::open(objects, piece, is_index).await?;
            while let (Some(place), Some(entry)) = (wanted.peek(), lines.next()?) {
                if entry.place < ***place {
                    continue;
                }
                while wanted.next_if(|place| ***place < entry.place).is_some() {}
                if wanted.next_if(|place| ***place == entry.place).is_some() {
                    found.insert(entry.place.clone(), entry);
                }
            }
        }
        open.retain(|place| !found.contains_key(*place));
        if open.is_empty() {
            break;
        }
    }
    Ok(found)
}
