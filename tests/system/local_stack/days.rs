//! Ordinary days.

use http::Method;
use livelist_mls::{Credential, MlsSpec, Provider};
use livelist_tests::world::World;
use serde_json::{Value, json};

/// Every provider but Spark, whose second scan waits until its cache of twenty minutes is over.
fn specs(client: &str) -> Vec<MlsSpec> {
    let spec = |provider: Provider| {
        let name = json!(provider);
        let name = name.as_str().unwrap();
        MlsSpec {
            page_limit: Some(100),
            ..MlsSpec::new(format!("{client}-{name}"), provider, 450)
        }
    };
    let waits = |provider: &Provider| *provider == Provider::Spark;
    Provider::ALL
        .into_iter()
        .filter(|provider| !waits(provider))
        .map(spec)
        .collect()
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn the_schedule_brings_every_dialect_to_the_sites() {
    let world = World::open("first", specs("first")).await;
    // What the schedule sends, as it is deployed.
    let headers = [(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/scheduler/aws4_request",
    )];
    let path = "/schedules/livelist-daily";
    let told = world.stack.send(Method::GET, path, &headers, "").await;
    let schedule: Value = serde_json::from_slice(told.body()).unwrap();
    assert_eq!(schedule["FlexibleTimeWindow"]["Mode"], "FLEXIBLE");
    let input = schedule["Target"]["Input"].as_str().unwrap();
    let input = input.replace("<aws.scheduler.scheduled-time>", "2026-11-21T04:00:00Z");
    let mut input: Value = serde_json::from_str(&input).unwrap();
    input["client"] = json!("first");
    let planner = schedule["Target"]["Arn"]
        .as_str()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap();
    let planned = world.stack.invoke(planner, &input).await.unwrap();
    assert_eq!(
        (&planned["date"], &planned["pairs"], &planned["runs"]),
        (&json!("2026-11-21"), &json!(12), &json!(12))
    );

    for spec in specs("first") {
        let mls = &spec.mls;
        let execution = world.ended(mls, "2026-11-21").await;
        assert_eq!(
            execution.status, "SUCCEEDED",
            "{mls}: {} {}",
            execution.error, execution.cause
        );
        assert_eq!(execution.output["outcome"], "published", "{mls}");
        let authorized = match spec.credential {
            Credential::Token(_) => "LoadServerToken",
            Credential::Password { .. } => "RequestUserToken",
            _ => "RequestToken",
        };
        assert_eq!(execution.times_in(authorized), 1, "{mls}");
        let live = world.control(mls).live_keys();
        assert_eq!(world.published(mls).await, live, "{mls}");
        let manifest = world.manifest(mls, "").await;
        assert_eq!(
            (&manifest["complete"], &manifest["count"]),
            (&json!(true), &json!(450)),
            "{mls}"
        );
        assert_eq!(
            world
                .download(&manifest["full"], &manifest["sha256"], 450)
                .await,
            live,
            "{mls}"
        );
    }
    let feeds = world.ask_api("/v1/feeds").await;
    let feeds: Value = serde_json::from_slice(feeds.body()).unwrap();
    let listed = feeds["feeds"].as_array().map(Vec::len);
    assert_eq!(listed, Some(12), "{feeds}");
    let url = format!("{}/v1/feeds", world.stack.at("/api"));
    let stranger = world
        .stack
        .send(Method::GET, &url, &[("authorization", "Bearer nobody")], "")
        .await;
    assert_eq!(stranger.status(), 401);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn sales_are_confirmed_and_reach_the_sites() {
    let world = World::open("sales", specs("sales")).await;
    world.day("2026-11-21").await;
    for spec in specs("sales") {
        let control = world.control(&spec.mls);
        control.sell(20);
        control.add(7);
        control.clear_log();
    }
    let unchanged_since: Vec<String> = {
        let mut versions = Vec::new();
        for spec in specs("sales") {
            versions.push(world.head(&spec.mls).await.unwrap().version);
        }
        versions
    };
    let ended = world.day("2026-11-22").await;
    for (spec, former) in specs("sales").iter().zip(unchanged_since) {
        let (mls, control) = (&spec.mls, world.control(&spec.mls));
        let execution = &ended[mls];
        assert_eq!(
            execution.status, "SUCCEEDED",
            "{mls}: {} {}",
            execution.error, execution.cause
        );
        assert_eq!(
            (&execution.output["added"], &execution.output["removed"]),
            (&json!(7), &json!(20)),
            "{mls}"
        );
        assert_eq!(world.published(mls).await, control.live_keys(), "{mls}");
        let (scans, confirmations) = (execution.times_in("Scan"), execution.times_in("Confirm"));
        assert_eq!((scans, confirmations), (1, 1), "{mls}");
        assert_eq!(execution.output["confirmed"], 20, "{mls}");
        let manifest = world.manifest(mls, &format!("?since={former}")).await;
        assert_eq!(manifest["previous_count"], 450, "{mls}");
        let delta = &manifest["delta"];
        assert_eq!(
            (&delta["from"], &delta["added"], &delta["removed"]),
            (&json!(former), &json!(7), &json!(20)),
            "{mls}"
        );
    }
    // A day on which nothing happened publishes nothing.
    for (mls, execution) in world.day("2026-11-23").await {
        assert_eq!(execution.output["outcome"], "unchanged", "{mls}");
        assert_eq!(world.head(&mls).await.unwrap().sequence, 2, "{mls}");
    }
}
