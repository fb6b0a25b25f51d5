//! The log lines at the beginning and end of a step in this process, with the same members as those of the
//! Lambda handler. The span around the chain names the run.

use serde::Serialize;
use tracing::Instrument;

use crate::{Env, StepError};

/// Runs the `work` of `step` between two log lines; log lines from inside the step carry its name, too.
pub(crate) async fn logged<O: Serialize>(
    env: &Env,
    step: &'static str,
    work: impl Future<Output = Result<O, StepError>>,
) -> Result<O, StepError> {
    tracing::debug!(step, "{step} begins");
    let begun = env.clock.now();
    let result = work.instrument(tracing::info_span!("step", step)).await;
    let took = env.clock.now().duration_since(begun).as_millis();
    let milliseconds = u64::try_from(took).unwrap_or_default();
    match &result {
        Ok(output) => {
            let output = serde_json::to_value(output).unwrap_or_default();
            let outcome = output.get("outcome").and_then(|outcome| outcome.as_str());
            tracing::info!(
                step,
                outcome,
                milliseconds,
                "{step}: {}",
                outcome.unwrap_or("done")
            );
        }
        Err(error) => tracing::error!(
            step,
            error = error.name(),
            advice = error.advice(),
            milliseconds,
            "{step} failed: {}",
            error.chain()
        ),
    }
    result
}
