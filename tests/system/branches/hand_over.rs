//! Executions that continue a run.

use serde_json::{Value, json};

use super::{Fakes, TO_END, TO_FAILURE, TO_PUBLISH, TO_SCAN};

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
