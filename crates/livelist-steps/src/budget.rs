//! Stores the ledger of requests that were made with a credential. So a budget holds across the tasks of a
//! run and across the runs of a day. A task adds its own requests. If two tasks overlap (one has lost its
//! lease), both count. The ledger also holds a wait that the provider asked for, so every process waits
//! until its end.

use std::time::Duration;

use livelist_model::budget::Ledger;
use livelist_model::layout;
use livelist_model::registry::{CredentialRef, Limit};
use livelist_model::run::RunSpec;
use livelist_model::wait::ToldWait;
use livelist_reso::Client;
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError};

use crate::{Env, StepError};

/// A lost compare-and-swap is retried this often. Each loss means that another task has just added its
/// part.
const RACES: usize = 8;
/// A task stores its count after this fraction of its smallest window, so that few requests are lost if it
/// dies.
const SHARE: u64 = 20;
/// Fewer requests than this are not worth a write.
const LEAST: u64 = 25;

/// The recent requests with the run's credential; `None` if no window is longer than a task.
pub(crate) async fn ledger(
    env: &Env,
    run: &RunSpec,
    limits: &[Limit],
) -> Result<Ledger, StepError> {
    if limits.is_empty() {
        return Ok(Ledger::default());
    }
    let read = read(&*env.objects, &run.feed.credential).await?;
    let mut ledger = read.map(|(l, _)| l).unwrap_or_default();
    ledger.believe(env.clock.now());
    Ok(ledger)
}

/// Whether the client has asked so much since it was last written down that it should be now.
pub(crate) fn is_due(client: &Client<'_>) -> bool {
    let limits = client.limits().iter().filter(|l| l.seconds >= 60);
    let smallest = limits.map(|l| l.most / SHARE).min();
    smallest.is_some_and(|share| client.unaccounted() >= share.max(LEAST))
}

/// Adds the client's requests and its wait to the credential's ledger.
pub(crate) async fn keep(
    env: &Env,
    run: &RunSpec,
    client: &mut Client<'_>,
) -> Result<(), StepError> {
    let spent = client.take_spent();
    let told = spent.told(env.clock.now());
    if let Some(told) = told {
        tell(run, told);
    }
    if spent.is_empty() || (client.limits().is_empty() && told.is_none()) {
        return Ok(());
    }
    add(env, run, &spent).await
}

/// Stores a wait that the provider asked for.
pub(crate) async fn note_wait(env: &Env, run: &RunSpec, wait: Duration) -> Result<(), StepError> {
    let told = ToldWait::new(env.clock.now(), wait);
    tell(run, told);
    let mut spent = Ledger::default();
    spent.note_wait(told);
    add(env, run, &spent).await
}

fn tell(run: &RunSpec, told: ToldWait) {
    if let Some(said) = told.said() {
        tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, %said,
            "the provider asks to wait for longer than an hour; an hour is believed at a time"
        );
    }
}

async fn add(env: &Env, run: &RunSpec, spent: &Ledger) -> Result<(), StepError> {
    let now = env.clock.now();
    let (objects, credential) = (&*env.objects, &run.feed.credential);
    let change = |ledger: &mut Ledger| {
        ledger.believe(now);
        ledger.add(spent);
        ledger.compact(now);
        true
    };
    changed(objects, credential, change).await.map(drop)
}

/// How long the provider said to wait before anything is asked with `credential`, while that is on.
///
/// # Errors
/// The store cannot be used now.
pub async fn told(
    objects: &dyn Objects,
    credential: &CredentialRef,
    now: jiff::Timestamp,
) -> Result<Option<ToldWait>, StepError> {
    let read = read(objects, credential).await?;
    Ok(read.and_then(|(ledger, _)| ledger.told(now)))
}

/// Forgets how long the provider said to wait; says whether that was still on.
///
/// # Errors
/// The store cannot be used now.
pub async fn forget_wait(
    objects: &dyn Objects,
    credential: &CredentialRef,
    now: jiff::Timestamp,
) -> Result<bool, StepError> {
    changed(objects, credential, |ledger| ledger.forget_wait(now)).await
}

/// Changes the account, if `change` says so; says whether it did.
async fn changed(
    objects: &dyn Objects,
    credential: &CredentialRef,
    change: impl Fn(&mut Ledger) -> bool,
) -> Result<bool, StepError> {
    let key = layout::budget(credential);
    for _ in 0..RACES {
        let (mut ledger, condition) = match read(objects, credential).await? {
            Some((ledger, etag)) => (ledger, Condition::Unchanged(etag)),
            None => (Ledger::default(), Condition::Absent),
        };
        if !change(&mut ledger) {
            return Ok(false);
        }
        let written = objects.write_json(&key, &ledger, condition, Retention::Scratch);
        match written.await {
            Ok(_) => return Ok(true),
            Err(StoreError::ConditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::unavailable(format!("writing {key}"), "others kept changing it").into())
}

/// The ledger, with its ETag. If it cannot be read, a new one is started: it only protects the rate limit,
/// and no proof depends on it.
async fn read(
    objects: &dyn Objects,
    credential: &CredentialRef,
) -> Result<Option<(Ledger, String)>, StepError> {
    let key = layout::budget(credential);
    match objects.read_json::<Ledger>(&key).await {
        Ok(found) => Ok(found),
        Err(StoreError::Corrupt { reason, .. }) => {
            tracing::warn!(
                object = key,
                reason,
                "the ledger of requests cannot be read and begins anew"
            );
            let found = objects.read(&key).await?;
            Ok(found.map(|(_, etag)| (Ledger::default(), etag)))
        }
        Err(error) => Err(error.into()),
    }
}
