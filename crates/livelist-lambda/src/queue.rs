//! Serves a queue whose messages are long work: one after the other, each within the time that is left.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsBatchResponse;
use futures::FutureExt;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use livelist_model::with_causes;
use livelist_steps::Env;
use livelist_steps::records::RecordsError;
use livelist_steps::records::error::advice;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{batch, deadline};

/// Serves the queue; `item` is given each message's body. A message whose work fails is delivered again.
///
/// # Errors
/// The runtime's API does not answer.
pub async fn serve(
    env: Env,
    name: &'static str,
    item: impl AsyncFn(&mut Env, &str) -> Result<(), RecordsError>,
) -> Result<(), lambda_runtime::Error> {
    let longest = env.limits.task_time;
    // The limits are those of the message at hand, so one waits for the other.
    let env = Mutex::new(env);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let ends = (longest, event.context.deadline);
        handle(&env, name, ends, event.payload, &item).await
    }))
    .await
}

/// Handles a batch, and tells SQS which messages to deliver again.
async fn handle(
    env: &Mutex<Env>,
    name: &'static str,
    (longest, ends): (Duration, u64),
    payload: Value,
    item: &impl AsyncFn(&mut Env, &str) -> Result<(), RecordsError>,
) -> Result<SqsBatchResponse, Diagnostic> {
    batch::handle(name, payload, async |message| {
        let mut env = env.lock().await;
        env.limits.task_time = deadline::task_time(longest, ends, env.clock.now());
        let body = message.body.unwrap_or_default();
        let id = message.message_id.unwrap_or_default();
        // The text of a panic may contain anything; it was logged where it happened.
        let done = AssertUnwindSafe(item(&mut env, &body)).catch_unwind().await;
        match done {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => tracing::error!(
                step = name,
                message_id = id,
                error = error.name(),
                advice = advice(error.name()),
                "a message failed and will be received again: {}",
                with_causes(&error)
            ),
            Err(_) => tracing::error!(
                step = name,
                message_id = id,
                error = "Internal",
                "a message failed and will be received again: it panicked; see the log"
            ),
        }
        Some(id)
    })
    .await
}

#[cfg(test)]
mod tests {
    use livelist_store::StoreError;
    use serde_json::json;

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn a_message_that_fails_or_panics_comes_again_and_the_others_do_not() {
        let (env, _) = testing::env();
        let env = Mutex::new(env);
        let record = |id: &str| json!({"messageId": id, "body": id});
        let batch = json!({"Records": [record("fails"), record("panics"), record("fine")]});
        let item = async |_: &mut Env, body: &str| match body {
            "fails" => Err(StoreError::unavailable("it", "down").into()),
            "panics" => panic!("a bug"),
            _ => Ok(()),
        };
        let ends = (Duration::from_secs(600), u64::MAX);
        let answer = handle(&env, "pull", ends, batch, &item).await.unwrap();
        let failed: Vec<String> = answer
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect();
        assert_eq!(failed, ["fails", "panics"]);
        let wrong = handle(&env, "pull", ends, json!({"detail": 1}), &item).await;
        assert_eq!(wrong.unwrap_err().error_type, "InputInvalid");
    }
}
