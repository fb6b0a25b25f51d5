//! Stores the ledger of requests that were made with a credential. So a budget holds across the tasks
//! of a run and across the runs of a day. A task adds the requests that it made. If two tasks overlap
//! (one has lost its lease), both count.

use livelist_model::budget::Ledger;
use livelist_model::layout;
use livelist_model::registry::Limit;
use livelist_model::run::RunSpec;
use livelist_reso::Client;
use livelist_store::{Condition, ObjectsExt, Retention, StoreError};

use crate::{Env, StepError};

/// Lost races are tried again so often; each loss means that another has just added its part.
const RACES: usize = 8;
/// A task writes down what it asked when it has asked for this part of its smallest window, so that
/// one that dies takes little with it.
const SHARE: u64 = 20;
/// Fewer requests than this are not worth a write.
const LEAST: u64 = 25;

/// What was asked with the run's credential lately; nothing where no window is longer than a task's
/// memory.
pub(crate) async fn ledger(
    env: &Env,
    run: &RunSpec,
    limits: &[Limit],
) -> Result<Ledger, StepError> {
    if limits.is_empty() {
        return Ok(Ledger::default());
    }
    let mut ledger = read(env, run).await?.map(|(l, _)| l).unwrap_or_default();
    ledger.believe(env.clock.now());
    Ok(ledger)
}

/// Whether the client has asked so much since it was last written down that it should be now.
pub(crate) fn is_due(client: &Client<'_>) -> bool {
    let limits = client.limits().iter().filter(|l| l.seconds >= 60);
    let smallest = limits.map(|l| l.most / SHARE).min();
    smallest.is_some_and(|share| client.unaccounted() >= share.max(LEAST))
}

/// Adds what the client asked to the credential's account.
pub(crate) async fn keep(
    env: &Env,
    run: &RunSpec,
    client: &mut Client<'_>,
) -> Result<(), StepError> {
    let spent = client.take_spent();
    if client.limits().is_empty() || spent.is_empty() {
        return Ok(());
    }
    let key = layout::budget(&run.feed.credential);
    for _ in 0..RACES {
        let (mut ledger, condition) = match read(env, run).await? {
            Some((ledger, etag)) => (ledger, Condition::Unchanged(etag)),
            None => (Ledger::default(), Condition::Absent),
        };
        ledger.believe(env.clock.now());
        ledger.add(&spent);
        ledger.compact(env.clock.now());
        let written = env
            .objects
            .write_json(&key, &ledger, condition, Retention::Scratch);
        match written.await {
            Ok(_) => return Ok(()),
            Err(StoreError::ConditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::unavailable(format!("writing {key}"), "others kept changing it").into())
}

/// The account, with its ETag. One that cannot be read is begun anew: it is a courtesy to the
/// provider, and no proof rests on it.
async fn read(env: &Env, run: &RunSpec) -> Result<Option<(Ledger, String)>, StepError> {
    let key = layout::budget(&run.feed.credential);
    match env.objects.read_json::<Ledger>(&key).await {
        Ok(found) => Ok(found),
        Err(StoreError::Corrupt { reason, .. }) => {
            tracing::warn!(
                object = key,
                reason,
                "the ledger of requests cannot be read and begins anew"
            );
            let found = env.objects.read(&key).await?;
            Ok(found.map(|(_, etag)| (Ledger::default(), etag)))
        }
        Err(error) => Err(error.into()),
    }
}
