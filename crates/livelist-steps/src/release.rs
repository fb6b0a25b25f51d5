//! `release`: gives the credential back and, after a failure, records the error. It is the last step
//! of every run, so it also reports the run's metrics.

use livelist_model::layout;
use livelist_model::metrics::RunMetrics;
use livelist_model::record::{Failure, RunRecord, RunState};
use livelist_model::run::RunSpec;
use livelist_store::{Condition, ObjectsExt, Retention};
use serde::{Deserialize, Serialize};

use crate::error::advice;
use crate::{Env, StepError, history};

/// The step's name.
pub const NAME: &str = "release";

/// The step's input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
    /// The error, if the run failed.
    #[serde(default)]
    pub failure: Option<FailureInput>,
}

/// A failure as the state machine knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureInput {
    /// The error's name.
    pub error: String,
    /// Its message.
    #[serde(default)]
    pub cause: Option<String>,
    /// The state in which it happened.
    #[serde(default)]
    pub step: Option<String>,
}

/// The step's output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What an operator should do about the failure.
    pub advice: Option<String>,
}

/// A message longer than this says nothing more.
const MAX_MESSAGE: usize = 2_000;

/// Gives back and writes down.
pub async fn run(env: &Env, input: Input) -> Result<Output, StepError> {
    let Input {
        run,
        owner,
        failure,
    } = input;
    let output = match failure {
        Some(failure) => {
            let failure = Failure {
                advice: advice(&failure.error).to_owned(),
                message: message(failure.cause.as_deref().unwrap_or("no message")),
                name: failure.error,
                step: failure.step,
            };
            tracing::error!(
                run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls,
                error = failure.name, step = failure.step, message = failure.message, "failed"
            );
            let output = Output {
                advice: Some(failure.advice.clone()),
            };
            record(env, &run, failure).await?;
            output
        }
        None => Output::default(),
    };
    let record = ended(env, &run).await;
    // While the run has the credential, no other run writes the feed's history.
    if let Some(record) = &record
        && let Err(error) = history::note(&*env.objects, record).await
    {
        tracing::warn!(run = %run.run, error = error.chain(), "the run could not be added to the feed's history");
    }
    env.leases.release(&run.feed.credential, &owner).await?;
    // After everything that is retried, so that a repeated task does not count the run twice.
    if let Some(metrics) = record.as_ref().and_then(RunMetrics::of) {
        env.metrics.run(&metrics);
    }
    Ok(output)
}

/// The run's record, for metrics and history. If it cannot be read now, the run does not fail.
async fn ended(env: &Env, run: &RunSpec) -> Option<RunRecord> {
    let key = layout::run_record(&run.feed.feed, &run.run);
    match env.objects.read_json::<RunRecord>(&key).await {
        Ok(record) => record.map(|(record, _)| record),
        Err(error) => {
            tracing::warn!(run = %run.run, %error, "the metrics of the run could not be reported");
            None
        }
    }
}

/// Lambda passes an error as JSON with `errorMessage`; operators need only the message.
fn message(cause: &str) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(cause).ok();
    let inner = json.as_ref().and_then(|j| j.get("errorMessage")?.as_str());
    inner.unwrap_or(cause).chars().take(MAX_MESSAGE).collect()
}

async fn record(env: &Env, run: &RunSpec, failure: Failure) -> Result<(), StepError> {
    let key = layout::run_record(&run.feed.feed, &run.run);
    let now = env.clock.now();
    let record = env
        .objects
        .read_json::<RunRecord>(&key)
        .await?
        .map(|(record, _)| record);
    let record = record.unwrap_or_else(|| RunRecord::started(run.clone(), now));
    // What failed in a run that was cancelled meanwhile is of no interest.
    if record.state.is_done() || record.state == RunState::Cancelled {
        return Ok(());
    }
    let record = RunRecord {
        state: RunState::Failed,
        finished_at: Some(now),
        error: Some(failure),
        ..record
    };
    env.objects
        .write_json(&key, &record, Condition::Always, Retention::Scratch)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lambda_error_is_unpacked() {
        assert_eq!(
            message(r#"{"errorType":"X","errorMessage":"it broke"}"#),
            "it broke"
        );
        assert_eq!(message("plain"), "plain");
        assert_eq!(message(&"x".repeat(9_000)).len(), MAX_MESSAGE);
    }
}
