//! The handler of the queue of pairs.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use livelist_steps::{Env, start};
use serde_json::Value;

use crate::batch;
use crate::step::{About, guarded};

/// Serves the queue.
pub(crate) async fn serve(env: Env) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        handle(&env, event.payload).await
    }))
    .await
}

/// Handles a batch.
async fn handle(env: &Env, payload: Value) -> Result<SqsBatchResponse, Diagnostic> {
    batch::handle(start::NAME, payload, async |message| {
        item(env, message).await
    })
    .await
}

/// Handles one message. Returns its id if it has to be delivered again.
async fn item(env: &Env, message: SqsMessage) -> Option<String> {
    let body = message.body.unwrap_or_default();
    // The step has logged the result.
    let error = guarded(start::run(env, &body)).await.err()?;
    let about = About::pair(&serde_json::from_str(&body).unwrap_or_default());
    tracing::error!(
        step = start::NAME,
        run = about.run,
        feed = about.feed,
        mls = about.mls,
        message_id = message.message_id,
        error = error.name(),
        advice = error.advice(),
        "the run was not started: {}",
        error.chain()
    );
    Some(message.message_id.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use livelist_store::{Executions, Start, StoreError};
    use serde_json::json;

    use super::*;
    use crate::testing::{self, MLS};

    /// Executions of which one cannot be started now, and one panics.
    struct Fussy;

    #[async_trait]
    impl Executions for Fussy {
        async fn start(&self, name: &str, _: String) -> Result<Start, StoreError> {
            match name {
                n if n.starts_with("2026-11-22") => Err(StoreError::unavailable("it", "down")),
                n if n.starts_with("2026-11-23") => panic!("a bug"),
                _ => Ok(Start::Started),
            }
        }
    }

    fn batch(bodies: &[String]) -> Value {
        let message = |(i, body)| json!({"messageId": format!("m{i}"), "body": body});
        let records: Vec<Value> = bodies.iter().enumerate().map(message).collect();
        json!({"Records": records})
    }

    async fn failed(env: &Env, bodies: &[String]) -> Vec<String> {
        let answer = handle(env, batch(bodies)).await.unwrap();
        let mut failed: Vec<String> = answer
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect();
        failed.sort();
        failed
    }

    #[tokio::test]
    async fn a_bad_message_never_fails_the_others() {
        let (mut env, queue) = testing::env();
        env.executions = Arc::new(Fussy);
        testing::register(&env).await;
        let days = ["2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"];
        let mut bodies: Vec<String> = days.map(|day| testing::pair(day, MLS)).to_vec();
        bodies.push("not a pair".to_owned());
        bodies.push(testing::pair("2026-11-21", "unknown"));
        assert_eq!(failed(&env, &bodies).await, ["m1", "m2"]);
        let dead = queue.dead();
        assert_eq!(dead.len(), 2);
        assert!(dead.iter().all(|(_, reason)| !reason.is_empty()));
    }

    #[tokio::test]
    async fn a_batch_of_many_is_worked_off() {
        let (env, _) = testing::env();
        testing::register(&env).await;
        let bodies = vec![testing::pair("2026-11-21", MLS); 100];
        assert!(failed(&env, &bodies).await.is_empty());
        assert!(failed(&env, &[]).await.is_empty());
    }

    #[tokio::test]
    async fn an_event_of_something_else_is_an_invalid_input() {
        let (env, _) = testing::env();
        let error = handle(&env, json!({"detail": {}})).await.unwrap_err();
        assert_eq!(error.error_type, "InputInvalid");
        assert!(
            error.error_message.contains("Records"),
            "{}",
            error.error_message
        );
    }

    #[test]
    fn the_answer_has_the_form_that_sqs_reads() {
        let mut answer = SqsBatchResponse::default();
        answer.add_failure("m1");
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            json!({"batchItemFailures": [{"itemIdentifier": "m1"}]})
        );
    }
}
