//! An operator's commands on a deployment: the same as on a directory, answered from AWS.

use std::path::PathBuf;
use std::process::{Command, Output};

use http::Method;
use livelist_mls::{Fault, FaultRule, On, Provider};
use livelist_tests::stack::{Stack, eventually};
use livelist_tests::world::World;
use serde_json::{Value, json};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";

/// The command, which was built beside this test.
fn livelist() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(|deps| deps.parent()).unwrap();
    let command = folder.join("livelist");
    assert!(command.exists(), "{command:?} is not built: cargo build");
    command
}

/// Runs a verb as an operator does, with AWS's own variables.
fn ran(world: &World, arguments: &[&str]) -> Output {
    Command::new(livelist())
        .args(arguments)
        .env_clear()
        .env("LIVELIST_STACK", "livelist")
        .env("LIVELIST_OPERATOR", "tess")
        .env("AWS_ENDPOINT_URL", world.stack.at("/endpoint"))
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .unwrap()
}

fn said(world: &World, arguments: &[&str]) -> String {
    let output = ran(world, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn told(world: &World, arguments: &[&str]) -> Value {
    serde_json::from_str(said(world, arguments).trim()).unwrap()
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn an_operator_finds_decides_and_runs_again() {
    let mls = "morning";
    let world = World::one(mls, Provider::Trestle, 300).await;
    world.one_day(FIRST).await;
    let before = world.control(mls).live_keys();
    world.control(mls).sell(100);
    world.one_day(SECOND).await;

    let status = || told(&world, &["status", "--json", "--mls", mls]);
    let held = status();
    assert_eq!(
        (&held["state"], &held["why"], &held["live"]),
        (&json!("held"), &json!("mass_removal"), &json!(300))
    );
    let run = held["last_run"]["run"].as_str().unwrap().to_owned();
    let feed = held["feed"].as_str().unwrap().to_owned();
    let shown = said(&world, &["show", &run]);
    assert!(
        shown.contains("confirmed  100 asked for, 0 are live"),
        "{shown}"
    );

    let live = world.control(mls).live_keys();
    let gone = before.iter().find(|key| !live.contains(key)).unwrap();
    let why = told(&world, &["why", &feed, gone, "--json"]);
    assert_eq!(
        (&why["live"], &why["waiting"]["run"]),
        (&json!(true), &json!(run))
    );

    let approved = said(&world, &["approve", &run]);
    assert!(
        approved.contains("200 keys, 0 added, 100 removed"),
        "{approved}"
    );
    assert_eq!(world.published(mls).await, live);
    assert_eq!(status()["state"], "on_time");
    let why = told(&world, &["why", &feed, gone, "--json"]);
    assert_eq!(why["went"]["confirmed_by"], "operator");
    let diff = told(&world, &["diff", &feed, "--json"]);
    assert_eq!(diff["removed_count"], 100);
    assert_eq!(said(&world, &["live", &feed]).lines().count(), 200);

    // It fails, is mended, and runs again: an execution of its own.
    let denied = FaultRule::new(Fault::Status { code: 403 }).on(On::Page);
    world.control(mls).set_faults(vec![denied]);
    let again = said(&world, &["rerun", &feed]);
    let failed = again.trim().strip_prefix("asked for ").unwrap().to_owned();
    eventually("the failure", || async {
        (status()["state"] == "failed").then_some(())
    })
    .await;
    assert_eq!(status()["why"], "AccessDenied");
    let logged = said(&world, &["logs", &failed]);
    assert!(logged.contains("AccessDenied"), "{logged}");
    world.control(mls).clear_faults();
    said(&world, &["rerun", &feed]);
    eventually("the run after it", || async {
        (status()["state"] == "on_time").then_some(())
    })
    .await;
    let runs = said(&world, &["runs", "--feed", &feed, "--json"]);
    assert_eq!(runs.lines().count(), 4, "{runs}");
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn what_an_operator_pauses_is_not_planned() {
    let mls = "paused";
    let world = World::one(mls, Provider::Trestle, 20).await;
    world.one_day(FIRST).await;
    said(&world, &["pause", mls, "--reason", "they move"]);
    let status = told(&world, &["status", "--json", "--mls", mls]);
    assert_eq!(status["state"], "disabled");
    assert_eq!(
        status["why"],
        "the MLS paused was paused by tess: they move"
    );
    assert_eq!(world.plan(SECOND).await["pairs"], 0);
    said(&world, &["resume", mls]);
    assert_eq!(world.plan(SECOND).await["pairs"], 1);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn what_was_put_aside_is_sent_when_its_cause_is_mended() {
    let mls = "aside";
    let world = World::one(mls, Provider::Trestle, 20).await;
    let run = world.run(mls, FIRST);
    let pair = json!({
        "schema": 1, "date": FIRST, "client": "aside-later", "mls": mls,
        "resource": "Property", "feed": run.feed.feed, "run": run.run,
    });
    let queue = world.stack.output("PairsUrl");
    let asked = json!({ "QueueUrl": queue, "MessageBody": pair.to_string() });
    world
        .stack
        .ask("sqs", "AmazonSQS.SendMessage", asked)
        .await
        .unwrap();
    let mine = |lines: String| -> Option<Value> {
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.into_iter().find(|line| line["run"] == json!(run.run))
    };
    let kept = eventually("the dead letter", || async {
        // What others put aside is not this test's: the code says that something stays.
        let looked = ran(&world, &["redrive", "--dry-run", "--json"]);
        mine(String::from_utf8(looked.stdout).unwrap())
    })
    .await;
    assert_eq!(kept["outcome"], "kept");
    assert!(
        kept["was"].as_str().unwrap().contains("aside-later"),
        "{kept}"
    );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_day_that_was_not_planned_is_made_up_for() {
    let mls = "skipped";
    let world = World::one(mls, Provider::Trestle, 20).await;
    let queue = world.stack.output("PlannerDeadUrl");
    let failed = json!({"requestPayload": {"date": FIRST, "mls": mls},
        "requestContext": {"condition": "RetriesExhausted"}});
    let asked = json!({ "QueueUrl": queue, "MessageBody": failed.to_string() });
    world
        .stack
        .ask("sqs", "AmazonSQS.SendMessage", asked)
        .await
        .unwrap();
    let told = |arguments: &[&str]| {
        let arguments = [&["redrive", "--queue", "days", "--json"][..], arguments].concat();
        said(&world, &arguments)
    };
    let looked = told(&["--dry-run"]);
    assert!(looked.contains("RetriesExhausted"), "{looked}");
    let sent: Value = serde_json::from_str(told(&[]).trim()).unwrap();
    assert_eq!(
        (&sent["date"], &sent["outcome"]),
        (&json!(FIRST), &json!("sent"))
    );
    let run = world.ended(mls, FIRST).await;
    assert_eq!(world.published(mls).await.len(), 20, "{run:?}");
    assert_eq!(told(&[]), "", "nothing is left");
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn the_operators_page_decides_and_starts_runs_with_its_own_key() {
    let mls = "page";
    let world = World::one(mls, Provider::Trestle, 300).await;
    world.one_day(FIRST).await;
    world.control(mls).sell(100);
    world.one_day(SECOND).await;

    let key = said(&world, &["keys", "add", "--admin", "tess"]);
    let admin = format!("Bearer {}", key.trim());
    let site = format!("Bearer {}", world.site_key());
    let api = world.stack.at("/api").to_owned();
    let ask = |method: Method, path: String, key: &str| {
        let (url, key) = (format!("{api}{path}"), key.to_owned());
        let world = &world;
        async move {
            let answer = world
                .stack
                .send(method, &url, &[("authorization", &key)], "")
                .await;
            let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            (answer.status().as_u16(), body)
        }
    };
    let page = world
        .stack
        .send(Method::GET, &format!("{api}/dashboard"), &[], "")
        .await;
    assert_eq!(page.status(), 200);
    let status = "/v1/admin/status".to_owned();
    assert_eq!(ask(Method::GET, status.clone(), &site).await.0, 401);
    let (code, told) = ask(Method::GET, status, &admin).await;
    assert_eq!(code, 200);
    let feeds = told["feeds"].as_array().unwrap();
    let feed = feeds.iter().find(|feed| feed["mls"] == mls).unwrap();
    assert_eq!(
        (&feed["state"], &feed["live"]),
        (&json!("held"), &json!(300))
    );

    let run = feed["last_run"]["run"].as_str().unwrap();
    let approve = format!("/v1/admin/runs/{run}/approve");
    let (code, approved) = ask(Method::POST, approve.clone(), &admin).await;
    assert_eq!(
        (code, &approved["removed"]),
        (200, &json!(100)),
        "{approved}"
    );
    assert_eq!(world.published(mls).await, world.control(mls).live_keys());
    assert_eq!(ask(Method::POST, approve, &admin).await.0, 409, "once");

    let again = format!("/v1/admin/feeds/{}/rerun", feed["feed"].as_str().unwrap());
    let (code, started) = ask(Method::POST, again, &admin).await;
    assert_eq!(
        (code, &started["started"]),
        (200, &json!(true)),
        "{started}"
    );
    let machine = world.stack.output("MachineArn");
    let arn = Stack::execution_arn(machine, started["run"].as_str().unwrap());
    assert_eq!(world.stack.ended(&arn).await.status, "SUCCEEDED");
    said(&world, &["keys", "revoke", "--admin", "tess"]);
    let status = "/v1/admin/status".to_owned();
    assert_eq!(ask(Method::GET, status, &admin).await.0, 401);
}
