//! The handler of the queue: each pair for itself, so that a bad one never fails the others.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{StreamExt, stream};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use livelist_steps::{Env, StepError, start};
use serde_json::Value;

use crate::report;
use crate::step::{About, guarded, parse};

/// Messages worked on at once: starting a run is waiting for S3 and Step Functions.
const AT_ONCE: usize = 8;

/// Serves the queue.
pub(crate) async fn serve(env: Env) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        handle(&env, event.payload).await
    }))
    .await
}

/// Handles a batch; tells SQS which messages to send again.
async fn handle(env: &Env, payload: Value) -> Result<SqsBatchResponse, Diagnostic> {
    let batch: SqsEvent = parse(payload).map_err(|error| {
        tracing::error!(
            step = start::NAME,
            error = error.name(),
            advice = error.advice(),
            "the event is not a batch of messages: {}",
            error.chain()
        );
        report::diagnostic(&error)
    })?;
    let failed: Vec<Option<String>> = stream::iter(batch.records)
        .map(|message| item(env, message))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut answer = SqsBatchResponse::default();
    for id in failed.into_iter().flatten() {
        answer.add_failure(id);
    }
    Ok(answer)
}

/// Handles one message. Gives its id if it has to come again; without an id, which SQS never leaves
/// out, Lambda takes the whole batch to have failed.
async fn item(env: &Env, message: SqsMessage) -> Option<String> {
    let body = message.body.unwrap_or_default();
    let about = serde_json::from_str(&body).unwrap_or_default();
    let about = About::pair(&about);
    match guarded(one(env, &body)).await {
        Ok(outcome) => {
            tracing::info!(
                step = start::NAME,
                run = about.run,
                feed = about.feed,
                mls = about.mls,
                message = message.message_id,
                "{outcome}"
            );
            None
        }
        Err(error) => {
            tracing::error!(
                step = start::NAME,
                run = about.run,
                feed = about.feed,
                mls = about.mls,
                message = message.message_id,
                error = error.name(),
                advice = error.advice(),
                "the run was not started: {}",
                error.chain()
            );
            Some(message.message_id.unwrap_or_default())
        }
    }
}

async fn one(env: &Env, body: &str) -> Result<String, StepError> {
    let input = serde_json::from_str(body)
        .map_err(|e| StepError::InputInvalid(e.to_string()))
        .and_then(parse);
    match input {
        Ok(input) => {
            let output = start::run(env, input).await?;
            serde_json::to_string(&output).map_err(|e| StepError::Internal(e.into()))
        }
        // It will not get better by coming again.
        Err(error) => {
            let reason = error.chain();
            env.queue.dead_letter(body, &reason).await?;
            Ok(format!("put aside: {reason}"))
        }
    }
}
