//! `listed`: takes over into the log what the nightly run has proved of the feed. Keys that are proved gone
//! become removals; keys that are listed and not in the log are asked for, and so are those that the run saw
//! modified later than the log knows. What the log has, and is neither listed nor proved gone, is for the next
//! run to ask (`unsure.rs`).

use std::io::Read;

use livelist_log::{Arrival, Log, Span};
use livelist_model::codec::{CodecError, KeyStream, ListReader};
use livelist_model::gone::GoneReader;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_records::{Entry, Incoming, Place, Reason, Removal, What, cell};
use livelist_store::ObjectsExt;

use super::{RecordsError, ResourceSpec};
use crate::lists::{in_object, source};
use crate::pairs::Pairs;
use crate::{Env, StepError, stamps};

/// Of the keys that are missing, and of those that are stale, so many are taken a pass.
const MISSING: usize = 2_000;

/// What a published list says of the records.
#[derive(Debug, Default)]
pub struct Listed {
    /// Which state of the feed that is: its head's tag.
    pub head: String,
    /// Removals, to be appended.
    pub removals: Vec<Arrival>,
    /// Listed keys that the log has no live record of, in order.
    pub missing: Vec<Vec<u8>>,
    /// Listed keys that the run saw modified later than the log knows, in order.
    pub stale: Vec<Vec<u8>>,
    /// Whether there are more missing or stale keys than these.
    pub is_cut: bool,
    /// Live records whose keys are neither listed nor proved gone since the log learned of them, in order.
    pub unsure: Vec<Entry>,
}

/// Compares the log's live records with what the feed's head says, if it is another head than `known`.
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
    known: &str,
) -> Result<Option<Listed>, RecordsError> {
    let feed = &spec.feed.feed;
    let head = env.objects.read_json::<Head>(&layout::head(feed)).await?;
    let Some((head, tag)) = head.filter(|(_, tag)| tag != known) else {
        return Ok(None);
    };
    let entries = live(log, spec.resource()).await?;
    let objects = &*env.objects;
    let stamps = stamps::kept(env, feed).await?;
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
        let list = ListReader::new(full, Some(summary));
        let (listed, unlisted) = against_list(list, stamps, entries)?;
        let (removals, unsure) = match gone {
            Some((gone, summary)) => {
                let gone = GoneReader::new(gone, Some(summary));
                against_gone(gone, unlisted, &proof)?
            }
            None => (Vec::new(), unlisted),
        };
        Ok::<_, CodecError>(Listed {
            head: tag,
            removals,
            unsure,
            ..listed
        })
    });
    let compared = compared.await.map_err(StepError::from)?;
    Ok(Some(compared.map_err(in_object(&name))?))
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

/// Listed keys that no live record has or whose record missed a change, and live records whose keys are not
/// listed.
fn against_list(
    mut list: ListReader<impl Read>,
    mut stamps: Option<Pairs>,
    live: Vec<Entry>,
) -> Result<(Listed, Vec<Entry>), CodecError> {
    let (mut listed, mut unlisted) = (Listed::default(), Vec::new());
    let mut live = live.into_iter().peekable();
    let mut has_stamp = match &mut stamps {
        Some(stamps) => stamps.advance()?,
        None => false,
    };
    while list.advance()? {
        let key = list.key();
        while let Some(entry) = live.next_if(|entry| entry.place.key.as_bytes() < key) {
            unlisted.push(entry);
        }
        let Some(entry) = live.next_if(|entry| entry.place.key.as_bytes() == key) else {
            listed.is_cut |= listed.missing.len() == MISSING;
            if listed.missing.len() < MISSING {
                listed.missing.push(key.to_vec());
            }
            continue;
        };
        let Some(stamps) = &mut stamps else {
            continue;
        };
        while has_stamp && stamps.key() < key {
            has_stamp = stamps.advance()?;
        }
        let is_stale = has_stamp && stamps.key() == key && missed(&entry, stamps.beside());
        listed.is_cut |= is_stale && listed.stale.len() == MISSING;
        if is_stale && listed.stale.len() < MISSING {
            listed.stale.push(key.to_vec());
        }
    }
    unlisted.extend(live);
    Ok((listed, unlisted))
}

/// Whether a record was modified later than the log knows.
fn missed(entry: &Entry, shown: &[u8]) -> bool {
    let What::Upsert { stamp, .. } = &entry.what else {
        return false;
    };
    if is_off(Guard::Stamps) {
        return false;
    }
    let known = stamp.as_deref().and_then(cell::instant);
    let shown = std::str::from_utf8(shown).ok().and_then(cell::instant);
    known.zip(shown).is_some_and(|(known, shown)| known < shown)
}

/// Of live records that are not listed: the removals of those that were proved gone after the log learned of
/// them, and the others.
fn against_gone(
    mut gone: GoneReader<impl Read>,
    unlisted: Vec<Entry>,
    proof: &str,
) -> Result<(Vec<Arrival>, Vec<Entry>), CodecError> {
    let (mut removals, mut unsure) = (Vec::new(), Vec::new());
    let mut unlisted = unlisted.into_iter().peekable();
    while gone.advance()? {
        let key = gone.key();
        while let Some(entry) = unlisted.next_if(|entry| entry.place.key.as_bytes() < key) {
            unsure.push(entry);
        }
        let Some(entry) = unlisted.next_if(|entry| entry.place.key.as_bytes() == key) else {
            continue;
        };
        match jiff::Timestamp::from_second(gone.since().second) {
            Ok(at) if entry.learned < at => removals.push(Arrival {
                place: entry.place,
                incoming: Incoming::Removal(Removal {
                    reason: Reason::Gone,
                    proof: proof.to_owned(),
                    at,
                }),
                stamp: None,
                record: None,
                lacks: None,
            }),
            _ => unsure.push(entry),
        }
    }
    unsure.extend(unlisted);
    Ok((removals, unsure))
}
