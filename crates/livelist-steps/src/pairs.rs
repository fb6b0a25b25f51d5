//! Lists of keys, each with what stands beside it: the parts of ids and of stamps that a scan leaves.

use livelist_model::codec::{CodecError, Effort, ListSummary};
use livelist_model::merge::Union;
use livelist_model::pairs::{PairReader, PairWriter};
use livelist_model::record::ListRef;
use livelist_model::run::RunSpec;

use crate::lists::{self, Chunks};
use crate::{Env, StepError};

/// A stored list of pairs.
pub(crate) type Pairs = PairReader<lists::Stored>;

type Written = Option<(Chunks, ListSummary)>;

/// A list of sorted keys, each with what stands beside it; nothing if there are none.
pub(crate) fn written<'k>(
    pairs: impl Iterator<Item = (&'k [u8], &'k [u8])>,
    name: &str,
) -> Result<Written, StepError> {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_none() {
        return Ok(None);
    }
    let mut writer = PairWriter::new(Chunks::default(), Effort::Stored);
    for (key, beside) in pairs {
        writer.push(key, beside).map_err(lists::in_object(name))?;
    }
    let written = writer.finish().map_err(lists::in_object(name))?;
    Ok(Some(written))
}

/// Stores such a list among the run's objects.
pub(crate) async fn keep(
    env: &Env,
    run: &RunSpec,
    name: &str,
    written: Written,
) -> Result<Option<ListRef>, StepError> {
    let Some((chunks, summary)) = written else {
        return Ok(None);
    };
    let (feed, id) = (&run.feed.feed, &run.run);
    lists::keep(&*env.objects, feed, id, name, chunks, summary)
        .await
        .map(Some)
}

/// The list of pairs that is kept under this name, if there is one.
pub(crate) async fn kept(env: &Env, object: &str) -> Result<Option<Pairs>, StepError> {
    let found = lists::find(&*env.objects, object).await?;
    Ok(found.map(|source| Pairs::new(source, None)))
}

/// Opens the lists of pairs of a run.
pub(crate) async fn open(env: &Env, lists: &[ListRef]) -> Result<Vec<(Pairs, u32)>, StepError> {
    let mut parts = Vec::with_capacity(lists.len());
    for part in lists {
        let source = lists::source(&*env.objects, &part.object).await?;
        parts.push((PairReader::new(source, Some(part.summary.clone())), 0));
    }
    Ok(parts)
}

/// Writes the pair at which a union stands.
pub(crate) fn push(
    writer: &mut PairWriter<Chunks>,
    shown: &Union<Pairs>,
) -> Result<(), CodecError> {
    match shown.list() {
        Some(pairs) => writer.push(shown.key(), pairs.beside()),
        None => Ok(()),
    }
}
