//! Metrics: each run once when it has ended, and the age of the heads.

use std::sync::Arc;
use std::time::Duration;

use livelist_mls::Fault;
use livelist_mls::Provider::Reso;
use livelist_model::layout;
use livelist_model::record::RunState;
use livelist_steps::{Env, plan, release};
use livelist_store::metrics::MemoryMetrics;
use livelist_store::{Condition, ObjectsExt as _, Retention};
use serde_json::json;

use crate::world::{World, always, failed, held, published, unchanged};

fn counting(world: &World) -> (Env, Arc<MemoryMetrics>) {
    let metrics = Arc::new(MemoryMetrics::default());
    let env = Env {
        metrics: metrics.clone(),
        ..world.env()
    };
    (env, metrics)
}

#[tokio::test]
async fn each_run_is_counted_once_however_it_ends() {
    let (world, feed) = World::begun(Reso, 300, 100).await;
    let (env, metrics) = counting(&world);
    world.mls().sell(12);
    world.mls().add(5);
    published(world.run_by(&env, &feed, "test").await);
    world.next_day();
    unchanged(world.run_by(&env, &feed, "test").await);
    world.next_day();
    world.mls().set_faults(always(Fault::EmptyList));
    held(world.run_by(&env, &feed, "test").await);
    world.next_day();
    world.mls().set_faults(Vec::new());
    world.mls().revoke(true);
    let error = failed(world.run_by(&env, &feed, "test").await).name;

    let runs = metrics.runs();
    let states: Vec<RunState> = runs.iter().map(|run| run.state).collect();
    use RunState::{Failed, Held, Published, Unchanged};
    assert_eq!(states, [Published, Unchanged, Held, Failed]);
    let [first, second, third, fourth] = &runs[..] else {
        panic!("{runs:?}");
    };
    assert_eq!((first.live, first.added, first.removed), (Some(293), 5, 12));
    assert_eq!((first.asked, first.restored), (12, 0));
    assert!(first.traffic.requests > 3);
    assert_eq!((second.live, second.removed), (Some(293), 0));
    assert_eq!((third.live, third.removed), (Some(293), 0), "nothing went");
    assert!(third.held.is_some());
    assert_eq!((fourth.live, fourth.error.clone()), (None, Some(error)));
}

#[tokio::test]
async fn a_run_that_is_handed_over_is_not_counted_yet() {
    let (world, feed) = World::unbegun(Reso, 300, 100, |_| {}).await;
    let (env, metrics) = counting(&world);
    let run = world.run_of(&feed);
    let owner = "test".to_owned();
    let input = livelist_steps::acquire::Input {
        run: run.clone(),
        owner: owner.clone(),
    };
    livelist_steps::acquire::run(&env, input).await.unwrap();
    let input = release::Input {
        run,
        owner,
        failure: None,
    };
    release::run(&env, input).await.unwrap();
    assert_eq!(metrics.runs(), []);
}

#[tokio::test]
async fn the_planner_counts_heads_that_are_older_than_their_schedule_explains() {
    let (world, feed) = World::begun(Reso, 30, 100).await;
    let (env, metrics) = counting(&world);
    let register = async |name: &str, document: serde_json::Value| {
        let key = format!("registry/{name}.json");
        let (condition, keep) = (Condition::Always, Retention::Keep);
        world
            .objects
            .write_json(&key, &document, condition, keep)
            .await
            .unwrap();
    };
    let mls = |name: &str, enabled: bool| {
        json!({"mls": name, "provider": "reso", "enabled": enabled,
            "base_url": world.simulator.base_url("abor"), "credential": "ssm:/abor"})
    };
    let pairs = |all: &[&str]| -> Vec<serde_json::Value> {
        let pair = |mls| json!({"mls": mls, "resource": "Property"});
        all.iter().map(pair).collect()
    };
    register("mls/abor", mls("abor", true)).await;
    register("mls/bolt", mls("bolt", true)).await;
    let client = json!({"client": "acme", "pairs": pairs(&["abor", "bolt"])});
    register("clients/acme", client).await;
    let look = async || {
        plan::run(&env, plan::Input::default()).await.unwrap();
        let looks = metrics.looks();
        let last = looks.last().unwrap();
        (looks.len(), last.feeds, last.old)
    };
    // `bolt` was never published, and is not late.
    assert_eq!(look().await, (1, 2, 0));
    world.clock.advance(Duration::from_secs(13 * 3_600));
    assert_eq!(look().await, (2, 2, 1));
    // A plan of a part says nothing of the rest.
    let part = plan::Input {
        mls: Some("bolt".parse().unwrap()),
        ..plan::Input::default()
    };
    plan::run(&env, part).await.unwrap();
    assert_eq!(metrics.looks().len(), 2);
    // What cannot be read is not well.
    let bolt = world.env();
    let head = layout::head(&feed.feed);
    let broken = b"{".to_vec().into();
    let (condition, keep) = (Condition::Always, Retention::Keep);
    let written = bolt.objects.put(&head, broken, condition, keep);
    written.await.unwrap();
    assert_eq!(look().await, (3, 2, 1));
    register("mls/abor", mls("abor", false)).await;
    assert_eq!(look().await, (4, 1, 0));
}
