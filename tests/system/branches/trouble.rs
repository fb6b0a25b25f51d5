//! Errors: which are retried, which are reported, and that none is hidden.

use serde_json::{Value, json};

use super::{Fakes, TO_END, TO_FAILURE, TO_PUBLISH, TO_SCAN};

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_failure_is_recorded_told_and_explained() {
    let fakes = Fakes::get();
    let notices = fakes
        .stack
        .listen(
            fakes.stack.at("/also/branches/NoticesArn"),
            "failure-listener",
        )
        .await;
    let message = "the provider denies access: it said \"403\" {no}\nCheck the subscription.";
    let script = json!({ "scan": [{ "error": "AccessDenied", "message": message }] });
    let played = fakes.play("denied", script, json!({})).await;
    played.went(&format!("{TO_SCAN} {TO_FAILURE}")).failed(
        "AccessDenied",
        "The step scan of the run denied failed: the provider denies access: it said \"403\" {no}. \
         Check the subscription.",
    );
    assert_eq!(
        played.told("release", "failure"),
        [json!({
            "error": "AccessDenied",
            "cause": "the provider denies access: it said \"403\" {no}",
            "step": "scan",
        })]
    );
    let notice = notices.of("Run: denied\n").await;
    assert_eq!(notice.subject, "Livelist: abor failed, AccessDenied");
    for line in [
        "MLS: abor",
        "Step: scan",
        "Error: AccessDenied",
        "Advice: Check the subscription.",
    ] {
        assert!(
            notice.message.lines().any(|l| l == line),
            "{line}\n{}",
            notice.message
        );
    }
    assert!(notice.message.contains(&played.execution.arn));
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn the_first_error_is_the_one_that_is_told() {
    let script = json!({
        "compare": [{ "error": "StoreCorrupt", "message": "a part is damaged" }],
        "release": [{ "error": "Internal", "message": "and this broke too" }],
    });
    let played = Fakes::get().play("twice-broken", script, json!({})).await;
    played.went(&format!("{TO_SCAN} MoreToScan? Compare {TO_FAILURE}")).failed(
        "StoreCorrupt",
        "The step compare of the run twice-broken failed: a part is damaged. See the execution, and \
         the log of the step.",
    );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_credential_that_cannot_be_given_back_is_told_but_undoes_nothing() {
    let script = json!({ "release": [{ "error": "Internal", "message": "broken" }] });
    let played = Fakes::get().play("not-released", script, json!({})).await;
    played.went(&format!(
        "{TO_SCAN} {TO_PUBLISH} ReleaseCredential NotifyFailure RunFailed"
    ));
    assert_eq!(played.execution.error, "Internal");
    assert!(
        played.execution.cause.contains("The run did its work"),
        "{}",
        played.execution.cause
    );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn what_may_pass_is_tried_again() {
    let script = json!({
        "acquire": [{ "error": "StoreUnavailable" }, {}],
        "scan": [
            { "error": "ProviderUnavailable" }, { "error": "ProviderUnavailable" },
            { "error": "ProviderUnavailable" }, { "error": "PageInvalid" },
            { "error": "StoreUnavailable" }, { "error": "Runtime.ExitError" }, {},
        ],
    });
    let played = Fakes::get().play("passing", script, json!({})).await;
    played
        .succeeded()
        .went(&format!("{TO_SCAN} {TO_PUBLISH} {TO_END}"));
    assert_eq!(played.execution.task_errors().len(), 7);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn what_will_not_pass_is_not_tried_again() {
    let fakes = Fakes::get();
    let script = json!({ "scan": [{ "error": "PageInvalid", "message": "html" }] });
    let played = fakes.play("never-a-page", script, json!({})).await;
    assert_eq!(
        played.execution.task_errors(),
        ["PageInvalid", "PageInvalid"],
        "once more, no more"
    );
    for error in [
        "RequestRejected",
        "LinkRefused",
        "PagingLoop",
        "AuthorizationFailed",
        "SealInvalid",
    ] {
        let script = json!({ "scan": [{ "error": error, "message": "no" }] });
        let name = format!("never-{}", error.to_ascii_lowercase());
        let played = fakes.play(&name, script, json!({})).await;
        assert_eq!(played.execution.task_errors(), [error]);
        assert_eq!(played.execution.error, error);
    }
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_run_that_lost_its_lease_begins_where_it_was() {
    let script = json!({
        "scan": [{ "outcome": "more", "progress": "p1" }, { "error": "LeaseLost" }, { "progress": "p2" }],
        "compare": [{ "error": "LeaseLost" }, {}],
        "publish": [{ "error": "LeaseLost" }, {}],
    });
    let played = Fakes::get().play("lost", script, json!({})).await;
    let back = TO_SCAN.strip_suffix(" Scan").unwrap();
    let back = back.replace("AcquireCredential", "AcquireAgain");
    played.succeeded().went(&format!(
        "{TO_SCAN} MoreToScan? Scan {back} Scan MoreToScan? Compare {back} Compare WhatNext? Publish \
         {back} Publish Outcome? {TO_END}"
    ));
    assert_eq!(
        played.told("scan", "progress"),
        [Value::Null, json!("p1"), json!("p1")]
    );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_lease_lost_behind_a_confirmation_repeats_no_question() {
    let script = json!({
        "scan": [{ "progress": "p1" }, { "error": "LeaseLost" }, { "progress": "p3" }],
        "compare": [{ "outcome": "confirm" }],
        "confirm": [
            { "outcome": "scan", "confirmation": "a1", "progress": "p2" },
            { "outcome": "publish", "confirmation": "a2" },
        ],
        "publish": [{ "error": "LeaseLost" }, {}],
    });
    let played = Fakes::get().play("lost-later", script, json!({})).await;
    let back = TO_SCAN.strip_suffix(" Scan").unwrap();
    let back = back.replace("AcquireCredential", "AcquireAgain");
    let confirmed = "MoreToScan? Compare WhatNext? Confirm MoreToConfirm?";
    played.succeeded().went(&format!(
        "{TO_SCAN} {confirmed} Scan {back} Scan {confirmed} Publish {back} Publish Outcome? {TO_END}"
    ));
    let progress = [Value::Null, json!("p2"), json!("p2")];
    assert_eq!(played.told("scan", "progress"), progress);
    assert_eq!(played.told("publish", "confirmation"), ["a2", "a2"]);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn an_outcome_that_nobody_knows_fails_and_gives_the_credential_back() {
    let script = json!({ "scan": [{ "outcome": "perhaps" }] });
    let played = Fakes::get().play("perhaps", script, json!({})).await;
    played.went(&format!(
        "{TO_SCAN} MoreToScan? UnexpectedOutcome {TO_FAILURE}"
    ));
    assert_eq!(played.execution.error, "Internal");
    assert!(
        played.execution.cause.contains("outcome perhaps"),
        "{}",
        played.execution.cause
    );
}
