//! Puts events into the sites' outbox: what the head, or the note of a held run, says and the outbox
//! was not given yet. It is written down after it was given. If a publisher dies between the head and
//! the outbox, the head is newer than that note, and the next run that publishes, or finds the list
//! unchanged, puts the event into the outbox. So delivery is at least once, and no event precedes
//! what it tells.

use livelist_model::FeedId;
use livelist_model::head::{Head, Held};
use livelist_model::layout;
use livelist_model::notice::{FeedEvent, Notified};
use livelist_store::{Condition, ObjectsExt, Retention};

use crate::{Env, StepError};

/// Tells of the published version, which `head` is by now.
pub(super) async fn changed(env: &Env, head: &Head) -> Result<(), StepError> {
    hand_over(env, FeedEvent::changed(head)).await
}

/// Tells of a held run, whose note is written by now.
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
