//! `prove`: compares a destination with the log, key by key, and mends what is missing or stale.

use livelist_destinations::{Batch, Destination, KeyStamp, LogId, Written};
use livelist_log::{Changes, Log, Span};
use livelist_model::syncs::{CopyProof, Proved};
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

/// What was found, as it is written down.
pub fn noted(proved: &Result<Option<Proof>, RecordsError>, at: jiff::Timestamp) -> CopyProof {
    let outcome = match proved {
        Ok(Some(proof)) if proof.is_equal() => Proved::Equal,
        Ok(Some(_)) => Proved::Differs,
        Ok(None) => Proved::NotProved,
        Err(_) => Proved::Failed,
    };
    let proof = proved.as_ref().ok().cloned().flatten().unwrap_or_default();
    CopyProof {
        at,
        outcome,
        number: proof.number,
        records: proof.records,
        missing: proof.missing,
        stale: proof.stale,
        extra: proof.extra,
        mended: proof.mended.upserts + proof.mended.removals,
        error: proved.as_ref().err().map(RecordsError::noted),
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
    let mut wrong = Wrong::default();
    for resource in log.head().schemas.keys() {
        compare(log, resource, destination, &mut proof, &mut wrong).await?;
    }
    wrong.missing.sort_unstable();
    if !wrong.all().is_empty() {
        for resource in log.head().schemas.keys() {
            if let Some(schema) = log.schema(resource).await? {
                destination.prepare(&schema).await?;
            }
        }
        // Preparing may have found that a table was dropped: then the next pass applies all of the log.
        if destination.position(&id).await?.as_ref() != Some(&position) {
            return Ok(Some(proof));
        }
        let mut wanted = newest(log, &wrong.all(), position.number).await?;
        wanted.retain(|change| {
            let is_unwanted =
                wrong.missing.binary_search(&change.place).is_ok() && !destination.wants(change);
            if is_unwanted {
                proof.missing -= 1;
                proof.told.retain(|(place, _)| *place != change.place);
            }
            !is_unwanted
        });
        for changes in wanted.chunks(CHUNK) {
            let batch = Batch {
                changes: changes.to_vec(),
                position: position.clone(),
                now,
                refused: Vec::new(),
            };
            let written = destination.write(&id, Some(&position), &batch).await?;
            proof.mended.add(written);
        }
    }
    Ok(Some(proof))
}

/// Records that the destination does not have as the log has them.
#[derive(Default)]
struct Wrong {
    missing: Vec<Place>,
    stale: Vec<Place>,
}

impl Wrong {
    /// All of them, in order.
    fn all(&self) -> Vec<Place> {
        let mut all = [&*self.missing, &*self.stale].concat();
        all.sort_unstable();
        all
    }
}

/// The newest changes of these places, which are in order.
pub(super) async fn newest(
    log: &Log<'_>,
    places: &[Place],
    to: u64,
) -> Result<Vec<Change>, RecordsError> {
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
    wrong: &mut Wrong,
) -> Result<(), RecordsError> {
    let mut entries = Entries::of(log, resource, proof.number).await?;
    let mut sorted = None;
    if destination.reorders(resource) {
        let mut all = Vec::new();
        while let Some((place, hash)) = entries.next().await? {
            all.push(Live::of(destination, place, hash));
        }
        all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        sorted = Some(all.into_iter());
    }
    let mut rows = Rows::of(resource);
    let mut row = rows.next(destination).await?;
    loop {
        let entry = match &mut sorted {
            Some(sorted) => sorted.next(),
            None => {
                let next = entries.next().await?;
                next.map(|(place, hash)| Live::of(destination, place, hash))
            }
        };
        // Rows before the entry are extra.
        while let Some(extra) =
            row.take_if(|row| entry.as_ref().is_none_or(|entry| row.key < entry.key))
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
        match row.take_if(|row| row.key == entry.key) {
            Some(same) => {
                if same.hash != entry.hash {
                    proof.stale += 1;
                    proof.tell(&entry.place, "stale");
                    wrong.stale.push(entry.place);
                }
                row = rows.next(destination).await?;
            }
            None => {
                proof.missing += 1;
                proof.tell(&entry.place, "missing");
                wrong.missing.push(entry.place);
            }
        }
    }
}

/// A live record of the log.
struct Live {
    /// Its key in the destination.
    key: String,
    place: Place,
    hash: u64,
}

impl Live {
    fn of(destination: &dyn Destination, place: Place, hash: u64) -> Live {
        let key = destination.key_of(&place.resource, &place.key).into_owned();
        Live { key, place, hash }
    }
}

/// The live records of a resource in the log, in the order of their keys.
struct Entries<'a> {
    resource: &'a str,
    changes: Changes<'a>,
}

impl<'a> Entries<'a> {
    async fn of(log: &'a Log<'_>, resource: &'a str, to: u64) -> Result<Entries<'a>, RecordsError> {
        let span = Span {
            above: 0,
            to,
            behind: Some(Place {
                resource: resource.to_owned(),
                key: String::new(),
            }),
        };
        Ok(Entries {
            resource,
            changes: log.entries(span).await?,
        })
    }

    async fn next(&mut self) -> Result<Option<(Place, u64)>, RecordsError> {
        while let Some(entry) = self.changes.next().await? {
            if entry.place.resource != self.resource {
                return Ok(None);
            }
            if let Some(hash) = entry.hash() {
                return Ok(Some((entry.place, hash)));
            }
        }
        Ok(None)
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
