//! `listed`: takes over into the log what the nightly run has proved of the feed. Keys that are proved gone
//! become removals; keys that are listed and not in the log are asked for.

use std::io::Read;

use livelist_log::{Arrival, Log, Span};
use livelist_model::codec::{CodecError, KeyStream, ListReader};
use livelist_model::gone::GoneReader;
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_records::{Entry, Incoming, Place, Reason, Removal};
use livelist_store::ObjectsExt;

use super::{RecordsError, ResourceSpec};
use crate::lists::{in_object, source};
use crate::{Env, StepError};

/// Of the keys that are missing so many are taken a pass.
const MISSING: usize = 2_000;

/// What a published list says of the records.
#[derive(Debug, Default)]
pub struct Listed {
    /// The list's sequence; 0 where there is none.
    pub sequence: u64,
    /// Removals, to be appended.
    pub removals: Vec<Arrival>,
    /// Listed keys that the log has no live record of, in order.
    pub missing: Vec<Vec<u8>>,
}

/// Compares the log's live records with the feed's published list, if it is another one than that with the
/// sequence `known`.
///
/// A key is removed only if it is in the gone record, and was proved gone later than the log learned what
/// it has of it. A record that is neither listed nor proved gone stays: it may have slipped past the scan.
///
/// # Errors
/// The list or the log cannot be read.
pub async fn listed(
    env: &Env,
    spec: &ResourceSpec,
    log: &Log<'_>,
    known: u64,
) -> Result<Listed, RecordsError> {
    let feed = &spec.feed.feed;
    let head = env.objects.read_json::<Head>(&layout::head(feed)).await?;
    let Some(head) = head.map(|(head, _)| head) else {
        return Ok(Listed::default());
    };
    let mut listed = Listed {
        sequence: head.sequence,
        ..Listed::default()
    };
    if head.sequence == known {
        return Ok(listed);
    }
    let entries = live(log, spec.resource()).await?;
    let objects = &*env.objects;
    let full = source(objects, &head.full.object).await?;
    let gone = match &head.gone {
        Some(gone) => Some((
            source(objects, &gone.stored.object).await?,
            gone.summary.clone(),
        )),
        None => None,
    };
    let summary = livelist_model::codec::ListSummary {
        count: head.count,
        sha256: head.sha256.clone(),
    };
    let name = head.full.object.clone();
    let proof = head.run.to_string();
    let compared = livelist_blocking::run(move || {
        let missing = missing(ListReader::new(full, Some(summary)), &entries)?;
        let removals = match gone {
            Some((gone, summary)) => {
                removals(GoneReader::new(gone, Some(summary)), &entries, &proof)?
            }
            None => Vec::new(),
        };
        Ok::<_, CodecError>((missing, removals))
    });
    let compared = compared.await.map_err(StepError::from)?;
    (listed.missing, listed.removals) = compared.map_err(in_object(&name))?;
    Ok(listed)
}

/// The log's live records of a resource, in order.
async fn live(log: &Log<'_>, resource: &str) -> Result<Vec<Entry>, RecordsError> {
    let span = Span {
        behind: Some(Place {
            resource: resource.to_owned(),
            key: String::new(),
        }),
        ..log.whole()
    };
    let mut entries = log.entries(span).await?;
    let mut live = Vec::new();
    while let Some(entry) = entries.next().await? {
        if entry.place.resource != resource {
            break;
        }
        if entry.is_live() {
            live.push(entry);
        }
    }
    Ok(live)
}

/// Listed keys that no live record has.
fn missing(mut list: ListReader<impl Read>, live: &[Entry]) -> Result<Vec<Vec<u8>>, CodecError> {
    let mut missing = Vec::new();
    let mut live = live.iter().peekable();
    while list.advance()? {
        let key = list.key();
        while live
            .next_if(|entry| entry.place.key.as_bytes() < key)
            .is_some()
        {}
        let is_there = live
            .next_if(|entry| entry.place.key.as_bytes() == key)
            .is_some();
        if !is_there && missing.len() < MISSING {
            missing.push(key.to_vec());
        }
    }
    Ok(missing)
}

/// Live records whose keys were proved gone after the log learned of them.
fn removals(
    mut gone: GoneReader<impl Read>,
    live: &[Entry],
    proof: &str,
) -> Result<Vec<Arrival>, CodecError> {
    let mut removals = Vec::new();
    let mut live = live.iter().peekable();
    while gone.advance()? {
        let (key, since) = (gone.key().to_vec(), gone.since());
        while live
            .next_if(|entry| *entry.place.key.as_bytes() < *key)
            .is_some()
        {}
        let Some(entry) = live.next_if(|entry| *entry.place.key.as_bytes() == *key) else {
            continue;
        };
        let Ok(at) = jiff::Timestamp::from_second(since.second) else {
            continue;
        };
        if entry.learned < at {
            removals.push(Arrival {
                place: entry.place.clone(),
                incoming: Incoming::Removal(Removal {
                    reason: Reason::Gone,
                    proof: proof.to_owned(),
                    at,
                }),
                stamp: None,
                record: None,
                lacks: None,
            });
        }
    }
    Ok(removals)
}
