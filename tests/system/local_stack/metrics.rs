//! Metrics arrive in the log in CloudWatch's form: each line is a complete document.

use livelist_mls::Provider;
use livelist_tests::stack::eventually;
use livelist_tests::world::World;
use serde_json::{Value, json};

const FIRST: &str = "2026-11-21";

async fn documents(world: &World) -> Vec<Value> {
    let lines = world.stack.logs().await;
    let told = lines
        .iter()
        .filter(|line| line.contains("CloudWatchMetrics"));
    told.map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_run_is_a_line_of_the_log() {
    let mls = "counted";
    let world = World::one(mls, Provider::Trestle, 40).await;
    world.one_day(FIRST).await;
    let run = json!(world.run(mls, FIRST).run);
    let counted = eventually("the run is counted", async || {
        let all = documents(&world).await;
        all.into_iter().find(|document| document["run"] == run)
    })
    .await;
    assert_eq!(
        (&counted["MLS"], &counted["Published"], &counted["Live"]),
        (&json!(mls), &json!(1), &json!(40))
    );
    let namespace = counted.pointer("/_aws/CloudWatchMetrics/0/Namespace");
    let expected = json!(format!("Livelist/{}", world.stack.at("/stack")));
    assert_eq!(namespace, Some(&expected));
}
