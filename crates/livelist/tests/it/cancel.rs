//! A run that is under way: how far it is, and how an operator ends it.

use std::time::Duration;

use livelist_mls::{MlsSpec, Options, Provider};
use serde_json::{Value, json};

use crate::reader;
use crate::serve::Server;
use crate::town::{Town, bounded};

/// A scan takes about ten seconds here.
fn slow() -> Town {
    let options = Options {
        latency_ms: 200,
        ..Options::default()
    };
    let mut town = Town::one(MlsSpec {
        options,
        ..MlsSpec::new("abor", Provider::Trestle, 1_000)
    });
    town.mls_document("abor", &json!({"page_size": 20, "pages_at_once": 1}));
    town.set("LIVELIST_OPERATOR", Some("ada"));
    town
}

/// Asks a few times a second: operators may not ask more often.
fn patiently<T>(mut answer: impl FnMut() -> Option<T>) -> T {
    bounded(|| {
        std::thread::sleep(Duration::from_millis(300));
        answer()
    })
}

fn feed(status: &Value) -> &Value {
    &status["feeds"][0]
}

#[test]
fn a_run_tells_how_far_it_is_and_ends_when_it_is_cancelled() {
    let town = slow();
    // Due again on the next day only.
    let today = jiff::Timestamp::now().to_string();
    town.day(&today[..10], 0);
    let name = reader::feeds(&town.data()).remove(0);
    let before = reader::list(&town.data(), &name).unwrap();
    let key = town
        .livelist(&["keys", "add", "--admin", "ada"])
        .assert(0)
        .out
        .clone();
    let key = Some(key.trim());
    let server = Server::with_schedule(&town, &[]);
    let next = feed(&server.get("/v1/admin/status", key, &[]).json())["next_run_at"].clone();
    let path = format!("/v1/admin/feeds/{name}/rerun");
    let asked = server.ask("POST", &path, key, &[]).json();
    let run = asked["run"].as_str().unwrap().to_owned();
    let path = format!("/v1/admin/runs/{run}");
    let told = patiently(|| {
        let run = server.get(&path, key, &[]).json();
        let rows = run["progress"]["rows"].as_u64()?;
        (rows > 0).then_some(run)
    });
    let progress = &told["progress"];
    assert_eq!(
        (&progress["doing"], &progress["count"]),
        (&json!("scanning"), &json!(1_000))
    );
    assert!(
        progress["rows_a_second"].as_f64().unwrap() > 0.0,
        "{progress}"
    );
    // Another process sees it as well.
    let shown = patiently(|| {
        let shown = town.livelist(&["show", &run]).out;
        shown.contains("now        reads: ").then_some(shown)
    });
    assert!(
        shown.contains(" of 1000 rows, ") && shown.contains(&format!("livelist cancel {run}")),
        "{shown}"
    );
    let status = town.livelist(&["status"]).out;
    assert!(
        status.contains("reads: ") && status.contains("1 runs under way"),
        "{status}"
    );

    town.livelist(&["cancel", &run]).assert(0);
    let asked = town.mls("abor").log().len();
    patiently(|| {
        let health = server.get("/v1/admin/health", key, &[]).json();
        (health["machine"]["queue"]["runs_running"] == 0).then_some(())
    });
    // It asked for some seconds more, not to the end.
    assert!(town.mls("abor").log().len() < asked + 25);
    assert_eq!(server.get(&path, key, &[]).json()["state"], "cancelled");
    let shown = town.livelist(&["show", &run]).out;
    assert!(shown.contains("decided    cancelled by ada at "), "{shown}");
    let after = reader::list(&town.data(), &name).unwrap();
    assert_eq!((after.head, after.keys), (before.head, before.keys));
    let status = server.get("/v1/admin/status", key, &[]).json();
    assert_eq!(feed(&status)["state"], "on_time", "{status}");
    assert_eq!(
        feed(&status)["next_run_at"].as_str().unwrap()[..10],
        next.as_str().unwrap()[..10]
    );
    let again = town.livelist(&["cancel", &run]);
    again.assert(2);
    assert!(again.err.contains("it is cancelled"), "{}", again.err);
    // The credential is free: the next attempt runs to its end.
    let done = town.livelist(&["rerun", &name, "--json"]);
    done.assert(0);
    let line = &done.lines()[0];
    assert_eq!(line["outcome"], "unchanged", "{line}");
    assert_ne!(line["run"], json!(run));
    server.stop().assert(0);
}

#[test]
fn a_reconciliation_in_a_terminal_can_be_cancelled_from_another_one() {
    let town = slow();
    let mut started = town.start(
        &town.data(),
        &["reconcile", "--json", "--date", "2026-11-21"],
    );
    assert!(started.until(|| town.mls("abor").log().len() > 8));
    let name = bounded(|| reader::feeds(&town.data()).pop());
    let run = format!("2026-11-21-{name}");
    town.livelist(&["cancel", &run]).assert(0);
    let done = started.done();
    done.assert(0);
    assert_eq!(done.lines()[0]["outcome"], "cancelled");
    assert!(reader::list(&town.data(), &name).is_none());
}
