//! Moves the head: stores the objects that it will point at, and afterwards marks those that are no
//! longer needed. The compare-and-swap in between is done by `publish`.

use livelist_model::head::{DELTA_HISTORY, DeltaRef, Head, whole_seconds};
use livelist_model::layout;
use livelist_store::Condition;

use super::make::Made;
use super::{Work, gone};
use crate::lists;
use crate::{Env, StepError};

/// Stores snapshot and delta, and gives the head that points at them.
pub(super) async fn next_head(
    env: &Env,
    work: &Work<'_>,
    head: Option<Head>,
    made: Made,
    now: jiff::Timestamp,
) -> Result<Head, StepError> {
    let feed = &work.run.feed.feed;
    let sequence = head.as_ref().map_or(0, |h| h.sequence) + 1;
    let version = Head::version_of(now, sequence);
    let (snapshot, summary) = made.snapshot;
    let full = lists::store(
        &*env.objects,
        layout::snapshot(feed, sequence, &summary.sha256),
        snapshot,
    )
    .await?;
    let mut deltas = Vec::new();
    let mut record = None;
    if let (Some(head), Some(changes)) = (&head, made.delta) {
        record = gone::renew(env, work, head, sequence, &changes, now).await?;
        let (body, delta) = changes;
        let name = layout::delta(feed, head.sequence, sequence, &delta.text.sha256);
        deltas.push(DeltaRef {
            from: head.version.clone(),
            to: version.clone(),
            added: delta.added,
            removed: delta.removed,
            confirmed: (delta.removed > 0).then(|| work.confirmed_by()),
            sha256: delta.text.sha256,
            published_at: Some(now),
            run: Some(work.run.run.clone()),
            stored: lists::store(&*env.objects, name, body).await?,
        });
        deltas.extend(head.deltas.iter().take(DELTA_HISTORY - 1).cloned());
    }
    Ok(Head {
        schema: Head::SCHEMA,
        feed: feed.clone(),
        version,
        sequence,
        epoch: match &head {
            Some(head) => head.epoch.clone(),
            None => whole_seconds(now).to_string(),
        },
        as_of: work.as_of(head.as_ref(), now),
        checked_at: work.checked_at(head.as_ref()),
        complete: true,
        count: summary.count,
        previous_count: head.as_ref().map(|h| h.count),
        key_field: work.run.feed.key_field.clone(),
        order: "bytewise".to_owned(),
        sha256: summary.sha256,
        full,
        deltas,
        gone: record,
        run: work.run.run.clone(),
        published_at: now,
        // A held run is no good look, even if it publishes new keys.
        checked_run: match &head {
            Some(head) if work.hold.is_some() => head.checked_run.clone(),
            _ => work.run.run.clone(),
        },
        next_expected_at: match &head {
            Some(head) if work.hold.is_some() => head.next_expected_at,
            _ => next_expected(env, work, now),
        },
    })
}

/// When the next run of the feed is due.
pub(super) fn next_expected(
    env: &Env,
    work: &Work<'_>,
    now: jiff::Timestamp,
) -> Option<jiff::Timestamp> {
    let feed = &work.run.feed;
    let next = feed
        .schedule
        .next_expected(&feed.mls, now, env.limits.planner);
    next.map(whole_seconds)
}

/// Marks objects that the new head does not need, and removes the note of the held run. The head is already
/// written, so a failure here only costs space.
pub(super) async fn clean_up(env: &Env, work: &Work<'_>, new: &Head) {
    let needed: Vec<&String> = new.objects().collect();
    let former = work.compared.absent.drops.iter();
    for object in former.filter(|object| !needed.contains(object)) {
        if let Err(error) = env.objects.retire(object).await {
            tracing::warn!(object, %error, "an object that is no longer needed could not be marked for removal");
        }
    }
}

/// Forgets the run that waited.
pub(super) async fn forget_held(env: &Env, new: &Head) {
    if let Err(error) = env
        .objects
        .delete(&layout::held(&new.feed), Condition::Always)
        .await
    {
        tracing::warn!(feed = %new.feed, %error, "the note of a held run could not be removed");
    }
}
