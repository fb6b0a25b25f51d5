//! `DATA/logs` and `livelist logs`.

use livelist_mls::{MlsSpec, Options, Provider};
use serde_json::{Value, json};

use crate::serve::Server;
use crate::town::{Town, bounded};

fn objects(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// A directory that is used for the first time is no error.
#[test]
fn the_first_use_of_a_directory_says_nothing_on_standard_error() {
    let town = Town::trestle(5);
    let done = town.livelist(&["reconcile", "--json", "--date", "2026-11-21"]);
    assert_eq!(done.assert(0).err, "");
}

#[test]
fn a_run_can_be_read_step_by_step() {
    let town = Town::trestle(50);
    let run = town.only("2026-11-21", 0)["run"]
        .as_str()
        .unwrap()
        .to_owned();
    town.only("2026-11-22", 0);
    let done = town.livelist(&["logs", &run, "--json"]);
    let lines = objects(&done.assert(0).out);
    for line in &lines {
        assert_eq!((&line["run"], &line["mls"]), (&json!(run), &json!("abor")));
        assert!(line["feed"].as_str().unwrap().starts_with("abor-property-"));
        for member in ["timestamp", "level", "message"] {
            assert!(line[member].is_string(), "{line}");
        }
    }
    let ends = lines.iter().filter(|line| line["milliseconds"].is_u64());
    let steps: Vec<&Value> = ends.map(|line| &line["step"]).collect();
    assert_eq!(
        steps,
        [
            "acquire",
            "authorize",
            "scan",
            "compare",
            "publish",
            "release"
        ]
    );
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["outcome"], &last["live"]),
        (&json!("published"), &json!(50))
    );

    let table = town.livelist(&["logs", &run]).assert(0).out.clone();
    assert_eq!(table.lines().count(), lines.len());
    assert!(
        table.contains("INFO   publish    publish: published  "),
        "{table}"
    );
}

#[test]
fn a_run_without_lines_is_told_so() {
    let town = Town::trestle(5);
    town.only("2026-11-21", 0);
    let done = town.livelist(&["logs", "2026-11-20-abor-property-00000000"]);
    done.assert(2);
    assert!(done.err.contains("has no line of"), "{}", done.err);
}

#[test]
fn a_run_can_be_followed_to_its_end() {
    let options = Options {
        latency_ms: 40,
        ..Options::default()
    };
    let town = Town::one(MlsSpec {
        options,
        ..MlsSpec::new("abor", Provider::Trestle, 600)
    });
    town.mls_document("abor", &json!({"page_size": 20}));
    let server = Server::with_schedule(&town, &[]);
    let run = bounded(|| {
        let lines = objects(&town.livelist(&["runs", "--json"]).out);
        Some(lines.first()?["run"].as_str()?.to_owned())
    });
    let done = town.livelist(&["logs", &run, "--json", "--follow"]);
    let lines = objects(&done.assert(0).out);
    assert!(
        lines
            .iter()
            .any(|line| line["message"] == "publish: published"),
        "{}",
        done.out
    );
    server.stop().assert(0);
}
