//! The head of a log: its segments, and the cursors of its sources.

use std::collections::BTreeMap;

use livelist_records::Place;
use serde::{Deserialize, Serialize};

/// The parts of a log: `records/{replication}/head.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Version of this document's form.
    pub schema: u32,
    /// Identifies this log. A log that is started again gets another one, so that destinations know that
    /// their positions are invalid.
    pub generation: String,
    /// The number of the next change; the first is 1.
    pub next: u64,
    /// The segments, oldest first. Their numbers follow each other without a gap.
    pub segments: Vec<Segment>,
    /// The cursor of each source, by resource. Only the source reads its cursor.
    pub cursors: BTreeMap<String, serde_json::Value>,
    /// Fingerprints of the resources' schemas.
    pub schemas: BTreeMap<String, String>,
    /// How many records of each resource are live.
    #[serde(default)]
    pub live: BTreeMap<String, u64>,
    /// When the head last moved.
    pub moved_at: jiff::Timestamp,
}

impl Head {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// The number of the newest change; 0 if there is none.
    pub fn newest(&self) -> u64 {
        self.next.saturating_sub(1)
    }
}

/// Changes with consecutive numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// The first number.
    pub from: u64,
    /// The last number.
    pub to: u64,
    /// The pieces in the order of their places.
    pub pieces: Vec<Piece>,
}

impl Segment {
    /// Bytes of its pieces, compressed, without the indexes.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.bytes).sum()
    }
}

/// A part of a segment: an object with changes, and one with its index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// The object's name; the index's follows from it.
    pub name: String,
    /// The place of its first change.
    pub first: Place,
    /// The place of its last change.
    pub last: Place,
    /// How many changes it has.
    pub changes: u64,
    /// Bytes, compressed.
    pub bytes: u64,
}
