//! Every branch of the state machine, with steps that answer what a test wrote down
//! (`tests/fakes`). Needs the local stack.

use std::path::Path;

use livelist_tests::files;
use livelist_tests::stack::{Execution, Stack};
use serde_json::{Value, json};

/// A machine whose steps play a script.
struct Fakes {
    stack: Stack,
}

/// What became of a run with a script.
struct Played {
    execution: Execution,
    journal: String,
}

impl Fakes {
    fn get() -> Fakes {
        Fakes {
            stack: Stack::get(),
        }
    }

    fn machine(&self) -> &str {
        self.stack.at("/also/branches/MachineArn")
    }

    /// Plays `script` as the run `name`, with `input` on top of the execution's usual one.
    async fn play(&self, name: &str, script: Value, input: Value) -> Played {
        let mut all = files::event("reconcile");
        all["run"]["run"] = json!(name);
        all["run"]["script"] = script;
        for (field, value) in input.as_object().unwrap() {
            all[field] = value.clone();
        }
        self.stack.start(self.machine(), name, &all).await;
        self.see(name, name).await
    }

    async fn play_provider(&self, name: &str, provider: &str, auth: &str) -> Played {
        let mut run = files::event("reconcile")["run"].take();
        run["run"] = json!(name);
        run["feed"]["provider"] = json!(provider);
        run["feed"]["auth"] = json!(auth);
        self.play(name, json!({}), json!({ "run": run })).await
    }

    async fn see(&self, run: &str, execution: &str) -> Played {
        let arn = Stack::execution_arn(self.machine(), execution);
        Played {
            execution: self.stack.ended(&arn).await,
            journal: format!("{}/fake-steps/{run}", self.stack.at("/scratch")),
        }
    }
}

impl Played {
    fn went(&self, states: &str) -> &Self {
        assert_eq!(
            self.execution.states().join(" "),
            states,
            "{:?}",
            self.execution.cause
        );
        self
    }

    fn succeeded(&self) -> &Self {
        assert_eq!(
            self.execution.status, "SUCCEEDED",
            "{} {}",
            self.execution.error, self.execution.cause
        );
        self
    }

    fn failed(&self, error: &str, cause: &str) -> &Self {
        assert_eq!(
            (
                self.execution.status.as_str(),
                self.execution.error.as_str()
            ),
            ("FAILED", error)
        );
        assert_eq!(self.execution.cause, cause);
        self
    }

    /// The payloads that a step got, in order.
    fn payloads(&self, step: &str) -> Vec<Value> {
        let journal = Path::new(&self.journal).join(format!("{step}.jsonl"));
        let text = std::fs::read_to_string(journal).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// A field of the payloads that a step got.
    fn told(&self, step: &str, field: &str) -> Vec<Value> {
        self.payloads(step)
            .iter()
            .map(|p| p[field].clone())
            .collect()
    }
}

const TO_SCAN: &str =
    "Begin AcquireCredential CredentialBusy? PickProvider RequestToken Authorized? ResumeAt Scan";
const TO_PUBLISH: &str = "MoreToScan? Compare WhatNext? Publish Outcome?";
const TO_END: &str = "ReleaseCredential Settled? Done";
const TO_FAILURE: &str = "Failed ReleaseAfterFailure NotifyFailure RunFailed";

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
        "CredentialBusy? WaitForCredential AcquireCredential CredentialBusy?",
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
        .went("Begin AcquireCredential CredentialBusy? Done");
    assert_eq!(played.execution.output, json!({ "outcome": "finished" }));
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn each_provider_is_authorized_in_its_way() {
    let fakes = Fakes::get();
    let cases = [
        ("trestle", "client_credentials", "RequestToken"),
        ("mlsgrid", "server_token", "LoadServerToken"),
        ("bridge", "server_token", "LoadServerToken"),
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
        .play_provider("by-nobody", "nobody", "server_token")
        .await;
    played
        .went(&format!(
            "Begin AcquireCredential CredentialBusy? PickProvider UnknownProvider {TO_FAILURE}"
        ))
        .failed(
            "UnknownProvider",
            "The step authorize of the run by-nobody failed: the machine has no branch for the \
             provider nobody with the authentication server_token. See the execution, and the log \
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
         Authorized? WaitForToken PickProvider RequestToken Authorized? ResumeAt Scan {TO_PUBLISH} {TO_END}"
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
         WaitConfirm Confirm MoreToConfirm? PickProvider RequestToken Authorized? ResumeAt Confirm \
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
    let back = TO_SCAN
        .strip_prefix("Begin ")
        .unwrap()
        .strip_suffix(" Scan")
        .unwrap();
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

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_long_run_is_handed_over_with_all_that_it_reached() {
    let fakes = Fakes::get();
    let mut scans: Vec<Value> = (1..=6)
        .map(|n| json!({ "outcome": "more", "progress": format!("p{n}") }))
        .collect();
    scans.push(json!({ "outcome": "done", "progress": "p7" }));
    let script = json!({ "scan": scans });
    let first = fakes.play("long", script, json!({ "max_hops": 5 })).await;
    let handed = "MayHandOver? ReleaseForHandOver StartContinuation HandedOver";
    let three = "MoreToScan? Scan MoreToScan? Scan MoreToScan?";
    first
        .succeeded()
        .went(&format!("{TO_SCAN} {three} {handed}"));
    fakes
        .see("long", "long--2")
        .await
        .succeeded()
        .went(&format!("{TO_SCAN} {three} {handed}"));
    let last = fakes.see("long", "long--3").await;
    last.succeeded()
        .went(&format!("{TO_SCAN} {TO_PUBLISH} {TO_END}"));
    let progress: Vec<Value> = (1..=6).map(|n| json!(format!("p{n}"))).collect();
    assert_eq!(
        last.told("scan", "progress"),
        [vec![Value::Null], progress].concat()
    );
    let owners = [
        "long", "long", "long", "long--2", "long--2", "long--2", "long--3",
    ];
    assert_eq!(last.told("scan", "owner"), owners);
    assert_eq!(
        last.told("release", "owner"),
        ["long", "long--2", "long--3"]
    );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn continuations_have_the_names_that_the_model_gives_them() {
    let run: livelist_model::RunId = "model-names".parse().unwrap();
    let fakes = Fakes::get();
    let script = json!({ "scan": [{ "outcome": "more" }, { "outcome": "more" }, {}] });
    fakes
        .play("model-names", script, json!({ "max_hops": 4 }))
        .await;
    fakes
        .see("model-names", &run.execution(1))
        .await
        .succeeded();
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_run_that_is_handed_over_for_ever_ends() {
    let script = json!({ "scan": [{ "outcome": "more" }] });
    let played = Fakes::get()
        .play("endless", script, json!({ "max_hops": 4, "nth": 30 }))
        .await;
    assert_eq!(played.execution.error, "LimitExceeded");
    assert!(
        played
            .execution
            .states()
            .ends_with(&TO_FAILURE.split(' ').collect::<Vec<_>>())
    );
}
