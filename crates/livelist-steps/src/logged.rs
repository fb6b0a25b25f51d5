//! The lines in the log with which a step begins and ends in this process: the members are those
//! that the Lambda handler writes. Which run it is, the span around the chain says.

use serde::Serialize;
use tracing::Instrument;

use crate::{Env, StepError};

/// Does the `work` of `step` between two lines in the log; what the step says besides has its name,
/// too.
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
