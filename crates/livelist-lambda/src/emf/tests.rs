use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use livelist_model::decision::HeldReason;
use livelist_model::record::Traffic;

use super::*;
use crate::testing;

/// Where the lines go.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn lines(by_mls: bool, tell: impl FnOnce(&Emf)) -> Vec<String> {
    let out = Out::default();
    tell(&Emf::new(
        "Livelist/test".to_owned(),
        by_mls,
        Box::new(out.clone()),
    ));
    let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

fn ended(state: RunState) -> RunMetrics {
    let spec = testing::run("2026-11-21");
    RunMetrics {
        at: "2026-11-21T04:05:11.987Z".parse().unwrap(),
        run: spec.run,
        feed: spec.feed.feed,
        mls: spec.feed.mls,
        provider: spec.feed.provider,
        state,
        held: None,
        error: None,
        live: Some(2_988),
        added: 0,
        removed: 12,
        asked: 13,
        restored: 1,
        scan: Duration::from_millis(1_250),
        took: Duration::from_millis(2_500),
        traffic: Traffic {
            requests: 6,
            retries: 1,
            throttled: 2,
            bytes: 82_064,
        },
    }
}

/// What CloudWatch refuses without a word: see its specification of the format.
fn check(line: &str) -> Value {
    let document: Value = serde_json::from_str(line).unwrap();
    let units = ["Count", "Seconds", "Bytes"];
    assert!(document["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000);
    let directives = document["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    for directive in directives {
        let namespace = directive["Namespace"].as_str().unwrap();
        assert!((1..=255).contains(&namespace.len()) && !namespace.starts_with("AWS/"));
        for set in directive["Dimensions"].as_array().unwrap() {
            for dimension in set.as_array().unwrap() {
                let value = document[dimension.as_str().unwrap()].as_str().unwrap();
                assert!((1..=1_024).contains(&value.len()) && value.is_ascii());
            }
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        let names: BTreeSet<&str> = metrics
            .iter()
            .map(|m| m["Name"].as_str().unwrap())
            .collect();
        assert_eq!(names.len(), metrics.len(), "no name is there twice");
        for metric in metrics {
            assert!(units.contains(&metric["Unit"].as_str().unwrap()));
            assert!(document[metric["Name"].as_str().unwrap()].is_number());
        }
    }
    document
}

#[test]
fn a_run_is_one_line() {
    let lines = lines(true, |emf| emf.run(&ended(RunState::Published)));
    let described = |names: &[(&str, &str)]| {
        let metrics = names
            .iter()
            .map(|(n, u)| format!(r#"{{"Name":"{n}","Unit":"{u}"}}"#));
        metrics.collect::<Vec<_>>().join(",")
    };
    let all = described(&[
        ("Published", "Count"),
        ("Unchanged", "Count"),
        ("Held", "Count"),
        ("Failed", "Count"),
        ("Live", "Count"),
        ("Added", "Count"),
        ("Removed", "Count"),
        ("Confirmed", "Count"),
        ("Restored", "Count"),
        ("ScanSeconds", "Seconds"),
        ("RunSeconds", "Seconds"),
        ("Requests", "Count"),
        ("Retries", "Count"),
        ("Throttled", "Count"),
        ("Bytes", "Bytes"),
    ]);
    let of_each_mls = described(&[
        ("Held", "Count"),
        ("Failed", "Count"),
        ("Live", "Count"),
        ("Removed", "Count"),
        ("Confirmed", "Count"),
        ("Restored", "Count"),
        ("ScanSeconds", "Seconds"),
        ("Requests", "Count"),
        ("Throttled", "Count"),
        ("Bytes", "Bytes"),
    ]);
    let feed = testing::run("2026-11-21").feed.feed;
    let expected = format!(
        r#"{{"_aws":{{"Timestamp":1795233911987,"CloudWatchMetrics":[{{"Namespace":"Livelist/test","Dimensions":[[]],"Metrics":[{all}]}},{{"Namespace":"Livelist/test","Dimensions":[["MLS"]],"Metrics":[{of_each_mls}]}}]}},"MLS":"abor","run":"2026-11-21-{feed}","feed":"{feed}","provider":"reso","outcome":"published","Published":1,"Unchanged":0,"Held":0,"Failed":0,"Live":2988,"Added":0,"Removed":12,"Confirmed":13,"Restored":1,"ScanSeconds":1.25,"RunSeconds":2.5,"Requests":6,"Retries":1,"Throttled":2,"Bytes":82064}}"#
    );
    assert_eq!(lines, [expected]);
    check(&lines[0]);
}

#[test]
fn without_metrics_of_each_mls_there_are_totals_alone() {
    let lines = lines(false, |emf| emf.run(&ended(RunState::Unchanged)));
    let document = check(&lines[0]);
    let directives = document["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 1);
    assert_eq!(directives[0]["Dimensions"], json!([[]]));
    assert_eq!(document["MLS"], "abor", "it can be searched for");
}

#[test]
fn what_is_held_or_failed_says_why_and_of_no_list_there_is_no_number() {
    let held = RunMetrics {
        held: Some(HeldReason::MassRemoval),
        ..ended(RunState::Held)
    };
    let failed = RunMetrics {
        error: Some("AccessDenied".to_owned()),
        live: None,
        ..ended(RunState::Failed)
    };
    let lines = lines(true, |emf| {
        emf.run(&held);
        emf.run(&failed);
    });
    let (held, failed) = (check(&lines[0]), check(&lines[1]));
    assert_eq!(
        (&held["Held"], &held["reason"]),
        (&json!(1), &json!("mass_removal"))
    );
    assert_eq!(
        (&failed["Failed"], &failed["error"]),
        (&json!(1), &json!("AccessDenied"))
    );
    assert!(
        !lines[1].contains(r#""Live""#),
        "it would be a zero: {}",
        lines[1]
    );
}

#[test]
fn old_heads_are_a_total() {
    let heads = HeadMetrics {
        at: "2026-11-21T04:00:03Z".parse().unwrap(),
        feeds: 600,
        old: 2,
    };
    let lines = lines(true, |emf| emf.heads(&heads));
    assert_eq!(
        lines,
        [
            r#"{"_aws":{"Timestamp":1795233603000,"CloudWatchMetrics":[{"Namespace":"Livelist/test","Dimensions":[[]],"Metrics":[{"Name":"OldHeads","Unit":"Count"}]}]},"feeds":600,"OldHeads":2}"#
        ]
    );
    check(&lines[0]);
}
