//! Handles a batch of messages one by one, so that a bad message does not fail the others.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{StreamExt, stream};
use lambda_runtime::Diagnostic;
use serde_json::Value;

use crate::report;
use crate::step::parse;

/// Messages worked on at once: the work is waiting for others.
const AT_ONCE: usize = 8;

/// Handles a batch, and tells SQS which messages to deliver again. `item` returns the id of such a message;
/// without an id, which SQS always gives, Lambda treats the whole batch as failed.
pub(crate) async fn handle(
    name: &'static str,
    payload: Value,
    item: impl AsyncFn(SqsMessage) -> Option<String>,
) -> Result<SqsBatchResponse, Diagnostic> {
    let batch: SqsEvent = parse(payload).map_err(|error| {
        tracing::error!(
            step = name,
            error = error.name(),
            advice = error.advice(),
            "the event is not a batch of messages: {}",
            error.chain()
        );
        report::diagnostic(&error)
    })?;
    let failed: Vec<Option<String>> = stream::iter(batch.records)
        .map(|message| item(message))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut answer = SqsBatchResponse::default();
    for id in failed.into_iter().flatten() {
        answer.add_failure(id);
    }
    Ok(answer)
}
