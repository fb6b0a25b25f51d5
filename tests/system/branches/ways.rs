//! The paths of a run when nothing fails.

use livelist_tests::files;
use serde_json::{Value, json};

use super::{Fakes, TO_END, TO_FAILURE, TO_PUBLISH, TO_SCAN};

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_run_without_trouble() {
    let fakes = Fakes::get();
    let played = fakes.play("fine", json!({}), json!({})).await;
    played
        .succeeded()
        .went(&format!("{TO_SCAN} {TO_PUBLISH} {TO_END}"));
    assert_eq!(played.execution.output["outcome"], "published");
    assert_eq!(played.execution.output["sequence"], 1);
    // Each step got exactly its input.
    for step in [
        "acquire",
        "authorize",
        "scan",
        "compare",
        "publish",
        "release",
    ] {
        let payloads = played.payloads(step);
        assert_eq!(payloads.len(), 1, "{step}");
        let fields = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&payloads[0]), fields(&files::event(step)), "{step}");
        assert_eq!(payloads[0]["owner"], "fine", "{step}");
    }
    assert_eq!(played.told("scan", "token"), [json!("sealed")]);
    assert_eq!(played.told("scan", "progress"), [Value::Null]);
    assert_eq!(played.told("compare", "progress"), [json!("progress-1")]);
    assert_eq!(
        played.told("publish", "comparison"),
        [json!("comparison-1")]
    );
    assert_eq!(played.told("publish", "confirmation"), [Value::Null]);
    assert_eq!(played.told("publish", "approved"), [json!(false)]);
    assert_eq!(played.told("release", "failure"), [Value::Null]);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_busy_credential_is_waited_for() {
    let script = json!({ "acquire": [{ "outcome": "busy", "wait_seconds": 30 }, {}] });
    let played = Fakes::get().play("busy", script, json!({})).await;
    let again = TO_SCAN.replace(
        "CredentialBusy?",
        "CredentialBusy? WaitForCredential AcquireAgain CredentialBusy?",
    );
    played
        .succeeded()
        .went(&format!("{again} {TO_PUBLISH} {TO_END}"));
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_run_that_is_done_is_left_alone() {
    let script = json!({ "acquire": [{ "outcome": "finished" }] });
    let played = Fakes::get().play("finished", script, json!({})).await;
    played
        .succeeded()
        .went("AcquireCredential CredentialBusy? Done");
    assert_eq!(played.execution.output, json!({ "outcome": "finished" }));
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn each_provider_is_authorized_in_its_way() {
    let fakes = Fakes::get();
    let cases = [
        ("trestle", "client_credentials", "RequestToken"),
        ("mlsgrid", "server_token", "LoadServerToken"),
        ("rapattoni", "password", "RequestUserToken"),
        ("reso", "client_credentials", "RequestToken"),
        ("reso", "server_token", "LoadServerToken"),
    ];
    for (provider, auth, state) in cases {
        let played = fakes
            .play_provider(&format!("by-{provider}-{auth}"), provider, auth)
            .await;
        played.succeeded();
        assert_eq!(played.execution.times_in(state), 1, "{provider} {auth}");
    }
    let played = fakes
        .play_provider("by-nobody", "nobody", "guesswork")
        .await;
    played
        .went(&format!(
            "AcquireCredential CredentialBusy? PickProvider UnknownProvider {TO_FAILURE}"
        ))
        .failed(
            "UnknownProvider",
            "The step authorize of the run by-nobody failed: the machine has no branch for the \
             provider nobody with the authentication guesswork. See the execution, and the log \
             of the step.",
        );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_scan_goes_on_waits_and_gets_a_new_token() {
    let script = json!({
        "scan": [
            { "outcome": "more", "progress": "p1" },
            { "outcome": "throttled", "progress": "p2", "wait_seconds": 7 },
            { "outcome": "unauthorized", "progress": "p3" },
            { "outcome": "done", "progress": "p4" },
        ],
        "authorize": [
            { "token": "first" },
            { "outcome": "throttled", "token": null, "wait_seconds": 3 },
            { "token": "second" },
        ],
    });
    let played = Fakes::get().play("scanning", script, json!({})).await;
    played.succeeded().went(&format!(
        "{TO_SCAN} MoreToScan? Scan MoreToScan? WaitScan Scan MoreToScan? PickProvider RequestToken \
         Authorized? WaitForToken PickProvider RequestToken Authorized? Scan {TO_PUBLISH} {TO_END}"
    ));
    assert_eq!(
        played.told("scan", "progress"),
        [Value::Null, json!("p1"), json!("p2"), json!("p3")]
    );
    assert_eq!(
        played.told("scan", "token"),
        ["first", "first", "first", "second"]
    );
    assert_eq!(played.told("compare", "progress"), ["p4"]);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_confirmation_goes_on_waits_and_gets_a_new_token() {
    let script = json!({
        "compare": [{ "outcome": "confirm", "comparison": "c1" }],
        "confirm": [
            { "outcome": "more", "confirmation": "a1" },
            { "outcome": "throttled", "confirmation": "a2", "wait_seconds": 5 },
            { "outcome": "unauthorized", "confirmation": "a3" },
            { "outcome": "publish", "confirmation": "a4" },
        ],
        "authorize": [{ "token": "first" }, { "token": "second" }],
    });
    let played = Fakes::get().play("confirming", script, json!({})).await;
    played.succeeded().went(&format!(
        "{TO_SCAN} MoreToScan? Compare WhatNext? Confirm MoreToConfirm? Confirm MoreToConfirm? \
         WaitConfirm Confirm MoreToConfirm? PickProvider RequestToken Authorized? Confirm \
         MoreToConfirm? Publish Outcome? {TO_END}"
    ));
    assert_eq!(
        played.told("confirm", "confirmation"),
        [Value::Null, json!("a1"), json!("a2"), json!("a3")]
    );
    assert_eq!(
        played.told("confirm", "token"),
        ["first", "first", "first", "second"]
    );
    assert_eq!(played.told("publish", "confirmation"), ["a4"]);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_second_scan_makes_older_confirmations_void() {
    let script = json!({
        "scan": [{ "progress": "p1" }, { "progress": "p2" }, { "progress": "p3" }],
        "compare": [
            { "outcome": "scan", "progress": "p1-again" },
            { "outcome": "confirm", "progress": "p2", "comparison": "c2" },
            { "outcome": "publish", "progress": "p3", "comparison": "c3" },
        ],
        "confirm": [{ "outcome": "scan", "confirmation": "a1", "progress": "p2-again" }],
    });
    let played = Fakes::get().play("again", script, json!({})).await;
    played.succeeded().went(&format!(
        "{TO_SCAN} MoreToScan? Compare WhatNext? Scan MoreToScan? Compare WhatNext? Confirm \
         MoreToConfirm? Scan {TO_PUBLISH} {TO_END}"
    ));
    assert_eq!(
        played.told("scan", "progress"),
        [Value::Null, json!("p1-again"), json!("p2-again")]
    );
    assert_eq!(played.told("publish", "comparison"), ["c3"]);
    assert_eq!(played.told("publish", "confirmation"), [Value::Null]);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_stale_comparison_is_made_anew() {
    let script = json!({ "publish": [{ "outcome": "stale" }, { "outcome": "unchanged" }] });
    let played = Fakes::get().play("stale", script, json!({})).await;
    played.succeeded().went(&format!(
        "{TO_SCAN} {TO_PUBLISH} Compare WhatNext? Publish Outcome? {TO_END}"
    ));
    assert_eq!(played.execution.output["outcome"], "unchanged");
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_held_result_is_told() {
    let fakes = Fakes::get();
    let notices = fakes
        .stack
        .listen(fakes.stack.at("/also/branches/NoticesArn"), "held-listener")
        .await;
    let held =
        json!({ "outcome": "held", "held_reason": "empty_scan", "advice": "Check the filter." });
    let played = fakes
        .play("held", json!({ "publish": [held] }), json!({}))
        .await;
    played
        .succeeded()
        .went(&format!("{TO_SCAN} {TO_PUBLISH} NotifyHeld {TO_END}"));
    let notice = notices.of("Run: held\n").await;
    assert_eq!(notice.subject, "Livelist: abor is held, empty_scan");
    let feed = files::event("reconcile");
    let feed = feed["run"]["feed"]["feed"].as_str().unwrap();
    for line in [
        "Run: held",
        &format!("Feed: {feed}"),
        "MLS: abor",
        "Reason: empty_scan",
        "Advice: Check the filter.",
        "Published: 1 keys. This run saw 1 live; 0 of the published keys are absent",
        "To decide: approve or reject the run as docs/operations.md says",
        &format!(
            "Execution: https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1\
             #/v2/executions/details/{}",
            played.execution.arn
        ),
    ] {
        assert!(
            notice.message.lines().any(|l| l == line),
            "{line}\n{}",
            notice.message
        );
    }
}
