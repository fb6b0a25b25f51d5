//! Stamps: when the listings of a feed whose records are copied were modified, as the last scan showed it. The
//! scan reads that field beside the key, and it is stored beside the list. A record of the log with an earlier
//! stamp missed a change.

use livelist_model::codec::{CodecError, Effort};
use livelist_model::ids::FeedId;
use livelist_model::keys::KeyBuffer;
use livelist_model::layout;
use livelist_model::merge::Union;
use livelist_model::pairs::PairWriter;
use livelist_model::record::ListRef;
use livelist_model::run::RunSpec;
use livelist_reso::dialect::Dialect;
use livelist_store::{Condition, Retention};

use crate::lists::{self, Chunks};
use crate::pairs::{self, Pairs};
use crate::progress::{Progress, load};
use crate::{Env, StepError};

/// Stores the stamps of a part's keys; nothing if the feed's scans keep none.
pub(crate) async fn part(
    env: &Env,
    run: &RunSpec,
    number: usize,
    keys: &KeyBuffer,
) -> Result<Option<ListRef>, StepError> {
    let dialect = Dialect::for_feed(&run.feed)?;
    let Some(field) = dialect.stamp_kept(&run.feed) else {
        return Ok(None);
    };
    let name = format!("stamps-{number:05}");
    let stamps = match dialect.second_field() == Some(field) {
        true => pairs::written(keys.iter().filter(|(_, stamp)| !stamp.is_empty()), &name)?,
        false => pairs::written(keys.ids(), &name)?,
    };
    pairs::keep(env, run, &name, stamps).await
}

/// Stores the stamps that the scans of a run showed, beside the list that it leaves.
pub(crate) async fn keep(env: &Env, run: &RunSpec, progress: &str) -> Result<(), StepError> {
    if !run.feed.stamps {
        return Ok(());
    }
    let progress: Progress = load(&*env.objects, run, progress).await?;
    if progress.stamps.is_empty() {
        return Ok(());
    }
    let parts = pairs::open(env, &progress.stamps).await?;
    let object = layout::stamps(&run.feed.feed);
    let written = livelist_blocking::run(move || {
        let mut writer = PairWriter::new(Chunks::default(), Effort::Small);
        let mut shown = Union::new(parts)?;
        while shown.advance()? {
            pairs::push(&mut writer, &shown)?;
        }
        Ok::<_, CodecError>(writer.finish()?.0)
    })
    .await?;
    let body = written.map_err(lists::in_object(&object))?.into_body();
    env.objects
        .put(&object, body, Condition::Always, Retention::Keep)
        .await?;
    Ok(())
}

/// The stamps beside the feed's list, if there are any.
pub(crate) async fn kept(env: &Env, feed: &FeedId) -> Result<Option<Pairs>, StepError> {
    pairs::kept(env, &layout::stamps(feed)).await
}
