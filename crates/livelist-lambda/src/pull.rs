//! The handler of the queue of syncs.

use livelist_steps::Env;
use livelist_steps::records::RecordsError;
use livelist_steps::records::sync::{self, NAME, Output};

use crate::queue;

/// Serves the queue.
pub(crate) async fn serve(env: Env) -> Result<(), lambda_runtime::Error> {
    queue::serve(env, NAME, handle).await
}

/// Makes one sync, with one line in the log.
async fn handle(env: &mut Env, body: &str) -> Result<(), RecordsError> {
    let begun = env.clock.now();
    let output = sync::run(env, body).await?;
    let milliseconds = env.clock.now().duration_since(begun).as_millis();
    let milliseconds = u64::try_from(milliseconds).unwrap_or_default();
    // Which replication, in the words of the message.
    let message: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let replication = message["replication"].as_str();
    match output {
        Output::Made(made) => {
            let (pass, outcome) = (&made.pass, made.pass.outcome.as_str());
            let error = pass.errors.first().map(|error| error.name.as_str());
            tracing::info!(
                step = NAME,
                replication,
                outcome,
                pulled = pass.pulled,
                upserts = pass.upserts,
                removals = pass.removals,
                rejected = pass.rejected,
                requests = pass.requests,
                copies = made.told,
                error,
                milliseconds,
                "{NAME}: {outcome}"
            );
        }
        Output::Left(reason) => {
            tracing::info!(
                step = NAME,
                replication,
                outcome = "left",
                "{NAME}: {reason}"
            );
        }
        Output::DeadLettered(reason) => tracing::error!(
            step = NAME,
            replication,
            outcome = "dead",
            "a message goes to the dead-letter queue: {reason}"
        ),
    }
    Ok(())
}
