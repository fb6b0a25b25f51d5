//! Runs one feed in this process, for `reconcile` and `serve`: chooses the attempt, calls the chain
//! of steps, and logs the result.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::run::RunSpec;
use livelist_ops::rerun;
use livelist_steps::chain::{self, Ended, Stage};
use livelist_steps::release::FailureInput;
use livelist_steps::{Env, StepError, release};
use livelist_store::{Clock, Entropy, ObjectsExt, StoreError, SystemClock, SystemEntropy};
use tracing::Instrument;

use crate::exit::Failed;
use crate::report::Line;

/// How often a run looks whether it was cancelled.
const LOOK: Duration = Duration::from_secs(2);

/// Runs feeds, as one of the processes that share the directory.
pub struct Runner {
    /// The ports.
    pub env: Arc<Env>,
    owner: String,
}

impl Runner {
    /// A runner with these ports.
    pub fn new(env: Arc<Env>) -> Result<Runner, Failed> {
        let bits = SystemEntropy.bits().map_err(|e| Failed::internal(&e))?;
        let owner = format!("process-{}-{bits:016x}", std::process::id());
        Ok(Runner { env, owner })
    }

    /// The same run if it has not ended, else the day's next attempt.
    pub async fn next_attempt(&self, run: RunSpec) -> Result<RunSpec, StoreError> {
        let (run, _) = rerun::next_attempt(&*self.env.objects, run).await?;
        Ok(run)
    }

    /// Runs to the end. A panic fails only this run.
    pub async fn reconcile(&self, run: RunSpec, watch: &(dyn Fn(Stage) + Send + Sync)) -> Line {
        let feed = &run.feed;
        let span = tracing::info_span!("run", run = %run.run, feed = %feed.feed, mls = %feed.mls);
        self.guarded(&run, watch).instrument(span).await
    }

    async fn guarded(&self, run: &RunSpec, watch: &(dyn Fn(Stage) + Send + Sync)) -> Line {
        tracing::info!("the run begins");
        let is_publishing = AtomicBool::new(false);
        let watch = |stage: Stage| {
            is_publishing.store(stage == Stage::Publishing, Ordering::Relaxed);
            watch(stage);
        };
        let chain = chain::reconcile(&self.env, run.clone(), &self.owner, &watch);
        let mut chain = pin!(AssertUnwindSafe(chain).catch_unwind());
        let ended = tokio::select! {
            ended = &mut chain => Some(ended),
            () = self.cancelled(run) => None,
        };
        let ended = match ended {
            // What is being published is published to its end.
            None if is_publishing.load(Ordering::Relaxed) => Some(chain.await),
            ended => ended,
        };
        let ended = match ended {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => self.panicked(run).await,
            None => self.stopped(run).await,
        };
        let objects = &self.env.objects;
        let key = layout::run_record(&run.feed.feed, &run.run);
        let record = objects.read_json::<RunRecord>(&key).await;
        let record = record.ok().flatten().map(|(record, _)| record);
        let key = layout::head(&run.feed.feed);
        let head = objects.read_json::<Head>(&key).await;
        let head = head.ok().flatten().map(|(head, _)| head);
        let line = Line::of(run, ended, record, head.as_ref());
        tracing::info!(
            outcome = line.outcome,
            live = line.count,
            added = line.added,
            removed = line.removed,
            requests = line.requests,
            reason = line.held_reason,
            error = line.error.as_ref().map(|e| e.name.as_str()),
            "the run ends: {}",
            line.outcome
        );
        line
    }

    /// Returns when the record says that an operator cancelled the run.
    async fn cancelled(&self, run: &RunSpec) {
        let key = layout::run_record(&run.feed.feed, &run.run);
        loop {
            SystemClock.sleep(LOOK).await;
            let record = self.env.objects.read_json::<RunRecord>(&key).await;
            if let Ok(Some((record, _))) = record
                && record.state == RunState::Cancelled
            {
                return;
            }
        }
    }

    /// Gives the credential back, wherever the run was: a step may end at any moment, as in a crash.
    async fn stopped(&self, run: &RunSpec) -> Ended {
        tracing::warn!("the run was cancelled");
        let input = release::Input {
            run: run.clone(),
            owner: self.owner.clone(),
            failure: None,
        };
        if let Err(error) = release::run(&self.env, input).await {
            tracing::warn!(
                error = error.chain(),
                "the credential's lease could not be released"
            );
        }
        Ended::Finished
    }

    /// Records the failure and releases the credential. The panic itself was printed on standard error; its
    /// text may contain anything and goes nowhere else.
    async fn panicked(&self, run: &RunSpec) -> Ended {
        let error = StepError::Internal("it panicked; see standard error".into());
        let failure = error.failure("run");
        let input = release::Input {
            run: run.clone(),
            owner: self.owner.clone(),
            failure: Some(FailureInput {
                error: failure.name.clone(),
                cause: Some(failure.message.clone()),
                step: None,
            }),
        };
        if let Err(error) = release::run(&self.env, input).await {
            tracing::warn!(
                error = error.chain(),
                "the credential's lease could not be released"
            );
        }
        Ended::Failed(failure)
    }
}

/// The runs grouped by credential: those of one follow each other.
pub fn by_credential(runs: impl IntoIterator<Item = RunSpec>) -> Vec<Vec<RunSpec>> {
    let mut groups: BTreeMap<String, BTreeMap<String, RunSpec>> = BTreeMap::new();
    for run in runs {
        let group = groups.entry(run.feed.credential.to_string()).or_default();
        group.insert(run.run.to_string(), run);
    }
    groups
        .into_values()
        .map(|group| group.into_values().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use livelist_model::registry::{AnyProvider, CredentialRef, Pair, parse_mls};
    use livelist_model::run::FeedSpec;
    use livelist_store::{LeaseState, SecretError, Secrets};

    use super::*;

    struct Defect;

    #[async_trait]
    impl Secrets for Defect {
        async fn get(&self, _: &CredentialRef) -> Result<secrecy::SecretString, SecretError> {
            panic!("a defect")
        }
    }

    #[tokio::test]
    async fn a_panic_is_the_failure_of_one_run() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("mls")).unwrap();
        let (mut env, data) =
            crate::context::env(dir.path(), &dir.path().join("data"), Vec::new()).unwrap();
        env.secrets = Arc::new(Defect);
        let runner = Runner::new(Arc::new(env)).unwrap();
        let mls = br#"{"mls":"abor","provider":"reso","base_url":"https://x.example/odata",
            "credential":"env:X","auth":"server_token"}"#;
        std::fs::write(dir.path().join("mls/abor.json"), mls).unwrap();
        let mls = parse_mls("mls/abor.json", mls, &AnyProvider).unwrap();
        let pair: Pair = serde_json::from_str(r#"{"mls":"abor","resource":"Property"}"#).unwrap();
        let date = jiff::civil::date(2026, 11, 21);
        let run = RunSpec::of(date, FeedSpec::resolve(&mls, &pair));

        let line = runner.reconcile(run.clone(), &|_| {}).await;
        assert_eq!(line.outcome, "failed");
        let key = layout::run_record(&run.feed.feed, &run.run);
        let (record, _) = data.read_json::<RunRecord>(&key).await.unwrap().unwrap();
        assert_eq!(record.state, RunState::Failed);
        assert_eq!(record.error.unwrap().name, "Internal");
        // The credential is free for the next.
        let leases = &runner.env.leases;
        let minute = std::time::Duration::from_secs(60);
        let lease = leases.acquire(&run.feed.credential, "another", minute);
        assert_eq!(lease.await.unwrap(), LeaseState::Held);
    }
}
