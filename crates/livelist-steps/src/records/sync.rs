//! `pull` as a function: one sync of a replication. It reads what changed of all its resources within the time of
//! one call, and tells the queue of copies which copies lack something. What does not fit goes on with the next
//! sync: the cursors are in the log.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use livelist_log::Log;
use livelist_model::registry::{DestinationDocument, Mls, Replication};
use livelist_model::syncs::{CopyDue, Need, Pass, PassOutcome, SyncDue, SyncError, need};
use livelist_reso::Dialects;
use livelist_store::pauses::is_mls_paused;
use livelist_store::registry::{DocumentError, read_destination, read_mls, read_replication};
use livelist_store::{LeaseState, Message, Objects, StoreError};

use super::pull::{self, Outcome, Pulled};
use super::{RecordsError, ResourceSpec, syncs};
use crate::{Env, StepError, history};

/// The function's name.
pub const NAME: &str = "pull";
/// A sync waits for a provider so long; for longer waits it ends.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// With less time left no resource is begun, and no pull goes on.
const LEAST_TIME: SignedDuration = SignedDuration::from_secs(10);

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The sync was made.
    Made(Made),
    /// There is nothing to do, and this is why.
    Left(String),
    /// The message is none of ours: it went to the dead-letter queue with this reason.
    DeadLettered(String),
}

/// A sync that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// How it ended.
    pub pass: Pass,
    /// Copies that lack something: so many messages were sent.
    pub told: usize,
}

/// What was read of one resource.
type Read = (ResourceSpec, Result<Pulled, RecordsError>);

/// Makes the sync of one message. It sets the limits of `env` for what is left of its time. A provider that fails
/// is no error here: the sync has failed, and the next one comes.
///
/// # Errors
/// The store or the queue cannot be used now: the message should be delivered again.
pub async fn run(env: &mut Env, body: &str) -> Result<Output, RecordsError> {
    let due: SyncDue = match serde_json::from_str(body) {
        Ok(SyncDue { schema, .. }) if schema != SyncDue::SCHEMA => {
            let reason = format!("the message has the unknown form {schema}");
            return dead(env, body, reason).await;
        }
        Ok(due) => due,
        Err(error) => {
            return dead(env, body, format!("the message is no sync: {error}")).await;
        }
    };
    let began_at = env.clock.now();
    let (replication, mls) = match wanted(&*env.objects, &due, began_at).await? {
        Ok(wanted) => wanted,
        Err(reason) => return Ok(Output::Left(reason)),
    };
    let name = &replication.replication;
    let objects = env.objects.clone();
    let bits = env.entropy.bits().map_err(StepError::from)?;
    let (owner, generation) = (format!("sync-{name}-{bits:016x}"), format!("{bits:016x}"));
    let mut log = Log::open(&*objects, name, &generation, began_at).await?;
    let reads = read(env, &replication, &mls, &mut log, &owner).await?;
    // A failed pull may have left the log another one than this value knows.
    if reads.iter().any(|(_, pulled)| pulled.is_err()) {
        log = Log::open(&*objects, name, &generation, began_at).await?;
    }
    let newest = log.head().newest();
    let settled = settled(&log, &replication);
    let documents = copies_of(&*objects, &replication).await?;
    let told = tell(env, &reads, &documents, newest, settled).await?;
    let pass = summed(&reads, began_at, env.clock.now());
    let names: BTreeSet<_> = documents.iter().map(|d| &d.destination).collect();
    let noted = syncs::update(&*objects, name, |syncs| {
        let mut copies = std::mem::take(&mut syncs.copies);
        copies.retain(|name, _| names.contains(name));
        for name in &names {
            let copy = copies.entry((*name).clone()).or_default();
            copy.newest = newest;
            if copy.position == newest && copy.error.is_none() {
                copy.settled_at = settled;
            }
        }
        syncs.note(pass.clone(), copies);
    });
    noted.await?;
    Ok(Output::Made(Made { pass, told }))
}

async fn dead(env: &Env, body: &str, reason: String) -> Result<Output, RecordsError> {
    env.queue.dead_letter(body, &reason).await?;
    Ok(Output::DeadLettered(reason))
}

/// The documents of a sync, or why it is not made.
async fn wanted(
    objects: &dyn Objects,
    due: &SyncDue,
    now: Timestamp,
) -> Result<Result<(Replication, Mls), String>, StoreError> {
    let replication = match read_replication(objects, &due.replication).await {
        Ok(replication) => replication,
        Err(DocumentError::Store(error)) => return Err(error),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mls = match read_mls(objects, &replication.mls, &Dialects).await {
        Ok(mls) => mls,
        Err(DocumentError::Store(error)) => return Err(error),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let next = replication.sync.next_after(due.at);
    let reason = if !replication.enabled {
        format!("the replication {} is disabled", due.replication)
    } else if !mls.enabled {
        format!("the MLS {} is disabled", mls.mls)
    } else if is_mls_paused(objects, &mls.mls).await? {
        format!("the MLS {} is paused", mls.mls)
    } else if next.is_some_and(|next| next <= now) {
        "the next sync of its schedule is due already".to_owned()
    } else {
        return Ok(Ok((replication, mls)));
    };
    Ok(Err(reason))
}

/// Takes the credential for all resources, reads them, and gives it back.
async fn read(
    env: &mut Env,
    replication: &Replication,
    mls: &Mls,
    log: &mut Log<'_>,
    owner: &str,
) -> Result<Vec<Read>, StoreError> {
    let (leases, ttl) = (env.leases.clone(), env.limits.lease_ttl);
    let state = leases.acquire(&mls.credential, owner, ttl).await?;
    if let LeaseState::Busy(lease) = state {
        tracing::info!(replication = %replication.replication, holder = lease.owner, "the credential is busy");
        let resources = replication.resources.iter();
        let busy = resources.map(|resource| {
            let spec = ResourceSpec::of(replication, mls, resource);
            (spec, Ok(Pulled::nothing(Outcome::Busy)))
        });
        return Ok(busy.collect());
    }
    let reads = held(env, replication, mls, log, owner).await;
    leases.release(&mls.credential, owner).await?;
    Ok(reads)
}

/// Reads what changed of each resource, as far as the time goes. One that fails stops no other.
async fn held(
    env: &mut Env,
    replication: &Replication,
    mls: &Mls,
    log: &mut Log<'_>,
    owner: &str,
) -> Vec<Read> {
    let whole = env.limits.task_time;
    let clock = env.clock.clone();
    let ends_at = clock.now().checked_add(whole).unwrap_or(Timestamp::MAX);
    let left = || ends_at.duration_since(clock.now());
    let mut reads: Vec<Read> = Vec::new();
    for resource in &replication.resources {
        let spec = ResourceSpec::of(replication, mls, resource);
        let pulled = if left() < LEAST_TIME {
            Ok(Pulled::nothing(Outcome::More))
        } else {
            env.limits.task_time = Duration::try_from(left()).unwrap_or_default();
            let how = pull::How {
                holds: true,
                longest_wait: LONGEST_WAIT,
                goes_on: &|| left() >= LEAST_TIME,
                watch: &|_| {},
            };
            pull::all(env, &spec, log, owner, &how).await
        };
        if let Err(error) = &pulled {
            tracing::error!(
                replication = %replication.replication, resource = spec.resource(),
                error = error.name(), advice = super::error::advice(error.name()),
                "a resource could not be read: {}", livelist_model::with_causes(error)
            );
        }
        reads.push((spec, pulled));
    }
    env.limits.task_time = whole;
    reads
}

/// Up to when the log has all changes of all resources.
pub(super) fn settled(log: &Log<'_>, replication: &Replication) -> Option<Timestamp> {
    let resources = replication.resources.iter();
    let settled = resources.map(|resource| pull::settled(log, resource.resource.as_str()));
    settled.collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// The documents of a replication's copies that are written. One without a sound document is told in the log.
pub(super) async fn copies_of(
    objects: &dyn Objects,
    replication: &Replication,
) -> Result<Vec<DestinationDocument>, StoreError> {
    if replication.destinations.is_empty() {
        return Ok(DestinationDocument::default_one().into_iter().collect());
    }
    let mut documents = Vec::new();
    for name in &replication.destinations {
        match read_destination(objects, name).await {
            Ok(document) if document.enabled => documents.push(document),
            Ok(_) => {}
            Err(DocumentError::Store(error)) => return Err(error),
            Err(error) => {
                let name = &replication.replication;
                tracing::error!(replication = %name, "a destination is left out: {error}");
            }
        }
    }
    Ok(documents)
}

/// Sends a message for each copy that lacks something; says for how many.
async fn tell(
    env: &Env,
    reads: &[Read],
    documents: &[DestinationDocument],
    newest: u64,
    settled: Option<Timestamp>,
) -> Result<usize, RecordsError> {
    let Some((spec, _)) = reads.first() else {
        return Ok(0);
    };
    let objects = &*env.objects;
    let mut scanned: Option<Timestamp> = None;
    for (spec, _) in reads {
        let history = history::read(objects, &spec.feed.feed).await?;
        scanned = scanned.max(history.newest().map(|past| past.finished_at));
    }
    let known = syncs::read(objects, &spec.replication).await?;
    let now = env.clock.now();
    let mut messages = Vec::new();
    for document in documents {
        let name = &document.destination;
        let copy = known.copies.get(name);
        let Some(need) = need(copy, newest, settled, scanned, now) else {
            continue;
        };
        let is_proof = need == Need::Proof;
        let due = CopyDue::of(spec.replication.clone(), name.clone(), is_proof);
        let body = serde_json::to_string(&due).map_err(|e| StepError::Internal(e.into()))?;
        messages.push(Message::new(body, name.to_string()));
    }
    if messages.is_empty() {
        return Ok(0);
    }
    let failures = env.queue.send(&messages).await?;
    match failures.into_iter().next() {
        None => Ok(messages.len()),
        Some(first) => {
            Err(StoreError::unavailable("sending to the queue of copies", first.reason).into())
        }
    }
}

/// The pass as it is written down: what the log took.
fn summed(reads: &[Read], began_at: Timestamp, ended_at: Timestamp) -> Pass {
    let errors = reads.iter().filter_map(|(spec, pulled)| {
        Some(SyncError {
            resource: Some(spec.feed.resource.clone()),
            ..pulled.as_ref().err()?.noted()
        })
    });
    let errors: Vec<SyncError> = errors.collect();
    let did = || reads.iter().filter_map(|(_, pulled)| pulled.as_ref().ok());
    let sum = |of: fn(&Pulled) -> u64| did().map(of).sum::<u64>();
    let (upserts, removals) = (
        sum(|did| did.appended.upserts),
        sum(|did| did.appended.removals),
    );
    let is_done = |did: &Pulled| did.outcome == Outcome::Done;
    let outcome = if !errors.is_empty() {
        PassOutcome::Failed
    } else if did().count() > 0 && did().all(|did| did.outcome == Outcome::Busy) {
        PassOutcome::Skipped
    } else if !did().all(is_done) {
        PassOutcome::Behind
    } else if upserts + removals == 0 {
        PassOutcome::Unchanged
    } else {
        PassOutcome::Pulled
    };
    Pass {
        began_at,
        ended_at,
        outcome,
        pulled: sum(|did| did.rows),
        upserts,
        removals,
        rejected: sum(|did| did.rejected),
        requests: sum(|did| did.requests),
        errors,
    }
}
