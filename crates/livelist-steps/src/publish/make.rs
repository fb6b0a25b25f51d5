//! Makes the snapshot and the delta if there is no usable draft: one pass over the parts, the absent keys
//! that stay listed, the keys that were found for sites, and the former snapshot.

use livelist_model::codec::{CodecError, KeyStream};
use livelist_model::head::Head;
use livelist_model::merge::{Union, Without, difference};
use livelist_model::record::ListRef;

use super::{Goes, Work};
use crate::compare::{former, union};
use crate::draft::{Made, Writer};
use crate::lists;
use crate::parts::{FOUND, KEPT};
use crate::progress::{Progress, load};
use crate::{Env, StepError};

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
