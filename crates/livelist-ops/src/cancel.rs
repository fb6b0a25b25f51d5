//! Cancelling a run that is under way. Its record says so at once. On one machine, the process of the run looks at the
//! record and stops. On AWS the lease is taken from the run: the step under way ends, the next one loses the lease,
//! and the execution gives the credential back and ends. Published lists and the schedule stay.

use livelist_model::record::{Decided, DecidedWhat, RunRecord, RunState};
use livelist_model::{RunId, layout};
use livelist_steps::{Env, history};
use livelist_store::{Condition, ObjectsExt, Retention, StoreError};
use serde::Serialize;

use crate::{OpsError, runs};

/// Attempts to write a record that the run writes as well.
const WRITES: u32 = 8;

/// A run that was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// The run.
    pub run: RunId,
}

/// Cancels `run`. `by` names the operator.
///
/// # Errors
/// There is no such run, it has ended, or the store is unavailable.
pub async fn cancel(env: &Env, run: &RunId, by: &str) -> Result<Cancelled, OpsError> {
    let feed = runs::record(&*env.objects, run).await?.spec.feed;
    let key = layout::run_record(&feed.feed, run);
    for _ in 0..WRITES {
        let found = env.objects.read_json::<RunRecord>(&key).await?;
        let (record, etag) = found.ok_or_else(|| OpsError::unknown_run(run.as_str()))?;
        if record.state != RunState::Running {
            let state = record.state.as_str();
            return Err(OpsError::Invalid(format!(
                "the run {run} has ended: it is {state}"
            )));
        }
        let now = env.clock.now();
        let record = RunRecord {
            state: RunState::Cancelled,
            finished_at: Some(now),
            decided: Some(Decided {
                what: DecidedWhat::Cancelled,
                by: by.to_owned(),
                at: now,
            }),
            ..record
        };
        let (unchanged, scratch) = (Condition::Unchanged(etag), Retention::Scratch);
        match env
            .objects
            .write_json(&key, &record, unchanged, scratch)
            .await
        {
            Err(StoreError::ConditionFailed { .. }) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let had_it = env.leases.cancel(&feed.credential, run).await?;
        history::note(&*env.objects, &record).await?;
        tracing::warn!(by, %run, feed = %feed.feed, mls = %feed.mls, had_it, "cancelled");
        return Ok(Cancelled { run: run.clone() });
    }
    Err(StoreError::ConditionFailed { key }.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use livelist_model::registry::{AnyProvider, Pair, parse_mls};
    use livelist_model::run::{FeedSpec, RunSpec};
    use livelist_reso::HttpTransport;
    use livelist_steps::{StepError, acquire, release};
    use livelist_store::LeaseState;
    use livelist_store::memory::{ManualClock, MemoryObjects, SeededEntropy};

    use super::*;

    fn run() -> RunSpec {
        let mls = br#"{"mls":"abor","provider":"reso","base_url":"https://x.example/odata",
            "credential":"env:X"}"#;
        let mls = parse_mls("mls/abor.json", mls, &AnyProvider).unwrap();
        let pair: Pair = serde_json::from_str(r#"{"mls":"abor","resource":"Property"}"#).unwrap();
        let date = jiff::civil::date(2026, 11, 21);
        RunSpec::of(date, FeedSpec::resolve(&mls, &pair))
    }

    /// As on AWS: the leases are objects, and the execution is elsewhere.
    fn env() -> Env {
        Env::over(
            Arc::new(MemoryObjects::new()),
            Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap())),
            Arc::new(SeededEntropy::new(1)),
            Arc::new(HttpTransport::new()),
        )
    }

    async fn acquired(env: &Env, run: &RunSpec, owner: &str) -> acquire::Outcome {
        let input = acquire::Input {
            run: run.clone(),
            owner: owner.to_owned(),
        };
        acquire::run(env, input).await.unwrap().outcome
    }

    async fn taken_by_another(env: &Env, run: &RunSpec) -> bool {
        let ttl = Duration::from_secs(60);
        let state = env.leases.acquire(&run.feed.credential, "another", ttl);
        state.await.unwrap() == LeaseState::Held
    }

    /// Also where the run was handed over: the execution has another name then.
    #[tokio::test]
    async fn the_execution_loses_its_lease_and_gives_the_credential_back() {
        for nth in [0, 1] {
            let (env, run) = (env(), run());
            let owner = run.run.execution(nth);
            assert_eq!(
                acquired(&env, &run, &owner).await,
                acquire::Outcome::Acquired
            );
            cancel(&env, &run.run, "ada").await.unwrap();
            // The task that is under way still asks with the credential: nobody else gets it.
            assert!(!taken_by_another(&env, &run).await);
            let renewed = env.renew(&run, &owner, Duration::ZERO).await;
            assert!(
                matches!(renewed, Err(StepError::LeaseLost { .. })),
                "{renewed:?}"
            );
            assert_eq!(
                acquired(&env, &run, &owner).await,
                acquire::Outcome::Finished
            );
            assert!(taken_by_another(&env, &run).await);
            let record = runs::record(&*env.objects, &run.run).await.unwrap();
            assert_eq!(record.state, RunState::Cancelled);
            let history = history::read(&*env.objects, &run.feed.feed).await.unwrap();
            let past = history.newest().unwrap();
            assert_eq!(
                (past.state, past.why.as_deref()),
                (RunState::Cancelled, Some("by ada"))
            );
        }
    }

    /// What fails meanwhile is no failure of the run, and the credential is given back as well.
    #[tokio::test]
    async fn a_task_that_fails_meanwhile_changes_nothing() {
        let (env, run) = (env(), run());
        let owner = run.run.execution(0);
        acquired(&env, &run, &owner).await;
        cancel(&env, &run.run, "ada").await.unwrap();
        let input = release::Input {
            run: run.clone(),
            owner,
            failure: Some(release::FailureInput {
                error: "ProviderUnavailable".to_owned(),
                cause: None,
                step: None,
            }),
        };
        release::run(&env, input).await.unwrap();
        let record = runs::record(&*env.objects, &run.run).await.unwrap();
        assert_eq!((record.state, record.error), (RunState::Cancelled, None));
        assert!(taken_by_another(&env, &run).await);
    }

    #[tokio::test]
    async fn a_run_of_another_credential_keeps_its_lease_and_one_that_ended_is_refused() {
        let (env, run) = (env(), run());
        let other = run.run.attempt(1);
        acquired(&env, &run, other.as_str()).await;
        // The record is of `run`, and the lease is of the day's next attempt.
        cancel(&env, &run.run, "ada").await.unwrap();
        let owner = other.as_str();
        let spec = RunSpec {
            run: other.clone(),
            ..run.clone()
        };
        env.renew(&spec, owner, Duration::ZERO).await.unwrap();
        let again = cancel(&env, &run.run, "ada").await.unwrap_err();
        assert!(again.to_string().contains("it is cancelled"), "{again}");
        assert!(again.is_usage());
    }
}
