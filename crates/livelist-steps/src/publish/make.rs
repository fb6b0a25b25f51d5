//! Makes the snapshot and the delta: one pass over the parts, the absent keys that stay listed, the keys
//! that were found for sites, and the former snapshot.

use livelist_model::codec::{CodecError, Effort, KeyStream, ListSummary, ListWriter};
use livelist_model::delta::{DeltaSummary, DeltaWriter, Sign};
use livelist_model::head::Head;
use livelist_model::merge::{Side, Union, Without, difference};
use livelist_model::record::ListRef;
use livelist_store::Body;

use super::{Goes, Work};
use crate::compare::{former, union};
use crate::lists::{self, Chunks};
use crate::parts::{FOUND, KEPT};
use crate::progress::{Progress, load};
use crate::{Env, StepError};

/// A snapshot and its delta, made but not stored.
#[derive(Debug)]
pub(super) struct Made {
    /// The snapshot's bytes, and its summary.
    pub(super) snapshot: (Body, ListSummary),
    /// The same of the delta; absent if there is no former snapshot.
    pub(super) delta: Option<(Body, DeltaSummary)>,
    /// Keys that the former snapshot has not.
    pub(super) added: u64,
    /// Keys that only the former snapshot has.
    pub(super) removed: u64,
}

/// Writes a snapshot and its delta while two lists are walked.
struct Writer {
    snapshot: ListWriter<Chunks>,
    delta: Option<DeltaWriter<Chunks>>,
    added: u64,
    removed: u64,
}

impl Writer {
    /// A writer; of a delta as well, if there is a former snapshot.
    fn new(head: Option<&Head>) -> Writer {
        Writer {
            snapshot: lists::writer(Effort::Small),
            delta: head.map(|_| DeltaWriter::new(Chunks::default())),
            added: 0,
            removed: 0,
        }
    }

    /// Takes the next key of either list.
    fn push(&mut self, key: &[u8], side: Side) -> Result<(), CodecError> {
        let sign = match side {
            Side::Both => return self.snapshot.push(key),
            Side::Former => Sign::Removed,
            Side::Present => Sign::Added,
        };
        if let Some(delta) = &mut self.delta {
            delta.push(sign, key)?;
        }
        if sign == Sign::Removed {
            self.removed += 1;
            return Ok(());
        }
        self.added += 1;
        self.snapshot.push(key)
    }

    /// Ends both lists.
    fn finish(self) -> Result<Made, CodecError> {
        let (snapshot, summary) = self.snapshot.finish()?;
        let delta = self.delta.map(DeltaWriter::finish).transpose()?;
        Ok(Made {
            snapshot: (snapshot.into_body(), summary),
            delta: delta.map(|(delta, summary)| (delta.into_body(), summary)),
            added: self.added,
            removed: self.removed,
        })
    }
}

impl Made {
    /// The number of keys in the snapshot, of added keys, and of removed keys.
    fn numbers(&self) -> (u64, u64, u64) {
        (self.snapshot.1.count, self.added, self.removed)
    }
}

/// Merges parts and remaining absent keys into the snapshot, and its difference from the former one into
/// the delta. Checks the numbers against those of the decision.
pub(super) async fn make(
    env: &Env,
    work: &Work<'_>,
    head: Option<&Head>,
) -> Result<Made, StepError> {
    let progress: Progress = load(&*env.objects, work.run, &work.compared.progress).await?;
    let parts = union(env, &progress).await?;
    let mut former = former(env, head).await?;
    let absent = &work.compared.absent.list;
    let kept = match work.goes() {
        Goes::All => None,
        Goes::Nothing => Some((listed(env, absent).await?, None)),
        Goes::These(gone) => Some((listed(env, absent).await?, Some(listed(env, gone).await?))),
    };
    let found = match work.found() {
        Some(found) => Some(listed(env, found).await?),
        None => None,
    };
    let mut writer = Writer::new(head);
    let made = livelist_blocking::run(move || {
        let mut streams: Vec<(Box<dyn KeyStream + Send>, u32)> = Vec::new();
        for (part, scan) in parts {
            streams.push((Box::new(part), scan));
        }
        match kept {
            Some((absent, None)) => streams.push((Box::new(absent), KEPT)),
            Some((absent, Some(gone))) => {
                streams.push((Box::new(Without::new(absent, gone)), KEPT));
            }
            None => {}
        }
        if let Some(found) = found {
            streams.push((Box::new(found), FOUND));
        }
        let mut live = Union::new(streams)?;
        difference::<CodecError>(&mut former, &mut live, |key, side| writer.push(key, side))?;
        writer.finish()
    })
    .await?
    .map_err(lists::in_object("of a part or of the former snapshot"))?;
    let facts = &work.compared.facts;
    let kept = work.kept();
    let found = work.found().map_or(0, |found| found.summary.count);
    let expected = facts.absent.checked_sub(kept);
    let expected =
        expected.map(|removed| (facts.live + kept + found, facts.added + found, removed));
    let got = made.numbers();
    if expected != Some(got) {
        return Err(StepError::Contradiction(format!(
            "decided on {expected:?} keys, added, removed; made {got:?}"
        )));
    }
    Ok(made)
}

async fn listed(env: &Env, list: &ListRef) -> Result<lists::StoredList, StepError> {
    lists::open(&*env.objects, &list.object, list.summary.clone()).await
}
