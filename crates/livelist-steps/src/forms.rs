//! Stores `forms/{credential}.json`: which questions about keys a provider answers, so that the next run
//! need not find it out again. No proof depends on it: if it cannot be read or written, that only costs
//! requests.

use livelist_model::asking::{Asking, Learned, LearnedForm, Manner};
use livelist_model::layout;
use livelist_model::run::RunSpec;
use livelist_store::{Condition, ObjectsExt, Retention, StoreError};

use crate::Env;

/// A lost compare-and-swap is retried this often.
const RACES: usize = 4;

/// What was learned about the run's resource in the last days; `None` if it cannot be read.
pub(crate) async fn recall(env: &Env, run: &RunSpec, set: Manner) -> Option<Asking> {
    match read(env, run).await {
        Ok(read) => read?.0.of(&run.feed.resource, set, env.clock.now()),
        Err(error) => {
            tracing::warn!(run = %run.run, %error, "what is stored of how the provider answers questions about keys is not used");
            None
        }
    }
}

/// Stores what was learned.
pub(crate) async fn keep(env: &Env, run: &RunSpec, set: Manner, asking: Asking) {
    tracing::info!(
        run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls,
        manner = asking.manner().describe(), "found out how the provider answers questions about keys"
    );
    let learned = LearnedForm {
        resource: run.feed.resource.clone(),
        set,
        asking,
        at: env.clock.now(),
    };
    if let Err(error) = write(env, run, &learned).await {
        tracing::warn!(run = %run.run, %error, "how the provider answers questions about keys could not be stored");
    }
}

async fn write(env: &Env, run: &RunSpec, learned: &LearnedForm) -> Result<(), StoreError> {
    let key = layout::forms(&run.feed.credential);
    for _ in 0..RACES {
        let (former, condition) = match read(env, run).await {
            Ok(Some((former, etag))) => (former, Condition::Unchanged(etag)),
            Ok(None) => (Learned::default(), Condition::Absent),
            // It is no loss.
            Err(StoreError::Corrupt { .. }) => (Learned::default(), Condition::Always),
            Err(error) => return Err(error),
        };
        let document = former.with(learned.clone());
        let written = env
            .objects
            .write_json(&key, &document, condition, Retention::Scratch);
        match written.await {
            Ok(_) => return Ok(()),
            Err(StoreError::ConditionFailed { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::unavailable(
        format!("writing {key}"),
        "others kept changing it",
    ))
}

async fn read(env: &Env, run: &RunSpec) -> Result<Option<(Learned, String)>, StoreError> {
    let key = layout::forms(&run.feed.credential);
    env.objects.read_json::<Learned>(&key).await
}
