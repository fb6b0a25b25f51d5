//! The model walks through the real state machine: a new state, transition or condition fails here until
//! the model knows its cost.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: ending the test is what they are for"
)]

use std::collections::BTreeSet;

use livelist_scale::machine::{Machine, MachineError, Step};
use livelist_scale::walk::{Stop, Told, Walk};

const TEXT: &str = include_str!("../../../statemachines/reconcile.asl.json");
const HOPS: u64 = 1_200;

fn machine() -> Machine {
    Machine::parse(TEXT).unwrap()
}

/// What the tasks of a run tell, in order; an error is `!` and its name.
fn go<'m>(machine: &'m Machine, auth: &'static str, hops: u64, told: &[&str]) -> (Walk<'m>, Stop) {
    let (mut walk, mut stop) = Walk::begin(machine, auth, hops).unwrap();
    for told in told {
        let told = match told.strip_prefix('!') {
            Some(error) => Told::Error(error),
            None => Told::Outcome(told),
        };
        stop = walk.go_on(told).unwrap();
    }
    (walk, stop)
}

const QUIET: [&str; 6] = ["acquired", "authorized", "done", "publish", "unchanged", ""];

#[test]
fn an_uneventful_run_passes_these_states() {
    let machine = machine();
    let (walk, stop) = go(&machine, "server_token", HOPS, &QUIET);
    assert_eq!(stop, Stop::Succeeded);
    assert_eq!(
        walk.entered(),
        [
            "AcquireCredential",
            "CredentialBusy?",
            "PickProvider",
            "LoadServerToken",
            "Authorized?",
            "Scan",
            "MoreToScan?",
            "Compare",
            "WhatNext?",
            "Publish",
            "Outcome?",
            "ReleaseCredential",
        ]
    );
    // The start counts; six tasks have five events each, the others two, and the execution two.
    assert_eq!((walk.transitions(), walk.events()), (13, 6 * 5 + 6 * 2 + 2));
}

#[test]
fn every_state_is_passed_on_some_way() {
    let machine = machine();
    let mut passed = BTreeSet::new();
    let mut note = |auth, hops, told: &[&str], end| {
        let (walk, stop) = go(&machine, auth, hops, told);
        assert_eq!(stop, end, "{told:?}");
        passed.extend(walk.entered().iter().copied());
    };
    let ok = Stop::Succeeded;
    note("server_token", HOPS, &QUIET, ok);
    let busy = ["busy", "", "acquired", "throttled", "", "authorized"];
    let scans = [
        "more",
        "throttled",
        "",
        "unauthorized",
        "authorized",
        "done",
        "confirm",
    ];
    let confirms = [
        "more",
        "throttled",
        "",
        "publish",
        "stale",
        "publish",
        "held",
        "",
        "",
    ];
    note(
        "client_credentials",
        HOPS,
        &[&busy[..], &scans, &confirms].concat(),
        ok,
    );
    note("password", HOPS, &["finished"], ok);
    note("password", HOPS, &QUIET, ok);
    note("unheard_of", HOPS, &["acquired", "", ""], Stop::Failed);
    note(
        "server_token",
        HOPS,
        &["acquired", "authorized", "!Internal", "", ""],
        Stop::Failed,
    );
    let untold = [
        "acquired",
        "authorized",
        "done",
        "publish",
        "held",
        "!Internal",
        "",
    ];
    note("server_token", HOPS, &untold, Stop::Failed);
    note(
        "server_token",
        2,
        &["acquired", "authorized", "more", "", ""],
        Stop::HandedOver,
    );
    // A bug in a step, and a run that gets nowhere, are not ways of the model.
    let all: BTreeSet<&str> = machine.names().collect();
    let missed: Vec<&str> = all.difference(&passed).copied().collect();
    assert_eq!(missed, ["TooManyHandOvers", "UnexpectedOutcome"]);
}

#[test]
fn a_run_that_was_handed_over_goes_on_where_it_was() {
    let machine = machine();
    let told = ["acquired", "authorized", "done", "confirm", "more", "", ""];
    let (walk, stop) = go(&machine, "server_token", 5, &told);
    assert_eq!((stop, walk.phase()), (Stop::HandedOver, "confirm"));
    let (mut next, _) = Walk::carry_on(&walk).unwrap();
    next.go_on(Told::Outcome("acquired")).unwrap();
    let stop = next.go_on(Told::Outcome("authorized")).unwrap();
    assert_eq!(stop, Stop::Invoke(Step::Confirm));
}

#[test]
fn attempts_are_counted_and_end() {
    let machine = machine();
    let (mut walk, _) = go(&machine, "server_token", HOPS, &["acquired"]);
    let before = (walk.transitions(), walk.events());
    let mut pauses = Vec::new();
    while let Some(pause) = walk.retry("StoreUnavailable", 0.5).unwrap() {
        pauses.push(pause);
    }
    assert_eq!(pauses, [5.0, 10.0, 20.0, 40.0, 80.0]);
    assert_eq!(
        (walk.transitions(), walk.events()),
        (before.0 + 5, before.1 + 15)
    );
}

#[test]
fn what_the_model_does_not_know_is_an_error() {
    let unknown = |from: &str, to: &str| {
        assert!(TEXT.contains(from), "{from}");
        match Machine::parse(&TEXT.replacen(from, to, 1)) {
            Err(MachineError::Unknown { state, .. }) => state,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{to} was taken"),
        }
    };
    assert_eq!(unknown("\"WaitScan\": {", "\"Rest\": {"), "Rest");
    assert_eq!(
        unknown(
            "$states.input.outcome = 'more'",
            "$states.input.outcome = 'mere'"
        ),
        "MoreToScan?"
    );
    assert_eq!(
        unknown("= 'done' ? 'compare'", "= 'done' ? 'confirm'"),
        "Scan"
    );
    assert_eq!(
        unknown("${CompareFunctionArn}", "${ScanFunctionArn}"),
        "Compare"
    );
    assert_eq!(
        unknown("$sum([$hops, 1,", "$sum([$hops, 2,"),
        "AcquireAgain"
    );
    assert_eq!(unknown("$sum([1,", "$sum([0,"), "AcquireCredential");
    assert_eq!(
        unknown("and $phase = 'scan'", "and $phase = 'scam'"),
        "Authorized?"
    );
}
