//! Ids: some MLSs cannot be asked for a listing by its key, but by another field (MLS Grid:
//! `ListingId`). The scan reads that field beside the key, and it is stored beside the list. An id is
//! only a hint: an answer counts by the keys that it shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use livelist_model::codec::{CodecError, Effort, KeyStream, NoKeys};
use livelist_model::keys::KeyBuffer;
use livelist_model::layout;
use livelist_model::merge::{Union, Without};
use livelist_model::pairs::PairWriter;
use livelist_model::record::ListRef;
use livelist_model::run::RunSpec;
use livelist_reso::dialect::Dialect;
use livelist_store::{Condition, Retention};

use crate::lists::{self, Chunks};
use crate::pairs::{self, Pairs};
use crate::progress::{Progress, load};
use crate::{Env, StepError, looks};

/// At most this many listings change the id by which they are asked for within two days. If more change,
/// the MLS has renumbered them.
pub(crate) const MOST_CHANGED: u64 = 5;

/// Whether the MLS can be asked for single listings of the feed today. If it is asked by an id, ids have to
/// be stored already.
pub(crate) async fn can_ask(env: &Env, run: &RunSpec) -> Result<bool, StepError> {
    let dialect = Dialect::for_feed(&run.feed)?;
    if !dialect.confirm.is_by_key() || dialect.id_field(&run.feed).is_none() {
        return Ok(dialect.confirm.is_by_key());
    }
    let kept = env.objects.get(&layout::ids(&run.feed.feed)).await?;
    Ok(kept.is_some())
}

/// Whether a question by key alone decides about a listing: the MLS is asked by the keys themselves, and
/// its answers show only what it lists.
pub(crate) fn asks_by_key(run: &RunSpec) -> Result<bool, StepError> {
    let dialect = Dialect::for_feed(&run.feed)?;
    let by_id = dialect.id_field(&run.feed).is_some();
    Ok(dialect.confirm.is_by_key() && !by_id && !dialect.shows_more)
}

/// Stores the ids of a part's keys; nothing if there are none.
pub(crate) async fn part(
    env: &Env,
    run: &RunSpec,
    number: usize,
    keys: &KeyBuffer,
) -> Result<Option<ListRef>, StepError> {
    if Dialect::for_feed(&run.feed)?.id_field(&run.feed).is_none() {
        return Ok(None);
    }
    let name = format!("ids-{number:05}");
    pairs::keep(env, run, &name, pairs::written(keys.ids(), &name)?).await
}

/// Ids by which keys can be asked for.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// The id of a key.
    pub(crate) of: BTreeMap<Vec<u8>, Vec<u8>>,
    /// How many keys showed another id in this run than the one that was kept.
    pub(crate) changed: u64,
}

/// The ids of `keys`: as the run saw them, or else as they were kept.
pub(crate) async fn look_up(
    env: &Env,
    run: &RunSpec,
    progress: &Progress,
    keys: BTreeSet<Vec<u8>>,
) -> Result<Ids, StepError> {
    let parts = pairs::open(env, &progress.ids).await?;
    let kept = pairs::kept(env, &layout::ids(&run.feed.feed)).await?;
    let found = livelist_blocking::run(move || {
        let mut ids = Ids::default();
        let mut shown = Union::new(parts)?;
        let mut has_shown = shown.advance()?;
        let mut note = |key: &[u8], id: &[u8]| {
            if keys.contains(key) {
                ids.of.insert(key.to_vec(), id.to_vec());
            }
        };
        let mut changed = 0;
        if let Some(mut kept) = kept {
            while kept.advance()? {
                while has_shown && shown.key() < kept.key() {
                    note(shown.key(), shown.list().map_or(&[], |list| list.beside()));
                    has_shown = shown.advance()?;
                }
                if !has_shown || shown.key() != kept.key() {
                    note(kept.key(), kept.beside());
                } else if shown
                    .list()
                    .is_some_and(|list| list.beside() != kept.beside())
                {
                    changed += 1;
                }
            }
        }
        while has_shown {
            note(shown.key(), shown.list().map_or(&[], |list| list.beside()));
            has_shown = shown.advance()?;
        }
        ids.changed = changed;
        Ok::<_, CodecError>(ids)
    })
    .await?;
    found.map_err(lists::in_object("of ids"))
}

/// Stores the ids of the published list, without the keys `gone`: as the run saw them, or else as they were
/// stored before. First it records whether the scan showed any with another id than the stored one.
pub(crate) async fn keep(
    env: &Env,
    run: &RunSpec,
    progress: &str,
    began: Option<Timestamp>,
    gone: Option<&ListRef>,
) -> Result<(), StepError> {
    if Dialect::for_feed(&run.feed)?.id_field(&run.feed).is_none() {
        return Ok(());
    }
    let progress: Progress = load(&*env.objects, run, progress).await?;
    if progress.ids.is_empty() {
        return Ok(());
    }
    let object = layout::ids(&run.feed.feed);
    let parts = pairs::open(env, &progress.ids).await?;
    let kept = pairs::kept(env, &layout::ids(&run.feed.feed)).await?;
    let gone: Box<dyn KeyStream + Send> = match gone {
        Some(gone) => {
            Box::new(lists::open(&*env.objects, &gone.object, gone.summary.clone()).await?)
        }
        None => Box::new(NoKeys),
    };
    let made = livelist_blocking::run(move || renewed(parts, kept, gone)).await?;
    let (mut chunks, changed) = made.map_err(lists::in_object(&object))?;
    if let (Some(began), true) = (began, changed > 0) {
        looks::note_changed_ids(env, run, began).await?;
    }
    if changed > MOST_CHANGED {
        // One that was not seen may have changed as well: its key cannot be asked for.
        let parts = pairs::open(env, &progress.ids).await?;
        let made = livelist_blocking::run(move || renewed(parts, None, NoKeys)).await?;
        chunks = made.map_err(lists::in_object(&object))?.0;
    }
    let body = chunks.into_body();
    let keep = Retention::Keep;
    env.objects
        .put(&object, body, Condition::Always, keep)
        .await?;
    Ok(())
}

/// The ids that were shown and, for other keys that are not gone, the stored ones; and how many keys were
/// shown with another id.
fn renewed(
    parts: Vec<(Pairs, u32)>,
    kept: Option<Pairs>,
    gone: impl KeyStream,
) -> Result<(Chunks, u64), CodecError> {
    let mut changed = 0;
    let mut writer = PairWriter::new(Chunks::default(), Effort::Small);
    let mut shown = Union::new(parts)?;
    let mut has_shown = shown.advance()?;
    if let Some(kept) = kept {
        let mut kept = Without::new(kept, gone);
        while kept.advance()? {
            while has_shown && shown.key() < kept.key() {
                pairs::push(&mut writer, &shown)?;
                has_shown = shown.advance()?;
            }
            // What the run saw is newer.
            if !has_shown || shown.key() != kept.key() {
                writer.push(kept.key(), kept.list().beside())?;
            } else {
                let is_same = |pairs: &Pairs| pairs.beside() == kept.list().beside();
                changed += u64::from(!shown.list().is_some_and(is_same));
            }
        }
    }
    while has_shown {
        pairs::push(&mut writer, &shown)?;
        has_shown = shown.advance()?;
    }
    Ok((writer.finish()?.0, changed))
}
