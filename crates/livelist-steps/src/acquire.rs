//! `acquire`: takes the lease on the credential for this run, or says how long to wait. Tokens and
//! rate limits belong to a credential, so only one run at a time uses it, and none while the provider
//! has said to wait.

use std::time::Duration;

use livelist_model::layout;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::run::RunSpec;
use livelist_store::leases::cancelled;
use livelist_store::{Condition, LeaseState, ObjectsExt, Retention};
use serde::{Deserialize, Serialize};

use crate::authorize::wait_seconds;
use crate::{Env, StepError, budget};

/// The step's name.
pub const NAME: &str = "acquire";

/// The step's input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
}

/// The step's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The result.
    pub outcome: Outcome,
    /// Seconds to wait before asking again, if the credential is busy.
    pub wait_seconds: u64,
}

/// The result of asking for the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is this run's.
    Acquired,
    /// Another run has it, or the provider said to wait.
    Busy,
    /// This run is done already, or was cancelled; there is nothing to do.
    Finished,
}

const LEAST_WAIT: Duration = Duration::from_secs(1);

/// An operator may cancel the provider's wait, so a waiting run checks again after this time.
const LONGEST_NAP: Duration = Duration::from_secs(300);

/// From half of the usual wait to one and a half. Runs that began together and asked in step would leave
/// the credential idle between their attempts.
fn longest_wait(env: &Env) -> Duration {
    let spread = 0.5 + env.entropy.fraction();
    env.limits.busy_wait.mul_f64(spread).max(LEAST_WAIT)
}

/// Takes the credential and opens the run's record.
pub async fn run(env: &Env, input: Input) -> Result<Output, StepError> {
    check_schema(&input.run)?;
    let credential = &input.run.feed.credential;
    let ttl = env.limits.lease_ttl;
    if let LeaseState::Busy(lease) = env.leases.acquire(credential, &input.owner, ttl).await? {
        if lease.owner == cancelled(&input.owner) {
            tracing::info!(run = %input.run.run, "the run was cancelled");
            env.leases.release(credential, &input.owner).await?;
            return Ok(Output {
                outcome: Outcome::Finished,
                wait_seconds: 0,
            });
        }
        let left = lease.expires_at.duration_since(env.clock.now());
        let left = Duration::try_from(left).unwrap_or_default();
        let wait = left.clamp(LEAST_WAIT, longest_wait(env));
        tracing::info!(run = %input.run.run, holder = lease.owner, "the credential is busy");
        return Ok(Output {
            outcome: Outcome::Busy,
            wait_seconds: wait.as_secs(),
        });
    }
    let now = env.clock.now();
    if let Some(left) = budget::told(&*env.objects, credential, now)
        .await?
        .and_then(|told| told.left(now))
    {
        env.leases.release(credential, &input.owner).await?;
        let wait = left.clamp(LEAST_WAIT, LONGEST_NAP);
        tracing::info!(run = %input.run.run, seconds = left.as_secs(), "the provider asked to wait");
        return Ok(Output {
            outcome: Outcome::Busy,
            wait_seconds: wait_seconds(wait),
        });
    }
    let key = layout::run_record(&input.run.feed.feed, &input.run.run);
    let record = env
        .objects
        .read_json::<RunRecord>(&key)
        .await?
        .map(|(record, _)| record);
    let is_over = |state: RunState| state.is_done() || state == RunState::Cancelled;
    if record.as_ref().is_some_and(|r| is_over(r.state)) {
        env.leases.release(credential, &input.owner).await?;
        return Ok(Output {
            outcome: Outcome::Finished,
            wait_seconds: 0,
        });
    }
    let record = match record {
        // The run continues: keep when it began and what its failed tasks asked.
        Some(record) if record.state == RunState::Running => RunRecord {
            lost: record.lost,
            restored_before: record.restored_before,
            traffic: record.traffic,
            ..RunRecord::started(input.run, record.started_at)
        },
        _ => RunRecord::started(input.run, env.clock.now()),
    };
    env.objects
        .write_json(&key, &record, Condition::Always, Retention::Scratch)
        .await?;
    Ok(Output {
        outcome: Outcome::Acquired,
        wait_seconds: 0,
    })
}

/// Refuses a run that was described by another version.
pub(crate) fn check_schema(run: &RunSpec) -> Result<(), StepError> {
    if run.schema == RunSpec::SCHEMA {
        return Ok(());
    }
    Err(StepError::InputInvalid(format!(
        "the run has the form {} and this version reads {}",
        run.schema,
        RunSpec::SCHEMA
    )))
}
