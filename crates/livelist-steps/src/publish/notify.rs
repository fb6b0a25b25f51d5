//! Puts events into the sites' outbox: the published head, or the note of a held run, if the outbox does
//! not have it yet. Afterwards it records what it has put there. If a publisher dies between the head and
//! the outbox, the head is newer than that record. Then the next run that publishes, or finds the list
//! unchanged, puts the event into the outbox. So delivery is at least once, and no event is sent before its
//! fact is true.

use livelist_model::FeedId;
use livelist_model::head::{Head, Held};
use livelist_model::layout;
use livelist_model::notice::{FeedEvent, Notified};
use livelist_store::{Condition, ObjectsExt, Retention};

use crate::{Env, StepError};

/// Puts the event of the published version, `head`, into the outbox.
pub(super) async fn changed(env: &Env, head: &Head) -> Result<(), StepError> {
    hand_over(env, FeedEvent::changed(head)).await
}

/// Puts the event of a held run, whose note is written, into the outbox.
pub(super) async fn held(
    env: &Env,
    feed: &FeedId,
    held: &Held,
    head: Option<&Head>,
) -> Result<(), StepError> {
    hand_over(env, FeedEvent::held(feed, held, head)).await
}

async fn hand_over(env: &Env, event: FeedEvent) -> Result<(), StepError> {
    let key = layout::notified(&event.feed);
    // A note that cannot be read costs a second notice of the same, under the same id.
    let notified = match env.objects.read(&key).await? {
        Some((bytes, _)) => serde_json::from_slice(&bytes).unwrap_or_default(),
        None => Notified::default(),
    };
    if !notified.lacks(&event) {
        return Ok(());
    }
    env.outbox.put(&event).await?;
    let notified = notified.with(&event);
    env.objects
        .write_json(&key, &notified, Condition::Always, Retention::Keep)
        .await?;
    Ok(())
}
