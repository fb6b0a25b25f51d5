//! Makes the snapshot and the delta where there is no draft of them to be taken: one pass over the
//! parts, the restored keys and the former snapshot.

use livelist_model::codec::{CodecError, KeyStream};
use livelist_model::head::Head;
use livelist_model::merge::{Union, difference};

use super::Work;
use crate::compare::{former, union};
use crate::draft::{Made, Writer};
use crate::lists;
use crate::progress::{Progress, load};
use crate::{Env, StepError};

/// Merges parts and restored keys to the snapshot, and its difference from the former one to the
/// delta; checks the numbers against those that were decided on.
pub(super) async fn make(
    env: &Env,
    work: &Work<'_>,
    head: Option<&Head>,
) -> Result<Made, StepError> {
    let progress: Progress = load(&*env.objects, work.run, &work.compared.progress).await?;
    let parts = union(env, &progress).await?;
    let mut former = former(env, head).await?;
    let mut restored: Vec<Vec<u8>> = work
        .told
        .iter()
        .flat_map(|t| &t.restored)
        .map(|k| k.clone().into_bytes())
        .collect();
    restored.sort();
    let restored_count = restored.len() as u64;
    let mut writer = Writer::new(head);
    let made = livelist_reso::blocking::run(move || {
        let mut streams: Vec<(Box<dyn KeyStream + Send>, u32)> = Vec::new();
        for (part, scan) in parts {
            streams.push((Box::new(part), scan));
        }
        streams.push((
            Box::new(InMemory {
                keys: restored,
                next: 0,
            }),
            31,
        ));
        let mut live = Union::new(streams)?;
        difference::<CodecError>(&mut former, &mut live, |key, side| writer.push(key, side))?;
        writer.finish()
    })
    .await?
    .map_err(lists::in_object("of a part or of the former snapshot"))?;
    let facts = &work.compared.facts;
    let expected = facts.absent.checked_sub(restored_count);
    let expected = expected.map(|removed| (facts.live + restored_count, facts.added, removed));
    let got = made.numbers();
    if expected != Some(got) {
        return Err(StepError::Contradiction(format!(
            "decided on {expected:?} keys, added, removed; made {got:?}"
        )));
    }
    Ok(made)
}

/// Keys that are known already, as a stream.
struct InMemory {
    keys: Vec<Vec<u8>>,
    next: usize,
}

impl KeyStream for InMemory {
    fn advance(&mut self) -> Result<bool, CodecError> {
        self.next += 1;
        Ok(self.next <= self.keys.len())
    }

    fn key(&self) -> &[u8] {
        &self.keys[self.next - 1]
    }
}
