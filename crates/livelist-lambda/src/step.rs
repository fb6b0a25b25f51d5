//! The handler of a step: JSON in, the step, JSON out; one line in the log.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use livelist_steps::{Env, Step, StepError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{deadline, report};

/// Serves a step.
pub(crate) async fn serve<S: Step>(env: Env) -> Result<(), lambda_runtime::Error> {
    let longest = env.limits.task_time;
    // Lambda sends one event at a time; the lock is for the limits, which each event sets.
    let env = Mutex::new(env);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let mut env = env.lock().await;
        let now = env.clock.now();
        env.limits.task_time = deadline::task_time(longest, event.context.deadline, now);
        handle::<S>(&env, event.payload).await
    }))
    .await
}

/// Handles one event.
async fn handle<S: Step>(env: &Env, payload: Value) -> Result<Value, Diagnostic> {
    let name = S::NAME;
    let about = About::run(&payload);
    let begun = env.clock.now();
    let result = attempt::<S>(env, payload).await;
    let took = env.clock.now().duration_since(begun).as_millis();
    let took = u64::try_from(took).unwrap_or_default();
    match result {
        Ok(output) => {
            let outcome = output.get("outcome").and_then(Value::as_str);
            tracing::info!(
                step = name,
                run = about.run,
                feed = about.feed,
                mls = about.mls,
                outcome,
                milliseconds = took,
                "{name}: {}",
                outcome.unwrap_or("done")
            );
            Ok(output)
        }
        Err(error) => {
            tracing::error!(
                step = name,
                run = about.run,
                feed = about.feed,
                mls = about.mls,
                error = error.name(),
                advice = error.advice(),
                milliseconds = took,
                "{name} failed: {}",
                error.chain()
            );
            Err(report::diagnostic(&error))
        }
    }
}

async fn attempt<S: Step>(env: &Env, payload: Value) -> Result<Value, StepError> {
    let input = parse(payload)?;
    let output = guarded(S::run(env, input)).await?;
    serde_json::to_value(output).map_err(|e| StepError::Internal(e.into()))
}

/// The event as `I`, or an error that names the field.
pub(crate) fn parse<I: DeserializeOwned>(payload: Value) -> Result<I, StepError> {
    serde_path_to_error::deserialize(payload).map_err(|e| {
        let path = e.path().to_string();
        let at = if path == "." {
            String::new()
        } else {
            format!("`{path}`: ")
        };
        StepError::InputInvalid(format!("{at}{}", e.inner()))
    })
}

/// Turns a panic into an error whose name the state machine knows. The panic was logged where it happened;
/// its text may contain anything and does not leave the process.
pub(crate) async fn guarded<O>(
    work: impl Future<Output = Result<O, StepError>>,
) -> Result<O, StepError> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(_) => Err(StepError::Internal("it panicked; see the log".into())),
    }
}

/// The subject of an event, for the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) run: Option<String>,
    pub(crate) feed: Option<String>,
    pub(crate) mls: Option<String>,
}

impl About {
    /// Of an event that holds a run's description.
    fn run(payload: &Value) -> About {
        About {
            run: text(payload, "/run/run"),
            feed: text(payload, "/run/feed/feed"),
            mls: text(payload, "/run/feed/mls"),
        }
    }

    /// Of a pair that is due.
    pub(crate) fn pair(payload: &Value) -> About {
        About {
            run: text(payload, "/run"),
            feed: text(payload, "/feed"),
            mls: text(payload, "/mls"),
        }
    }
}

fn text(payload: &Value, at: &str) -> Option<String> {
    payload.pointer(at)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
