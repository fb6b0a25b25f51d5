//! The port to a destination.

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_trait::async_trait;
use livelist_records::{Change, Place, Schema};
use serde::{Deserialize, Serialize};

use crate::error::DestinationError;
use crate::layout::{Checked, Layout};

/// Which log a position is in: the replication, and the log's generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogId {
    /// The replication.
    pub replication: String,
    /// The log's generation: a log that was started again has another.
    pub generation: String,
}

/// How far a destination has applied a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The log's generation.
    pub generation: String,
    /// All changes up to this number are applied.
    pub number: u64,
    /// A pass that has not ended: it applies the changes up to `to`, in the order of their places, and has
    /// applied those up to `behind`.
    pub pass: Option<Pass>,
}

/// A pass over the changes of a log that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The number up to which it applies changes.
    pub to: u64,
    /// The last place that was applied.
    pub behind: Place,
}

/// The input of `write`.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Changes in the order of their places. Of several changes of one record the newest counts.
    pub changes: Vec<Change>,
    /// The position after them.
    pub position: Position,
    /// The time of the write, for `_synced_at`.
    pub now: jiff::Timestamp,
    /// Changes whose records cannot be stored, with the reason: they are rejects.
    pub refused: Vec<(Change, String)>,
}

impl Batch {
    /// The newest change of each record, by resource; and how many older ones there are beside them.
    pub fn by_resource(&self) -> (BTreeMap<&str, Vec<&Change>>, u64) {
        let mut of: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
        let mut older = 0;
        for change in &self.changes {
            let changes = of.entry(&change.place.resource).or_default();
            match changes.last_mut() {
                Some(last) if last.place.key == change.place.key => {
                    older += 1;
                    if last.number < change.number {
                        *last = change;
                    }
                }
                _ => changes.push(change),
            }
        }
        (of, older)
    }
}

/// The result of a write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that were written.
    pub upserts: u64,
    /// Rows that were removed.
    pub removals: u64,
    /// Changes that the destination has already.
    pub unchanged: u64,
    /// Values that did not fit their column, and stand in `_rest`.
    pub overflow: u64,
    /// Records that could not be stored; each is in `_livelist_rejects`.
    pub rejected: u64,
    /// Records that stood more than once in an expansion; the last one of each is stored.
    pub repeated: u64,
}

impl Written {
    /// Adds what another write did.
    pub fn add(&mut self, other: Written) {
        self.upserts += other.upserts;
        self.removals += other.removals;
        self.unchanged += other.unchanged;
        self.overflow += other.overflow;
        self.rejected += other.rejected;
        self.repeated += other.repeated;
    }
}

/// What `prepare` did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Tables that were made.
    pub tables: Vec<String>,
    /// Columns that were made, with their tables.
    pub columns: Vec<String>,
}

/// A row of a destination, for the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStamp {
    /// The key.
    pub key: String,
    /// The number of the change that the row is from.
    pub version: u64,
    /// The hash of the record.
    pub hash: u64,
}

/// One record as a destination stores it: the columns by their fields, and the values that did not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The row.
    pub row: KeyStamp,
    /// Its values: by column, as text.
    pub values: Vec<(String, Option<String>)>,
}

/// A copy of records.
///
/// - **The position is the copy's own.** It is read from the destination, and changes in the transaction of
///   the rows. So after a crash, a lost answer to a commit, or a restored backup, the position says which
///   changes the rows have.
/// - **`write` is compare-and-set on the position**: it applies the batch only if the position is `from`,
///   else it returns [`DestinationError::Moved`] and writes nothing.
/// - **Applying twice changes nothing**, and an older change never wins over a newer one: a row has the
///   number of its change.
/// - **`prepare` only adds.** It creates tables and columns, and never drops or rewrites one; the owner's
///   additions stay.
/// - **No value is lost silently**: a value that does not fit its column is in `_rest`.
#[async_trait]
pub trait Destination: Send {
    /// How far it has applied a log; `None` if it never has.
    async fn position(&mut self, log: &LogId) -> Result<Option<Position>, DestinationError>;

    /// Creates the tables and columns for the records of a schema.
    async fn prepare(&mut self, schema: &Schema) -> Result<Prepared, DestinationError>;

    /// Applies changes and moves the position, in one transaction.
    async fn write(
        &mut self,
        log: &LogId,
        from: Option<&Position>,
        batch: &Batch,
    ) -> Result<Written, DestinationError>;

    /// The live rows of a resource with keys after `behind`, in byte order, at most `most`.
    async fn keys(
        &mut self,
        resource: &str,
        behind: Option<&str>,
        most: usize,
    ) -> Result<Vec<KeyStamp>, DestinationError>;

    /// One live record, by the key that the log has.
    async fn record(&mut self, resource: &str, key: &str)
    -> Result<Option<Held>, DestinationError>;

    /// Where the fields of a schema's records are, and what comes next. Changes nothing.
    async fn layout(&mut self, schema: &Schema) -> Result<Layout, DestinationError>;

    /// What the database is, and what would keep it from being a destination: rights that are missing, limits.
    /// Changes nothing.
    async fn check(&mut self) -> Result<Checked, DestinationError>;

    /// What a key of the log is in this copy.
    fn key_of<'k>(&self, _resource: &str, key: &'k str) -> Cow<'k, str> {
        Cow::Borrowed(key)
    }

    /// Whether the keys of a resource stand in another order than in the log.
    fn reorders(&self, _resource: &str) -> bool {
        false
    }

    /// Whether the copy stores a record at all.
    fn wants(&self, _change: &Change) -> bool {
        true
    }
}
