//! `prove`: compares a destination with the log, key by key, and mends what is missing or stale.

use livelist_destinations::{Batch, Destination, KeyStamp, LogId, Written};
use livelist_log::{Log, Span};
use livelist_records::{Change, Place};

use super::RecordsError;

/// Rows that are asked for at once.
const PAGE: usize = 10_000;
/// Changes of one write.
const CHUNK: usize = 1_000;
/// Keys of a kind that are told.
const TOLD: usize = 20;

/// How a destination compares with the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// The number of the log up to which was compared.
    pub number: u64,
    /// Live records of the log.
    pub records: u64,
    /// Records of the log that the destination lacks.
    pub missing: u64,
    /// Rows whose content is another.
    pub stale: u64,
    /// Rows that the log does not have: they may be their owner's, and are left alone.
    pub extra: u64,
    /// Some of these keys, each with what is wrong with it.
    pub told: Vec<(Place, &'static str)>,
    /// What was mended.
    pub mended: Written,
}

impl Proof {
    /// Whether the destination has what the log has.
    pub fn is_equal(&self) -> bool {
        self.missing + self.stale + self.extra == 0
    }

    fn tell(&mut self, place: &Place, what: &'static str) {
        if self.told.len() < TOLD {
            self.told.push((place.clone(), what));
        }
    }
}

/// Compares a destination with the log as it stands at the destination's position, and writes what is
/// missing or stale.
///
/// # Errors
/// The log or the destination cannot be read.
pub async fn prove(
    log: &Log<'_>,
    replication: &str,
    destination: &mut dyn Destination,
    now: jiff::Timestamp,
) -> Result<Option<Proof>, RecordsError> {
    let id = LogId {
        replication: replication.to_owned(),
        generation: log.head().generation.clone(),
    };
    let Some(position) = destination.position(&id).await? else {
        return Ok(None);
    };
    if position.pass.is_some() {
        return Ok(None);
    }
    let mut proof = Proof {
        number: position.number,
        ..Proof::default()
    };
    let mut wrong: Vec<Place> = Vec::new();
    for resource in log.head().schemas.keys() {
        compare(log, resource, destination, &mut proof, &mut wrong).await?;
    }
    if !wrong.is_empty() {
        for resource in log.head().schemas.keys() {
            if let Some(schema) = log.schema(resource).await? {
                destination.prepare(&schema).await?;
            }
        }
        // Preparing may have found that a table was dropped: then the next pass applies all of the log.
        if destination.position(&id).await?.as_ref() != Some(&position) {
            return Ok(Some(proof));
        }
        for changes in records(log, &wrong, position.number).await?.chunks(CHUNK) {
            let batch = Batch {
                changes: changes.to_vec(),
                position: position.clone(),
                now,
            };
            let written = destination.write(&id, Some(&position), &batch).await?;
            proof.mended.add(written);
        }
    }
    Ok(Some(proof))
}

/// The newest changes of these places, which are in order.
async fn records(log: &Log<'_>, places: &[Place], to: u64) -> Result<Vec<Change>, RecordsError> {
    let span = Span {
        above: 0,
        to,
        behind: None,
    };
    let mut changes = log.changes(span).await?;
    let mut found = Vec::with_capacity(places.len());
    while let Some(change) = changes.next().await? {
        if places.binary_search(&change.place).is_ok() {
            found.push(change);
        }
    }
    Ok(found)
}

/// Compares one resource: the log's live records and the destination's rows are both in byte order.
async fn compare(
    log: &Log<'_>,
    resource: &str,
    destination: &mut dyn Destination,
    proof: &mut Proof,
    wrong: &mut Vec<Place>,
) -> Result<(), RecordsError> {
    let span = Span {
        above: 0,
        to: proof.number,
        behind: Some(Place {
            resource: resource.to_owned(),
            key: String::new(),
        }),
    };
    let mut entries = log.entries(span).await?;
    let mut rows = Rows::of(resource);
    let mut row = rows.next(destination).await?;
    loop {
        let entry = entries.next().await?;
        let entry = entry.filter(|entry| entry.place.resource == resource);
        if entry.as_ref().is_some_and(|entry| !entry.is_live()) {
            continue;
        }
        // Rows before the entry are extra.
        while let Some(extra) =
            row.take_if(|row| entry.as_ref().is_none_or(|entry| row.key < entry.place.key))
        {
            proof.extra += 1;
            let place = Place {
                resource: resource.to_owned(),
                key: extra.key,
            };
            proof.tell(&place, "extra");
            row = rows.next(destination).await?;
        }
        let Some(entry) = entry else { return Ok(()) };
        proof.records += 1;
        match row.take_if(|row| row.key == entry.place.key) {
            Some(same) => {
                if Some(same.hash) != entry.hash() {
                    proof.stale += 1;
                    proof.tell(&entry.place, "stale");
                    wrong.push(entry.place);
                }
                row = rows.next(destination).await?;
            }
            None => {
                proof.missing += 1;
                proof.tell(&entry.place, "missing");
                wrong.push(entry.place);
            }
        }
    }
}

/// The rows of a destination, in pages.
struct Rows<'a> {
    resource: &'a str,
    page: std::vec::IntoIter<KeyStamp>,
    last: Option<String>,
    ended: bool,
}

impl Rows<'_> {
    fn of(resource: &str) -> Rows<'_> {
        Rows {
            resource,
            page: Vec::new().into_iter(),
            last: None,
            ended: false,
        }
    }

    async fn next(
        &mut self,
        destination: &mut dyn Destination,
    ) -> Result<Option<KeyStamp>, RecordsError> {
        if self.page.as_slice().is_empty() && !self.ended {
            let page = destination
                .keys(self.resource, self.last.as_deref(), PAGE)
                .await?;
            self.ended = page.len() < PAGE;
            self.last = page.last().map(|row| row.key.clone());
            self.page = page.into_iter();
        }
        Ok(self.page.next())
    }
}
