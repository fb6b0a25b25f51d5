//! Compares the template with the state machine, the functions and AWS's requirements.

use std::collections::BTreeSet;
use std::time::Duration;

use livelist_model::notice::{ATTEMPTS, NoticeMessage, next_attempt};
use livelist_model::plan::PairDue;
use livelist_model::syncs::{CopyDue, SyncDue};
use livelist_steps::records::schedule;
use livelist_steps::{plan, start};
use livelist_tests::files;
use livelist_tests::machine::{FILE, Machine};
use livelist_tests::template::{Template, texts};
use serde_json::{Value, json};

#[test]
fn every_hole_is_filled_and_every_filling_used() {
    let template = Template::read();
    assert_eq!(template.machine()["DefinitionUri"], FILE);
    let fillings = template.machine()["DefinitionSubstitutions"]
        .as_object()
        .unwrap();
    let filled: BTreeSet<String> = fillings.keys().cloned().collect();
    assert_eq!(filled, Machine::read().holes());
}

#[test]
fn tasks_invoke_the_functions_of_their_steps() {
    let (template, machine) = (Template::read(), Machine::read());
    let functions = template.functions();
    let mut invoked = BTreeSet::new();
    for (name, task) in machine.tasks() {
        let Some(step) = machine.step_of(task) else {
            continue;
        };
        let function = functions
            .get(&step)
            .unwrap_or_else(|| panic!("no function has the handler {step}"));
        let hole = task["Arguments"]["FunctionName"].as_str().unwrap();
        let hole = hole.trim_start_matches("${").trim_end_matches('}');
        let filling = &template.machine()["DefinitionSubstitutions"][hole];
        assert_eq!(
            *filling,
            json!({ "Fn::GetAtt": format!("{}.Arn", function.id) }),
            "{name}"
        );
        let limit = task["TimeoutSeconds"].as_u64().unwrap();
        assert!(
            limit > function.timeout,
            "{name}: Lambda has to give up before Step Functions does"
        );
        invoked.insert(format!("{}.Arn", function.id));
    }
    let statements = template.machine().pointer("/Policies/0/Statement").unwrap();
    let invoke = statements
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["Sid"] == "InvokeSteps")
        .unwrap();
    let allowed: BTreeSet<String> = texts(&invoke["Resource"])
        .iter()
        .map(|r| r["Fn::GetAtt"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(allowed, invoked, "the machine may invoke what it invokes");
}

#[test]
fn every_function_has_an_event_to_try_it_with() {
    let handlers: BTreeSet<String> = Template::read().functions().into_keys().collect();
    let mut events: BTreeSet<String> = files::folder("events")
        .iter()
        .map(|f| f.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(events.remove("reconcile"), "the input of an execution");
    assert_eq!(events, handlers);
}

/// A route that the gateway does not know is a 404 on AWS and nowhere else.
#[test]
fn the_gateway_has_the_routes_of_the_api() {
    let template = Template::read();
    let events = template.at("/Resources/Api/Properties/Events");
    let routed: BTreeSet<(String, String)> = events
        .as_object()
        .unwrap()
        .values()
        .map(|event| {
            let text = |name: &str| event["Properties"][name].as_str().unwrap().to_owned();
            (text("Method"), text("Path"))
        })
        .collect();
    let document: Value = serde_json::from_str(&livelist_api::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let described = paths.flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        methods.map(|method| (method.to_uppercase(), path.clone()))
    });
    let itself = ("GET".to_owned(), "/v1/openapi.json".to_owned());
    let start = ("GET".to_owned(), "/".to_owned());
    let described: BTreeSet<_> = described.chain([itself, start]).collect();
    assert_eq!(routed, described);
}

#[test]
fn the_events_around_a_run_are_what_the_code_reads() {
    let planned: plan::Input = serde_json::from_value(files::event("planner")).unwrap();
    assert!(planned.time.is_some());
    let schedule = Template::read();
    let schedule = schedule.at("/Resources/Planner/Properties/Events/Daily/Properties/Input");
    let schedule = schedule
        .as_str()
        .unwrap()
        .replace("<aws.scheduler.scheduled-time>", "2026-11-21T04:00:00Z");
    assert_eq!(
        serde_json::from_str::<Value>(&schedule).unwrap(),
        files::event("planner")
    );

    let execution: start::ExecutionInput =
        serde_json::from_value(files::event("reconcile")).unwrap();
    for record in files::event("notify")["Records"].as_array().unwrap() {
        let message: NoticeMessage =
            serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        assert_eq!(message.schema, NoticeMessage::SCHEMA);
        assert_eq!(message.event.feed, execution.run.feed.feed);
    }
    for record in files::event("worker")["Records"].as_array().unwrap() {
        let pair: PairDue = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&pair.run, &pair.feed),
            (&execution.run.run, &execution.run.feed.feed)
        );
    }
}

#[test]
fn the_events_of_records_are_what_the_code_reads() {
    let template = Template::read();
    let of = |pointer: &str| {
        template.at(&format!(
            "/Resources/Syncs/Properties/Events/Often/{pointer}"
        ))
    };
    let input = of("Properties/Input").as_str().unwrap();
    let input = input.replace("<aws.scheduler.scheduled-time>", "2026-11-21T04:00:00Z");
    let input: Value = serde_json::from_str(&input).unwrap();
    assert_eq!(input, files::event("syncs"));
    let read: schedule::Input = serde_json::from_value(input).unwrap();
    let minutes = schedule::TICK / 60;
    let often = format!("cron(0/{minutes} * * * ? *)");
    assert_eq!(
        *of("Properties/ScheduleExpression"),
        often,
        "as often as it looks back"
    );
    let body = |event: &str| {
        let event = files::event(event);
        event["Records"][0]["body"].as_str().unwrap().to_owned()
    };
    let sync: SyncDue = serde_json::from_str(&body("pull")).unwrap();
    assert_eq!((sync.schema, Some(sync.at)), (SyncDue::SCHEMA, read.time));
    let copy: CopyDue = serde_json::from_str(&body("apply")).unwrap();
    assert_eq!(
        (copy.schema, copy.replication),
        (CopyDue::SCHEMA, sync.replication)
    );
}

/// Its artifact has drivers of databases, which the others do not carry.
#[test]
fn apply_alone_has_an_artifact_and_a_network_of_its_own() {
    let template = Template::read();
    for (id, function) in template.resources("AWS::Serverless::Function") {
        for own in ["CodeUri", "VpcConfig"] {
            assert_eq!(function.contains_key(own), id == "Apply", "{id}: {own}");
        }
    }
}

#[test]
fn nothing_is_allowed_wholesale() {
    for (place, statement) in Template::read().allowed() {
        for action in texts(&statement["Action"]) {
            let action = action.as_str().unwrap();
            assert!(!action.contains('*'), "{place} allows {action}");
        }
        for resource in texts(&statement["Resource"]) {
            // Log delivery and X-Ray know no narrower resource.
            let known = statement["Sid"] == "DeliverLogs" || statement["Sid"] == "SendTraces";
            assert!(
                known || *resource != json!("*"),
                "{place} allows everything"
            );
            if let Some(text) = resource["Fn::Sub"].as_str() {
                let prefix = text.split('*').next().unwrap();
                // Executions are told apart from their machine by a colon.
                let narrow = prefix.contains('/') || prefix.contains(":execution:");
                assert!(narrow || !text.contains('*'), "{place}: {text}");
            }
        }
        assert!(
            statement.get("NotAction").is_none() && statement.get("NotResource").is_none(),
            "{place}"
        );
    }
}

#[test]
fn only_those_who_handle_tokens_have_the_key() {
    let template = Template::read();
    let actions = |handler: &str, service: &str| -> Vec<String> {
        let functions = template.functions();
        let statements = functions[handler].statements.iter();
        let actions =
            statements.flat_map(|s| texts(&s["Action"]).into_iter().cloned().collect::<Vec<_>>());
        let actions = actions.map(|a| a.as_str().unwrap().to_owned());
        actions.filter(|a| a.starts_with(service)).collect()
    };
    for handler in template.functions().keys() {
        let (kms, ssm): (&[&str], &[&str]) = match handler.as_str() {
            "authorize" => (&["kms:Encrypt"], &["ssm:GetParameter"]),
            "scan" | "confirm" => (&["kms:Decrypt"], &[]),
            "notify" | "pull" | "apply" => (&[], &["ssm:GetParameter"]),
            _ => (&[], &[]),
        };
        assert_eq!(actions(handler, "kms:"), kms, "{handler}");
        assert_eq!(actions(handler, "ssm:"), ssm, "{handler}");
    }
}

#[test]
fn times_fit_each_other() {
    let template = Template::read();
    let functions = template.functions();
    let visibility = template
        .at("/Resources/Pairs/Properties/VisibilityTimeout")
        .as_u64()
        .unwrap();
    assert!(
        visibility >= 6 * functions["worker"].timeout,
        "AWS asks for six times the worker's timeout"
    );
    for (queue, function) in [("SyncsDue", "pull"), ("CopiesDue", "apply")] {
        let visibility = template.at(&format!("/Resources/{queue}/Properties/VisibilityTimeout"));
        assert!(visibility.as_u64().unwrap() >= 6 * functions[function].timeout);
    }
    let visibility = template.at("/Resources/Outbox/Properties/VisibilityTimeout");
    assert!(visibility.as_u64().unwrap() >= 6 * functions["notify"].timeout);
    let scan = template
        .at("/Parameters/ScanSeconds/MaxValue")
        .as_u64()
        .unwrap();
    assert!(
        scan + 90 < functions["scan"].timeout,
        "a task has to finish its last requests"
    );
    assert!(scan + 90 < functions["confirm"].timeout);
    assert!(scan + 90 < functions["pull"].timeout);
    assert!(scan + 90 < functions["apply"].timeout);
    assert!(
        functions["api"].timeout < 30,
        "an HTTP API waits 30 seconds"
    );
    assert!(
        functions.values().all(|f| f.timeout <= 900),
        "Lambda's limit"
    );
}

#[test]
fn the_readers_of_queues_answer_for_each_message() {
    let template = Template::read();
    for (mapping, function) in [
        ("WorkerTakesPairs", "Worker"),
        ("NotifyTakesEvents", "Notify"),
        ("PullTakesSyncs", "Pull"),
        ("ApplyTakesCopies", "Apply"),
    ] {
        let mapping = template.at(&format!("/Resources/{mapping}/Properties"));
        assert_eq!(
            mapping["FunctionResponseTypes"],
            json!(["ReportBatchItemFailures"])
        );
        assert_eq!(mapping["FunctionName"], json!({ "Ref": function }));
    }
}

/// A message that was given up is put aside by the queue, and none sooner.
#[test]
fn the_outbox_gives_up_when_the_schedule_does() {
    let template = Template::read();
    let most = template.at("/Resources/Outbox/Properties/RedrivePolicy/maxReceiveCount");
    assert_eq!(*most, ATTEMPTS);
    let kept = template.at("/Resources/Outbox/Properties/MessageRetentionPeriod");
    let longest: Duration = (1..).map_while(|n| next_attempt(n, 1.0)).sum();
    assert!(kept.as_u64().unwrap() > 2 * longest.as_secs());
}

#[test]
fn notices_reach_this_machine_on_the_local_stack_only() {
    let template = Template::read();
    assert_eq!(*template.at("/Parameters/NotifyLoopback/Default"), "no");
}

#[test]
fn histories_and_logs_hold_no_payloads_beyond_their_time() {
    let template = Template::read();
    assert_eq!(template.machine()["Logging"]["IncludeExecutionData"], false);
    let groups = template.resources("AWS::Logs::LogGroup");
    assert!(groups.values().all(|g| g.contains_key("RetentionInDays")));
    for (id, function) in template.resources("AWS::Serverless::Function") {
        let group = &function["LoggingConfig"]["LogGroup"];
        assert_eq!(*group, json!({ "Ref": format!("{id}Logs") }));
    }
}
