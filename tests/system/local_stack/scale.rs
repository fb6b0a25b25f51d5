//! Compares the model of `livelist-scale` with real executions: states, history events, requests to the
//! provider and remaining objects, by dialect and size.

use std::collections::BTreeSet;

use livelist_mls::{Credential, MlsSpec, Provider};
use livelist_model::FeedId;
use livelist_scale::machine::Machine;
use livelist_scale::steps;
use livelist_scale::walk::{Told, Walk};
use livelist_scale::work::{Feed, Work};
use livelist_store::Objects as _;
use livelist_tests::files;
use livelist_tests::machine::FILE;
use livelist_tests::stack::Execution;
use livelist_tests::world::World;
use serde_json::json;

/// Rows of a page here.
const PAGE: u32 = 100;
/// Keys that go in a day, and that come.
const GONE: u64 = 30;
const CAME: u64 = 8;

fn specs(client: &str, listings: u64) -> Vec<MlsSpec> {
    // Spark's second scan waits until its cache of twenty minutes is over.
    let providers = Provider::ALL.into_iter().filter(|p| *p != Provider::Spark);
    let spec = |provider: Provider| {
        let name = json!(provider);
        let name = format!("{client}-{}", name.as_str().unwrap());
        MlsSpec {
            page_limit: Some(u64::from(PAGE)),
            ..MlsSpec::new(name, provider, listings)
        }
    };
    providers.map(spec).collect()
}

/// What the tasks of such a run tell, in order.
fn story(work: &Work) -> Vec<&'static str> {
    let mut told = vec!["acquired", "authorized", "done"];
    for _ in 1..work.scans {
        told.extend(["scan", "done"]);
    }
    told.push(if work.confirms { "confirm" } else { "publish" });
    if work.confirms {
        told.push("publish");
    }
    told.extend([
        if work.changes {
            "published"
        } else {
            "unchanged"
        },
        "",
    ]);
    told
}

/// Compares a run with the model.
async fn check(
    world: &World,
    spec: &MlsSpec,
    date: &str,
    execution: &Execution,
    work: &Work,
    before: &BTreeSet<String>,
) {
    let mls = &spec.mls;
    assert_eq!(
        execution.status, "SUCCEEDED",
        "{mls}: {} {}",
        execution.error, execution.cause
    );
    let auth = match spec.credential {
        Credential::Token(_) => "server_token",
        Credential::Password { .. } => "password",
        _ => "client_credentials",
    };
    let machine = Machine::parse(&files::text(FILE)).unwrap();
    let (mut walk, _) = Walk::begin(&machine, auth, 1_200).unwrap();
    for told in story(work) {
        walk.go_on(Told::Outcome(told)).unwrap();
    }
    assert_eq!(execution.states(), walk.entered(), "{mls}, {date}");
    // The emulator leaves out that a task was started; AWS does not.
    let events = execution.events.iter();
    let events = events.filter(|e| e["type"] != "TaskStarted").count() as u64;
    let tasks = livelist_tests::machine::Machine::read();
    let tasks = walk
        .entered()
        .iter()
        .filter(|s| tasks.tasks().contains_key(**s));
    let tasks = tasks.count() as u64;
    assert_eq!(
        events,
        walk.events() - tasks,
        "{mls}, {date}: history events"
    );
    let record = world.record(mls, date).await;
    // Pages that were asked for ahead and not used are not in the model: at most so many at the end
    // of a scan, and one more or less where rows came or went.
    // The question about what has changed, behind a scan by links, is not in it either.
    let spare = u64::from(work.scans) * (work.at_once - 1) + 1;
    let asked = record.traffic.requests;
    assert!(
        (work.requests() - 1..=work.requests() + spare).contains(&asked),
        "{mls}, {date}: {asked} requests to the provider, {} expected",
        work.requests()
    );
    let confirms = u64::from(work.confirms);
    let scans = u64::from(work.scans);
    let (below, lists) = steps::objects(work, scans, confirms, scans);
    let new: BTreeSet<String> = names(world, &world.feed(mls).feed)
        .await
        .difference(before)
        .cloned()
        .collect();
    // Where a server is asked by an ID, or its list shows more than what is live, a few small objects come
    // on top: the IDs of each part, and what left the scan. The model leaves them out.
    let on_top = |name: &str| name.contains("/ids-") || name.contains("/gone-");
    let is_run = |name: &&String| name.contains("/runs/") && !on_top(name);
    let is_confirmed = |name: &&String| name.contains("/runs/") && name.contains("/gone-");
    let confirmed = new.iter().filter(is_confirmed).count() as u64;
    let is_list = |name: &&String| name.contains("/snapshots/") || name.contains("/deltas/");
    let got = (
        new.iter().filter(is_run).count() as u64 + confirmed.min(confirms),
        new.iter().filter(is_list).count() as u64,
    );
    assert_eq!(got, (below, lists), "{mls}, {date}: {new:#?}");
}

async fn names(world: &World, feed: &FeedId) -> BTreeSet<String> {
    let listed = world.objects.list(&format!("feeds/{feed}/")).await.unwrap();
    listed.into_iter().map(|l| l.key).collect()
}

/// The feed of `spec` on a day, as the model sees it.
fn work(spec: &MlsSpec, keys: u64, gone: u64, came: u64) -> Work {
    let name = json!(spec.provider);
    let names = livelist_reso::dialect::Dialect::all().map(|d| d.name);
    let provider = names.into_iter().find(|n| name == *n).unwrap();
    Work::of(&Feed {
        provider,
        page: Some(PAGE),
        keys,
        gone,
        came,
    })
    .unwrap()
}

async fn days(client: &str, listings: u64) {
    let specs = specs(client, listings);
    let mut world = World::open(client, specs.clone()).await;
    // The simulator's page limit, as the registry says it.
    for spec in &specs {
        world
            .register(&spec.mls, json!({ "page_size": PAGE }))
            .await;
    }
    world.day("2026-11-21").await;
    let mut before = Vec::new();
    for spec in &specs {
        let control = world.control(&spec.mls);
        control.sell(GONE);
        control.add(CAME);
        before.push(names(&world, &world.feed(&spec.mls).feed).await);
    }
    let ended = world.day("2026-11-22").await;
    let keys = listings - GONE + CAME;
    for (spec, before) in specs.iter().zip(&mut before) {
        let work = work(spec, keys, GONE, CAME);
        check(&world, spec, "2026-11-22", &ended[&spec.mls], &work, before).await;
        *before = names(&world, &world.feed(&spec.mls).feed).await;
    }
    // A day on which nothing happened.
    let ended = world.day("2026-11-23").await;
    for (spec, before) in specs.iter().zip(&before) {
        let work = work(spec, keys, 0, 0);
        check(&world, spec, "2026-11-23", &ended[&spec.mls], &work, before).await;
    }
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn the_model_is_right_about_small_feeds() {
    days("scale-s", 250).await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn the_model_is_right_about_larger_feeds() {
    days("scale-l", 1_620).await;
}
