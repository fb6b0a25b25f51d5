use std::time::Duration;

use async_trait::async_trait;
use livelist_steps::step::{Acquire, Plan};
use livelist_store::{LeaseState, StoreError};
use serde_json::json;

use super::*;
use crate::testing;

/// A step that fails.
struct Broken;

#[async_trait]
impl Step for Broken {
    const NAME: &'static str = "broken";
    type In = Value;
    type Out = Value;

    async fn run(_: &Env, _: Value) -> Result<Value, StepError> {
        Err(StoreError::unavailable("reading x", "reset by peer").into())
    }
}

/// A step with a bug.
struct Buggy;

#[async_trait]
impl Step for Buggy {
    const NAME: &'static str = "buggy";
    type In = Value;
    type Out = Value;

    async fn run(_: &Env, _: Value) -> Result<Value, StepError> {
        panic!("s3cr3t")
    }
}

#[tokio::test]
async fn a_step_takes_its_input_and_gives_its_output_as_json() {
    let (env, _) = testing::env();
    let payload = json!({"run": testing::run("2026-11-21"), "owner": "one"});
    let output = handle::<Acquire>(&env, payload).await;
    assert_eq!(
        output.unwrap(),
        json!({"outcome": "acquired", "wait_seconds": 0})
    );
    let credential = testing::credential();
    let lease = env
        .leases
        .acquire(&credential, "two", Duration::from_secs(1));
    assert!(matches!(lease.await.unwrap(), LeaseState::Busy(_)));
}

#[tokio::test]
async fn a_planner_leaves_the_event_buss_own_members_alone() {
    let (env, queue) = testing::env();
    testing::register(&env).await;
    let payload = json!({"version": "0", "id": "x", "detail-type": "Scheduled Event",
        "time": "2026-11-21T04:00:00Z", "detail": {}});
    let output = handle::<Plan>(&env, payload).await.unwrap();
    assert_eq!(output["sent"], 1);
    assert!(queue.take().is_some());
}

#[tokio::test]
async fn a_payload_that_is_not_the_input_is_told_by_field() {
    let (env, _) = testing::env();
    let mut run = serde_json::to_value(testing::run("2026-11-21")).unwrap();
    run["feed"]["mls"] = json!("Not An MLS");
    let payload = json!({"run": run, "owner": "one"});
    let error = handle::<Acquire>(&env, payload).await;
    let error = error.unwrap_err();
    assert_eq!(error.error_type, "InputInvalid");
    assert!(
        error.error_message.contains("`run.feed.mls`: "),
        "{}",
        error.error_message
    );
    let error = handle::<Acquire>(&env, json!({})).await;
    assert_eq!(error.unwrap_err().error_type, "InputInvalid");
}

#[tokio::test]
async fn an_error_keeps_its_name_and_its_causes() {
    let (env, _) = testing::env();
    let error = handle::<Broken>(&env, json!({})).await.unwrap_err();
    assert_eq!(error.error_type, "StoreUnavailable");
    assert!(
        error
            .error_message
            .contains("reading x is not available: reset by peer")
    );
}

#[tokio::test]
async fn a_panic_is_an_internal_error_without_its_text() {
    let (env, _) = testing::env();
    let error = handle::<Buggy>(&env, json!({})).await.unwrap_err();
    assert_eq!(error.error_type, "Internal");
    assert!(!error.error_message.contains("s3cr3t"));
}

#[test]
fn an_event_says_what_it_is_about_as_far_as_it_can() {
    let run = testing::run("2026-11-21");
    let of_run = About::run(&json!({"run": run}));
    let body = testing::pair("2026-11-21", testing::MLS);
    let of_pair = About::pair(&serde_json::from_str(&body).unwrap());
    assert_eq!(of_run, of_pair);
    assert_eq!(of_run.run.as_deref(), Some(run.run.as_str()));
    assert_eq!(of_run.mls.as_deref(), Some(testing::MLS));
    assert_eq!(About::run(&json!("odd")), About::default());
}
