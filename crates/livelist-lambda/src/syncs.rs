//! The handler of the planner of syncs. Once an hour it also counts the copies that are behind for too long: a sync
//! that is never made reports nothing.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use livelist_model::metrics::CopyMetrics;
use livelist_model::registry::Registry;
use livelist_ops::copies;
use livelist_steps::records::schedule::{self, Input, NAME};
use livelist_steps::{Env, StepError};
use livelist_store::registry::Documents;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::report;
use crate::step::{guarded, parse};

/// An hour, in seconds.
const HOUR: i64 = 3_600;
/// At most this many copies are named in the log.
const NAMED: usize = 20;

/// Serves the schedule.
pub(crate) async fn serve(env: Env) -> Result<(), lambda_runtime::Error> {
    // The documents of the call before: only what changed is read.
    let documents = Mutex::new(Documents::of_syncs());
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let mut documents = documents.lock().await;
        handle(&env, &mut documents, event.payload).await
    }))
    .await
}

/// Handles one call.
async fn handle(env: &Env, documents: &mut Documents, payload: Value) -> Result<Value, Diagnostic> {
    let planned = guarded(async {
        let input: Input = parse(payload)?;
        let is_whole = input.replication.is_none();
        let (output, registry) = schedule::run(env, documents, input).await?;
        if is_whole && output.time.as_second() % HOUR == 0 {
            look(env, &registry).await;
        }
        tracing::info!(
            step = NAME, time = %output.time, replications = output.replications, sent = output.sent,
            findings = output.findings, "{NAME}: planned"
        );
        serde_json::to_value(output).map_err(|e| StepError::Internal(e.into()))
    });
    planned.await.map_err(|error| {
        tracing::error!(
            step = NAME,
            error = error.name(),
            advice = error.advice(),
            "{NAME} failed: {}",
            error.chain()
        );
        report::diagnostic(&error)
    })
}

/// Counts the copies, and says in the log which are behind for too long. It changes nothing.
async fn look(env: &Env, registry: &Registry) {
    let now = env.clock.now();
    let copies = match copies::read(&*env.objects, registry, now).await {
        Ok(copies) => copies,
        Err(error) => {
            let error = livelist_model::with_causes(&error);
            tracing::error!(step = NAME, error, "how the copies stand cannot be read");
            return;
        }
    };
    let late: Vec<String> = copies
        .iter()
        .filter(|copy| copy.is_late)
        .map(|copy| format!("{}:{}", copy.replication, copy.destination))
        .collect();
    env.metrics.copies(&CopyMetrics {
        at: now,
        copies: copies.len() as u64,
        behind: late.len() as u64,
    });
    if !late.is_empty() {
        tracing::warn!(
            behind = late.len(),
            copies = late[..late.len().min(NAMED)].join(" "),
            "copies are behind for too long"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use livelist_store::memory::ManualClock;
    use livelist_store::metrics::MemoryMetrics;
    use livelist_store::{Condition, Retention};
    use serde_json::json;

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn what_falls_due_is_sent_and_on_the_hour_the_copies_are_counted() {
        let (mut env, queue) = testing::env();
        let metrics = Arc::new(MemoryMetrics::default());
        env.metrics = metrics.clone();
        env.clock = Arc::new(ManualClock::at("2026-11-21T04:00:02Z".parse().unwrap()));
        testing::register(&env).await;
        for (name, cron) in [("often", "*/15 * * * *"), ("night", "5 4 * * *")] {
            let text = json!({"replication": name, "mls": "abor", "sync": {"cron": cron},
                "resources": [{"resource": "Property"}]});
            let key = format!("registry/replications/{name}.json");
            let body = text.to_string().into_bytes().into();
            let put = env
                .objects
                .put(&key, body, Condition::Always, Retention::Keep);
            put.await.unwrap();
        }
        let mut documents = Documents::of_syncs();
        let mut sent = Vec::new();
        for time in ["04:00", "04:05", "04:10", "04:15", "04:15"] {
            let event = json!({"time": format!("2026-11-21T{time}:00Z")});
            handle(&env, &mut documents, event).await.unwrap();
            let mut of = Vec::new();
            while let Some(message) = queue.take() {
                let body: Value = serde_json::from_str(&message.body).unwrap();
                of.push(body["replication"].as_str().unwrap().to_owned());
            }
            sent.push(of);
        }
        let often = || vec!["often".to_owned()];
        let expected = [often(), vec!["night".to_owned()], vec![], often(), often()];
        assert_eq!(sent, expected);
        let looks = metrics.copies_seen();
        assert_eq!(looks.len(), 1, "on the hour alone");
        assert_eq!((looks[0].copies, looks[0].behind), (2, 2), "no pass yet");
        let asked = json!({"replication": "night"});
        handle(&env, &mut documents, asked).await.unwrap();
        assert!(queue.take().unwrap().body.contains("night"));
        let wrong = handle(&env, &mut documents, json!({"time": "noon"})).await;
        assert_eq!(wrong.unwrap_err().error_type, "InputInvalid");
    }
}
