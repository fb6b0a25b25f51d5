//! Guarantees for operators: one run per feed and day, dead letters with reasons, hand-overs, no secrets
//! anywhere, tags for the lifecycle rules.

use std::collections::BTreeSet;

use http::Method;
use livelist_mls::{Fault, FaultRule, Provider, RetryAfter};
use livelist_steps::start;
use livelist_tests::files;
use livelist_tests::stack::{Stack, eventually};
use livelist_tests::template::Template;
use livelist_tests::world::World;
use serde_json::{Value, json};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_day_that_is_planned_twice_runs_once() {
    let world = World::one("twice", Provider::Trestle, 100).await;
    world.one_day(FIRST).await;
    let pages = world.control("twice").log().len();
    world.plan(FIRST).await;
    let queue = world.stack.output("PairsUrl");
    eventually("the queue to be empty", || async {
        let asked = json!({ "QueueUrl": queue, "AttributeNames": ["All"] });
        let told = world
            .stack
            .ask("sqs", "AmazonSQS.GetQueueAttributes", asked)
            .await
            .unwrap();
        let waiting = |name: &str| told["Attributes"][name] == "0";
        let empty = waiting("ApproximateNumberOfMessages")
            && waiting("ApproximateNumberOfMessagesNotVisible");
        empty.then_some(())
    })
    .await;
    let run = world.run("twice", FIRST).run;
    let machine = world.stack.output("MachineArn");
    assert_eq!(
        world.stack.executions(machine, run.as_str()).await,
        [run.to_string()]
    );
    assert_eq!(
        world.control("twice").log().len(),
        pages,
        "nothing was asked again"
    );

    // By hand, under another name: the run's own record says that it is done.
    let input = json!({ "run": world.run("twice", FIRST), "nth": 0 });
    let arn = world.stack.start(machine, "twice-by-hand", &input).await;
    let ended = world.stack.ended(&arn).await;
    assert_eq!(ended.output, json!({ "outcome": "finished" }));
    assert_eq!(world.control("twice").log().len(), pages);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_pair_that_cannot_be_resolved_is_put_aside_with_its_reason() {
    let world = World::one("resolved", Provider::Trestle, 10).await;
    let run = world.run("resolved", FIRST);
    let mut pair = json!({
        "schema": 1, "date": FIRST, "client": "nobody-knows-them", "mls": "resolved",
        "resource": "Property", "feed": run.feed.feed, "run": run.run,
    });
    let queue = world.stack.output("PairsUrl");
    for client in ["nobody-knows-them", "resolved"] {
        pair["client"] = json!(client);
        let asked = json!({ "QueueUrl": queue, "MessageBody": pair.to_string() });
        world
            .stack
            .ask("sqs", "AmazonSQS.SendMessage", asked)
            .await
            .unwrap();
    }
    // The sound one of the two is not held up by the other.
    assert_eq!(world.ended("resolved", FIRST).await.status, "SUCCEEDED");
    let dead = world.stack.output("PairsDeadUrl");
    let letter = eventually("the dead letter", || async {
        let letters = world.stack.peek(dead).await;
        letters
            .into_iter()
            .find(|l| l["Body"].as_str().unwrap().contains("nobody-knows-them"))
    })
    .await;
    let attributes = letter["MessageAttributes"].to_string();
    assert!(
        attributes.contains("clients/nobody-knows-them.json"),
        "{letter}"
    );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn the_api_answers_without_a_key_only_that_it_lives() {
    let stack = Stack::get();
    let url = |path: &str| format!("{}{path}", stack.at("/api"));
    let health = stack.send(Method::GET, &url("/v1/health"), &[], "").await;
    assert_eq!(health.status(), 200);
    let feeds = stack.send(Method::GET, &url("/v1/feeds"), &[], "").await;
    assert_eq!(feeds.status(), 401);
    let nothing = stack.send(Method::GET, &url("/v1/nothing"), &[], "").await;
    assert_eq!(nothing.status(), 404);
    // As API Gateway invokes it.
    let told = stack
        .invoke("livelist-api", &files::event("api"))
        .await
        .unwrap();
    assert_eq!(told["statusCode"], 401, "{told}");
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_run_of_another_form_fails_clearly() {
    let strange = [
        ("provider", json!("nobody"), "UnknownProvider", "`nobody`"),
        (
            "parameters",
            json!("none"),
            "InputInvalid",
            "expected a map",
        ),
    ];
    for (field, value, error, named) in strange {
        let world = World::one(&format!("strange-{field}"), Provider::Trestle, 10).await;
        let run = world.run(&format!("strange-{field}"), FIRST);
        let mut input = json!({ "run": run, "nth": 0 });
        input["run"]["feed"][field] = value;
        let name = run.run.as_str();
        let topic = world.stack.output("NoticesArn");
        let listener = format!("listener-strange-{field}");
        let notices = world.stack.listen(topic, &listener).await;
        let machine = world.stack.output("MachineArn");
        let arn = world.stack.start(machine, name, &input).await;
        let ended = world.stack.ended(&arn).await;
        assert_eq!(
            (ended.status.as_str(), ended.error.as_str()),
            ("FAILED", error)
        );
        assert!(ended.cause.contains(named), "{}", ended.cause);
        notices.of(name).await;
    }
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_run_that_is_handed_over_ends_as_if_it_were_not() {
    let world = World::one("long", Provider::Reso, 400).await;
    world.one_day(FIRST).await;
    world.control("long").sell(9);
    let throttle = Fault::Throttle {
        status: 429,
        retry_after: RetryAfter::Seconds,
        seconds: 5,
    };
    // The waits of the local stack are shorter than what the ledger says of the provider, so the run asks to
    // wait several times for each of these answers.
    world
        .control("long")
        .set_faults(vec![FaultRule::from(throttle).times(4)]);
    let run = world.run("long", SECOND);
    let input = start::ExecutionInput {
        run: run.clone(),
        nth: 0,
    };
    let mut input = serde_json::to_value(input).unwrap();
    input["max_hops"] = json!(6);
    let machine = world.stack.output("MachineArn");
    world.stack.start(machine, run.run.as_str(), &input).await;
    let mut last = Value::Null;
    for nth in 0..200 {
        let arn = Stack::execution_arn(machine, &run.run.execution(nth));
        let ended = world.stack.ended(&arn).await;
        assert_eq!(ended.status, "SUCCEEDED", "{} {}", ended.error, ended.cause);
        if nth > 0 {
            let input = &ended.events[0]["executionStartedEventDetails"]["input"];
            let input: Value = serde_json::from_str(input.as_str().unwrap()).unwrap();
            let before = Stack::execution_arn(machine, &run.run.execution(nth - 1));
            assert_eq!(input["AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"], before);
        }
        last = ended.output;
        if last["outcome"] != "handed_over" {
            assert!(nth >= 2, "it was handed over twice at least");
            break;
        }
    }
    assert_eq!(
        (&last["outcome"], &last["removed"]),
        (&json!("published"), &json!(9))
    );
    assert_eq!(
        world.published("long").await,
        world.control("long").live_keys()
    );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn runs_that_share_a_credential_take_turns() {
    // Two feeds, one credential: another filter is another feed.
    let world = World::one("shared", Provider::Trestle, 300).await;
    let filtered = json!({
        "client": "shared-two", "api_keys": [],
        "pairs": [{ "mls": "shared", "resource": "Property", "filter": "StandardStatus eq 'Active'" }],
    });
    use livelist_store::{Condition, ObjectsExt as _, Retention};
    let key = "registry/clients/shared-two.json";
    world
        .objects
        .write_json(key, &filtered, Condition::Always, Retention::Keep)
        .await
        .unwrap();
    let slow = Fault::Slow { ms: 300 };
    world.control("shared").set_faults(vec![slow.into()]);
    let planned = world
        .stack
        .invoke(
            world.stack.output("PlannerName"),
            &json!({ "date": FIRST, "mls": "shared" }),
        )
        .await
        .unwrap();
    assert_eq!(
        (&planned["pairs"], &planned["runs"]),
        (&json!(2), &json!(2))
    );
    let machine = world.stack.output("MachineArn");
    let runs = eventually("both runs", || async {
        let runs = world
            .stack
            .executions(machine, &format!("{FIRST}-shared-property-"))
            .await;
        (runs.len() == 2).then_some(runs)
    })
    .await;
    let mut waited = 0;
    for run in runs {
        let arn = Stack::execution_arn(machine, &run);
        let ended = world.stack.ended(&arn).await;
        assert_eq!(
            ended.output["outcome"], "published",
            "{} {}",
            ended.error, ended.cause
        );
        waited += ended.times_in("WaitForCredential");
    }
    assert!(waited > 0, "one of them had to wait");
}

/// A text in all the forms in which it might have been written down.
fn forms(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    vec![
        secret.to_owned(),
        base64.trim_end_matches('=').to_owned(),
        hex,
    ]
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn secrets_are_nowhere() {
    let world = World::one("secret", Provider::Trestle, 300).await;
    let topic = world.stack.output("NoticesArn");
    let notices = world.stack.listen(topic, "listener-secret").await;
    let control = world.control("secret");
    let mut executions = vec![world.one_day(FIRST).await];
    control.sell(5);
    control.set_faults(vec![FaultRule::from(Fault::ExpireToken).after(1)]);
    executions.push(world.one_day(SECOND).await);
    // Failures talk most.
    control.set_faults(vec![Fault::Status { code: 400 }.into()]);
    executions.push(world.one_day("2026-11-23").await);
    control.clear_faults();
    control.revoke(true);
    executions.push(world.one_day("2026-11-24").await);
    let failed: Vec<&str> = executions.iter().map(|e| e.error.as_str()).collect();
    assert_eq!(failed, ["", "", "RequestRejected", "AuthorizationFailed"]);
    notices.of("AuthorizationFailed").await;

    let mut said: Vec<String> = world.stack.logs().await;
    assert!(
        said.iter().any(|l| l.contains("secret-property-")),
        "the logs are there"
    );
    said.extend(executions.iter().map(|e| json!(e.events).to_string()));
    said.extend(
        executions
            .iter()
            .map(|e| format!("{} {}", e.cause, e.output)),
    );
    said.extend(
        notices
            .so_far("")
            .await
            .into_iter()
            .map(|n| format!("{} {}", n.subject, n.message)),
    );
    let objects = world.objects_of(&world.feed("secret").feed).await;
    assert!(objects.len() > 8, "{:?}", objects.keys());
    said.extend(
        objects
            .into_values()
            .map(|b| String::from_utf8_lossy(&b).into_owned()),
    );
    let secrets = control.secrets();
    assert!(
        secrets.len() >= 3,
        "the secret and the tokens: {}",
        secrets.len()
    );
    for secret in secrets {
        for form in forms(&secret) {
            let leak = said.iter().find(|text| text.contains(&form));
            assert!(leak.is_none(), "found a secret in: {leak:?}");
        }
    }

    // What travels instead opens with the key, and only for its run: by the context that the
    // template's policies ask for.
    let history = json!(executions[0].events).to_string();
    let sealed = history
        .split("\\\"token\\\": \\\"")
        .nth(1)
        .expect("a sealed token");
    let sealed = sealed.split("\\\"").next().unwrap();
    let template = Template::read();
    let functions = template.functions();
    let opens = functions["scan"]
        .statements
        .iter()
        .find(|s| s["Sid"] == "OpenTokens")
        .unwrap();
    let names: Vec<&String> = opens["Condition"]["Null"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    let name = names[0].strip_prefix("kms:EncryptionContext:").unwrap();
    let run = world.run("secret", FIRST).run;
    let plain = world
        .stack
        .decrypt(sealed, json!({ name: run }))
        .await
        .unwrap();
    // The token, behind a digest of the feed for which it was sealed.
    let token = plain.rsplit(':').next().unwrap().to_owned();
    assert!(control.secrets().contains(&token));
    world.stack.decrypt(sealed, json!({})).await.unwrap_err();
    world
        .stack
        .decrypt(sealed, json!({ name: "2026-11-22-other" }))
        .await
        .unwrap_err();
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn only_what_may_expire_is_tagged() {
    let world = World::one("tagged", Provider::Trestle, 200).await;
    for day in 1..=3 {
        world.control("tagged").sell(2);
        world.one_day(&format!("2026-11-{:02}", 20 + day)).await;
    }
    let template = Template::read();
    let rules = template
        .at("/Resources/Bucket/Properties/LifecycleConfiguration/Rules")
        .as_array()
        .unwrap();
    let expiring: BTreeSet<String> = rules
        .iter()
        .filter_map(|r| r.pointer("/TagFilters/0"))
        .map(|t| {
            format!(
                "{}={}",
                t["Key"].as_str().unwrap(),
                t["Value"].as_str().unwrap()
            )
        })
        .collect();
    let head = world.head("tagged").await.unwrap();
    let needed: BTreeSet<String> = head.objects().cloned().collect();
    let mut seen = BTreeSet::new();
    for key in world.objects_of(&head.feed).await.into_keys() {
        let tags = world.stack.tags(&key).await;
        let states = [
            "/head.json",
            "/notified.json",
            "/history.json",
            "/marks.json",
            "/waiting.json",
            "/ids.txt.gz",
        ];
        let is_state = states.iter().any(|name| key.ends_with(name));
        let kept = needed.contains(&key) || is_state;
        assert_eq!(tags.is_empty(), kept, "{key}: {tags:?}");
        assert!(tags.is_subset(&expiring), "{key}: {tags:?} is no rule's");
        seen.extend(tags);
    }
    assert_eq!(seen, expiring, "every rule has something to do");
}
