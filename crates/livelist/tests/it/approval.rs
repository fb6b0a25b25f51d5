//! `livelist approve` and `reject`: decisions on a held result.

use livelist_mls::{Fault, FaultRule, On};
use serde_json::{Value, json};

use crate::reader;
use crate::town::Town;

/// 30 % of a feed are sold overnight: more than a day's guards let through.
fn mass_removal() -> (Town, String, Vec<String>) {
    let town = Town::trestle(1_000);
    town.only("2026-11-21", 0);
    let before = reader::only(&town.data()).unwrap().keys;
    town.mls("abor").sell(300);
    let line = town.only("2026-11-22", 3);
    assert_eq!(line["held_reason"], "mass_removal");
    assert_eq!(line["confirmed"], 300);
    assert_eq!(
        (&line["count"], &line["removed"]),
        (&json!(1_000), &json!(0))
    );
    assert_eq!(reader::only(&town.data()).unwrap().keys, before);
    let run = line["run"].as_str().unwrap().to_owned();
    (town, run, before)
}

fn state(town: &Town, run: &str) -> Value {
    let done = town.livelist(&["show", "--json", run]);
    let record: Value = serde_json::from_str(&done.assert(0).out).unwrap();
    record["state"].clone()
}

fn assert_truth(town: &Town) {
    let list = reader::only(&town.data()).unwrap();
    assert_eq!(list.keys, town.mls("abor").live_keys());
}

#[test]
fn an_approved_result_is_published_once() {
    let (town, run, _) = mass_removal();
    let requests = town.mls("abor").log().len();
    let done = town.livelist(&["approve", &run]);
    done.assert(0);
    assert!(
        done.out.ends_with(": 700 keys, 0 added, 300 removed\n"),
        "{}",
        done.out
    );
    assert_truth(&town);
    assert_eq!(state(&town, &run), "published");
    assert_eq!(town.mls("abor").log().len(), requests, "nobody is asked");
    let list = reader::only(&town.data()).unwrap();
    for verb in ["approve", "reject"] {
        let again = town.livelist(&[verb, &run]);
        again.assert(2);
        assert!(again.err.contains("published, not held"), "{}", again.err);
    }
    assert_eq!(reader::only(&town.data()).unwrap(), list);
    assert_eq!(town.only("2026-11-23", 0)["outcome"], "unchanged");
}

#[test]
fn approving_needs_neither_registry_nor_secrets() {
    let (mut town, run, _) = mass_removal();
    town.set("ABOR_ACCOUNT", None);
    std::fs::remove_dir_all(town.registry()).unwrap();
    town.livelist(&["approve", &run]).assert(0);
    assert_truth(&town);
}

/// Two looks of one hour are one look, whatever date they are given. (That a run of the next day needs no
/// approval is in the tests of the steps, whose clock can be set.)
#[test]
fn another_date_is_no_other_look() {
    let (town, run, _) = mass_removal();
    let line = town.only("2026-11-23", 3);
    assert_eq!(line["held_reason"], "mass_removal");
    let late = town.livelist(&["approve", &run]);
    late.assert(2);
    // (O10) It says which run counts in its place.
    let newest = line["run"].as_str().unwrap();
    let told = format!("superseded by {newest}; decide on that one");
    assert!(late.err.contains(&told), "{}", late.err);
    let runs = town.livelist(&["runs"]);
    let of = |run: &str| {
        runs.out
            .lines()
            .find(|l| l.starts_with(&format!("{run} ")))
            .unwrap()
    };
    assert!(of(&run).contains("superseded"), "{}", runs.out);
    assert!(of(newest).contains("held"), "{}", runs.out);
    let shown = town.livelist(&["show", &run]);
    assert!(
        shown.out.contains(&format!("superseded by {newest}")),
        "{}",
        shown.out
    );
    assert!(!shown.out.contains("livelist approve"), "{}", shown.out);
    // (O7) What is said of a second look is what is so.
    assert!(shown.out.contains("A run of a later day"), "{}", shown.out);
    town.livelist(&["approve", line["run"].as_str().unwrap()])
        .assert(0);
    assert_truth(&town);
    // By now there is nothing left to approve, and no harm in trying.
    town.mls("abor").add(3);
    town.only("2026-11-24", 0);
    let list = reader::only(&town.data()).unwrap();
    let late = town.livelist(&["approve", &run]);
    late.assert(2);
    assert!(late.err.contains("nothing left to approve"), "{}", late.err);
    assert_eq!(reader::only(&town.data()).unwrap(), list);
}

#[test]
fn an_old_result_cannot_be_approved_after_the_listings_came_back() {
    let (town, run, before) = mass_removal();
    let live = town.mls("abor").live_keys();
    let mut gone = before.clone();
    gone.retain(|key| live.binary_search(key).is_err());
    town.mls("abor").relist(&gone);
    assert_eq!(town.only("2026-11-23", 0)["outcome"], "unchanged");
    let late = town.livelist(&["approve", &run]);
    late.assert(2);
    assert!(late.err.contains("nothing left to approve"), "{}", late.err);
    assert_eq!(reader::only(&town.data()).unwrap().keys, before);
    assert_truth(&town);
}

#[test]
fn a_rejected_result_is_held_again_the_next_day() {
    let (town, run, before) = mass_removal();
    let done = town.livelist(&["reject", &run]);
    done.assert(0);
    assert_eq!(done.out, format!("rejected {run}; the head stays\n"));
    assert_eq!(state(&town, &run), "rejected");
    assert_eq!(reader::only(&town.data()).unwrap().keys, before);
    for verb in ["approve", "reject"] {
        let again = town.livelist(&[verb, &run]);
        again.assert(2);
        assert!(again.err.contains("rejected, not held"), "{}", again.err);
    }
    // Its removals do not count as seen once: one more day, one more decision.
    let line = town.only("2026-11-23", 3);
    assert_eq!(line["held_reason"], "mass_removal");
    assert_eq!(reader::only(&town.data()).unwrap().keys, before);
    town.livelist(&["approve", line["run"].as_str().unwrap()])
        .assert(0);
    assert_truth(&town);
}

#[test]
fn nobody_can_approve_a_scan_that_is_not_proved_complete() {
    let town = Town::trestle(200);
    town.mls_document("abor", &json!({"page_size": 50}));
    town.only("2026-11-21", 0);
    let before = reader::only(&town.data()).unwrap();
    town.mls("abor")
        .set_faults(vec![FaultRule::new(Fault::HalfPage).on(On::Page)]);
    let line = town.only("2026-11-22", 3);
    assert_eq!(line["held_reason"], "count_mismatch");
    let run = line["run"].as_str().unwrap();
    let done = town.livelist(&["approve", run]);
    done.assert(2);
    assert!(done.err.contains("cannot be approved"), "{}", done.err);
    assert_eq!(reader::only(&town.data()).unwrap(), before);
    assert_eq!(state(&town, run), "held");
    town.livelist(&["reject", run]).assert(0);
    town.mls("abor").clear_faults();
    assert_eq!(town.only("2026-11-23", 0)["outcome"], "unchanged");
}

#[test]
fn approving_waits_for_nobody_and_harms_nobody() {
    let (town, run, before) = mass_removal();
    // A run that is under way has the credential.
    let slow = FaultRule::new(Fault::Slow { ms: 60_000 }).on(On::Page);
    town.mls("abor").set_faults(vec![slow]);
    town.mls("abor").clear_log();
    let day = ["reconcile", "--json", "--date", "2026-11-23"];
    let mut running = town.start(&town.data(), &day);
    assert!(running.until(|| !town.mls("abor").log().is_empty()));
    let done = town.livelist(&["approve", &run]);
    done.assert(4);
    assert!(done.err.contains("LeaseLost"), "{}", done.err);
    assert_eq!(reader::only(&town.data()).unwrap().keys, before);
    running.kill();
    town.mls("abor").clear_faults();
    town.livelist(&["approve", &run]).assert(0);
    assert_truth(&town);
}
