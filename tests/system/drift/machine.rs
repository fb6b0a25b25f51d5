//! Compares the state machine with itself, the steps and the limits of Step Functions.

use std::collections::{BTreeMap, BTreeSet};

use livelist_model::registry::AuthKind;
use livelist_steps::StepError;
use livelist_steps::{acquire, authorize, compare, confirm, publish, release, scan};
use livelist_tests::files;
use livelist_tests::machine::{Machine, Way, errors, list};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Names that are not ours: of Step Functions itself, of Lambda's service and of its sandbox, and
/// of the integration that starts continuations (the last one as the local stack has it).
fn is_of_aws(name: &str) -> bool {
    let prefixes = [
        "States.",
        "Lambda.",
        "Sandbox.",
        "Runtime.",
        "StepFunctions.",
    ];
    prefixes.iter().any(|p| name.starts_with(p)) || name == "ExecutionAlreadyExists"
}

#[test]
fn every_way_leads_to_a_state_and_every_state_is_reached() {
    let machine = Machine::read();
    let mut reached =
        BTreeSet::from([machine.definition()["StartAt"].as_str().unwrap().to_owned()]);
    for way in machine.ways() {
        assert!(machine.states().contains_key(&way.to), "{way:?}");
        reached.insert(way.to);
    }
    let all: BTreeSet<String> = machine.states().keys().cloned().collect();
    assert_eq!(reached, all);
}

#[test]
fn terraform_can_fill_the_holes_too() {
    // `%{` begins a directive in a Terraform template.
    assert!(!Machine::read().text().contains("%{"));
}

#[test]
fn every_task_has_a_time_limit_and_knows_its_errors() {
    let machine = Machine::read();
    assert!(machine.definition()["TimeoutSeconds"].is_u64());
    let known: BTreeSet<&str> = StepError::NAMES.iter().copied().collect();
    for (name, task) in machine.tasks() {
        assert!(
            task["TimeoutSeconds"].is_u64(),
            "{name} has no TimeoutSeconds"
        );
        let (retry, catch) = (list(&task["Retry"]), list(&task["Catch"]));
        assert!(!retry.is_empty(), "{name} retries nothing");
        let last = catch
            .last()
            .unwrap_or_else(|| panic!("{name} catches nothing"));
        assert_eq!(
            errors(last),
            ["States.ALL"],
            "{name}: the last catcher takes everything"
        );
        let named: Vec<&str> = retry.iter().chain(catch).flat_map(errors).collect();
        for error in &named {
            assert!(
                known.contains(error) || is_of_aws(error),
                "{name} names {error}, which nothing raises"
            );
        }
        for entry in &catch[..catch.len() - 1] {
            assert!(!errors(entry).contains(&"States.ALL"), "{name}");
        }
        let Some(step) = machine.step_of(task) else {
            continue;
        };
        // Ours come first, by name; what AWS raises comes after them.
        let ours = |entry: &Value| errors(entry).iter().all(|e| known.contains(e));
        let first_of_aws = retry.iter().position(|r| !ours(r)).unwrap_or(retry.len());
        assert!(first_of_aws > 0, "{name} names no error of {step}");
        assert!(
            !retry[first_of_aws..].iter().any(ours),
            "{name}: domain errors come first"
        );
        for throttled in ["Lambda.TooManyRequestsException", "Lambda.ServiceException"] {
            let entry = retry.iter().find(|r| errors(r).contains(&throttled));
            let entry = entry.unwrap_or_else(|| panic!("{name} does not retry {throttled}"));
            assert_eq!(entry["JitterStrategy"], "FULL", "{name}");
        }
    }
}

#[test]
fn a_lost_lease_leads_back_to_the_credential() {
    let machine = Machine::read();
    for (name, task) in machine.tasks() {
        let step = machine.step_of(task).unwrap_or_default();
        if !["authorize", "scan", "compare", "confirm", "publish"].contains(&step.as_str()) {
            continue;
        }
        let first = &list(&task["Catch"])[0];
        assert_eq!(errors(first), ["LeaseLost"], "{name}");
        assert_eq!(first["Next"], "AcquireAgain", "{name}");
        assert!(
            first.get("Assign").is_none(),
            "{name}: what was reached is kept"
        );
    }
}

#[test]
fn every_way_to_authenticate_has_one_branch() {
    let machine = Machine::read();
    let pick = &machine.states()["PickProvider"];
    let mut branches = BTreeSet::new();
    for kind in AuthKind::ALL {
        let named = format!("{{% $run.feed.auth = '{}' %}}", kind.as_str());
        let rules = list(&pick["Choices"]);
        let of = |rule: &&Value| rule["Condition"] == *named;
        let [rule] = rules.iter().filter(of).collect::<Vec<_>>()[..] else {
            panic!("{named}");
        };
        branches.insert(rule["Next"].as_str().unwrap());
    }
    assert_eq!(branches.len(), AuthKind::ALL.len(), "{branches:?}");
    assert_eq!(list(&pick["Choices"]).len(), AuthKind::ALL.len());
    assert_eq!(pick["Default"], "UnknownProvider");
}

/// Who has the credential, and who needs a new token, goes there, and nobody past it.
#[test]
fn every_token_is_behind_the_pick() {
    let machine = Machine::read();
    for (name, state) in machine.states() {
        if name == "PickProvider" {
            continue;
        }
        let text = serde_json::to_string(state).unwrap();
        for token in ["RequestToken", "LoadServerToken", "RequestUserToken"] {
            assert!(!text.contains(&format!(r#""Next":"{token}""#)), "{name}");
        }
    }
}

/// The event is the step's input, and nothing of the input is missing in it.
fn event_of<T: DeserializeOwned + Serialize>(step: &str) -> Value {
    let event = files::event(step);
    let input: T = serde_json::from_value(event.clone())
        .unwrap_or_else(|e| panic!("events/{step}.json is no input of {step}: {e}"));
    let again = serde_json::to_value(input).unwrap();
    assert_eq!(again, event, "events/{step}.json leaves something out");
    event
}

#[test]
fn payloads_are_the_steps_inputs() {
    let events = BTreeMap::from([
        (acquire::NAME, event_of::<acquire::Input>(acquire::NAME)),
        (
            authorize::NAME,
            event_of::<authorize::Input>(authorize::NAME),
        ),
        (scan::NAME, event_of::<scan::Input>(scan::NAME)),
        (compare::NAME, event_of::<compare::Input>(compare::NAME)),
        (confirm::NAME, event_of::<confirm::Input>(confirm::NAME)),
        (publish::NAME, event_of::<publish::Input>(publish::NAME)),
        (release::NAME, event_of::<release::Input>(release::NAME)),
    ]);
    let machine = Machine::read();
    let mut invoked = BTreeSet::new();
    for (name, task) in machine.tasks() {
        let Some(step) = machine.step_of(task) else {
            continue;
        };
        let event = events
            .get(step.as_str())
            .unwrap_or_else(|| panic!("{name} invokes {step}"));
        let keys = |v: &Value| {
            v.as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(keys(&task["Arguments"]["Payload"]), keys(event), "{name}");
        invoked.insert(step);
    }
    assert_eq!(invoked.len(), events.len(), "a step is never invoked");
}

/// AWS's console links an execution to the one that its input names by this member.
#[test]
fn a_continuation_names_the_execution_that_it_carries_on() {
    let machine = Machine::read();
    let input = &machine.states()["StartContinuation"]["Arguments"]["Input"];
    assert_eq!(
        input["AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"],
        "{% $states.context.Execution.Id %}"
    );
}

#[test]
fn choices_know_every_outcome() {
    let machine = Machine::read();
    let all = |outcomes: &[Value]| -> BTreeSet<String> {
        outcomes
            .iter()
            .map(|o| o.as_str().unwrap().to_owned())
            .collect()
    };
    let told: [(&str, BTreeSet<String>); 6] = [
        (
            "CredentialBusy?",
            all(&[
                json!(acquire::Outcome::Acquired),
                json!(acquire::Outcome::Busy),
                json!(acquire::Outcome::Finished),
            ]),
        ),
        (
            "Authorized?",
            all(&[
                json!(authorize::Outcome::Authorized),
                json!(authorize::Outcome::Throttled),
            ]),
        ),
        (
            "MoreToScan?",
            all(&[
                json!(scan::Outcome::Done),
                json!(scan::Outcome::More),
                json!(scan::Outcome::Throttled),
                json!(scan::Outcome::Unauthorized),
            ]),
        ),
        (
            "WhatNext?",
            all(&[
                json!(compare::Outcome::Scan),
                json!(compare::Outcome::Confirm),
                json!(compare::Outcome::Publish),
            ]),
        ),
        (
            "MoreToConfirm?",
            all(&[
                json!(confirm::Outcome::More),
                json!(confirm::Outcome::Throttled),
                json!(confirm::Outcome::Unauthorized),
                json!(confirm::Outcome::Scan),
                json!(confirm::Outcome::Publish),
            ]),
        ),
        (
            "Outcome?",
            all(&[
                json!(publish::Outcome::Published),
                json!(publish::Outcome::Unchanged),
                json!(publish::Outcome::Held),
                json!(publish::Outcome::Stale),
            ]),
        ),
    ];
    for (choice, outcomes) in told {
        let rules = list(&machine.states()[choice]["Choices"]);
        let asked: BTreeSet<String> = rules
            .iter()
            .map(|r| r["Condition"].as_str().unwrap())
            .filter(|c| c.contains("$states.input.outcome"))
            .flat_map(|c| {
                // What is asked besides comes behind `and`.
                let outcome = c.split(" and ").next().unwrap();
                outcome
                    .split('\'')
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(asked, outcomes, "{choice}");
    }
}

/// The history events of one attempt of a task with its state: entered, scheduled, started,
/// succeeded, exited. A retry adds three, and counts as a hop of its own.
const TASK_EVENTS: usize = 5;
/// Of a Choice, Pass or Wait: entered, exited.
const STATE_EVENTS: usize = 2;
/// Step Functions ends an execution that has more.
const MOST_EVENTS: usize = 25_000;

struct Hops<'a> {
    machine: &'a Machine,
    ways: Vec<Way>,
}

impl Hops<'_> {
    fn counts(&self, state: &str) -> bool {
        self.machine.states()[state]
            .pointer("/Assign/hops")
            .is_some_and(Value::is_string)
    }

    /// The most history events from `state` to the end of the next counted task; nothing if no way
    /// leads to one. Ends the test where a way comes back without having been counted.
    fn events(&self, state: &str, behind: &mut Vec<String>) -> Option<usize> {
        assert!(
            !behind.contains(&state.to_owned()),
            "nobody counts the loop {behind:?} → {state}"
        );
        let is_task = self.machine.states()[state]["Type"] == "Task";
        let own = if is_task { TASK_EVENTS } else { STATE_EVENTS };
        if self.counts(state) {
            return Some(own);
        }
        behind.push(state.to_owned());
        let next = self.ways.iter().filter(|w| w.from == state);
        let most = next.filter_map(|w| self.events(&w.to, behind)).max();
        behind.pop();
        Some(own + most?)
    }
}

#[test]
fn an_execution_hands_over_long_before_its_history_is_full() {
    let machine = Machine::read();
    let hops = Hops {
        machine: &machine,
        ways: machine.ways(),
    };
    let counted: Vec<&String> = machine.states().keys().filter(|s| hops.counts(s)).collect();
    assert!(counted.len() >= 7, "{counted:?}");
    let a_hop = hops
        .ways
        .iter()
        .filter(|w| hops.counts(&w.from))
        .filter_map(|w| hops.events(&w.to, &mut Vec::new()))
        .max()
        .unwrap();
    let template = livelist_tests::template::Template::read();
    let most = template
        .at("/Parameters/MaxHops/MaxValue")
        .as_u64()
        .unwrap() as usize;
    // The last hop may use up all its retries (below 40 attempts) before it is counted, and the way
    // to the end is to be added.
    let rest = 40 * 3 + 20 * TASK_EVENTS;
    assert!(
        most * a_hop + rest < MOST_EVENTS,
        "{most} hops of {a_hop} events"
    );
}

#[test]
fn every_loop_asks_whether_to_hand_over() {
    let machine = Machine::read();
    let asks = |state: &str| {
        let rules = list(&machine.states()[state]["Choices"]);
        rules
            .iter()
            .any(|r| r["Condition"] == "{% $hops >= $max_hops %}")
    };
    // Ways that are taken only when the question was asked before and answered with no: without
    // them there must be no loop left.
    let mut open: Vec<Way> = machine.ways();
    open.retain(|way| {
        let rules = list(&machine.states()[&way.from]["Choices"]);
        let asked = rules
            .iter()
            .position(|r| r["Condition"] == "{% $hops >= $max_hops %}");
        let place = rules
            .iter()
            .position(|r| r["Condition"].as_str() == way.condition.as_deref());
        !(asks(&way.from) && way.condition.is_some() && place > asked)
    });
    let mut left: BTreeSet<&str> = machine.states().keys().map(String::as_str).collect();
    // Takes away states that nothing open leads out of, until none is left or all left are loops.
    loop {
        let ends: Vec<&str> = left
            .iter()
            .filter(|s| {
                !open
                    .iter()
                    .any(|w| w.from == **s && left.contains(w.to.as_str()))
            })
            .copied()
            .collect();
        if ends.is_empty() {
            break;
        }
        ends.iter().for_each(|s| {
            left.remove(s);
        });
    }
    assert!(left.is_empty(), "these go round without asking: {left:?}");
}
