//! A copy of a feed's records in the simulated world, and the port to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use livelist_destinations::{
    Batch, Checked, Destination, DestinationError, Held, KeyStamp, Layout, LogId, Position,
    Prepared, Written,
};
use livelist_records::{Change, Schema, What};

use crate::ports::{Failed, Place};

/// A copy. It lives as long as the world, and may be put back to what it was days ago.
#[derive(Debug, Clone, Default)]
pub struct Copy {
    /// How far it has applied its log.
    pub(crate) position: Option<Position>,
    /// Its rows by key, the removed ones included.
    pub(crate) rows: BTreeMap<String, Row>,
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The number of the change that it is from.
    pub(crate) version: u64,
    /// What it holds; nothing where it was removed.
    pub(crate) live: Option<Content>,
}

/// What a live row holds.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) hash: u64,
    pub(crate) stamp: Option<String>,
}

/// The port to the copy of a feed.
pub(crate) struct SimCopy {
    place: Arc<Place>,
    at: usize,
}

/// How long it takes to answer, in milliseconds.
const ANSWERS: (u64, u64) = (2, 30);

fn broken(_: Failed) -> DestinationError {
    DestinationError::Unavailable {
        destination: "the copy".to_owned(),
        reason: "the simulated database failed".to_owned(),
    }
}

impl SimCopy {
    pub(crate) fn new(place: &Arc<Place>, at: usize) -> SimCopy {
        SimCopy {
            place: Arc::clone(place),
            at,
        }
    }

    /// Passes the points before and after an operation on the copy.
    async fn with<T>(
        &self,
        what: &str,
        operation: impl FnOnce(&mut Copy) -> T + Send,
    ) -> Result<T, DestinationError> {
        let after = self.place.pass(what, ANSWERS).await.map_err(broken)?;
        let done = operation(&mut self.place.sim.world().feeds[self.at].copy);
        self.place.end(after).await.map_err(broken)?;
        Ok(done)
    }
}

#[async_trait]
impl Destination for SimCopy {
    async fn position(&mut self, log: &LogId) -> Result<Option<Position>, DestinationError> {
        let generation = log.generation.clone();
        self.with("position", move |copy| {
            let position = copy.position.clone();
            position.filter(|position| position.generation == generation)
        })
        .await
    }

    async fn prepare(&mut self, _: &Schema) -> Result<Prepared, DestinationError> {
        self.with("prepare", |_| Prepared::default()).await
    }

    async fn write(
        &mut self,
        log: &LogId,
        from: Option<&Position>,
        batch: &Batch,
    ) -> Result<Written, DestinationError> {
        let after = self.place.pass("write", ANSWERS).await.map_err(broken)?;
        let written = {
            let mut world = self.place.sim.world();
            let copy = &world.feeds[self.at].copy;
            let known = copy.position.as_ref();
            let known = known.filter(|position| position.generation == log.generation);
            if known != from {
                Err(DestinationError::Moved {
                    destination: "the copy".to_owned(),
                })
            } else {
                let (changes, _) = batch.by_resource();
                let mut written = Written::default();
                for change in changes.into_values().flatten() {
                    world.look_at_change(self.at, change);
                    apply(&mut world.feeds[self.at].copy, change, &mut written);
                }
                world.feeds[self.at].copy.position = Some(batch.position.clone());
                world.look_at_position(self.at, log, &batch.position);
                Ok(written)
            }
        };
        self.place.end(after).await.map_err(broken)?;
        written
    }

    async fn keys(
        &mut self,
        _: &str,
        behind: Option<&str>,
        most: usize,
    ) -> Result<Vec<KeyStamp>, DestinationError> {
        let behind = behind.map(str::to_owned);
        self.with("keys", move |copy| {
            let rows = copy.rows.iter();
            let rows = rows.filter(|(key, _)| behind.as_ref().is_none_or(|behind| *key > behind));
            let live = rows.filter_map(|(key, row)| {
                let content = row.live.as_ref()?;
                Some(KeyStamp {
                    key: key.clone(),
                    version: row.version,
                    hash: content.hash,
                })
            });
            live.take(most).collect()
        })
        .await
    }

    async fn layout(&mut self, schema: &Schema) -> Result<Layout, DestinationError> {
        let name = schema.resource.clone();
        self.with("layout", move |_| Layout {
            name,
            columns: Vec::new(),
            next: Vec::new(),
            unseen: Vec::new(),
        })
        .await
    }

    async fn check(&mut self) -> Result<Checked, DestinationError> {
        self.with("check", |_| Checked {
            version: "simulated".to_owned(),
            findings: Vec::new(),
        })
        .await
    }

    async fn record(&mut self, _: &str, key: &str) -> Result<Option<Held>, DestinationError> {
        let key = key.to_owned();
        self.with("record", move |copy| {
            let row = copy.rows.get(&key)?;
            let content = row.live.as_ref()?;
            Some(Held {
                row: KeyStamp {
                    key,
                    version: row.version,
                    hash: content.hash,
                },
                values: Vec::new(),
            })
        })
        .await
    }
}

fn apply(copy: &mut Copy, change: &Change, written: &mut Written) {
    let row = copy.rows.get(&change.place.key);
    if row.is_some_and(|row| row.version > change.number) {
        written.unchanged += 1;
        return;
    }
    let live = match &change.what {
        What::Upsert { stamp, hash, .. } => Some(Content {
            hash: *hash,
            stamp: stamp.clone(),
        }),
        What::Removal(_) => None,
    };
    match &live {
        Some(_) => written.upserts += 1,
        None => written.removals += 1,
    }
    let row = Row {
        version: change.number,
        live,
    };
    copy.rows.insert(change.place.key.clone(), row);
}
