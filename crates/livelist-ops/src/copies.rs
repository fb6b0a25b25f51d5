//! How the copies of records stand: one word for each replication and destination, and the numbers behind it.

use jiff::Timestamp;
use livelist_model::instant::believed;
use livelist_model::registry::{DestinationDocument, DestinationKind, Registry, Replication};
use livelist_model::syncs::{CopyProof, PassOutcome, Proved, SyncError, Syncs};
use livelist_model::{DestinationId, MlsId, ReplicationId, ResourceName};
use livelist_steps::records::error::advice;
use livelist_steps::records::syncs;
use livelist_store::Objects;
use serde::Serialize;

use crate::OpsError;
use crate::status::FeedState;

/// How a copy stands.
#[derive(Debug, Clone, Serialize)]
pub struct CopyStatus {
    /// The replication.
    pub replication: ReplicationId,
    /// The MLS.
    pub mls: MlsId,
    /// The resources that are copied.
    pub resources: Vec<ResourceName>,
    /// The destination.
    pub destination: DestinationId,
    /// What it is.
    pub kind: DestinationKind,
    /// In one word: failed, delayed (behind for too long), in progress (the first load), on time, disabled.
    pub state: FeedState,
    /// Why: an error's name, or what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<SyncError>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<&'static str>,
    /// The newest pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_pass: Option<LastPass>,
    /// When the next one is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_pass_at: Option<Timestamp>,
    /// The number up to which it has the log.
    pub position: u64,
    /// How many of the log's numbers it lacks.
    pub behind: u64,
    /// It has all that changed at the MLS before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// Seconds since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<i64>,
    /// What the last proof found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<CopyProof>,
    /// Whether it is behind for too long, whatever the reason.
    #[serde(skip)]
    pub is_late: bool,
}

/// The newest pass of a replication.
#[derive(Debug, Clone, Serialize)]
pub struct LastPass {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How it ended.
    pub outcome: PassOutcome,
}

/// Looks up how the copies of the registry's replications stand: one read a replication. `registry` has what
/// is paused disabled. Those that need somebody come first.
///
/// # Errors
/// The store cannot be used now.
pub async fn read(
    objects: &dyn Objects,
    registry: &Registry,
    now: Timestamp,
) -> Result<Vec<CopyStatus>, OpsError> {
    let mut copies = Vec::new();
    for replication in registry.replications.values() {
        let syncs = syncs::read(objects, &replication.replication).await?;
        let mls = registry.mls.get(&replication.mls);
        let disabled = match (replication.enabled, mls.map(|mls| mls.enabled)) {
            (false, _) => Some("it is disabled in the registry"),
            (true, None) => Some("its MLS has no sound document"),
            (true, Some(false)) => Some("its MLS is disabled or paused"),
            (true, Some(true)) => None,
        };
        for document in registry.destinations_of(replication) {
            copies.push(one(replication, &document, disabled, &syncs, now));
        }
    }
    copies.sort_by(|a, b| {
        let name = |c: &CopyStatus| (c.replication.clone(), c.destination.clone());
        a.state.cmp(&b.state).then_with(|| name(a).cmp(&name(b)))
    });
    Ok(copies)
}

/// What is wrong with copies, as sentences for operators.
pub fn troubles(copies: &[CopyStatus]) -> Vec<String> {
    let in_trouble = copies.iter().filter(|copy| copy.state.is_trouble());
    in_trouble.map(sentence).collect()
}

/// How a copy stands, as a sentence.
pub(crate) fn sentence(copy: &CopyStatus) -> String {
    format!(
        "the copy of {} in {} is {}: {}",
        copy.replication,
        copy.destination,
        copy.state.words().to_lowercase(),
        copy.why.as_deref().unwrap_or_default()
    )
}

fn one(
    replication: &Replication,
    document: &DestinationDocument,
    disabled: Option<&str>,
    syncs: &Syncs,
    now: Timestamp,
) -> CopyStatus {
    let copy = syncs.copies.get(&document.destination).cloned();
    let copy = copy.unwrap_or_default();
    let last = syncs.passes.last();
    let error = error_of(syncs, &document.destination);
    let (state, why) = match disabled {
        Some(why) => (FeedState::Disabled, Some(why.to_owned())),
        None => judge(replication, syncs, copy.settled_at, error.as_ref(), now),
    };
    let error = error.filter(|_| state == FeedState::Failed);
    let settled_at = copy.settled_at;
    CopyStatus {
        replication: replication.replication.clone(),
        mls: replication.mls.clone(),
        resources: replication
            .resources
            .iter()
            .map(|r| r.resource.clone())
            .collect(),
        destination: document.destination.clone(),
        kind: document.kind,
        state,
        why,
        advice: match (state, &error) {
            (FeedState::Failed, Some(error)) => Some(advice(&error.name)),
            (FeedState::Delayed, _) => Some(
                "Look whether `livelist serve` runs, or `livelist replicate` by a timer (on AWS: whether the function \
                 `syncs` is called); and whether runs or other programs keep the credential.",
            ),
            _ => None,
        },
        error,
        last_pass: last.map(|pass| LastPass {
            began_at: pass.began_at,
            ended_at: pass.ended_at,
            outcome: pass.outcome,
        }),
        next_pass_at: match (disabled, last) {
            (None, Some(pass)) => replication.sync.next_after(believed(pass.began_at, now)),
            _ => None,
        },
        position: copy.position,
        behind: copy.newest.saturating_sub(copy.position),
        settled_at,
        lag_seconds: settled_at.map(|at| now.duration_since(believed(at, now)).as_secs()),
        proof: copy.proof,
        is_late: disabled.is_none() && is_late(replication, syncs, settled_at, now),
    }
}

/// Whether a copy that has all up to `settled` is behind for too long; or, during its first load, whether no pass
/// has ended for so long.
fn is_late(
    replication: &Replication,
    syncs: &Syncs,
    settled: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    let known = settled.or_else(|| Some(syncs.newest()?.ended_at));
    let late = known.and_then(|known| replication.sync.too_late(believed(known, now)));
    late.is_none_or(|late| late < now)
}

/// What failed: the copy could not be written, a resource could not be read, or the copy could not be
/// compared.
fn error_of(syncs: &Syncs, destination: &DestinationId) -> Option<SyncError> {
    let copy = syncs.copies.get(destination);
    let written = copy.and_then(|copy| copy.error.clone());
    let pass = syncs
        .newest()
        .filter(|pass| pass.outcome == PassOutcome::Failed);
    let read = || {
        pass?
            .errors
            .iter()
            .find(|e| e.destination.is_none())
            .cloned()
    };
    let proof = || {
        copy?
            .proof
            .as_ref()
            .filter(|p| p.outcome == Proved::Failed)?
            .error
            .clone()
    };
    written.or_else(read).or_else(proof)
}

fn judge(
    replication: &Replication,
    syncs: &Syncs,
    settled: Option<Timestamp>,
    error: Option<&SyncError>,
    now: Timestamp,
) -> (FeedState, Option<String>) {
    if let Some(error) = error {
        return (FeedState::Failed, Some(error.name.clone()));
    }
    if syncs.newest().is_none() {
        let why = "it waits for its first pass".to_owned();
        return (FeedState::Delayed, Some(why));
    }
    if is_late(replication, syncs, settled, now) {
        let why = match settled {
            Some(_) => "it is behind for too long",
            None => "the first load does not go on",
        };
        return (FeedState::Delayed, Some(why.to_owned()));
    }
    match settled {
        Some(_) => (FeedState::OnTime, None),
        None => {
            let why = "the first load is under way".to_owned();
            (FeedState::InProgress, Some(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use livelist_model::registry::parse_replication;
    use livelist_model::syncs::{CopyState, Pass};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn pass(ended: &str, outcome: PassOutcome) -> Pass {
        Pass {
            began_at: at(ended),
            ended_at: at(ended),
            outcome,
            pulled: 0,
            upserts: 0,
            removals: 0,
            rejected: 0,
            requests: 0,
            errors: Vec::new(),
        }
    }

    fn error(name: &str) -> SyncError {
        SyncError {
            name: name.to_owned(),
            message: "what it says".to_owned(),
            resource: None,
            destination: None,
        }
    }

    fn told(passes: Vec<Pass>, copy: CopyState) -> (FeedState, Option<String>) {
        let text = br#"{"replication":"abor","mls":"abor","resources":[{"resource":"Property"}]}"#;
        let replication = parse_replication("replications/abor.json", text).unwrap();
        let document = DestinationDocument::default_one().unwrap();
        let copies = BTreeMap::from([(document.destination.clone(), copy)]);
        let syncs = Syncs {
            passes,
            copies,
            ..Syncs::default()
        };
        let now = at("2026-11-28T12:00:00Z");
        let status = one(&replication, &document, None, &syncs, now);
        assert_eq!(
            status.state.is_trouble(),
            !troubles(std::slice::from_ref(&status)).is_empty()
        );
        (status.state, status.why)
    }

    #[test]
    fn a_copy_is_behind_too_long_two_hours_after_two_missed_times() {
        let copy = |settled: &str| CopyState {
            settled_at: Some(at(settled)),
            ..CopyState::default()
        };
        let passes = || vec![pass("2026-11-28T11:45:01Z", PassOutcome::Unchanged)];
        let on_time = (FeedState::OnTime, None);
        assert_eq!(told(passes(), copy("2026-11-28T11:43:00Z")), on_time);
        assert_eq!(told(passes(), copy("2026-11-28T09:40:00Z")), on_time);
        let late = told(passes(), copy("2026-11-28T09:20:00Z"));
        assert_eq!(late.0, FeedState::Delayed);
        let (state, why) = told(passes(), CopyState::default());
        assert_eq!(state, FeedState::InProgress, "{why:?}");
        assert_eq!(told(Vec::new(), CopyState::default()).0, FeedState::Delayed);
        let old = vec![pass("2026-11-28T07:45:01Z", PassOutcome::Behind)];
        assert_eq!(told(old, CopyState::default()).0, FeedState::Delayed);
    }

    #[test]
    fn what_failed_is_named_until_it_works_again() {
        let good = CopyState {
            settled_at: Some(at("2026-11-28T11:43:00Z")),
            ..CopyState::default()
        };
        let failed = |name: &str| (FeedState::Failed, Some(name.to_owned()));
        let mut unread = pass("2026-11-28T11:45:01Z", PassOutcome::Failed);
        unread.errors = vec![error("ProviderUnavailable")];
        // A pass that was skipped says nothing new.
        let skipped = pass("2026-11-28T11:50:01Z", PassOutcome::Skipped);
        let found = told(vec![unread.clone(), skipped], good.clone());
        assert_eq!(found, failed("ProviderUnavailable"));
        // Another copy failed.
        unread.errors[0].destination = Some("elsewhere".parse().unwrap());
        assert_eq!(
            told(vec![unread.clone()], good.clone()).0,
            FeedState::OnTime
        );
        let down = CopyState {
            error: Some(error("DestinationUnavailable")),
            ..good
        };
        assert_eq!(told(vec![unread], down), failed("DestinationUnavailable"));
    }
}
