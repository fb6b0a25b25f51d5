//! Two processes on one directory: they take turns, and neither harms the other.

use livelist_mls::{MlsSpec, Options, Provider, RequestKind};
use serde_json::json;

use crate::reader;
use crate::town::{Done, Town};

const MLSS: [&str; 3] = ["abor", "bolt", "cold"];

fn town() -> Town {
    let options = Options {
        latency_ms: 5,
        ..Options::default()
    };
    let spec = |mls: &str| MlsSpec {
        options: options.clone(),
        ..MlsSpec::new(mls, Provider::Trestle, 600)
    };
    let town = Town::of(MLSS.map(spec).into());
    let pair = |mls: &str| json!({"mls": mls, "resource": "Property"});
    town.client("acme", &json!(MLSS.map(pair)));
    for mls in MLSS {
        town.mls_document(mls, &json!({"page_size": 50}));
    }
    town
}

fn both(town: &Town, date: &str) -> [Done; 2] {
    let day = ["reconcile", "--json", "--date", date];
    let started = [(); 2].map(|()| town.start(&town.data(), &day));
    started.map(|process| {
        let done = process.done();
        done.assert(0);
        done
    })
}

/// Every list is the MLS's; the runs of the day are one, or two attempts.
fn assert_truth(town: &Town, date: &str) {
    for mls in MLSS {
        let mut feeds = reader::feeds(&town.data()).into_iter();
        let feed = feeds.find(|feed| feed.starts_with(mls)).unwrap();
        let list = reader::list(&town.data(), &feed).unwrap();
        assert_eq!(list.keys, town.mls(mls).live_keys());
        let mut runs = reader::runs(&town.data(), &feed);
        runs.retain(|run| run.starts_with(date));
        assert!((1..=2).contains(&runs.len()), "{runs:?}");
    }
}

#[test]
fn two_processes_take_turns() {
    let town = town();
    for (nth, date) in (1..).zip(["2026-11-21", "2026-11-22", "2026-11-23"]) {
        let done = both(&town, date);
        assert_truth(&town, date);
        for lines in done.map(|done| done.lines()) {
            assert_eq!(lines.len(), MLSS.len());
            assert!(lines.iter().all(|l| l["sequence"] == nth), "{lines:?}");
        }
        for mls in MLSS {
            let control = town.mls(mls);
            // One credential, one run at a time: the tokens of two would show in the log.
            let log = control.log();
            let kinds: Vec<RequestKind> = log.iter().map(|r| r.kind).collect();
            let tokens = kinds.iter().filter(|k| **k == RequestKind::Token).count();
            assert!((1..=2).contains(&tokens), "{kinds:?}");
            let second = kinds.iter().rposition(|k| *k == RequestKind::Token);
            if tokens == 2 {
                assert_eq!(kinds[second.unwrap() + 1], RequestKind::Count);
            }
            control.clear_log();
            control.sell(15);
            control.add(5);
        }
    }
}

#[test]
fn the_lock_of_a_process_that_was_killed_is_free() {
    let town = town();
    let day = ["reconcile", "--json", "--date", "2026-11-21"];
    let mut first = town.start(&town.data(), &day);
    let second = town.start(&town.data(), &day);
    assert!(first.until(|| MLSS.iter().all(|mls| town.mls(mls).log().len() > 4)));
    first.kill();
    second.done().assert(0);
    assert_truth(&town, "2026-11-21");
}
