//! An operator's decision on a held result. Approving runs the publisher again, which publishes only
//! if the head is still the one that the run was compared with. Rejecting discards the removals that
//! the run found.

use jiff::Timestamp;
use livelist_model::RunId;
use livelist_model::head::Held;
use livelist_model::layout;
use livelist_model::record::{Decided, DecidedWhat, RunRecord, RunState};
use livelist_model::run::RunSpec;
use livelist_steps::publish::{self, Outcome};
use livelist_steps::{Env, StepError, history, release};
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError};
use serde::Serialize;

use crate::OpsError;
use crate::runs;

/// The published list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approved {
    /// `published` or `unchanged`.
    pub outcome: Outcome,
    /// The head's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its keys.
    pub count: u64,
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
}

fn held(record: RunRecord) -> Result<RunRecord, OpsError> {
    if record.state == RunState::Held {
        return Ok(record);
    }
    Err(OpsError::NotHeld {
        run: record.spec.run.to_string(),
        state: record.state.as_str(),
    })
}

/// Publishes what a held run found. `by` names the operator in the log.
///
/// # Errors
/// There is no such run, it is not held, its reason cannot be approved, a later run has looked since,
/// or the publisher failed: then nothing is published.
pub async fn approve(env: &Env, run: &RunId, by: &str) -> Result<Approved, OpsError> {
    let record = held(runs::record(&*env.objects, run).await?)?;
    let history = history::read(&*env.objects, &record.spec.feed.feed).await?;
    if let Some(by) = runs::superseded(&history, run) {
        return Err(OpsError::Superseded {
            by: by.run.to_string(),
            is_held: by.state == RunState::Held,
        });
    }
    let (Some(reason), Some(resume)) = (record.held_reason, record.resume) else {
        return Err(OpsError::NoResume(run.to_string()));
    };
    if !reason.can_be_approved() {
        return Err(OpsError::NotApprovable(reason.as_str()));
    }
    let (run, owner) = (record.spec, format!("operator-{by}"));
    let input = publish::Input {
        run: run.clone(),
        owner: owner.clone(),
        comparison: resume.comparison,
        confirmation: resume.confirmation,
        approved: true,
    };
    let published = publish::run(env, input).await;
    if !matches!(published, Err(StepError::LeaseLost { .. })) {
        let input = release::Input {
            run: run.clone(),
            owner,
            failure: None,
        };
        release::run(env, input).await?;
    }
    let output = published?;
    if output.outcome == Outcome::Stale {
        return Err(OpsError::Stale);
    }
    note(env, &run, by).await?;
    tracing::warn!(
        by, run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls,
        reason = reason.as_str(), version = output.version, removed = output.removed, "approved"
    );
    Ok(Approved {
        outcome: output.outcome,
        version: output.version,
        count: output.count,
        added: output.added,
        removed: output.removed,
    })
}

/// Writes down who approved the run. The list is published already, so a record that has expired is no error.
async fn note(env: &Env, run: &RunSpec, by: &str) -> Result<(), OpsError> {
    let key = layout::run_record(&run.feed.feed, &run.run);
    if let Some((record, etag)) = env.objects.read_json::<RunRecord>(&key).await? {
        let decided = decided(DecidedWhat::Approved, by, env.clock.now());
        let record = RunRecord {
            decided: Some(decided),
            ..record
        };
        let (unchanged, scratch) = (Condition::Unchanged(etag), Retention::Scratch);
        let written = env
            .objects
            .write_json(&key, &record, unchanged, scratch)
            .await;
        match written {
            Ok(_) | Err(StoreError::ConditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn decided(what: DecidedWhat, by: &str, at: Timestamp) -> Decided {
    Decided {
        what,
        by: by.to_owned(),
        at,
    }
}

/// Rejects what a held run found: its removals no longer count as confirmed once.
///
/// # Errors
/// There is no such run, it is not held, or the store is unavailable.
pub async fn reject(
    objects: &dyn Objects,
    run: &RunId,
    by: &str,
    now: Timestamp,
) -> Result<(), OpsError> {
    let record = held(runs::record(objects, run).await?)?;
    let feed = record.spec.feed.feed.clone();
    let key = layout::run_record(&feed, run);
    let rejected = RunRecord {
        state: RunState::Rejected,
        decided: Some(decided(DecidedWhat::Rejected, by, now)),
        resume: None,
        ..record
    };
    objects
        .write_json(&key, &rejected, Condition::Always, Retention::Scratch)
        .await?;
    let note = layout::held(&feed);
    if let Some((held, etag)) = objects.read_json::<Held>(&note).await?
        && held.run == *run
    {
        match objects.delete(&note, Condition::Unchanged(etag)).await {
            // A later run has looked meanwhile, and replaced the note.
            Ok(()) | Err(StoreError::ConditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    history::note(objects, &rejected).await?;
    tracing::warn!(by, run = %run, feed = %feed, mls = %rejected.spec.feed.mls, "rejected");
    Ok(())
}
