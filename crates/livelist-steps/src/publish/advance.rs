//! Moves the head on: stores what it will point at, and afterwards marks what it does not need any
//! more. The conditional write between the two is the publisher's.

use livelist_model::head::{DELTA_HISTORY, DeltaRef, Head, ObjectRef, whole_seconds};
use livelist_model::layout;
use livelist_store::{Body, Condition, Retention};

use super::Work;
use crate::draft::Made;
use crate::lists;
use crate::{Env, StepError};

async fn store(env: &Env, object: String, body: Body) -> Result<ObjectRef, StepError> {
    let bytes = body.len();
    lists::put_content(&*env.objects, &object, body, Retention::Keep).await?;
    Ok(ObjectRef { object, bytes })
}

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
    let full = store(
        env,
        layout::snapshot(feed, sequence, &summary.sha256),
        snapshot,
    )
    .await?;
    let mut deltas = Vec::new();
    if let (Some(head), Some((body, delta))) = (&head, made.delta) {
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
            stored: store(env, name, body).await?,
        });
        deltas.extend(head.deltas.iter().take(DELTA_HISTORY - 1).cloned());
    }
    Ok(Head {
        schema: Head::SCHEMA,
        feed: feed.clone(),
        version,
        sequence,
        as_of: work.as_of(),
        complete: true,
        count: summary.count,
        previous_count: head.map(|h| h.count),
        key_field: work.run.feed.key_field.clone(),
        order: "bytewise".to_owned(),
        sha256: summary.sha256,
        full,
        deltas,
        run: work.run.run.clone(),
        published_at: now,
        checked_run: work.run.run.clone(),
        next_expected_at: next_expected(env, work, now),
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

/// Marks what the new head does not need as such, and forgets the run that waited. The head is
/// written; a failure here costs space, not truth.
pub(super) async fn clean_up(env: &Env, work: &Work<'_>, new: &Head) {
    let still_needed = |object: &String| {
        new.full.object == *object || new.deltas.iter().any(|d| d.stored.object == *object)
    };
    let former = work.compared.absent.drops.iter();
    for object in former.filter(|object| !still_needed(object)) {
        if let Err(error) = env.objects.retire(object).await {
            tracing::warn!(object, %error, "an object that is no longer needed stays");
        }
    }
    if let Err(error) = env
        .objects
        .delete(&layout::held(&new.feed), Condition::Always)
        .await
    {
        tracing::warn!(feed = %new.feed, %error, "the note of a held run stays");
    }
}
